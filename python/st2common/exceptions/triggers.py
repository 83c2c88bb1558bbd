"""Exceptions about triggers."""

from st2common.exceptions import StackStormBaseException


class TriggerDoesNotExistException(StackStormBaseException):
    """There is no such trigger."""
