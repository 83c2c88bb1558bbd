"""The base class of Python actions. Kept light: every run imports it."""

import abc

__all__ = ["Action"]


class _Logger:
    """Made when it is first asked for, since `logging` costs more to import than most actions need otherwise."""

    def __get__(self, action, owner=None):
        if action is None:
            return self
        from st2common.runners.utils import get_logger_for_python_runner_action

        wrapper = getattr(action.action_service, "_action_wrapper", None)
        action.logger = get_logger_for_python_runner_action(
            action_name=type(action).__name__, log_level=getattr(wrapper, "_log_level", "debug")
        )
        return action.logger


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
