"""The datastore of an action, against an HTTP server that records what it is asked."""

import http.server
import json
import os
import threading
import unittest
import urllib.parse

from support import Cold, RunCase, Warm, environment


class Api(http.server.BaseHTTPRequestHandler):
    """Keys, in memory, as st2d answers for them."""

    def log_message(self, *_):
        pass

    def _do(self):
        url = urllib.parse.urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        query = dict(urllib.parse.parse_qsl(url.query))
        self.server.calls.append((self.command, url.path, query, json.loads(body) if body else None))
        if self.headers.get("X-Auth-Token") != "the-token":
            return self._answer(401, {"faultstring": "Unauthorized - Invalid or missing credentials"})
        if url.path == "/v1/user":
            return self._answer(200, {"username": "stanley"})
        if url.path == "/v1/keys":
            found = [item for name, item in self.server.keys.items() if name.startswith(query.get("prefix", ""))]
            return self._answer(200, found)
        name = urllib.parse.unquote(url.path.rpartition("/")[2])
        if name.endswith("broken"):
            return self._answer(500, {"faultstring": "Internal Server Error"})
        if self.command == "PUT":
            item = self.server.keys[name] = dict(json.loads(body), name=name)
            return self._answer(200, item)
        if name not in self.server.keys:
            return self._answer(404, {"faultstring": "The key does not exist"})
        if self.command == "DELETE":
            del self.server.keys[name]
            return self._answer(204, None)
        return self._answer(200, self.server.keys[name])

    do_GET = do_PUT = do_DELETE = _do

    def _answer(self, status, value):
        content = b"" if value is None else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


class Datastore:
    """Tests that know nothing of how a run starts."""

    def setUp(self):
        super().setUp()
        server = self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api)
        server.keys, server.calls = {}, []
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        self.addCleanup(server.server_close)
        self.addCleanup(thread.join)
        self.addCleanup(server.shutdown)
        self.url = "http://127.0.0.1:%d/v1" % server.server_port

    def run_action(self, source, **more):
        # A proxy that isn't there: st2d's own API is asked directly.
        settings = {"ST2_ACTION_API_URL": self.url, "ST2_ACTION_AUTH_TOKEN": "the-token", "http_proxy": "http://127.0.0.1:9"}
        return self.runner.run(self.order(source), environment(**dict(settings, **more)))

    def test_values_come_and_go(self):
        end = self.run_action(
            """
            s = self.action_service
            return [
                s.get_value("k"), s.set_value("k", {"a": 1}), s.get_value("k"), s.set_value("k/2 ?", "y", ttl=5),
                s.set_value("g", 7, local=False, encrypt=True), s.get_value("g", local=False, decrypt=True),
                sorted((k.name, k.value) for k in s.list_values()),
                [k.name for k in s.list_values(local=False, prefix="g", limit=5, offset=1)],
                s.delete_value("k"), s.get_value("k"), s.delete_value("k"), s.datastore_service.get_value("g", local=False),
                s.get_user_info(),
            ]
            """
        )
        wanted = [None, True, "{'a': 1}", True, True, "7",
                  [["mypack.It:k", "{'a': 1}"], ["mypack.It:k/2 ?", "y"]], ["g"], True, None, True, "7",
                  {"username": "stanley"}]  # fmt: skip
        self.assertEqual(end.result, wanted, end)
        puts = [(path, body) for method, path, _, body in self.server.calls if method == "PUT"]
        self.assertEqual(
            puts,
            [
                ("/v1/keys/mypack.It%3Ak", {"name": "mypack.It:k", "value": "{'a': 1}", "scope": "system"}),
                ("/v1/keys/mypack.It%3Ak%2F2%20%3F",
                 {"name": "mypack.It:k/2 ?", "value": "y", "scope": "system", "ttl": 5}),
                ("/v1/keys/g", {"name": "g", "value": "7", "scope": "system", "secret": True}),
            ],
        )  # fmt: skip
        gets = [query for method, path, query, _ in self.server.calls if (method, path) == ("GET", "/v1/keys/g")]
        self.assertEqual(gets[0], {"decrypt": "true", "scope": "system"})
        lists = [query for method, path, query, _ in self.server.calls if (method, path) == ("GET", "/v1/keys")]
        self.assertEqual(lists, [{"prefix": "mypack.It:", "limit": "100"}, {"prefix": "g", "limit": "5", "offset": "1"}])

    def test_other_scopes(self):
        end = self.run_action("return self.action_service.get_value('k', scope='user')")
        self.assertTrue(end.stderr.endswith("ValueError: Scope user is unsupported.\n"), end)

    def test_errors_of_reading_and_deleting_are_told_and_lost(self):
        end = self.run_action("s = self.action_service; return [s.get_value('broken'), s.delete_value('broken')]")
        self.assertEqual(end.result, [None, False], end)
        self.assertIn("ERROR    Exception retrieving value from datastore (name=mypack.It:broken): 500 Server Error: "
                      "Internal Server Error\nMESSAGE: Internal Server Error for url: ", end.stderr)  # fmt: skip

    def test_errors_of_writing_are_raised(self):
        end = self.run_action("self.action_service.set_value('broken', 1)")
        self.assertEqual(end.code, 1, end)
        self.assertIn("ApiError: 500 Server Error: Internal Server Error\nMESSAGE: Internal", end.stderr)

    def test_no_api(self):
        end = self.run_action("return self.action_service.get_user_info()", ST2_ACTION_AUTH_TOKEN="other")
        self.assertIn("ApiError: 401 Client Error", end.stderr)
        self.server.shutdown()
        self.server.server_close()
        end = self.run_action("return self.action_service.get_user_info()")
        self.assertIn("ApiError: Could not reach the API at %s: " % self.url, end.stderr)

    def test_api_client_when_it_is_there(self):
        self.write("", "st2client/__init__.py")
        self.write(
            "class Client:\n    def __init__(self, **given):\n        self.given = given\n", "st2client/client.py"
        )
        end = self.run_action("return self.action_service.datastore_service.get_api_client().given")
        self.assertEqual(end.result, {"api_url": self.url, "token": "the-token"}, end)

    def test_api_client_when_it_is_not_there(self):
        self.write("raise ImportError('no st2client here')", "st2client.py")
        end = self.run_action("return self.action_service.datastore_service.get_api_client()")
        self.assertEqual(end.code, 1, end)
        self.assertIn("Add st2client to requirements.txt of the pack and set its virtualenv up again.", end.stderr)


class ColdDatastore(Datastore, RunCase):
    def setUp(self):
        super().setUp()
        self.runner = Cold()


class WarmDatastore(Datastore, RunCase):
    def setUp(self):
        super().setUp()
        self.runner = Warm(preload=["http.client", "ssl", "urllib.parse"])

    def tearDown(self):
        self.assertEqual(self.runner.close(), 0)


class ApiUrl(unittest.TestCase):
    def test_version_is_there_once(self):
        import sys

        from support import PYTHON_DIR

        sys.path.insert(0, PYTHON_DIR)
        self.addCleanup(sys.path.remove, PYTHON_DIR)
        from st2common.util.api import get_base_public_api_url, get_full_public_api_url

        self.addCleanup(os.environ.pop, "ST2_ACTION_API_URL", None)
        for url in ("http://a:1/v1", "http://a:1/v1/", "http://a:1", "http://a:1/"):
            os.environ["ST2_ACTION_API_URL"] = url
            self.assertEqual(get_full_public_api_url(), "http://a:1/v1")
            self.assertEqual(get_base_public_api_url(), "http://a:1")


if __name__ == "__main__":
    unittest.main()
