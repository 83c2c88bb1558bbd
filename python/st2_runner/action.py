"""One run of an action: from the order to the frame with its result. Cold and warm runs are the same from here on."""

import os
import sys

from . import frame, jsontext, load
from .service import ActionService, Wrapper

ORDER, RESULT = 3, 4

# Where the result's descriptor waits while the action runs: out of the way of code that counts or closes the low ones.
_ASIDE = 200

BAD_STATUS = 220
_BAD_STATUS_HINT = """
If this is an existing action which returns a tuple with two items, it needs to be updated to
either:

1. Return a list instead of a tuple
2. Return a tuple where a first items is a status flag - (True, ('item1', 'item2'))

For more information, please see: https://docs.stackstorm.com/upgrade_notes.html#st2-v1-6
""".strip()


class Reply:
    """The pipe that takes the result."""

    def __init__(self, fd):
        try:
            self._fd = os.dup2(fd, _ASIDE, inheritable=False)
            os.close(fd)
        except OSError:  # fewer descriptors are allowed
            self._fd = fd
            os.set_inheritable(fd, False)
        self._pipe = self._identity()
        self._pid = os.getpid()

    def send(self, content):
        """Writes the frame, unless the action has closed the pipe or something else has its number by now."""
        if os.getpid() != self._pid:
            return  # a fork of the action came back from run() as well; it has no say
        if self._pipe != self._identity():
            sys.stderr.write(
                "The result is lost: the action has closed descriptor %d, which st2d gave it for the result. "
                "Close only files that the action has opened.\n" % self._fd
            )
            sys.exit(1)
        frame.write(self._fd, content)

    def farewell(self, code):
        """Tells the exit code that the process is about to end with."""
        if os.getpid() == self._pid and self._pipe == self._identity():
            try:
                frame.write(self._fd, b'{"code":%d}' % code)
            except OSError:
                pass  # nobody listens; the end itself tells

    def close(self):
        """Gives the descriptor back."""
        os.close(self._fd)

    def _identity(self):
        try:
            stat = os.fstat(self._fd)
        except OSError:
            return None
        return stat.st_dev, stat.st_ino


def read_order(fd):
    """Reads the order. Its pipe is closed, unless one more byte is to come: the word to begin."""
    order = jsontext.loads(frame.read(fd).decode("utf-8"))
    if not order.get("held"):
        os.close(fd)
    return order


def execute(order, reply, known, order_fd=None):
    """Runs the action and sends its result; what the action raises goes through.

    `known` names the modules that are no news to st2d; the word to begin, if it is waited for, comes from `order_fd`.
    """
    ahead = load.Ahead(order["file_path"])
    if order.get("held"):
        _wait_to_begin(order_fd)
    if order.get("cwd"):
        os.chdir(order["cwd"])
    config = order.get("config")
    if config is not None and not isinstance(config, dict):
        raise TypeError("Pack config needs to be a dictionary (was %s)." % type(config))
    _platform_libraries_first()
    wrapper = Wrapper(order)
    cls = load.action_class(wrapper._file_path, ahead)
    wrapper._class_name = cls.__name__
    action = load.instance(cls, wrapper._config, ActionService(wrapper))
    result, status = _judge(action.run(**wrapper._parameters))
    from . import learn

    modules = learn.worth_preloading(known)
    reply.send(b'{"result":%s,"status":%s,"modules":%s}' % (result, jsontext.dumps(status), jsontext.dumps(modules)))


def _wait_to_begin(fd):
    """Until here nothing has happened that anybody could notice. Without the word nothing will."""
    word = os.read(fd, 1)
    if not word:
        os._exit(0)
    os.close(fd)


def _judge(output):
    """The JSON of the result, and the status: true, false or null."""
    status = None
    if isinstance(output, tuple) and len(output) == 2:
        status, output = output
    if status is not None and not isinstance(status, bool):
        sys.stderr.write(
            "Status returned from the action run() method must either be True or False, got: %s\n" % (status,)
        )
        sys.stderr.write(_BAD_STATUS_HINT)
        sys.exit(BAD_STATUS)
    try:
        return jsontext.dumps(output), status
    except Exception:
        pass
    if status is not None:
        output = str(output)
        try:
            return jsontext.dumps(output), status
        except jsontext.Unencodable:
            pass
    # Without a status StackStorm's wrapper prints all of it as Python does, and its runner takes what follows the key.
    # The status is lost on that way.
    text = str({"result": output, "status": status}).strip()
    line = text[text.rfind("\n") + 1 :]
    key, found, rest = line.partition("'result': ")
    return jsontext.dumps(rest if found else text), None


def _platform_libraries_first():
    """What is installed in the virtualenv goes before what st2d brings."""
    if sys.prefix != sys.base_prefix:
        path = "%s/%s/python%d.%d/site-packages" % (
            (sys.prefix, getattr(sys, "platlibdir", "lib")) + sys.version_info[:2]
        )
    else:
        import sysconfig

        path = sysconfig.get_path("platlib")
    sys.path.insert(0, path)


def main():
    """A cold run: the order is on descriptor 3, the result goes to 4."""
    try:
        os.fstat(RESULT)
        order = read_order(ORDER)
    except (OSError, EOFError) as error:
        sys.exit("This is started by st2d, which hands it an order on descriptor 3: %s" % error)
    import gc

    from . import ending

    reply = Reply(RESULT)
    known = ending.remember_modules()
    # What is there by now is not looked at again at the end.
    gc.freeze()
    ending.run_to_the_end(lambda: execute(order, reply, known), reply.farewell)
