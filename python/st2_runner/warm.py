"""The loop of the warm parent: packets from st2d in, forks and their ends out.

When nothing runs it makes one fork ahead and hands st2d a socket to it, so that the next run finds a process that needs
only be told to go on, by st2d itself. Under load it does not: what a fork ahead does before it waits costs processor time
that runs need. Each fork runs once.
"""

import gc
import json
import os
import select
import signal
import socket
import sys

from . import child, packets, preload

PROTOCOL = 1

# A fork is made ahead when nothing has come for so long, in milliseconds: what follows from the end of the run before goes
# first.
_REST = 3

_UNSAFE = 3

# What the wrapper and nearly every action import.
_ALWAYS = [
    "json",
    "st2common.runners.base_action",
    "st2common.runners.lean_logger",
    "st2common.runners.pack_config",
    "st2common.runners.utils",
    "st2_runner.learn",
]


class _Run:
    def __init__(self, number, pid):
        self.number = number
        self.pid = pid
        self.ended = False


def serve(fd, origin):
    """Serves until st2d is done. Answers None in the parent, in a fork what there is to do with it: a function.

    So a fork leaves this loop before it begins, and nothing of it lies under the action.
    """
    return _Parent(fd, origin).loop()


class _Parent:
    def __init__(self, fd, origin):
        self.origin = origin
        self.socket = socket.socket(fileno=fd)
        self.socket.set_inheritable(False)
        self.runs = {}
        # The fork made ahead, until st2d says that it has used it, or it has ended. One that failed is not replaced
        # before another run has come: what it could not do, its successor can't do either.
        self.spare = None
        self.wants_spares = False
        self.is_set_up = False
        self.retiring = False
        self.poll = select.poll()
        self.poll.register(self.socket, select.POLLIN)
        # A signal handler is needed for the byte to be written; it has nothing to do.
        self.wake, wake_writer = os.pipe()
        self.wake_writer = wake_writer
        for end in (self.wake, wake_writer):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(wake_writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda number, at: None)
        self.poll.register(self.wake, select.POLLIN)

    def loop(self):
        while not (self.retiring and not self.runs and self.spare is None):
            wants_spare = self.wants_spares and not self.retiring and self.spare is None and not self.runs
            ready = {fd for fd, _ in self.poll.poll(_REST if wants_spare else None)}
            fork = None
            # Packets first: that the fork made ahead was used is heard before that it has ended.
            if self.socket.fileno() in ready:
                try:
                    packet, fds = self.receive()
                except EOFError:
                    self.end_all()
                    return None
                fork = self.handle(packet, fds)
            elif self.wake in ready:
                self.tell_ended()
            elif not ready:
                fork = self.fork_spare()
            if fork is not None:
                return fork
        return None

    def receive(self):
        """One packet and its descriptors. `EOFError` when st2d is gone."""
        data, fds = packets.receive(self.socket)
        try:
            return json.loads(data), fds
        except ValueError:
            return {"type": "%d bytes that are no JSON" % len(data)}, fds

    def send(self, *fds, **packet):
        try:
            packets.send(self.socket, json.dumps(packet).encode(), fds)
        except OSError:
            pass  # st2d is gone; the next look at the socket says so

    def handle(self, packet, fds):
        kind = packet.get("type")
        if kind == "run":
            return self.run(packet["id"], fds)
        for fd in fds:
            os.close(fd)
        if kind == "setup":
            self.set_up(packet.get("preload", []))
        elif kind == "used":
            self.used(packet["id"])
        elif kind == "signal":
            self.signal(packet["id"], packet["signal"])
        elif kind == "reap":
            self.reap(packet["id"])
        elif kind == "retire":
            self.retiring = True
        else:
            sys.stderr.write("warm parent: unknown packet %.200r\n" % (packet,))
        return None

    def set_up(self, names):
        names = _ALWAYS + list(names)
        try:
            done, missing = preload.preload(names)
        except preload.Unsafe as unsafe:
            self.send(type="unsafe", module=unsafe.module, reason=unsafe.reason)
            sys.exit(_UNSAFE)
        self.is_set_up = self.wants_spares = True
        self.origin.settle()
        # What lies still is neither looked at by the runs' collectors nor copied because of it.
        gc.collect()
        gc.freeze()
        version = "%d.%d.%d" % sys.version_info[:3]
        self.send(
            type="ready", protocol=PROTOCOL, pid=os.getpid(), python=version, preloaded=done, missing=missing,
            rss=preload.resident_bytes(),
        )  # fmt: skip

    def run(self, number, fds):
        """Begins a run in a fork; answers what the fork has to do, when this is it."""
        reason = None
        if self.retiring:
            reason = "it is retiring"
        elif not self.is_set_up:
            reason = "setup comes first"
        elif len(fds) != packets.FDS:
            reason = "a run needs %d descriptors, got %d" % (packets.FDS, len(fds))
        else:
            try:
                pid = self.fork()
            except OSError as error:
                reason = "could not fork: %s" % error
            else:
                if pid == 0:
                    return lambda: child.become_a_run(self.origin, fds)
        for fd in fds:
            os.close(fd)
        if reason:
            self.send(type="refused", id=number, reason=reason)
        else:
            self.runs[number] = _Run(number, pid)
            self.wants_spares = True
            self.send(type="started", id=number, pid=pid)
        return None

    def used(self, number):
        """The fork made ahead has become a run; it may have ended by now."""
        if self.spare is None:
            self.send(type="refused", id=number, reason="the fork made ahead has ended")
        else:
            self.runs[number] = _Run(number, self.spare)
            self.spare = None
            self.wants_spares = True
            self.look_at(self.runs[number])

    def fork(self):
        pid = os.fork()
        if pid == 0:
            os.setpgid(0, 0)
            signal.set_wakeup_fd(-1)
            os.close(self.wake)
            os.close(self.wake_writer)
            self.socket.close()
            return 0
        try:
            # Here too: st2d may send a signal to the group before the child has come so far.
            os.setpgid(pid, pid)
        except OSError:
            pass  # the child was first
        return pid

    def fork_spare(self):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            pid = self.fork()
        except OSError:
            ours.close()
            theirs.close()
            self.wants_spares = False
            return None
        if pid == 0:
            ours.close()
            return lambda: child.wait_for_a_run(self.origin, theirs)
        theirs.close()
        self.spare = pid
        # It waits until st2d uses or closes this.
        self.send(ours.fileno(), type="spare", pid=pid)
        ours.close()
        return None

    def tell_ended(self):
        """Reports every run that has ended, and leaves it a zombie."""
        try:
            while os.read(self.wake, 4096):
                pass
        except BlockingIOError:
            pass
        for run in self.runs.values():
            self.look_at(run)
        if self.spare is not None:
            pid, status = os.waitpid(self.spare, os.WNOHANG)
            if pid:
                self.spare = None
                # It ends well when st2d lets it go.
                self.wants_spares = self.wants_spares and status == 0

    def look_at(self, run):
        if run.ended:
            return
        end = os.waitid(os.P_PID, run.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if end is not None:
            run.ended = True
            code = end.si_status if end.si_code == os.CLD_EXITED else -end.si_status
            self.send(type="ended", id=run.number, code=code)

    def signal(self, number, what):
        run = self.runs.get(number)
        if run is not None:
            _signal_group(run.pid, what)

    def reap(self, number):
        run = self.runs.get(number)
        if run is not None and run.ended:
            del self.runs[number]
            os.waitpid(run.pid, 0)

    def end_all(self):
        pids = [run.pid for run in self.runs.values()]
        if self.spare is not None:
            # It may run: st2d had no time to say so.
            pids.append(self.spare)
        for pid in pids:
            _signal_group(pid, signal.SIGKILL)
        for pid in pids:
            os.waitpid(pid, 0)


def _signal_group(pid, what):
    try:
        os.killpg(pid, what)
    except OSError:
        pass  # nobody is left to hear it
