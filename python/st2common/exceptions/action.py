"""Exceptions about actions."""

from st2common.exceptions import StackStormBaseException


class ParameterRenderingFailedException(StackStormBaseException):
    """A parameter's template failed."""


class InvalidActionReferencedException(StackStormBaseException):
    """There is no such action."""


class InvalidActionParameterException(StackStormBaseException):
    """A parameter is not what the action takes."""
