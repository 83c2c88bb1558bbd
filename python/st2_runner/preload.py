"""Imports modules ahead of the runs that use them, and notices when that isn't safe to share by a fork."""

import os
import sys


class Unsafe(Exception):
    """Importing a module has left something behind that a fork would break or share."""

    def __init__(self, module, reason):
        super().__init__(module, reason)
        self.module = module
        self.reason = reason


def preload(names):
    """Imports what it can of `names`; answers which it could and which not."""
    done, missing = [], []
    before = _descriptors()
    for name in names:
        try:
            __import__(name)
        except (Exception, SystemExit):
            missing.append(name)
        else:
            done.append(name)
        if _threads() > 1:
            raise Unsafe(name, "importing it starts a thread")
        for fd in _descriptors() - before:
            raise Unsafe(name, "importing it leaves descriptor %d open (%s)" % (fd, _told(fd)))
    return done, missing


def resident_bytes():
    """Memory of this process, as far as the kernel tells."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


def _threads():
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        threading = sys.modules.get("threading")
        return threading.active_count() if threading else 1


def _descriptors():
    try:
        names = os.listdir("/proc/self/fd")
    except OSError:
        return set()
    # The listing holds the descriptor it was made with, which is closed by now.
    return {int(name) for name in names if _told(int(name)) is not None}


def _told(fd):
    try:
        return os.readlink("/proc/self/fd/%d" % fd)
    except OSError:
        return None
