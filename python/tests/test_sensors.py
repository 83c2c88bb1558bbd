"""Speaks the protocol of `SENSORS.md` with real processes, as st2d does."""

import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import unittest

from support import DEADLINE, PYTHON_DIR

START = os.path.join(PYTHON_DIR, "st2_sensor", "start.py")

HEAD = """
import os, signal, sys, threading, time
from st2reactor.sensor.base import PollingSensor, Sensor

class Base(Sensor):
    def setup(self): self.log = self.sensor_service.get_logger("test")
    def run(self): threading.Event().wait()
    def cleanup(self): pass
    def add_trigger(self, trigger): pass
    def update_trigger(self, trigger): pass
    def remove_trigger(self, trigger): pass
"""


class Process:
    """A sensor's process, and st2d's end of the channel."""

    def __init__(self, directory, code, class_name="Test", **order):
        path = os.path.join(directory, "test_sensor_file.py")
        with open(path, "w") as file:
            file.write(HEAD + textwrap.dedent(code))
        self.socket, theirs = socket.socketpair()
        self.socket.settimeout(DEADLINE)
        # The channel as descriptor 3, whatever else is open here.
        launcher = "import os, sys; os.dup2(%d, 3, inheritable=True); os.execv(sys.executable, [sys.executable, '-u', %r])"
        env = {key: value for key, value in os.environ.items() if not key.startswith("ST2")}
        env["PYTHONPATH"] = PYTHON_DIR
        self.process = subprocess.Popen(
            [sys.executable, "-c", launcher % (theirs.fileno(), START)],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=env,
            start_new_session=True,
        )
        theirs.close()
        order = dict(
            {"type": "start", "protocol": 1, "pack": "mypack", "class_name": class_name, "file_path": path}, **order
        )
        self.say(order)

    def say(self, document):
        content = json.dumps(document).encode()
        self.socket.sendall(len(content).to_bytes(4, "big") + content)

    def hear(self):
        """The next frame; None at the end."""
        head = self._exactly(4)
        return json.loads(self._exactly(int.from_bytes(head, "big"))) if head else None

    def hear_of(self, kind):
        """The next frame of this type; the others are passed over."""
        while True:
            document = self.hear()
            if document is None:
                raise AssertionError("the channel ended without a %r:\n%s" % (kind, self.end()))
            if document["type"] == kind:
                return document

    def trigger(self, event, name="a", **parameters):
        fields = {"id": "1" * 24, "ref": "mypack." + name, "uid": "u", "name": name, "pack": "mypack"}
        fields.update(type="mypack.t", parameters=parameters, description=None)
        self.say({"type": "trigger", "event": event, "trigger": fields})

    def end(self):
        """Waits for its end: code, stdout and stderr."""
        out, err = self.process.communicate(timeout=DEADLINE)
        return self.process.returncode, out.decode(), err.decode()

    def _exactly(self, length):
        data = b""
        while len(data) < length:
            chunk = self.socket.recv(length - len(data))
            if not chunk:
                return None
            data += chunk
        return data


class SensorCase(unittest.TestCase):
    def setUp(self):
        import tempfile

        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name

    def start(self, code, **order):
        process = Process(self.directory, code, **order)
        self.addCleanup(self._stop, process)
        return process

    def _stop(self, process):
        if process.process.poll() is None:
            os.killpg(process.process.pid, signal.SIGKILL)
            process.process.wait()
        for stream in (process.process.stdout, process.process.stderr):
            stream.close()
        process.socket.close()

    def test_dispatch_waits_for_the_answer(self):
        sensor = self.start(
            """
            class Test(Base):
                def run(self):
                    self.sensor_service.dispatch(trigger="mypack.t", payload={"n": 1, 2: {3}}, trace_tag="tag")
                    print("sent", flush=True)
                    self.sensor_service.dispatch_with_context("mypack.t")
                    print("refused", flush=True)
            """
        )
        event = sensor.hear_of("dispatch")
        self.assertEqual(event["trigger"], "mypack.t")
        self.assertEqual(event["payload"], {"n": 1, "2": [3]})
        self.assertEqual(event["trace_context"], {"id_": None, "trace_tag": "tag"})
        sensor.say({"id": event["id"], "refused": None})
        second = sensor.hear_of("dispatch")
        self.assertIsNone(second["payload"])
        sensor.say({"id": second["id"], "refused": "no such thing"})
        record = sensor.hear_of("log")
        self.assertEqual((record["level"], record["message"]), ("WARNING", "no such thing"))
        self.assertEqual(sensor.end(), (0, "sent\nrefused\n", ""))

    def test_events_of_several_threads_are_answered_each(self):
        sensor = self.start(
            """
            class Test(Base):
                def run(self):
                    def send(n):
                        self.sensor_service.dispatch("mypack.t", {"n": n})
                        os.write(1, b"%d " % n)
                    threads = [threading.Thread(target=send, args=(n,)) for n in range(5)]
                    for thread in threads: thread.start()
                    for thread in threads: thread.join()
            """
        )
        events = [sensor.hear_of("dispatch") for _ in range(5)]
        for event in reversed(events):
            sensor.say({"id": event["id"], "refused": None})
        code, out, _ = sensor.end()
        self.assertEqual((code, sorted(out.split())), (0, list("01234")))

    def test_triggers_come_one_by_one_after_setup_and_may_dispatch(self):
        sensor = self.start(
            """
            class Test(Base):
                def setup(self):
                    time.sleep(0.2)
                    self.ready = True
                def add_trigger(self, trigger):
                    assert self.ready
                    self.sensor_service.dispatch(trigger["ref"], trigger["parameters"])
                def update_trigger(self, trigger):
                    raise ValueError("cannot update")
                def remove_trigger(self, trigger):
                    self.sensor_service.dispatch(trigger["ref"], {"removed": True})
            """
        )
        sensor.trigger("delete")  # never seen before
        sensor.trigger("create", n=1)
        sensor.trigger("create", n=1)  # known
        sensor.trigger("update", n=2)
        sensor.trigger("delete")
        event = sensor.hear_of("dispatch")
        self.assertEqual((event["trigger"], event["payload"]), ("mypack.a", {"n": 1}))
        sensor.say({"id": event["id"], "refused": None})
        record = sensor.hear_of("log")
        self.assertIn("ValueError: cannot update", record["message"])
        event = sensor.hear_of("dispatch")
        self.assertEqual(event["payload"], {"removed": True})

    def test_sigterm_leads_to_cleanup_and_exit_code_0(self):
        sensor = self.start(
            """
            class Test(Base):
                def cleanup(self):
                    print("cleaned up", flush=True)
            """
        )
        while sensor.hear_of("state")["state"] != "running":
            pass
        os.kill(sensor.process.pid, signal.SIGTERM)
        self.assertEqual(sensor.end(), (0, "cleaned up\n", ""))

    def test_a_sensor_whose_daemon_is_gone_ends(self):
        sensor = self.start(
            """
            class Test(Base):
                def setup(self):
                    threading.Thread(target=threading.Event().wait).start()
                    super().setup()
                def cleanup(self):
                    print("cleaned up", flush=True)
            """
        )
        while sensor.hear_of("state")["state"] != "running":
            pass
        sensor.socket.close()
        code, out, _ = sensor.end()
        self.assertEqual((code, out), (0, "cleaned up\n"))

    def test_one_that_hangs_in_setup_and_ignores_signals_ends_with_its_daemon(self):
        sensor = self.start(
            """
            class Test(Base):
                def setup(self):
                    signal.signal(signal.SIGTERM, signal.SIG_IGN)
                    threading.Event().wait()
            """
        )
        self.assertEqual(sensor.hear_of("state")["state"], "setup")
        sensor.socket.close()
        self.assertEqual(sensor.end()[0], -signal.SIGKILL)

    def test_failures_are_told_with_their_traceback(self):
        for code, words in [
            ("class Test(Base):\n    def run(self): raise KeyError('k')", "KeyError: 'k'"),
            ("class Test(Base):\n    def setup(self): 1 / 0", "ZeroDivisionError"),
            ("class Other(Base): pass", 'doesn\'t expose class named "Test"'),
            ("import nothing_of_this_name", "Failed to load sensor class from file"),
            ("class Test(Sensor):\n    def setup(self): pass", 'doesn\'t implement required "run" method'),
        ]:
            sensor = self.start(code)
            state = sensor.hear_of("state")
            while state["state"] != "failed":
                state = sensor.hear_of("state")
            self.assertIn(words, state["error"])
            code, _, err = sensor.end()
            self.assertEqual(code, 1)
            self.assertIn(words, err)

    def test_a_polling_sensor_gets_config_and_interval(self):
        sensor = self.start(
            """
            class Test(PollingSensor):
                def setup(self): pass
                def poll(self):
                    print(self.config, self._config["a"], self.get_poll_interval(), flush=True)
                    sys.exit(3)
                def cleanup(self): pass
                def add_trigger(self, trigger): pass
                def update_trigger(self, trigger): pass
                def remove_trigger(self, trigger): pass
            """,
            config={"a": 1},
            poll_interval=17,
        )
        self.assertEqual(sensor.end(), (3, "{'a': 1} 1 17\n", ""))

    def test_logs_go_through_the_channel_and_garbage_does_no_harm(self):
        sensor = self.start(
            """
            import logging
            class Test(Base):
                def run(self):
                    sys.stdout.buffer.write(bytes(range(256)))
                    sys.stdout.flush()
                    self.log.debug("not this")
                    self.log.info("%s and %s", "this", b"that")
                    logging.getLogger("other").error("bad", exc_info=ValueError("v"))
                    os.close(1)
            """
        )
        record = sensor.hear_of("log")
        self.assertEqual(record["name"], "SensorWrapper.mypack.Test.test")
        self.assertEqual((record["level"], record["message"]), ("INFO", "this and b'that'"))
        record = sensor.hear_of("log")
        self.assertEqual((record["name"], record["level"]), ("other", "ERROR"))
        self.assertIn("ValueError: v", record["message"])

    def test_the_datastore_asks_for_a_token_of_its_own(self):
        sensor = self.start(
            """
            class Test(Base):
                def run(self):
                    os.environ["ST2_ACTION_API_URL"] = "http://127.0.0.1:1/v1"
                    try:
                        self.sensor_service.set_value("a", 1)
                    except Exception as error:
                        print(error)
            """
        )
        asked = sensor.hear_of("token")
        sensor.say({"id": asked["id"], "token": "t" * 32})
        code, out, _ = sensor.end()
        self.assertEqual(code, 0)
        self.assertIn("Could not reach the API at http://127.0.0.1:1/v1", out)


if __name__ == "__main__":
    unittest.main()
