"""Packets on Unix sockets, with the descriptors that travel along."""

import array
import socket

# Descriptors of one run: stdin, stdout, stderr, order, result.
FDS = 5

_LONGEST = 1 << 16
_ROOM = socket.CMSG_SPACE(FDS * array.array("i").itemsize)


def receive(channel):
    """The bytes of a packet and its descriptors, closed on exec. `EOFError` when the other side is gone."""
    try:
        data, control, _, _ = channel.recvmsg(_LONGEST, _ROOM)
    except ConnectionError:
        data, control = b"", []
    if not data:
        raise EOFError("the other side is gone")
    fds = array.array("i")
    for level, kind, content in control:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            fds.frombytes(content[: len(content) - len(content) % fds.itemsize])
    return data, list(fds)


def send(channel, data, fds=()):
    """Sends a packet."""
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
    channel.sendmsg([data], rights)
