"""The warm parent as such: its packets, its end, what it refuses to share."""

import os
import select
import signal
import socket
import tempfile
import unittest

import support
from support import RunCase, Warm, environment, is_alive, wait_until_gone


class WarmParent(RunCase):
    def start(self, **settings):
        parent = Warm(**settings)
        self.addCleanup(parent.close)
        return parent

    def with_spare(self):
        """A parent, and what it has forked ahead."""
        parent = self.start()
        return parent, parent.take_spare(wait=True)

    def test_ready_names_what_it_has_imported(self):
        packet = self.start(preload=["shlex", "no_such_module_anywhere"]).packet()
        self.assertEqual((packet["type"], packet["protocol"]), ("ready", 1))
        self.assertIn("shlex", packet["preloaded"])
        self.assertEqual(packet["missing"], ["no_such_module_anywhere"])
        self.assertGreater(packet["rss"], 1 << 20)

    def test_what_a_run_imports_is_told_until_it_is_preloaded(self):
        order = self.order("import shlex, colorsys, helper; return 1")
        self.write("", "helper.py")
        first = self.start().run(order).frame["modules"]
        self.assertTrue({"shlex", "colorsys"} <= set(first), first)
        # Code of packs may change on disk any time.
        self.assertNotIn("helper", first)
        second = self.start(preload=first).run(order).frame["modules"]
        self.assertFalse({"shlex", "colorsys"} & set(second), second)

    def test_a_run_tells_its_exit_code_as_its_last_act(self):
        parent = self.start()
        self.assertEqual(parent.run(self.order("return 1")).farewell, 0)
        late = "import atexit, sys; atexit.register(lambda: print('late')); sys.exit(3)"
        outcome = parent.run(self.order(late, name="late.py"))
        self.assertEqual((outcome.farewell, outcome.stdout), (3, "late\n"))
        hard = self.order("import os; os._exit(4)", name="hard.py")
        self.assertEqual((parent.run(hard).farewell, parent.run(hard).code), (None, 4))

    def test_retires_after_its_last_run(self):
        parent = self.start()
        run = parent.start(self.order("import signal; signal.pause()"))
        self.assertTrue(run.pid)
        parent.retire()
        late = parent.start(self.order("return 1", name="late.py"))
        packet = late.packets.get(timeout=60)
        self.assertEqual((packet["type"], packet["reason"]), ("refused", "it is retiring"))
        self.assertTrue(is_alive(parent.pid))
        run.signal(signal.SIGTERM)
        self.assertEqual(run.finish().code, -signal.SIGTERM)
        self.assertEqual(parent.wait(), 0)

    def test_ends_its_runs_when_its_owner_is_gone(self):
        parent = self.start()
        run = parent.start(self.order("import os, signal; os.fork(); signal.pause()"))
        self.assertTrue(is_alive(run.pid))
        parent.socket.shutdown(socket.SHUT_RDWR)
        self.assertEqual(parent.wait(), 0)
        self.assertFalse(is_alive(run.pid))
        # The pipes end only when the fork of the run is gone, too.
        self.assertEqual(run.pipes.finish(None).frame, None)

    def test_runs_do_not_outlive_a_parent_that_is_killed(self):
        parent = self.start()
        run = parent.start(self.order("import signal; signal.pause()"))
        self.assertTrue(is_alive(run.pid))
        os.kill(parent.pid, signal.SIGKILL)
        self.assertEqual(parent.wait(), -signal.SIGKILL)
        self.assertEqual(run.packets.get(timeout=60)["type"], "end of file")
        self.assertTrue(wait_until_gone(run.pid))
        self.assertEqual(run.pipes.finish(None).frame, None)

    def test_ended_run_keeps_its_pid_until_it_is_reaped(self):
        parent = self.start()
        run = parent.start(self.order("return 1"))
        pid = run.pid
        self.assertEqual(run.packets.get(timeout=60)["type"], "ended")
        with open("/proc/%d/stat" % pid) as file:
            self.assertEqual(file.read().rpartition(")")[2].split()[0], "Z")
        parent.send(type="reap", id=run.number)
        run.pipes.finish(0)
        # A second run is answered after the packet before it.
        self.assertEqual(parent.run(self.order("return 2")).result, 2)
        self.assertFalse(os.path.exists("/proc/%d" % pid))

    def test_refuses_what_an_interpreter_settles_at_its_start(self):
        parent = self.start()
        for name in ("PYTHONPATH", "PYTHONHASHSEED", "LD_LIBRARY_PATH", "LC_ALL"):
            frame = parent.run(self.order("print('ran'); return 1"), environment(**{name: "1"})).frame
            self.assertEqual(frame, {"refused": "an interpreter reads %s only when it starts" % name})
        self.assertEqual(parent.run(self.order("return 1")).result, 1)

    def test_module_that_starts_a_thread_is_not_shared(self):
        self.refuse("import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n",
                    "importing it starts a thread")  # fmt: skip

    def test_module_that_opens_a_socket_is_not_shared(self):
        self.refuse("import socket\nheld = socket.socket()\n", r"importing it leaves descriptor \d+ open \(socket:.*\)")

    def refuse(self, source, reason):
        self.write(source, "hazard.py")
        env = environment(PYTHONPATH=os.pathsep.join([environment()["PYTHONPATH"], self.folder]))
        parent = Warm(preload=["shlex", "hazard"], env=env)
        packet = parent.packet()
        self.assertEqual((packet["type"], packet["module"]), ("unsafe", "hazard"))
        self.assertRegex(packet["reason"], reason)
        self.assertEqual(parent.wait(), 3)

    def test_fork_ahead_that_is_killed_is_not_missed(self):
        parent = self.start()
        parent.packet()
        for _ in range(3):
            ahead = self.children_of(parent.pid)
            self.assertEqual(len(ahead), 1)
            os.kill(ahead[0], signal.SIGKILL)
            self.assertTrue(wait_until_gone(ahead[0]))
            end = parent.run(self.order("import os; return os.getpid()"))
            self.assertNotEqual(end.result, ahead[0])

    def test_fork_ahead_is_used_once(self):
        parent = self.start()
        parent.packet()
        order = self.order("import os; return os.getpid()")
        pids = set()
        for _ in range(3):
            parent.spare = ahead = parent.take_spare(wait=True)
            pids.add(parent.run(order).result)
            self.assertIn(ahead.pid, pids)
        self.assertEqual(len(pids), 3)

    def children_of(self, pid):
        """Forks that wait; looked for until there is one, for nothing tells of it."""
        for _ in range(2000):
            with open("/proc/%d/task/%d/children" % (pid, pid)) as file:
                found = [int(number) for number in file.read().split() if is_alive(int(number))]
            if found:
                return found
            select.select([], [], [], 0.01)
        return []

    def test_fork_ahead_runs_though_its_parent_is_held_up(self):
        parent, spare = self.with_spare()
        os.kill(parent.pid, signal.SIGSTOP)
        parent.spare = spare
        run = parent.start(self.order("import os; return os.getpid()"))
        run.pipes.reader.join(60)
        os.kill(parent.pid, signal.SIGCONT)
        self.assertEqual(run.finish().result, spare.pid)

    def test_fork_ahead_that_is_not_wanted_goes_when_it_is_let_go(self):
        parent, spare = self.with_spare()
        spare.channel.close()
        self.assertTrue(wait_until_gone(spare.pid))
        another = parent.take_spare(wait=True)
        self.assertNotEqual(another.pid, spare.pid)
        parent.spare = another
        self.assertEqual(parent.run(self.order("import os; return os.getpid()")).result, another.pid)

    def test_fork_ahead_ends_with_its_owner_though_nobody_told_of_its_use(self):
        parent, spare = self.with_spare()
        pipes = support.Pipes(dict(self.order("import signal; signal.pause()"), env=parent.env))
        spare.run(pipes.theirs)
        pipes.begin()
        parent.socket.shutdown(socket.SHUT_RDWR)
        self.assertEqual(parent.wait(), 0)
        self.assertFalse(is_alive(spare.pid))
        self.assertEqual(pipes.finish(None).frame, None)
        spare.channel.close()

    def test_what_is_held_does_nothing_before_its_word(self):
        source = """
            import os, sys
            open(os.path.join(os.path.dirname(__file__), "began"), "w").close()
            class It:
                def __init__(self, config, action_service):
                    pass
                def run(self):
                    return 1
            """
        for name, source in (("trace.py", source), ("faulty.py", "class It:\n    'is \\d no python'\n    def\n")):
            parent = self.start()
            parent.ahead = name == "trace.py"
            order = self.order("class It: pass", name=name)
            self.write(source, name)
            run = parent.start(order, begins=False)
            run.pipes.word.put(False)
            end = run.finish()
            self.assertEqual((end.code, end.frame, end.farewell, end.stderr), (0, None, None, ""), name)
            self.assertEqual(sorted(os.listdir(self.folder)), [name])
            self.assertNotEqual(parent.run(order).stderr == "", name == "faulty.py")
            self.assertEqual("began" in os.listdir(self.folder), name == "trace.py")
            for left in os.listdir(self.folder):
                os.unlink(os.path.join(self.folder, left))

    def test_run_before_setup(self):
        parent = self.start(set_up=False)
        run = parent.start(self.order("return 1"))
        self.assertEqual(run.packets.get(timeout=60)["reason"], "setup comes first")
        run.pipes.finish(None)

    def test_survives_what_it_does_not_understand(self):
        with tempfile.TemporaryFile() as log:
            parent = self.start(stderr=log.fileno())
            parent.send(type="dance")
            parent.socket.send(b"\xff" * 100_000)
            parent.send(type="reap", id=77)
            parent.send(type="signal", id=77, signal=9)
            self.assertEqual(parent.run(self.order("return 1")).result, 1)
            log.seek(0)
            self.assertIn(b"unknown packet {'type': 'dance'}", log.read())

    def test_file_that_is_absent(self):
        parent = self.start()
        order = self.order("return 1")
        end = parent.start(dict(order, file_path=os.path.join(self.folder, "absent.py"))).finish()
        self.assertEqual((end.code, end.result), (1, "None"), end)
        self.assertIn("Failed to load action class from file", end.stderr)


if __name__ == "__main__":
    unittest.main()
