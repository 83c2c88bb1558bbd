"""Speaks the protocol of `PROTOCOL.md` with real processes, as st2d does: cold runs and a warm parent."""

import array
import fcntl
import json
import os
import queue
import select
import signal
import socket
import sys
import tempfile
import textwrap
import threading
import unittest

PYTHON_DIR = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
COLD = os.path.join(PYTHON_DIR, "st2_runner", "cold.py")
PARENT = os.path.join(PYTHON_DIR, "st2_runner", "parent.py")

# Long enough for a loaded machine; nothing waits this long when all is well.
DEADLINE = 60

EXECUTION = "5f0c0ffee0c0ffee0c0ffee0"


class Outcome:
    """How a run ended: `frame` is the result's document or None, `farewell` the exit code it has told or None."""

    def __init__(self, code, stdout, stderr, frame, farewell):
        self.code = code
        self.farewell = farewell
        self.stdout = stdout.decode("utf-8", "replace")
        self.stderr = stderr.decode("utf-8", "replace")
        self.frame = frame

    @property
    def result(self):
        return "None" if self.frame is None else self.frame["result"]

    @property
    def status(self):
        return None if self.frame is None else self.frame["status"]

    def __repr__(self):
        return "code %s, frame %s\n-- stdout\n%s\n-- stderr\n%s" % (
            self.code, str(self.frame)[:2000], self.stdout, self.stderr
        )  # fmt: skip


class Pipes:
    """The five pipes of a run, as st2d holds them."""

    def __init__(self, order):
        self.stdin = _high(os.open(os.devnull, os.O_RDONLY))
        self._ours, self.theirs = [], [self.stdin]
        for _ in ("stdout", "stderr"):
            self._open(reading=True)
        self._open(reading=False)
        self._open(reading=True)
        content = order if isinstance(order, bytes) else json.dumps(order).encode()
        self.content = len(content).to_bytes(4, "big") + content
        self.held = isinstance(order, dict) and order.get("held")
        # Whether a run that is held may begin.
        self.word = queue.Queue()
        self.parts = {}

    def _open(self, reading):
        ends = [_high(end) for end in os.pipe()]
        self._ours.append(ends[0 if reading else 1])
        self.theirs.append(ends[1 if reading else 0])

    def begin(self):
        """Closes the other side's ends, which have been handed over, and moves the bytes."""
        for fd in self.theirs:
            os.close(fd)
        out, err, order, result = self._ours
        self.threads = [
            threading.Thread(target=self._write, args=(order,)),
            threading.Thread(target=self._read, args=(out, "stdout")),
            threading.Thread(target=self._read, args=(err, "stderr")),
        ]
        # The result may never reach its end: a fork of the action may hold it.
        self.result = result
        self.reader = threading.Thread(target=self._read, args=(result, "result"), daemon=True)
        for thread in self.threads + [self.reader]:
            thread.start()

    def finish(self, code):
        for thread in self.threads:
            thread.join(DEADLINE)
            assert not thread.is_alive(), "a pipe stays open though the group of the run was ended"
        self.reader.join(1)
        result = self.parts.get("result", b"")
        told = farewell(result)
        assert told in (None, code), "it said that it would end with %s and ended with %s" % (told, code)
        return Outcome(code, self.parts["stdout"], self.parts["stderr"], _frame(result), told)

    def _write(self, fd):
        try:
            rest = memoryview(self.content)
            while rest:
                rest = rest[os.write(fd, rest) :]
            if self.held and self.word.get(timeout=DEADLINE):
                os.write(fd, b"!")
        except BrokenPipeError:
            pass  # it ended without reading
        os.close(fd)

    def _read(self, fd, name):
        self.parts[name] = b""
        chunks = []
        while True:
            chunk = os.read(fd, 1 << 20)
            if not chunk:
                break
            chunks.append(chunk)
            if name == "result":
                self.parts[name] = b"".join(chunks)
        self.parts[name] = b"".join(chunks)
        os.close(fd)


def _frame(content):
    if len(content) < 4 or len(content) < 4 + int.from_bytes(content[:4], "big"):
        return None
    frame = json.loads(content[4 : 4 + int.from_bytes(content[:4], "big")])
    return None if list(frame) == ["code"] else frame


def farewell(content):
    """The exit code that a warm run has told; None without one."""
    while len(content) >= 4:
        length = int.from_bytes(content[:4], "big")
        frame, content = json.loads(content[4 : 4 + length]), content[4 + length :]
        if "code" in frame:
            return frame["code"]
    return None


def _high(fd):
    moved = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 20)
    os.close(fd)
    return moved


def environment(**more):
    """What st2d gives a run: made from little, so that the machine's own settings don't matter."""
    env = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "LC_ALL") if name in os.environ}
    env.update(PYTHONPATH=PYTHON_DIR, ST2_ACTION_EXECUTION_ID=EXECUTION, PYTHONDONTWRITEBYTECODE="1")
    env.update(more)
    return {name: value for name, value in env.items() if value is not None}


class Cold:
    """Starts a new interpreter for each run."""

    def __init__(self, python=sys.executable):
        self.python = python

    def start(self, order, env=None):
        pipes = Pipes(order)
        actions = [(os.POSIX_SPAWN_DUP2, fd, number) for number, fd in enumerate(pipes.theirs)]
        arguments = [self.python, "-u", COLD]
        pid = os.posix_spawn(self.python, arguments, env or environment(), file_actions=actions, setpgroup=0)
        pipes.begin()
        return ColdRun(pid, pipes)

    def run(self, order, env=None):
        return self.start(order, env).finish()

    def close(self):
        pass


class ColdRun:
    def __init__(self, pid, pipes):
        self.pid, self.pipes = pid, pipes

    def signal(self, number):
        os.killpg(self.pid, number)

    def finish(self):
        end = _within(lambda: os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT))
        code = end.si_status if end.si_code == os.CLD_EXITED else -end.si_status
        _end_group(self.pid)
        os.waitpid(self.pid, 0)
        return self.pipes.finish(code)


class Warm:
    """A warm parent. A thread sorts its packets, unless somebody else is to read them.

    With `ahead` false what it forks ahead is left unused.
    """

    listen = True
    ahead = True

    def __init__(self, preload=(), python=sys.executable, env=None, stderr=None, set_up=True):
        self.env = env or environment()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket = ours
        moved = _high(theirs.detach())
        actions = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0), (os.POSIX_SPAWN_DUP2, moved, 3)]
        if stderr is not None:
            actions.insert(1, (os.POSIX_SPAWN_DUP2, stderr, 2))
        marked = dict(self.env, ST2_ACTION_EXECUTION_ID="0" * 24)
        self.pid = os.posix_spawn(python, [python, "-u", PARENT], marked, file_actions=actions, setpgroup=0)
        os.close(moved)
        self.ended = False
        self.spare = None
        self.closing = False
        self.packets = queue.Queue()
        self.runs = {}
        self.count = 0
        self.lock = threading.Condition()
        if self.listen:
            self.listener = threading.Thread(target=self._listen, daemon=True)
            self.listener.start()
        if set_up:
            self.send(type="setup", preload=list(preload))

    def send(self, *fds, **packet):
        control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        self.socket.sendmsg([json.dumps(packet).encode()], control)

    def _listen(self):
        while True:
            try:
                data, fds = self.receive()
            except OSError:
                data, fds = b"", []
            packet = json.loads(data) if data else {"type": "end of file"}
            if packet["type"] == "spare":
                self._keep(Spare(packet["pid"], socket.socket(fileno=fds[0])))
                continue
            run = self.runs.get(packet.get("id"))
            (run.packets if run else self.packets).put(packet)
            if not data:
                for run in self.runs.values():
                    run.packets.put(packet)
                return

    def receive(self):
        """A packet and its descriptors."""
        fds = array.array("i")
        data, control, _, _ = self.socket.recvmsg(1 << 16, socket.CMSG_SPACE(fds.itemsize), socket.MSG_CMSG_CLOEXEC)
        for _, _, content in control:
            fds.frombytes(content)
        return data, list(fds)

    def packet(self):
        """The next packet that belongs to no run."""
        return self.packets.get(timeout=DEADLINE)

    def _keep(self, spare):
        with self.lock:
            if self.closing:
                spare.channel.close()
            else:
                self.spare = spare
                self.lock.notify_all()

    def take_spare(self, wait=False):
        """The fork that was made ahead, if there is one; else the next, if it is to wait."""
        with self.lock:
            if wait:
                self.lock.wait_for(lambda: self.spare, DEADLINE)
            spare, self.spare = self.spare, None
        return spare

    def start(self, order, env=None, begins=True):
        """A run as st2d starts it: held, until it is told to begin."""
        pipes = Pipes(dict(order, env=env or self.env, held=True))
        if begins:
            pipes.word.put(True)
        spare = self.take_spare() if self.ahead else None
        run = spare and self._use(spare, pipes)
        if run is None:
            run = self._new_run(pipes)
            self.send(*pipes.theirs, type="run", id=run.number)
        pipes.begin()
        return run

    def _use(self, spare, pipes):
        run = self._new_run(pipes)
        self.send(type="used", id=run.number)
        with spare.channel:
            try:
                spare.run(pipes.theirs)
            except OSError:  # it is gone, as its parent will tell
                if run.packets.get(timeout=DEADLINE)["type"] == "ended":
                    self.send(type="reap", id=run.number)
                return None
        run._pid = spare.pid
        return run

    def _new_run(self, pipes):
        with self.lock:
            self.count += 1
            run = self.runs[self.count] = WarmRun(self, self.count, pipes)
        return run

    def run(self, order, env=None):
        return self.start(order, env).finish()

    def close(self):
        """Lets it retire, and tells how it ended."""
        if not self.ended:
            self.retire()
            return self.wait()
        return None

    def retire(self):
        """Asks it to end, and lets go of what it has forked ahead."""
        self.send(type="retire")
        with self.lock:
            self.closing = True
        spare = self.take_spare()
        if spare:
            spare.channel.close()

    def wait(self):
        """Waits for its end, which something else has brought about."""
        self.ended = True
        spare = self.take_spare()
        if spare:
            spare.channel.close()
        _, status = _within(lambda: os.waitpid(self.pid, 0))
        self.listener.join(DEADLINE)
        self.socket.close()
        return os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)


class Spare:
    """A fork made ahead, and the socket on which it waits."""

    def __init__(self, pid, channel):
        self.pid, self.channel = pid, channel

    def run(self, fds):
        """Makes it a run with these descriptors."""
        self.channel.sendmsg([b"!"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))])


class WarmRun:
    def __init__(self, parent, number, pipes):
        self.parent, self.number, self.pipes = parent, number, pipes
        self.packets = queue.Queue()
        self._pid = None

    @property
    def pid(self):
        if self._pid is None:
            packet = self.packets.get(timeout=DEADLINE)
            assert packet["type"] == "started", packet
            self._pid = packet["pid"]
        return self._pid

    def signal(self, number):
        assert self.pid
        self.parent.send(type="signal", id=self.number, signal=number)

    def finish(self):
        assert self.pid
        packet = self.packets.get(timeout=DEADLINE)
        assert packet["type"] == "ended", packet
        self.parent.send(type="signal", id=self.number, signal=int(signal.SIGKILL))
        self.parent.send(type="reap", id=self.number)
        return self.pipes.finish(packet["code"])


def _within(wait):
    """Calls something that waits, with a deadline."""
    answers = queue.Queue()
    threading.Thread(target=lambda: answers.put(wait()), daemon=True).start()
    return answers.get(timeout=DEADLINE)


def _end_group(pid):
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def is_alive(pid):
    """Whether a process runs; a zombie does not."""
    try:
        with open("/proc/%d/stat" % pid) as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until_gone(pid):
    """Waits for the end of a process that isn't ours."""
    try:
        fd = os.pidfd_open(pid)
    except (OSError, AttributeError):
        return _wait_by_looking(pid)
    try:
        return bool(select.select([fd], [], [], DEADLINE)[0])
    finally:
        os.close(fd)


def _wait_by_looking(pid):
    for _ in range(DEADLINE * 100):
        if not is_alive(pid):
            return True
        select.select([], [], [], 0.01)
    return False


class RunCase(unittest.TestCase):
    """A test with a directory for actions. Subclasses say how runs start, in `make_runner`."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def write(self, source, name="action.py"):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(textwrap.dedent(source))
        return path

    def same_order(self):
        """A new order for the action that was written last."""
        with open(os.path.join(self.folder, "action.py"), encoding="utf-8") as file:
            return self.order(file.read())

    def order(self, source, name="action.py", **more):
        """An order for the action whose `run` is `source`, or whose file is all of it."""
        if "class " not in source:
            body = textwrap.indent(textwrap.dedent(source).strip(), " " * 8)
            source = "from st2common.runners.base_action import Action\n\n\nclass It(Action):\n"
            source += "    def run(self, **given):\n%s\n" % body
        order = {
            "protocol": 1, "pack": "mypack", "file_path": self.write(source, name), "user": "stanley", "parameters": {},
            "config": {}, "config_path": "/etc/configs/mypack.yaml", "log_level": "DEBUG", "cwd": None, "env": None,
        }  # fmt: skip
        order.update(more)
        return order
