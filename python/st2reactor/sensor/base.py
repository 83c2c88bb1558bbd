"""The base classes of sensors."""

import abc
import time

__all__ = ["BaseSensor", "PollingSensor", "Sensor"]


class BaseSensor(abc.ABC):
    """What all sensors have."""

    def __init__(self, sensor_service, config=None):
        self.sensor_service = self._sensor_service = sensor_service
        self.config = self._config = config or {}

    @abc.abstractmethod
    def setup(self):
        """Makes what the sensor needs; called once, before `run`."""

    @abc.abstractmethod
    def run(self):
        """Watches, and dispatches triggers; returns only when there is nothing more to watch."""

    @abc.abstractmethod
    def cleanup(self):
        """Gives back what `setup` has taken; called when the sensor stops."""

    @abc.abstractmethod
    def add_trigger(self, trigger):
        """A trigger of the sensor's types has come."""

    @abc.abstractmethod
    def update_trigger(self, trigger):
        """A trigger has changed."""

    @abc.abstractmethod
    def remove_trigger(self, trigger):
        """A trigger has gone."""


class Sensor(BaseSensor):
    """A sensor that waits by itself, in `run`."""


class PollingSensor(BaseSensor):
    """A sensor that looks every so many seconds, in `poll`."""

    def __init__(self, sensor_service, config=None, poll_interval=5):
        super().__init__(sensor_service=sensor_service, config=config)
        self._poll_interval = poll_interval

    @abc.abstractmethod
    def poll(self):
        """Looks once."""

    def run(self):
        while True:
            self.poll()
            time.sleep(self._poll_interval)

    def get_poll_interval(self):
        """Seconds between two looks."""
        return self._poll_interval

    def set_poll_interval(self, poll_interval):
        """Sets the seconds between two looks, from the next on."""
        self._poll_interval = poll_interval
