"""A logger for as long as nobody has imported `logging`, which takes longer than most actions run.

While that module isn't there, nobody can have a handler, a filter or another level. So all there is to do for a plain
message is to print it; anything else is left to the real logger.
"""

import sys

_LEVELS = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40, "CRITICAL": 50, "AUDIT": 60}


def logger_for(name, level):
    """The logger of an action: the real one, once `logging` is there."""
    return LeanLogger(name, level) if "logging" not in sys.modules else _real(name, level)


class LeanLogger:
    """Prints what the real logger would; becomes it for everything else."""

    def __init__(self, name, level):
        self._given = name, level
        self._prefix = "%-12s: " % ("st2.actions.python.%s" % name)
        self._lowest = _LEVELS.get(str(level).upper(), 10)

    def __getattr__(self, attribute):
        return getattr(_real(*self._given), attribute)

    def _say(self, level, message, args, kwargs):
        if "logging" in sys.modules or kwargs:
            return getattr(_real(*self._given), level.lower())(message, *args, **kwargs)
        if _LEVELS[level] < self._lowest:
            return None
        # A dictionary alone is for names in the message.
        values = args[0] if len(args) == 1 and isinstance(args[0], dict) and args[0] else args
        try:
            text = "%s%-8s %s\n" % (self._prefix, level, str(message) % values if args else str(message))
        except Exception:
            return getattr(_real(*self._given), level.lower())(message, *args)  # which tells what is wrong
        sys.stderr.write(text)
        return None

    def debug(self, msg, *args, **kwargs):
        """Logs at DEBUG."""
        self._say("DEBUG", msg, args, kwargs)

    def info(self, msg, *args, **kwargs):
        """Logs at INFO."""
        self._say("INFO", msg, args, kwargs)

    def warning(self, msg, *args, **kwargs):
        """Logs at WARNING."""
        self._say("WARNING", msg, args, kwargs)

    def error(self, msg, *args, **kwargs):
        """Logs at ERROR."""
        self._say("ERROR", msg, args, kwargs)

    def critical(self, msg, *args, **kwargs):
        """Logs at CRITICAL."""
        self._say("CRITICAL", msg, args, kwargs)

    def audit(self, msg, *args, **kwargs):
        """Logs at AUDIT."""
        self._say("AUDIT", msg, args, kwargs)


def _real(name, level):
    from st2common.runners.utils import get_logger_for_python_runner_action

    return get_logger_for_python_runner_action(action_name=name, log_level=level)
