"""Tests of sensors."""

from st2tests.mocks.sensor import MockSensorService, MockSensorWrapper
from st2tests.pack_resource import BasePackResourceTestCase

__all__ = ["BaseSensorTestCase"]


class BaseSensorTestCase(BasePackResourceTestCase):
    """A test of the sensor `sensor_cls`, whose triggers go to `self.sensor_service`."""

    sensor_cls = None

    def setUp(self):
        super().setUp()
        wrapper = MockSensorWrapper(pack="tests", class_name=self.sensor_cls.__name__)
        self.sensor_service = MockSensorService(sensor_wrapper=wrapper)

    def get_sensor_instance(self, config=None, poll_interval=None):
        """An instance as the sensor's process would have it."""
        more = {"config": config} if config else {}
        if poll_interval is not None:
            more["poll_interval"] = poll_interval
        return self.sensor_cls(sensor_service=self.sensor_service, **more)

    def get_dispatched_triggers(self):
        """All that was dispatched, in order: dictionaries of `trigger`, `payload` and `trace_context`."""
        return self.sensor_service.dispatched_triggers

    def get_last_dispatched_trigger(self):
        """What was dispatched last."""
        return self.sensor_service.dispatched_triggers[-1]

    def assertTriggerDispatched(self, trigger, payload=None, trace_context=None):
        """Fails unless such a trigger was dispatched; what isn't given is not compared."""
        for item in self.get_dispatched_triggers():
            if (
                item["trigger"] == trigger
                and (not payload or item["payload"] == payload)
                and (not trace_context or item["trace_context"] == trace_context)
            ):
                return True
        raise AssertionError('Trigger "%s" hasn\'t been dispatched' % trigger)
