"""The loop of the warm parent: packets from st2d in, forks and their ends out."""

import array
import gc
import json
import os
import select
import signal
import socket
import sys

from . import preload

PROTOCOL = 1
_PACKET = 1 << 16
_FDS = 5
_UNSAFE = 3


class _Run:
    def __init__(self, number, pid):
        self.number = number
        self.pid = pid
        self.ended = False


def serve(fd, origin):
    """Serves until st2d is done. In a fork it answers what `child.become_a_run` needs, in the parent None."""
    parent = _Parent(fd, origin)
    return parent.loop()


class _Parent:
    def __init__(self, fd, origin):
        self.origin = origin
        self.socket = socket.socket(fileno=fd)
        self.socket.set_inheritable(False)
        self.runs = {}
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
        while not (self.retiring and not self.runs):
            for fd, _ in self.poll.poll():
                if fd == self.wake:
                    self.tell_ended()
                    continue
                try:
                    packet, fds = self.receive()
                except EOFError:
                    self.end_all()
                    return None
                run = self.handle(packet, fds)
                if run is not None:
                    return run
        return None

    def receive(self):
        """One packet and its descriptors. `EOFError` when st2d is gone."""
        room = socket.CMSG_SPACE(_FDS * array.array("i").itemsize)
        try:
            # MSG_CMSG_CLOEXEC is what Python sets by itself.
            data, control, _, _ = self.socket.recvmsg(_PACKET, room)
        except ConnectionError:
            data, control = b"", []
        if not data:
            raise EOFError
        fds = array.array("i")
        for level, kind, content in control:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                fds.frombytes(content[: len(content) - len(content) % fds.itemsize])
        try:
            return json.loads(data), list(fds)
        except ValueError:
            return {"type": "%d bytes that are no JSON" % len(data)}, list(fds)

    def send(self, **packet):
        try:
            self.socket.sendall(json.dumps(packet).encode())
        except OSError:
            pass  # st2d is gone; the next look at the socket says so

    def handle(self, packet, fds):
        kind = packet.get("type")
        if kind == "run":
            return self.fork(packet["id"], fds)
        for fd in fds:
            os.close(fd)
        if kind == "setup":
            self.set_up(packet.get("preload", []))
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
        # What the first run would import anyway is imported once, here.
        names = ["json", "logging", "st2common.runners.base_action"] + list(names)
        try:
            done, missing = preload.preload(names)
        except preload.Unsafe as unsafe:
            self.send(type="unsafe", module=unsafe.module, reason=unsafe.reason)
            sys.exit(_UNSAFE)
        self.origin.settle()
        # What lies still is neither looked at by the runs' collectors nor copied because of it.
        gc.collect()
        gc.freeze()
        version = "%d.%d.%d" % sys.version_info[:3]
        self.send(
            type="ready", protocol=PROTOCOL, pid=os.getpid(), python=version, preloaded=done, missing=missing,
            rss=preload.resident_bytes(),
        )  # fmt: skip

    def fork(self, number, fds):
        if len(fds) != _FDS or self.retiring:
            for fd in fds:
                os.close(fd)
            reason = "it is retiring" if self.retiring else "a run needs %d descriptors, got %d" % (_FDS, len(fds))
            self.send(type="refused", id=number, reason=reason)
            return None
        try:
            pid = os.fork()
        except OSError as error:
            for fd in fds:
                os.close(fd)
            self.send(type="refused", id=number, reason="could not fork: %s" % error)
            return None
        if pid == 0:
            os.setpgid(0, 0)
            signal.set_wakeup_fd(-1)
            os.close(self.wake)
            os.close(self.wake_writer)
            self.socket.close()
            return self.origin, fds
        try:
            # Here too: st2d may send a signal to the group before the child has come so far.
            os.setpgid(pid, pid)
        except OSError:
            pass  # the child was first
        for fd in fds:
            os.close(fd)
        self.runs[number] = _Run(number, pid)
        self.send(type="started", id=number, pid=pid)
        return None

    def tell_ended(self):
        """Reports every run that has ended, and leaves it a zombie."""
        try:
            while os.read(self.wake, 4096):
                pass
        except BlockingIOError:
            pass
        for run in self.runs.values():
            if run.ended:
                continue
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
        for run in self.runs.values():
            _signal_group(run.pid, signal.SIGKILL)
        for run in self.runs.values():
            os.waitpid(run.pid, 0)


def _signal_group(pid, what):
    try:
        os.killpg(pid, what)
    except OSError:
        pass  # nobody is left to hear it
