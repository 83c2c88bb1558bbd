"""Exceptions about sensors."""

from st2common.exceptions import StackStormBaseException, StackStormPluginException


class SensorPluginException(StackStormPluginException):
    """A sensor failed."""


class TriggerTypeRegistrationException(SensorPluginException):
    """A trigger type could not be registered."""


class SensorNotFoundException(StackStormBaseException):
    """There is no such sensor."""
