"""Everything that is logged in a sensor's process goes to the log of st2d."""

import logging
import sys


class ToDaemon(logging.Handler):
    """Sends records through the channel; to stderr when st2d is gone."""

    def __init__(self, channel):
        super().__init__()
        self._channel = channel

    def emit(self, record):
        try:
            message = record.getMessage()
            if record.exc_info:
                message += "\n" + logging.Formatter().formatException(record.exc_info)
            if record.stack_info:
                message += "\n" + record.stack_info
            self._channel.tell(
                {"type": "log", "level": record.levelname, "name": record.name, "message": message}
            )
        except Exception:
            try:
                sys.stderr.write("%s %s %s\n" % (record.levelname, record.name, record.msg))
            except Exception:
                pass


def send_to(channel, level):
    """Sends all loggers' records from `level` on."""
    root = logging.getLogger()
    root.addHandler(ToDaemon(channel))
    root.setLevel(getattr(logging, str(level).upper(), logging.INFO))
