"""The base class of Python actions. Kept light: every run imports it."""

import abc

__all__ = ["Action"]


class _Logger:
    """`self.logger`: whatever the action has put there, else its own logger."""

    def __get__(self, action, owner=None):
        if action is None:
            return self
        own = vars(action).get("logger")
        if own is not None:
            return own
        from st2common.runners.lean_logger import logger_for

        wrapper = getattr(vars(action).get("action_service"), "_action_wrapper", None)
        # Asked anew each time: `logging` may have come meanwhile.
        return logger_for(type(action).__name__, getattr(wrapper, "_log_level", "debug"))

    def __set__(self, action, logger):
        vars(action)["logger"] = logger

    def __delete__(self, action):
        del vars(action)["logger"]


class Action(abc.ABC):
    """Actions inherit from it and have a method `run`, which takes the parameters by name."""

    description = None
    logger = _Logger()

    def __init__(self, config=None, action_service=None):
        from st2common.runners.pack_config import PackConfigDict

        wrapper = getattr(action_service, "_action_wrapper", None)
        self.action_service = action_service
        self.config = PackConfigDict(getattr(wrapper, "_pack", "unknown"), config or {})
        self.config.path = getattr(wrapper, "_config_path", None)

    @abc.abstractmethod
    def run(self, **kwargs):
        """Does the work. Its value is the result; a tuple of a bool and a value says success or failure as well."""
