"""Pieces that actions and their tests are made with."""

import logging

from st2_runner import load
from st2common import log
from st2common.runners.pack_config import PackConfigDict

__all__ = ["PackConfigDict", "get_action_class_instance", "get_logger_for_python_runner_action"]

_LOGGERS = {}


def get_logger_for_python_runner_action(action_name, log_level="debug"):
    """The logger of an action: to stderr, from `log_level` on; the same one when asked again."""
    name = "actions.python.%s" % action_name
    if name not in _LOGGERS:
        level = getattr(logging, str(log_level).upper(), logging.DEBUG)
        handler = logging.StreamHandler()
        handler.setLevel(level)
        handler.setFormatter(logging.Formatter("%(name)-12s: %(levelname)-8s %(message)s"))
        logger = log.getLogger(name)
        logger.addHandler(handler)
        logger.setLevel(level)
        _LOGGERS[name] = logger
    return _LOGGERS[name]


def get_action_class_instance(action_cls, config=None, action_service=None):
    """An instance of an action's class, old constructors included."""
    return load.instance(action_cls, config, action_service)
