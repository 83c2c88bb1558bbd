"""Ends a run as an interpreter ends, but for what nobody would notice: taking itself apart.

That costs a bare interpreter a sixth of its life, and a fork more than the whole run: the parent's modules would be
torn down page by page. So the same steps are taken for what the run itself has brought, then `os._exit`.
"""

import atexit
import os
import sys

from . import load


def run_to_the_end(main, farewell):
    """Calls `main`, does what the interpreter does after the last line of a script, and exits.

    `farewell` is told the exit code when nothing of the run is left to happen: what the kernel then does to end the
    process takes time that nobody has to wait for.
    """
    code = 1
    interrupted = False
    try:
        code = _outcome(main)
        interrupted = code is None
        _wait_for_threads()
        _run_exit_functions()
        _flush_c()
        drop_what_came()
    finally:
        if not _flush() and not code:
            code = 120
        if interrupted:
            _die_of_interrupt()
        code = (130 if code is None else code) & 0xFF
        _close_output()
        farewell(code)
        os._exit(code)


def _outcome(main):
    """The exit code; None after an interrupt that nobody caught."""
    try:
        main()
        return 0
    except SystemExit as stop:
        return _exit_code(stop.code)
    except BaseException as error:
        sys.last_type, sys.last_value, sys.last_traceback = sys.exc_info()
        sys.last_exc = error
        try:
            sys.excepthook(*sys.exc_info())
        except BaseException:
            sys.__excepthook__(*sys.exc_info())
        return None if isinstance(error, KeyboardInterrupt) else 1


def _exit_code(code):
    if code is None:
        return 0
    if isinstance(code, int):
        return code if -(1 << 63) <= code < 1 << 63 else -1
    print(code, file=sys.stderr)
    return 1


def _wait_for_threads():
    threading = sys.modules.get("threading")
    if threading:
        try:
            threading._shutdown()
        except BaseException:
            sys.excepthook(*sys.exc_info())


def _run_exit_functions():
    atexit._run_exitfuncs()


# Set where it is known already: it writes what C code has printed and its library still holds.
flush_c = None


def _flush_c():
    if flush_c is not None:
        flush_c(None)
    elif "ctypes" in sys.modules or any(map(_is_machine_code, set(sys.modules) - _there_before)):
        try:
            import ctypes

            ctypes.CDLL(None).fflush(None)
        except Exception:
            pass  # not every interpreter has it


def _is_machine_code(name):
    return str(getattr(sys.modules.get(name), "__file__", None)).endswith(".so")


def drop_what_came():
    """Lets objects of the run die, since a file may be flushed or a session closed by that."""
    import gc

    for name in ("last_type", "last_value", "last_traceback", "last_exc"):
        if hasattr(sys, name):
            delattr(sys, name)
    # The collector may close what lies under a text file before the file has written its text.
    _flush_files(gc)
    if _threads() > 1:
        return  # a daemon thread would stumble over modules that are gone
    # Its C part alone: `weakref` would be an import that few runs need.
    from _weakref import ref

    came = [ref(module) for module in load.kept]
    load.kept.clear()
    for name in [name for name in sys.modules if name not in _there_before]:
        module = sys.modules.pop(name)
        try:
            came.append(ref(module))
        except TypeError:
            pass
        parent, _, last = name.rpartition(".")
        if parent in sys.modules and getattr(sys.modules[parent], last, None) is module:
            delattr(sys.modules[parent], last)
        del module
    gc.collect()
    for reference in reversed(came):
        module = reference()
        names = getattr(module, "__dict__", None)
        if type(names) is dict:
            _clear(names)
    gc.collect()


def _clear(names):
    # Private names first, as the interpreter does.
    for private in (True, False):
        for name in list(names):
            if (name[:1] == "_") is private and name != "__builtins__":
                names[name] = None


def _flush_files(gc):
    import io

    kinds = (io.TextIOWrapper, io.BufferedWriter)
    for thing in gc.get_objects():
        if issubclass(type(thing), kinds) and not thing.closed:
            try:
                thing.flush()
            except Exception:
                pass


def _threads():
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        threading = sys.modules.get("threading")
        return threading.active_count() if threading else 1


def _flush():
    fine = True
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None and not stream.closed:
                stream.flush()
        except BaseException:
            fine = False
    return fine


def _close_output():
    for number in (1, 2):
        try:
            os.close(number)
        except OSError:
            pass  # the action has closed it


def _die_of_interrupt():
    import signal

    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGINT)


_there_before = set()


def remember_modules():
    """Modules of this moment are the parent's and are left alone at the end. Answers their names."""
    _there_before.update(sys.modules)
    return _there_before
