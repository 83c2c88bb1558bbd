"""Exceptions about traces."""

from st2common.exceptions import StackStormBaseException
from st2common.exceptions.db import StackStormDBObjectNotFoundError


class UniqueTraceNotFoundException(StackStormBaseException):
    """More than one trace was found."""


class TraceNotFoundException(StackStormDBObjectNotFoundError):
    """There is no such trace."""
