"""The bases that tests of packs inherit from, and the script that runs them, on a pack made here."""

import os
import shutil
import subprocess
import sys
import unittest

from support import PYTHON_DIR, RunCase, environment

SCRIPT = os.path.join(PYTHON_DIR, "bin", "st2-run-pack-tests")

ACTION = """
from st2common.runners.base_action import Action
from lib.helper import greet

class Hello(Action):
    def run(self, who):
        self.logger.debug("greeting %s", who)
        self.action_service.set_value("last", who)
        return greet(who, self.config.get("word", "hello"))
"""

SENSOR = """
from st2reactor.sensor.base import PollingSensor

class Ticks(PollingSensor):
    def setup(self):
        self._logger = self.sensor_service.get_logger(__name__)
    def poll(self):
        self._logger.debug("tick")
        count = int(self.sensor_service.get_value("count") or 0) + 1
        self.sensor_service.set_value("count", count)
        self.sensor_service.dispatch(trigger="mypack.tick", payload={"count": count}, trace_tag="t%d" % count)
    def cleanup(self):
        pass
    def add_trigger(self, trigger):
        pass
    def update_trigger(self, trigger):
        pass
    def remove_trigger(self, trigger):
        pass
"""

TESTS = """
from st2tests.base import BaseActionTestCase, BaseSensorTestCase
from hello import Hello
from ticks import Ticks

class HelloTestCase(BaseActionTestCase):
    action_cls = Hello

    def test_run(self):
        action = self.get_action_instance(config={"word": self.get_fixture_content("word.txt")})
        self.assertEqual(action.run(who="you"), "hi you")
        self.assertEqual(self.action_service.get_value("last"), "you")
        names = [item.name for item in self.action_service.list_values()]
        self.assertEqual(names, ["tests.Hello:last"])
        self.assertTrue(self.action_service.delete_value("last"))
        self.assertFalse(self.action_service.delete_value("last"))
        self.assertEqual(self.action_service.get_user_info()["username"], "admin")

    def test_config_key(self):
        with self.assertRaisesRegex(ValueError, 'Config for pack "tests" is missing key "x"'):
            self.get_action_instance().config["x"]

class TicksTestCase(BaseSensorTestCase):
    sensor_cls = Ticks

    def test_poll(self):
        sensor = self.get_sensor_instance(config={"a": 1}, poll_interval=7)
        self.assertEqual((sensor.get_poll_interval(), sensor.config), (7, {"a": 1}))
        sensor.setup()
        self.assertEqual(self.get_dispatched_triggers(), [])
        sensor.poll()
        sensor.poll()
        self.assertEqual(self.get_last_dispatched_trigger()["payload"], {"count": 2})
        self.assertEqual(self.get_last_dispatched_trigger()["trace_context"].trace_tag, "t2")
        self.assertTriggerDispatched(trigger="mypack.tick")
        self.assertTriggerDispatched(trigger="mypack.tick", payload={"count": 1})
        with self.assertRaisesRegex(AssertionError, 'Trigger "mypack.tick" hasn.t been dispatched'):
            self.assertTriggerDispatched(trigger="mypack.tick", payload={"count": 3})
        self.sensor_service.get_logger("x").debug.assert_called_with("tick")

class BadTestCase(BaseActionTestCase):
    action_cls = Hello

    def test_fails_when_asked(self):
        import os
        self.assertNotEqual(os.environ.get("FAIL"), "1")
"""


class PackTests(RunCase):
    def setUp(self):
        super().setUp()
        for name, source in (
            ("actions/hello.py", ACTION), ("actions/lib/__init__.py", ""), ("sensors/ticks.py", SENSOR),
            ("actions/lib/helper.py", "def greet(who, word):\n    return '%s %s' % (word, who)\n"),
            ("tests/test_mypack.py", TESTS), ("tests/fixtures/word.txt", "hi"),
        ):  # fmt: skip
            self.write(source, "mypack/" + name)
        self.pack = os.path.join(self.folder, "mypack")

    def run_tests(self, *arguments, **env):
        # An interpreter without pytest: what is tested is the script, not the machine's packages.
        command = [sys.executable, "-S", "-E", SCRIPT] + list(arguments)
        return subprocess.run(
            command, env=environment(**env), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def test_tests_pass(self):
        end = self.run_tests("-x", "-p", self.pack)
        self.assertEqual(end.returncode, 0, end.stdout)
        self.assertTrue(end.stdout.startswith("Running tests for pack: mypack\nRunning tests...\n"), end.stdout)

    def test_a_failing_test_is_told(self):
        end = self.run_tests("-x", "-p", self.pack, FAIL="1")
        self.assertEqual(end.returncode, 1, end.stdout)

    def test_one_test(self):
        end = self.run_tests("-x", "-p", self.pack, "-f", "test_mypack.py::HelloTestCase::test_run", FAIL="1")
        self.assertEqual(end.returncode, 0, end.stdout)

    def test_tests_in_a_package(self):
        self.write("", "mypack/tests/__init__.py")
        end = self.run_tests("-x", "-p", self.pack)
        self.assertEqual(end.returncode, 0, end.stdout)

    def test_pack_without_tests(self):
        shutil.rmtree(os.path.join(self.pack, "tests"))
        end = self.run_tests("-x", "-p", self.pack)
        self.assertEqual((end.returncode, end.stdout), (0, "Running tests for pack: mypack\nNo tests found.\n"))

    def test_pack_that_is_absent(self):
        end = self.run_tests("-x", "-p", self.pack + "x")
        self.assertEqual((end.returncode, end.stdout), (3, "Invalid pack path: %sx\n" % self.pack))

    def test_usage(self):
        self.assertEqual(self.run_tests().returncode, 2)
        self.assertEqual(self.run_tests("-p").returncode, 2)


if __name__ == "__main__":
    unittest.main()
