"""Exceptions about runners."""

from st2common.exceptions import StackStormPluginException


class ActionRunnerException(StackStormPluginException):
    """A runner failed."""


class ActionRunnerCreateError(ActionRunnerException):
    """A runner could not be made."""


class ActionRunnerDispatchError(ActionRunnerException):
    """An action could not be handed to its runner."""


class ActionRunnerPreRunError(ActionRunnerException):
    """A runner failed before its action began."""


class InvalidActionRunnerOperationError(ActionRunnerException):
    """The runner can't do this."""


class UnexpectedActionExecutionStatusError(ActionRunnerException):
    """The execution is in another status."""
