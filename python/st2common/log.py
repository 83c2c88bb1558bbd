"""Logging under StackStorm's names: loggers below `st2.`, and the level AUDIT above all others."""

import logging
from logging import *  # noqa: F403

__all__ = ["getLogger", "AUDIT"] + logging.__all__

AUDIT = logging.AUDIT = logging.CRITICAL + 10
logging.addLevelName(AUDIT, "AUDIT")


def _audit(self, message, *args, **kwargs):
    if self.isEnabledFor(AUDIT):
        self._log(AUDIT, message, args, **kwargs)


logging.Logger.audit = _audit


def getLogger(name):
    """The logger of that name below `st2.`. Keys of `extra` may be names that records have themselves."""
    logger = logging.getLogger(name if name.startswith("st2.") else "st2." + name)
    if "makeRecord" not in vars(logger):
        logger.makeRecord = _with_own_names(logger.makeRecord)
    return logger


def _with_own_names(make_record):
    def make(name, level, file, line, message, args, exc_info, func=None, extra=None, sinfo=None):
        extra = extra and {"_" + key: value for key, value in extra.items()}
        return make_record(name, level, file, line, message, args, exc_info, func, extra, sinfo)

    return make
