"""Frames on pipes: four bytes of length, big endian, then that many bytes of JSON."""

import os

# One read of a pipe; its kernel buffer is 64 kB unless somebody enlarged it.
_CHUNK = 1 << 20


def read(fd):
    """The content of the next frame. `EOFError` when the other side ended before it was whole."""
    length = int.from_bytes(_exactly(fd, 4), "big")
    return _exactly(fd, length)


def write(fd, content):
    """Writes one frame, waiting as long as the reader needs."""
    if len(content) >= 1 << 32:
        raise ValueError("A result of 4 GiB or more can't be handed back (was %d bytes)." % len(content))
    rest = memoryview(len(content).to_bytes(4, "big") + content)
    while rest:
        rest = rest[os.write(fd, rest) :]


def _exactly(fd, length):
    chunks = []
    while length:
        chunk = os.read(fd, min(length, _CHUNK))
        if not chunk:
            raise EOFError("the pipe ended %d bytes before the frame did" % length)
        chunks.append(chunk)
        length -= len(chunk)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)
