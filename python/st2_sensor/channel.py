"""The channel to st2d: frames of JSON over a socket, both ways.

One thread of its own reads. It, the locks and the calls are taken from the operating system before any code of a pack
runs: a sensor that turns all threads green (eventlet, gevent) must not stop hearing from st2d.
"""

import _thread
import os

from st2_runner import jsontext

_DUP, _CLOSE, _READ, _WRITE = os.dup2, os.close, os.read, os.write
_start_thread, _lock = _thread.start_new_thread, _thread.allocate_lock

# Where the socket waits while the sensor runs: out of the way of code that counts or closes the low descriptors.
_ASIDE = 200


class Closed(Exception):
    """st2d is gone."""


class Channel:
    """The socket on `fd`, and who waits for an answer."""

    def __init__(self, fd):
        try:
            self._fd = _DUP(fd, _ASIDE, inheritable=False)
            _CLOSE(fd)
        except OSError:  # fewer descriptors are allowed
            self._fd = fd
            os.set_inheritable(fd, False)
        self._pid = os.getpid()
        self._writing = _lock()
        self._waiting = {}
        self._numbers = 0
        self._rest = b""
        self._closed = False

    def receive(self):
        """The next frame from st2d; `Closed` when there will be none."""
        try:
            length = int.from_bytes(self._exactly(4), "big")
            return jsontext.loads(self._exactly(length).decode("utf-8"))
        except (EOFError, OSError) as error:
            raise Closed("st2d is gone: %s" % error) from None

    def listen(self, heard, closed):
        """Reads on in a thread: answers go to who asked, all else to `heard`; at the end `closed` is called."""
        _start_thread(self._listen, (heard, closed))

    def tell(self, document):
        """Says something that needs no answer. What has no JSON form is said as text."""
        self._send(document)

    def ask(self, document):
        """Says something and waits for the answer; `Closed` when none will come."""
        if os.getpid() != self._pid:
            raise Closed("a process that the sensor has forked cannot talk to st2d; let its parent do it")
        answered = _lock()
        answered.acquire()
        with self._writing:
            self._numbers += 1
            number = self._numbers
            slot = self._waiting[number] = [answered, None]
            if self._closed:
                raise Closed("st2d is gone")
        document["id"] = number
        try:
            self._send(document)
            answered.acquire()
        finally:
            self._waiting.pop(number, None)
        if slot[1] is None:
            raise Closed("st2d is gone")
        return slot[1]

    def _send(self, document):
        if os.getpid() != self._pid:
            return
        content = encoded(document)
        whole = memoryview(len(content).to_bytes(4, "big") + content)
        try:
            with self._writing:
                while whole:
                    whole = whole[_WRITE(self._fd, whole) :]
        except OSError as error:
            raise Closed("st2d is gone: %s" % error) from None

    def _listen(self, heard, closed):
        try:
            while True:
                document = self.receive()
                slot = self._waiting.get(document.get("id"))
                if slot is None:
                    heard(document)
                else:
                    slot[1] = document
                    slot[0].release()
        except Closed:
            pass
        with self._writing:
            self._closed = True
            waiting = list(self._waiting.values())
        for slot in waiting:
            slot[0].release()
        closed()

    def _exactly(self, length):
        chunks = [self._rest]
        missing = length - len(self._rest)
        while missing > 0:
            chunk = _READ(self._fd, 1 << 16)
            if not chunk:
                raise EOFError("the channel was closed")
            chunks.append(chunk)
            missing -= len(chunk)
        whole = b"".join(chunks)
        self._rest = whole[length:]
        return whole[:length]


def encoded(value):
    """The JSON of anything: what has no form in it becomes text, as StackStorm's database would keep it."""
    try:
        return jsontext.dumps(value)
    except Exception:
        return jsontext.dumps(_softened(value, set()))


def _softened(value, above):
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).decode("utf-8", "replace")
    if isinstance(value, (dict, list, tuple, set, frozenset)):
        if id(value) in above or len(above) > 100:
            return "..."
        above = above | {id(value)}
        if isinstance(value, dict):
            return {_softened_key(key): _softened(item, above) for key, item in value.items()}
        return [_softened(item, above) for item in value]
    try:
        return jsontext.loads(jsontext.dumps(value).decode("utf-8"))
    except Exception:
        return str(value).encode("utf-8", "replace").decode("utf-8")


def _softened_key(key):
    return (key if isinstance(key, str) else str(key)).encode("utf-8", "replace").decode("utf-8")
