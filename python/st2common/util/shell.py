"""Runs commands and quotes their arguments."""

import os
import shlex
import signal
import subprocess

__all__ = ["kill_process", "quote_unix", "quote_windows", "run_command"]


def run_command(
    cmd, stdin=None, stdout=subprocess.PIPE, stderr=subprocess.PIPE, shell=False, cwd=None, env=None, close_fds=None
):
    """Runs a command to its end; answers its exit code and the texts it printed."""
    if not isinstance(cmd, (list, tuple, str)):
        raise TypeError("Command must be a type of list, tuple, or string, not '%s'." % type(cmd))
    more = {} if close_fds is None else {"close_fds": close_fds}
    process = subprocess.Popen(
        cmd, stdin=stdin, stdout=stdout, stderr=stderr, env=env or dict(os.environ), cwd=cwd, shell=shell, **more
    )
    printed = [(text or b"").decode() for text in process.communicate()]
    return process.returncode, printed[0], printed[1]


def kill_process(process):
    """Ends a process that leads a session of its own, with all that is in it."""
    os.killpg(process.pid, signal.SIGTERM)
    return 0


def quote_unix(value):
    """The value as one word of a shell."""
    return shlex.quote(value)


def quote_windows(value):
    """The value as one word of a Windows command line."""
    return subprocess.list2cmdline([value])
