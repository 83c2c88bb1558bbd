"""What an action's file may be, and what the action finds in itself; every test of `Actions` is run cold and warm."""

import os
import unittest

from support import PYTHON_DIR, Cold, RunCase, Warm, environment


class Actions:
    """Tests that know nothing of how a run starts."""

    def run_file(self, source, env=None, **more):
        return self.runner.run(self.order(source, **more), env)

    def test_first_class_by_name_that_can_run(self):
        end = self.run_file(
            """
            import abc
            from st2common.runners.base_action import Action
            class Zebra(Action):
                def run(self):
                    return "zebra"
            class Ant:
                pass
            class Base(Action):
                @abc.abstractmethod
                def run(self):
                    pass
            class Mouse(Action):
                def run(self):
                    return "mouse"
            """
        )
        self.assertEqual((end.result, end.stderr), ("mouse", ""), end)

    def test_class_that_inherits_from_nothing(self):
        end = self.run_file(
            """
            class Plain:
                def __init__(self, config, action_service):
                    self.config = config
                def run(self, a):
                    return [a, self.config]
            """,
            parameters={"a": 1}, config={"k": "v"},
        )  # fmt: skip
        self.assertEqual(end.result, [1, {"k": "v"}], end)

    def test_old_import(self):
        end = self.run_file(
            """
            from st2actions.runners.pythonrunner import Action
            import st2common.runners.base_action
            class Old(Action):
                def run(self):
                    return Action is st2common.runners.base_action.Action
            """
        )
        self.assertEqual(end.result, True, end)

    def test_constructor_that_does_not_know_the_service(self):
        end = self.run_file(
            """
            from st2common.runners.base_action import Action
            class Old(Action):
                def __init__(self, config):
                    super(Old, self).__init__(config)
                    self.before = self.action_service
                def run(self):
                    return [self.before, type(self.action_service).__name__, self.config["k"]]
            """,
            config={"k": 1},
        )
        self.assertEqual(end.result, [None, "ActionService", 1], end)

    def test_constructor_that_fails_otherwise(self):
        end = self.run_file(
            """
            from st2common.runners.base_action import Action
            class It(Action):
                def __init__(self, config, action_service):
                    raise TypeError("of its own")
                def run(self):
                    return 1
            """
        )
        self.assertEqual((end.code, end.result), (1, "None"), end)
        self.assertTrue(end.stderr.endswith("TypeError: of its own\n"), end)

    def test_class_attributes_and_no_init(self):
        end = self.run_file("return [self.description, type(self).__name__, dict(self.config)]", config={"a": 1})
        self.assertEqual(end.result, [None, "It", {"a": 1}], end)

    def test_missing_key_of_config(self):
        end = self.run_file("return [self.config.get('k'), 'k' in self.config, self.config['k']]", config={"a": 1})
        self.assertEqual(end.code, 1, end)
        self.assertIn('ValueError: \nConfig for pack "mypack" is missing key "k".\n', end.stderr)
        self.assertIn("Make sure that the config file exists on disk (/etc/configs/mypack.yaml) and", end.stderr)

    def test_logger(self):
        source = "self.logger.debug('one'); self.logger.audit('two'); self.logger.info('x', extra={'name': 1}); return 1"
        end = self.run_file(source)
        name = "st2.actions.python.It"
        self.assertEqual(end.stderr, "%s: DEBUG    one\n%s: AUDIT    two\n%s: INFO     x\n" % (name, name, name), end)
        end = self.run_file(source, log_level="WARNING")
        self.assertEqual(end.stderr, "%s: AUDIT    two\n" % name, end)

    def test_logger_formats_as_logging_does(self):
        end = self.run_file(
            """
            import sys
            if given["first"]:
                import logging
            log = self.logger
            log.info("plain 100%"); log.info("%s and %d", "a", 1); log.info("%(x)s", {"x": 1}); log.info("%s", {"x": 1})
            log.info({"a": 1}); log.info("%s", (1, 2)); log.info("%s", {}); log.warning(ValueError("v"))
            log.isEnabledFor(10); log.info("after")
            import logging
            handler = logging.StreamHandler(sys.stdout)
            log.addHandler(handler)
            log.info("twice"); self.logger.info("and")
            try:
                1 / 0
            except ZeroDivisionError:
                log.exception("oh")
            log.log(logging.INFO, "x %s", 1)
            return [isinstance(self.logger, logging.Logger), self.logger.name]
            """,
            parameters={"first": False},
        )
        other = self.runner.run(dict(self.same_order(), parameters={"first": True}))
        self.assertEqual(end.result, [True, "st2.actions.python.It"], end)
        self.assertEqual((end.stdout, end.stderr), (other.stdout, other.stderr))
        self.assertIn("INFO     {'x': 1}\nst2.actions.python.It: INFO     {'a': 1}\n", end.stderr)
        self.assertIn("It: ERROR    oh\nTraceback (most recent call last):\n", end.stderr)
        self.assertEqual(end.stdout.splitlines()[:2], ["twice", "and"], end)

    def test_logger_with_a_bad_format(self):
        end = self.run_file("self.logger.info('%d', 'x'); return 1")
        self.assertEqual(end.result, 1)
        self.assertIn("--- Logging error ---", end.stderr)

    def test_logger_of_its_own(self):
        end = self.run_file("self.logger = 'mine'; one = self.logger; del self.logger; return [one, self.logger.name]")
        self.assertEqual(end.result, ["mine", "st2.actions.python.It"], end)

    def test_file_that_fails_to_load(self):
        for source, kind in (("class It(:", "SyntaxError"), ("class It: import no_such_module", "ModuleNotFoundError"),
                             ("raise KeyError('at import')  # class ", "KeyError"),
                             ("b'\\xff'.decode()  # class ", "Exception")):  # fmt: skip
            end = self.run_file(source)
            self.assertEqual((end.code, end.result), (1, "None"), end)
            message = 'Failed to load action class from file "%s" (action file most likely doesn\'t exist or contains '
            self.assertIn((message % os.path.join(self.folder, "action.py")).replace("'", ""),
                          end.stderr.replace("\\'", "'").replace("'", ""))  # fmt: skip
            self.assertIn("\n%s: " % kind, end.stderr)

    def test_file_without_a_class(self):
        end = self.run_file("from st2common.runners.base_action import Action  # class ")
        self.assertEqual(end.code, 1)
        path = os.path.join(self.folder, "action.py")
        self.assertIn('Found no classes in plugin file "%s" matching requirements.' % path, end.stderr)

    def test_directory_that_is_absent(self):
        order = dict(self.order("return 1"), file_path="/nowhere/at/all.py")
        end = self.runner.run(order)
        self.assertEqual(end.code, 1)
        self.assertIn('Directory "/nowhere/at" with plugins doesn\'t exist', end.stderr)

    def test_both_ways_to_import_from_lib(self):
        lib = os.path.join(self.folder, "lib")
        self.write("", "lib/__init__.py")
        self.write("value = 'helped'", "lib/helper.py")
        self.write("value = 'beside'", "beside.py")
        source = "import helper, beside; from lib.helper import value; return [helper.value, value, beside.value]"
        env = environment(PYTHONPATH=lib + os.pathsep + PYTHON_DIR)
        runner = self.make_runner(env)
        self.addCleanup(runner.close)
        end = runner.run(self.order(source), env)
        self.assertEqual(end.result, ["helped", "helped", "beside"], end)

    def test_our_own_modules_are_not_in_the_way(self):
        for name in ("action", "load", "frame", "service", "warm", "child"):
            self.write("where = 'pack'", "%s_.py" % name)
        end = self.run_file("import load_, frame_; import importlib.util as u; return [load_.where, frame_.where, "
                            "[n for n in ('load', 'frame', 'child', 'warm', 'cold') if u.find_spec(n)]]")  # fmt: skip
        self.assertEqual(end.result, ["pack", "pack", []], end)

    def test_file_named_like_a_module(self):
        end = self.run_file(
            """
            import email.utils
            from st2common.runners.base_action import Action
            class It(Action):
                def run(self):
                    return email.utils.parseaddr("A <a@b>")
            """,
            name="email.py",
        )
        self.assertEqual(end.result, "None", end)
        # A tuple of two is a status and a result, also by accident.
        self.assertEqual(end.code, 220, end)

    def test_wrong_parameters(self):
        end = self.run_file(
            """
            class It:
                def __init__(self, config, action_service):
                    pass
                def run(self, a):
                    return a
            """,
            parameters={"b": 1},
        )
        self.assertEqual((end.code, end.result), (1, "None"), end)
        self.assertIn("got an unexpected keyword argument 'b'", end.stderr)

    def test_config_that_is_no_dictionary(self):
        end = self.run_file("return 1", config=[1])
        self.assertIn("TypeError: Pack config needs to be a dictionary (was <class 'list'>).", end.stderr)

    def test_static_run(self):
        end = self.run_file(
            """
            class It:
                def __init__(self, config, action_service):
                    pass
                @staticmethod
                def run():
                    return "static"
            """
        )
        self.assertEqual(end.result, "static", end)


class ColdActions(Actions, RunCase):
    def test_plain_messages_do_without_logging(self):
        end = self.run_file("import sys; self.logger.info('x'); return [m for m in sys.modules if 'logging' in m]")
        self.assertEqual((end.result, end.stderr), ([], "st2.actions.python.It: INFO     x\n"), end)

    def make_runner(self, env):
        return Cold()

    def setUp(self):
        super().setUp()
        self.runner = Cold()


class WarmActions(Actions, RunCase):
    def make_runner(self, env):
        return Warm(env=env)

    def setUp(self):
        super().setUp()
        self.runner = Warm()

    def tearDown(self):
        self.assertEqual(self.runner.close(), 0)


if __name__ == "__main__":
    unittest.main()
