"""Exceptions about files of packs."""

from st2common.exceptions import StackStormBaseException


class UnsupportedMetaException(StackStormBaseException):
    """A metadata file of an unknown kind."""


class ParseException(ValueError):
    """A text does not have the form it should."""


class ResourceDiskFilesRemovalError(StackStormBaseException):
    """Files could not be removed."""
