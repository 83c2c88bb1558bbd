"""The first steps of a forked run: it becomes what a new interpreter with its own order would be."""

import io
import os
import signal
import sys
import types

from . import action, ending, load, packets

# What an interpreter, its C library or OpenSSL reads once, at their start.
_SETTLED = ("PYTHON", "LC_", "LD_", "MALLOC_")
_SETTLED_NAMES = frozenset(("LANG", "LANGUAGE", "GLIBC_TUNABLES", "OPENSSL_CONF", "OPENSSL_MODULES"))

_MARK = "ST2_ACTION_EXECUTION_ID"


class Origin:
    """What of the parent's beginning each run begins with."""

    def __init__(self, script):
        self.settled = settled(os.environ)
        self.path = list(sys.path)
        self.umask = os.umask(0o022)
        os.umask(self.umask)
        self.script = script
        self.mark = _find_mark()
        library = _c_library()
        self.prctl = getattr(library, "prctl", None)
        ending.flush_c = getattr(library, "fflush", None)
        self.pid = os.getpid()
        self.modules = frozenset()

    def settle(self):
        """What is imported by now is common to all runs. Noted here, since each run would copy pages to do it."""
        self.modules = ending.remember_modules()


def become_a_run(origin, fds):
    """Never returns. `fds` are stdin, stdout, stderr, order and result; nothing else but them is open by now."""
    _leave_the_parent(origin)
    _begin(origin, fds)


def wait_for_a_run(origin, channel):
    """The same, forked ahead: waits for the descriptors, and has touched by then what a run will touch.

    Memory shared with the parent is copied when it is first touched, which is most of what a fork costs.
    """
    _leave_the_parent(origin)
    try:
        _rehearse(origin)
        fds = packets.receive(channel)[1]
    except EOFError:
        os._exit(0)  # not needed any more
    except BaseException:
        sys.excepthook(*sys.exc_info())
        os._exit(1)  # the parent makes do without
    channel.close()
    _begin(origin, fds)


def _leave_the_parent(origin):
    if origin.prctl:
        # 1 is PR_SET_PDEATHSIG. Asked first: nothing of a run may outlive the parent that st2d watches.
        origin.prctl(1, signal.SIGKILL)
    if os.getppid() != origin.pid:
        os._exit(1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def _rehearse(origin):
    """Runs an action of our own that does nothing, and undoes what that leaves."""
    ours, theirs = os.pipe()
    order = {"pack": "", "file_path": os.path.join(os.path.dirname(__file__), "rehearsal.py"), "env": origin.settled}
    action.jsontext.loads(action.jsontext.dumps(order).decode())
    caches, main = set(sys.path_importer_cache), sys.modules["__main__"]
    reply = action.Reply(theirs)
    _take_over(origin, None)
    action.execute(order, reply, origin.modules)
    reply.close()
    os.close(ours)
    ending.drop_what_came()
    for path in set(sys.path_importer_cache) - caches:
        del sys.path_importer_cache[path]
    sys.modules["__main__"] = main


def _begin(origin, fds):
    # The order's and the result's may bear the numbers of the standard streams.
    order_fd, result_fd = (_above_standard(fd) for fd in fds[3:])
    for number, fd in enumerate(fds[:3]):
        os.dup2(fd, number)
    for fd in fds[:3]:
        if fd > 2:
            os.close(fd)
    _new_streams()
    reply = action.Reply(result_fd)
    ending.run_to_the_end(lambda: _run(origin, order_fd, reply), reply.farewell)


def _run(origin, order_fd, reply):
    order = action.read_order(order_fd)
    environment = order.get("env") or {}
    different = settled(environment).items() ^ origin.settled.items()
    if different:
        names = ", ".join(sorted({name for name, _ in different}))
        refusal = "an interpreter reads %s only when it starts" % names
        reply.send(action.jsontext.dumps({"refused": refusal}))
        return
    _take_over(origin, environment)
    action.execute(order, reply, origin.modules, order_fd)


def _take_over(origin, environment):
    if environment is not None:
        _new_environment(environment, origin)
    sys.path[:] = origin.path
    # Directories that were not there when the parent looked.
    for path in [path for path, finder in sys.path_importer_cache.items() if finder is None]:
        del sys.path_importer_cache[path]
    os.umask(origin.umask)
    _new_main(origin.script)


def settled(environment):
    """The variables of an environment that can't change any more once an interpreter runs."""
    return {
        name: value
        for name, value in environment.items()
        if name.startswith(_SETTLED) or name in _SETTLED_NAMES
    }


def _above_standard(fd):
    if fd > 2:
        return fd
    held = os.dup(fd)
    return held if held > 2 else _above_standard(held)


def _new_streams():
    """Streams as `-u` makes them: what the parent's remember of its own files doesn't hold for these."""
    for name, number, mode in (("stdin", 0, "r"), ("stdout", 1, "w"), ("stderr", 2, "w")):
        old = getattr(sys, "__%s__" % name)
        raw = io.FileIO(number, mode, closefd=False)
        raw.name = "<%s>" % name
        stream = io.TextIOWrapper(
            io.BufferedReader(raw) if mode == "r" else raw,
            encoding=old.encoding if old else "utf-8",
            errors=old.errors if old else "strict",
            newline=None if mode == "r" else "\n",
            line_buffering=False,
            write_through=mode == "w",
        )
        stream.mode = mode
        setattr(sys, name, stream)
        setattr(sys, "__%s__" % name, stream)


def _new_environment(environment, origin):
    for name in [name for name in os.environ if name not in environment]:
        del os.environ[name]
    for name, value in environment.items():
        if os.environ.get(name) != value:
            os.environ[name] = value
    import time

    time.tzset()
    _write_mark(origin.mark, environment.get(_MARK, ""))


def _new_main(script):
    """`__main__` is what a cold run has, which `multiprocessing` imports again in processes it spawns."""
    main = types.ModuleType("__main__")
    main.__file__ = script
    main.__builtins__ = sys.modules["builtins"]
    sys.modules["__main__"] = main
    sys.argv = [script]


def _find_mark():
    """Where the text that marks this process for st2d lies in its memory, and how long it is."""
    try:
        with open("/proc/self/environ", "rb") as file:
            environment = file.read()
        with open("/proc/self/stat", "rb") as file:
            # Fields are counted behind the name of the program, which may hold anything.
            start = int(file.read().rpartition(b")")[2].split()[47])
    except (OSError, ValueError, IndexError):
        return None
    name = _MARK.encode() + b"="
    for entry in environment.split(b"\0"):
        if entry.startswith(name):
            offset = (b"\0" + environment).index(b"\0" + entry) + len(name)
            return start + offset, len(entry) - len(name)
    return None


def _write_mark(mark, text):
    content = text.encode()
    if mark is None or len(content) != mark[1]:
        return
    try:
        memory = os.open("/proc/self/mem", os.O_RDWR | os.O_CLOEXEC)
        try:
            os.pwrite(memory, content, mark[0])
        finally:
            os.close(memory)
    except OSError:
        pass  # found by its group then


def _c_library():
    try:
        import ctypes

        return ctypes.CDLL(None)
    except Exception:
        return None
