"""Exceptions about parameters."""

from st2common.exceptions import StackStormBaseException


class ParamException(StackStormBaseException):
    """A parameter could not be resolved."""
