"""Exceptions of StackStorm that packs raise and catch."""


class StackStormBaseException(Exception):
    """The root of all of them."""


class StackStormPluginException(StackStormBaseException):
    """Something is wrong with code that was loaded."""
