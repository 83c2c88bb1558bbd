"""Exceptions about what the API is sent."""

from st2common.exceptions import StackStormBaseException


class ValueValidationException(StackStormBaseException):
    """A value is not valid."""
