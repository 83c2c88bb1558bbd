"""Exceptions about the API."""

from st2common.exceptions import StackStormBaseException


class InternalServerErrorException(StackStormBaseException):
    """The API failed."""
