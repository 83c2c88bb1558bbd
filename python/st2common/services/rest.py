"""Calls of st2d's API with the standard library alone, so that they work in every virtualenv."""

import http.client
import json
import os
import urllib.parse

__all__ = ["ApiError", "Rest"]

# st2d answers in milliseconds; one that doesn't in this time won't.
_TIMEOUT = 60


class ApiError(Exception):
    """The API refused a call, or could not be reached."""

    def __init__(self, message, status=None):
        super().__init__(message)
        self.status = status


class Rest:
    """The API at `url`, which ends in its version, as whoever `token` was made for."""

    def __init__(self, url, token):
        self._url = urllib.parse.urlsplit(url)
        self._token = token
        if self._url.scheme not in ("http", "https") or not self._url.hostname:
            raise ValueError('"%s" is no URL of an API, such as http://127.0.0.1:9101/v1' % url)

    def call(self, method, path, query=None, body=None, absent_is_none=False):
        """The JSON of the answer; None for one without content, and for 404 when asked for."""
        query = {name: value for name, value in (query or {}).items() if value}
        target = self._url.path.rstrip("/") + path + ("?" + urllib.parse.urlencode(query) if query else "")
        status, reason, content = self._send(method, target, body)
        if status == 404 and absent_is_none:
            return None
        if status >= 400:
            kind = "Client" if status < 500 else "Server"
            url = "%s://%s%s" % (self._url.scheme, self._url.netloc, target)
            raise ApiError("%d %s Error: %s%s for url: %s" % (status, kind, reason, _fault(content), url), status)
        return json.loads(content) if content else None

    def _send(self, method, target, body):
        headers = {"X-Auth-Token": self._token} if self._token else {}
        if body is not None:
            body = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        connection = self._connect()
        try:
            connection.request(method, target, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.reason, answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise ApiError("Could not reach the API at %s: %s" % (self._url.geturl(), error)) from error
        finally:
            connection.close()

    def _connect(self):
        if self._url.scheme == "http":
            return http.client.HTTPConnection(self._url.hostname, self._url.port, timeout=_TIMEOUT)
        import ssl

        context = ssl.create_default_context(cafile=os.environ.get("ST2_CACERT") or None)
        return http.client.HTTPSConnection(self._url.hostname, self._url.port, timeout=_TIMEOUT, context=context)


def quoted(name):
    """A name as one segment of a path."""
    return urllib.parse.quote(name, safe="")


def _fault(content):
    try:
        fault = json.loads(content).get("faultstring")
    except (ValueError, AttributeError):
        return ""
    return "\nMESSAGE: %s" % fault if fault else ""
