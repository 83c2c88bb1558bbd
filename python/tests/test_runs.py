"""What one run does, cold and warm: every test of `Runs` is run both ways."""

import os
import signal
import subprocess
import sys
import unittest

from support import EXECUTION, Cold, RunCase, Warm, environment, is_alive, wait_until_gone

DELIMITER = "%%%%%~=~=~=************=~=~=~%%%%"


class Runs:
    """Tests that know nothing of how a run starts."""

    def run_action(self, source, env=None, **more):
        return self.runner.run(self.order(source, **more), env)

    def test_result_without_status(self):
        end = self.run_action("return {'given': given}", parameters={"a": [1, "é", None, 1.5]})
        self.assertEqual(end.code, 0, end)
        self.assertEqual(end.result, {"given": {"a": [1, "é", None, 1.5]}})
        self.assertIsNone(end.status)

    def test_result_with_status(self):
        for status in (True, False):
            end = self.run_action("return %s, {'a': 1}" % status)
            self.assertEqual((end.code, end.status, end.result), (0, status, {"a": 1}), end)

    def test_no_result_is_null(self):
        end = self.run_action("pass")
        self.assertEqual((end.code, end.status, end.result), (0, None, None), end)
        self.assertIsNotNone(end.frame)

    def test_null_status(self):
        end = self.run_action("return None, 'x'")
        self.assertEqual((end.status, end.result), (None, "x"), end)

    def test_tuple_of_three_is_a_list(self):
        self.assertEqual(self.run_action("return 1, 2, 3").result, [1, 2, 3])

    def test_status_that_is_no_bool(self):
        end = self.run_action("return 'yes', 1")
        self.assertEqual(end.code, 220, end)
        self.assertIsNone(end.frame)
        first = "Status returned from the action run() method must either be True or False, got: yes\n"
        self.assertTrue(end.stderr.startswith(first), end.stderr)
        self.assertIn("1. Return a list instead of a tuple", end.stderr)

    def test_printed_text_is_untouched(self):
        end = self.run_action("import sys; print('out'); print('err', file=sys.stderr); return 1")
        self.assertEqual((end.stdout, end.stderr, end.result), ("out\n", "err\n", 1))

    def test_printed_delimiter_breaks_nothing(self):
        end = self.run_action("print('a%sb' % given['d'] * 3); return 1", parameters={"d": DELIMITER})
        self.assertEqual((end.code, end.result), (0, 1))
        self.assertEqual(end.stdout, ("a%sb" % DELIMITER) * 3 + "\n")

    def test_output_that_is_no_text(self):
        end = self.run_action("import os; os.write(1, b'\\xff\\xfe\\n'); return 1")
        self.assertEqual((end.stdout, end.result), ("\ufffd\ufffd\n", 1))

    def test_uncaught_exception(self):
        end = self.run_action("raise ValueError('broken on purpose')")
        self.assertEqual((end.code, end.result), (1, "None"), end)
        self.assertTrue(end.stderr.startswith("Traceback (most recent call last):\n"), end.stderr)
        self.assertTrue(end.stderr.endswith("ValueError: broken on purpose\n"), end.stderr)

    def test_sys_exit(self):
        for argument, code, text in (("", 0, ""), ("3", 3, ""), ("-1", 255, ""), ("'why'", 1, "why\n"), ("None", 0, ""),
                                     ("True", 1, ""), ("(1 << 40) + 5", 5, "")):  # fmt: skip
            end = self.run_action("import sys; sys.exit(%s)" % argument)
            self.assertEqual((end.code, end.stderr, end.result), (code, text, "None"), argument)

    def test_hard_exit(self):
        end = self.run_action("import os; print('before'); os._exit(7)")
        self.assertEqual((end.code, end.stdout, end.result), (7, "before\n", "None"), end)

    def test_ended_by_its_own_signal(self):
        for name in ("SIGKILL", "SIGTERM", "SIGSEGV", "SIGINT"):
            end = self.run_action("import os, signal; os.kill(os.getpid(), signal.%s); signal.pause()" % name)
            self.assertEqual(end.code, -getattr(signal, name), end)
            self.assertEqual(end.result, "None")

    def test_result_that_json_cannot_hold(self):
        for value, text in (
            ("{1: 2}", "{1: 2}"),
            ("{'a': {1}}", "{'a': {1}}"),
            ("b'x'", "b'x'"),
            ("complex(1, 2)", "(1+2j)"),
            ("range(3)", "range(0, 3)"),
            ("__import__('decimal').Decimal('1.5')", "1.5"),
            ("__import__('collections').namedtuple('P', 'x y z')(1, 2, 3)", "P(x=1, y=2, z=3)"),
        ):
            end = self.run_action("return True, %s" % value)
            self.assertEqual((end.code, end.status, end.result), (0, True, text), end)

    def test_without_status_what_json_cannot_hold_is_cut_from_the_text(self):
        end = self.run_action("return {1: 2}")
        self.assertEqual((end.code, end.status, end.result), (0, None, "{1: 2}, 'status': None}"), end)
        end = self.run_action(
            """
            class R:
                def __repr__(self):
                    return "two\\nlines"
            from st2common.runners.base_action import Action
            class It(Action):
                def run(self):
                    return R()
            """
        )
        self.assertEqual(end.result, "{'result': two\nlines, 'status': None}", end)

    def test_text_with_lone_surrogates(self):
        end = self.run_action("return True, 'a\\udc80'")
        self.assertEqual((end.code, end.status, end.result), (0, None, "'a\\udc80', 'status': True}"), end)

    def test_generator(self):
        end = self.run_action("return True, (x for x in 'ab')")
        self.assertRegex(end.result, r"^<generator object .*>$")

    def test_result_that_cannot_even_be_shown(self):
        end = self.run_action(
            """
            from st2common.runners.base_action import Action
            class Bad:
                def __repr__(self):
                    raise RuntimeError("no text for me")
            class It(Action):
                def run(self):
                    return Bad()
            """
        )
        self.assertEqual((end.code, end.result), (1, "None"), end)
        self.assertIn("RuntimeError: no text for me", end.stderr)

    def test_numbers(self):
        end = self.run_action("return [float('nan'), float('inf'), -float('inf'), 2 ** 70, 1e300, True]")
        self.assertEqual(end.result, [None, None, None, 2**70, 1e300, True], end)

    def test_circle(self):
        end = self.run_action("a = []; a.append(a); return True, a")
        self.assertEqual(end.result, "[[...]]", end)

    def test_kinds_with_a_form_of_their_own(self):
        end = self.run_action(
            """
            import datetime, enum, uuid, collections, dataclasses
            from st2common.runners.base_action import Action
            class E(enum.Enum):
                A = "a"
            @dataclasses.dataclass
            class D:
                x: int
                _y: int = 1
            class S(str):
                pass
            class It(Action):
                def run(self):
                    return [
                        datetime.datetime(2020, 1, 2, 3, 4, 5, 6, datetime.timezone.utc), datetime.date(2020, 1, 2),
                        uuid.UUID(int=1), E.A, D(1), S("s"), collections.OrderedDict(b=1, a=2), (1, (2,)),
                    ]
            """
        )
        wanted = ["2020-01-02T03:04:05.000006+00:00", "2020-01-02", "00000000-0000-0000-0000-000000000001", "a",
                  {"x": 1}, "s", {"b": 1, "a": 2}, [1, [2]]]  # fmt: skip
        self.assertEqual(end.result, wanted, end)

    def test_huge_parameters_and_result(self):
        text = "é" * 5_000_000
        end = self.run_action("return given['text'] + '!'", parameters={"text": text})
        self.assertEqual((end.code, len(end.result)), (0, 5_000_001))
        self.assertEqual(end.result[-2:], "é!")

    def test_process_left_behind_does_not_hold_the_run(self):
        end = self.run_action(
            """
            import subprocess
            print(subprocess.Popen(["sleep", "1000"]).pid)
            return 1
            """
        )
        self.assertEqual((end.code, end.result), (0, 1), end)
        self.assertTrue(wait_until_gone(int(end.stdout)))

    def test_fork_left_behind_does_not_hold_the_result(self):
        end = self.run_action(
            """
            import os, signal
            pid = os.fork()
            if pid == 0:
                signal.pause()
            print(pid)
            return 1
            """
        )
        self.assertEqual((end.code, end.result), (0, 1), end)
        self.assertTrue(wait_until_gone(int(end.stdout)))

    def test_fork_that_comes_back_has_no_say(self):
        end = self.run_action(
            """
            import os
            if os.fork() == 0:
                return "child"
            os.wait()
            return "parent"
            """
        )
        self.assertEqual((end.code, end.result), (0, "parent"), end)

    def test_threads_started_at_import(self):
        end = self.run_action(
            """
            import threading
            from st2common.runners.base_action import Action
            lines = []
            done = threading.Event()
            def work():
                done.wait()
                print("the thread ends last")
            threading.Thread(target=work).start()
            threading.Thread(target=threading.Event().wait, daemon=True).start()
            class It(Action):
                def run(self):
                    done.set()
                    return threading.active_count() > 1
            """
        )
        self.assertEqual((end.code, end.result), (0, True), end)
        self.assertEqual(end.stdout, "the thread ends last\n")

    def test_exit_functions_run_and_files_left_open_are_written(self):
        path = os.path.join(self.folder, "left-open")
        end = self.run_action(
            """
            import atexit
            from st2common.runners.base_action import Action
            atexit.register(print, "exit function")
            class Last:
                def __del__(self):
                    print("object died")
            last = Last()
            class It(Action):
                def run(self, path):
                    global left_open
                    left_open = open(path, "w")
                    left_open.write("written")
            """,
            parameters={"path": path},
        )
        self.assertEqual((end.code, end.stdout, end.stderr), (0, "exit function\nobject died\n", ""), end)
        with open(path) as file:
            self.assertEqual(file.read(), "written")

    def test_result_counts_though_the_exit_fails(self):
        end = self.run_action("import atexit, os; atexit.register(os._exit, 9); return 1")
        self.assertEqual((end.code, end.result), (9, 1), end)

    def test_streams_are_those_of_an_unbuffered_interpreter(self):
        end = self.run_action(
            """
            import sys, os
            print(sys.stdin.read() == "", [os.path.realpath("/proc/self/fd/0")])
            for stream in (sys.stdin, sys.stdout, sys.stderr):
                print(stream.name, stream.mode, stream.encoding, stream.errors, stream.line_buffering,
                      stream.fileno(), stream.isatty(), type(stream.buffer).__name__)
            print(sys.stdout.write_through, sys.stdout is sys.__stdout__)
            return sorted(os.listdir("/proc/self/fd"), key=int)[:4]
            """
        )
        bare = subprocess.run(
            [sys.executable, "-c", "import sys; print(sys.stdout.errors)"], env=environment(), stdout=-1, text=True
        )
        errors = bare.stdout.strip()
        self.assertEqual(
            end.stdout.splitlines(),
            [
                "True ['/dev/null']",
                "<stdin> r utf-8 %s False 0 False BufferedReader" % errors,
                "<stdout> w utf-8 %s False 1 False FileIO" % errors,
                "<stderr> w utf-8 backslashreplace False 2 False FileIO",
                "True True",
            ],
        )
        # The next file that the action opens is the third: nothing of ours lies about.
        self.assertEqual(end.result[:3], ["0", "1", "2"])
        self.assertEqual(end.result[3], "3")

    def test_action_that_closes_every_file(self):
        end = self.run_action("import os; os.closerange(3, 512); return 1")
        self.assertEqual((end.code, end.result), (1, "None"), end)
        self.assertIn("The result is lost: the action has closed descriptor", end.stderr)

    def test_process_group_of_its_own(self):
        end = self.run_action("import os; return [os.getpid(), os.getpgid(0)]")
        self.assertEqual(end.result[0], end.result[1])

    def test_environment(self):
        env = environment(ONE="1", TZ="Asia/Tokyo")
        end = self.run_action(
            """
            import os, time, subprocess
            seen = subprocess.check_output(["env"], text=True).splitlines()
            env = dict(line.split("=", 1) for line in seen)
            env.pop("_", None)
            assert env == {k: v for k, v in os.environ.items() if k != "_"}, (env, os.environ)
            return [env, time.tzname[0]]
            """,
            env=env,
        )
        self.assertEqual(end.code, 0, end)
        for name in ("PWD", "SHLVL", "_", "LC_CTYPE"):
            end.result[0].pop(name, None)
        self.assertEqual(end.result, [env, "JST"])

    def test_process_bears_the_mark_of_its_execution(self):
        end = self.run_action("return open('/proc/self/environ').read().split(chr(0))")
        self.assertIn("ST2_ACTION_EXECUTION_ID=" + EXECUTION, end.result)

    def test_working_directory(self):
        self.assertEqual(self.run_action("import os; return os.getcwd()").result, os.getcwd())
        end = self.run_action("import os; return os.getcwd()", cwd=self.folder)
        self.assertEqual(end.result, os.path.realpath(self.folder))

    def test_what_a_run_sees_of_python(self):
        end = self.run_action(
            """
            import sys, signal, __main__
            return {"argv": sys.argv, "main": [__main__.__name__, __main__.__file__, __main__.__spec__],
                    "path": sys.path, "flags": list(sys.flags), "executable": sys.executable,
                    "term": str(signal.getsignal(signal.SIGTERM)), "chld": str(signal.getsignal(signal.SIGCHLD)),
                    "int": signal.getsignal(signal.SIGINT) is signal.default_int_handler,
                    "pipe": str(signal.getsignal(signal.SIGPIPE)),
                    "mask": len(signal.pthread_sigmask(signal.SIG_BLOCK, [])), "wake": signal.set_wakeup_fd(-1)}
            """
        )
        other = Cold().run(self.same_order())
        self.assertEqual(end.result, other.result, end)

    def test_own_random_numbers(self):
        source = "import random; return [random.random(), __import__('uuid').uuid4().hex]"
        one, two = self.run_action(source).result, self.run_action(source).result
        self.assertFalse(set(one) & set(two))

    def test_runs_leave_nothing_in_one_another(self):
        source = """
            import os, sys, json
            before = [getattr(json, "left", None), os.environ.get("LEFT"), "/left" in sys.path, os.getcwd() == "/"]
            json.left = 1; os.environ["LEFT"] = "1"; sys.path.append("/left"); os.chdir("/")
            return before
            """
        for _ in range(2):
            self.assertEqual(self.run_action(source).result, [None, None, False, False])

    def test_multiprocessing_spawn(self):
        self.write("def double(x):\n    return 2 * x\n", "helper_of_spawn.py")
        end = self.run_action(
            """
            import multiprocessing, helper_of_spawn
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                return pool.map(helper_of_spawn.double, [1, 2])
            """
        )
        self.assertEqual((end.code, end.result), (0, [2, 4]), end)

    def test_signal_while_running(self):
        run = self.runner.start(self.order("import signal; print('here', flush=True); signal.pause()"))
        self.assertTrue(is_alive(run.pid))
        run.signal(signal.SIGTERM)
        end = run.finish()
        self.assertEqual((end.code, end.result), (-signal.SIGTERM, "None"), end)

    def test_many_at_once(self):
        order = self.order("import os; return [given['n'], os.getpid()]")
        runs = [self.runner.start(dict(order, parameters={"n": n})) for n in range(self.many)]
        ends = [run.finish() for run in runs]
        self.assertEqual([end.result[0] for end in ends], list(range(self.many)))
        self.assertEqual(len({end.result[1] for end in ends}), self.many)

    def test_two_gigabytes_wanted_under_a_limit(self):
        end = self.run_action(
            """
            import resource
            resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
            return len(bytearray(2 << 30))
            """
        )
        self.assertEqual((end.code, end.result), (1, "None"), end)
        self.assertIn("MemoryError", end.stderr)


class ColdRuns(Runs, RunCase):
    many = 20

    def setUp(self):
        super().setUp()
        self.runner = Cold()


class WarmRuns(Runs, RunCase):
    many = 200

    def setUp(self):
        super().setUp()
        self.runner = Warm(preload=["logging", "json", "subprocess", "uuid", "random", "datetime", "dataclasses"])

    def tearDown(self):
        self.assertEqual(self.runner.close(), 0)


if __name__ == "__main__":
    unittest.main()
