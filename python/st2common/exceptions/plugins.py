"""Exceptions about code that is loaded."""

from st2common.exceptions import StackStormPluginException


class PluginLoadError(StackStormPluginException):
    """A file could not be loaded."""


class IncompatiblePluginException(StackStormPluginException):
    """A class lacks a method."""
