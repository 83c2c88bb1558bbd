"""Exceptions about the datastore."""

from st2common.exceptions import StackStormBaseException
from st2common.exceptions.db import StackStormDBObjectNotFoundError


class CryptoKeyNotSetupException(StackStormBaseException):
    """There is no key to encrypt with."""


class DataStoreKeyNotFoundError(StackStormDBObjectNotFoundError):
    """There is no such item."""


class InvalidScopeException(StackStormBaseException):
    """There is no such scope."""


class InvalidUserException(StackStormBaseException):
    """There is no such user."""
