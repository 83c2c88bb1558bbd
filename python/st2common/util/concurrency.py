"""Green threads' names for what threads do here."""

import subprocess
import threading
import time

__all__ = ["get_subprocess_module", "sleep", "spawn", "subprocess_popen", "wait"]


def get_subprocess_module():
    """The module that starts processes."""
    return subprocess


def subprocess_popen(*args, **kwargs):
    """Starts a process."""
    return subprocess.Popen(*args, **kwargs)


def spawn(func, *args, **kwargs):
    """Runs a function in a thread."""
    thread = threading.Thread(target=func, args=args, kwargs=kwargs, daemon=True)
    thread.start()
    return thread


def wait(green_thread, *args, **kwargs):
    """Waits for a thread that `spawn` has started."""
    green_thread.join(*args, **kwargs)


def sleep(*args, **kwargs):
    """Waits so many seconds."""
    time.sleep(*args, **kwargs)
