"""Exceptions about stored objects."""

from st2common.exceptions import StackStormBaseException


class StackStormDBObjectNotFoundError(StackStormBaseException):
    """There is no such object."""


class StackStormDBObjectMalformedError(StackStormBaseException):
    """The object is not what it should be."""


class StackStormDBObjectConflictError(StackStormBaseException):
    """There is another object of that name."""

    def __init__(self, message, conflict_id, model_object):
        super().__init__(message)
        self.conflict_id = conflict_id
        self.model_object = model_object
