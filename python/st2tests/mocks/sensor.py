"""The service of a sensor under test."""

from logging import RootLogger
from unittest.mock import Mock

from st2reactor.container.sensor_wrapper import SensorService
from st2tests.mocks.datastore import MockDatastoreService

__all__ = ["MockSensorService", "MockSensorWrapper"]


class MockSensorWrapper:
    """Who would run the sensor."""

    def __init__(self, pack, class_name):
        self._pack = pack
        self._class_name = class_name


class MockSensorService(SensorService):
    """A sensor's service with a datastore in memory. Keeps what is dispatched in `dispatched_triggers`."""

    # What it stands for wants the way to st2d, which a test has not.
    def __init__(self, sensor_wrapper):
        self._sensor_wrapper = sensor_wrapper
        self._logger = Mock(spec=RootLogger)
        self.dispatched_triggers = []
        self._datastore_service = MockDatastoreService(
            logger=self._logger, pack_name=sensor_wrapper._pack, class_name=sensor_wrapper._class_name
        )

    def get_logger(self, name):
        """A mock, whatever the name."""
        return self._logger

    def dispatch_with_context(self, trigger, payload=None, trace_context=None):
        """Notes a trigger."""
        item = {"trigger": trigger, "payload": payload, "trace_context": trace_context}
        self.dispatched_triggers.append(item)
        return item

    def list_values(self, local=True, prefix=None):
        """The items of the datastore."""
        return self._datastore_service.list_values(local=local, prefix=prefix)
