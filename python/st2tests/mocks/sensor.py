"""The service of a sensor under test."""

from logging import RootLogger
from unittest.mock import Mock

from st2common.models.api.trace import TraceContext
from st2tests.mocks.datastore import MockDatastoreService

__all__ = ["MockSensorService", "MockSensorWrapper"]


class MockSensorWrapper:
    """Who would run the sensor."""

    def __init__(self, pack, class_name):
        self._pack = pack
        self._class_name = class_name


class MockSensorService:
    """Keeps what is dispatched in `dispatched_triggers`."""

    def __init__(self, sensor_wrapper):
        self._sensor_wrapper = sensor_wrapper
        self._logger = Mock(spec=RootLogger)
        self.dispatched_triggers = []
        self._datastore_service = MockDatastoreService(
            logger=self._logger, pack_name=sensor_wrapper._pack, class_name=sensor_wrapper._class_name
        )

    @property
    def datastore_service(self):
        """The datastore, in memory."""
        return self._datastore_service

    def get_logger(self, name):
        """A mock, whatever the name."""
        return self._logger

    def dispatch(self, trigger, payload=None, trace_tag=None):
        """Notes a trigger."""
        context = TraceContext(trace_tag=trace_tag) if trace_tag else None
        return self.dispatch_with_context(trigger, payload=payload, trace_context=context)

    def dispatch_with_context(self, trigger, payload=None, trace_context=None):
        """Notes a trigger."""
        item = {"trigger": trigger, "payload": payload, "trace_context": trace_context}
        self.dispatched_triggers.append(item)
        return item

    def get_user_info(self):
        """The user of the tests."""
        return self._datastore_service.get_user_info()

    def list_values(self, local=True, prefix=None):
        """The items of the datastore."""
        return self._datastore_service.list_values(local=local, prefix=prefix)

    def get_value(self, name, local=True, scope="system", decrypt=False):
        """The value of an item, or None."""
        return self._datastore_service.get_value(name=name, local=local, scope=scope, decrypt=decrypt)

    def set_value(self, name, value, ttl=None, local=True, scope="system", encrypt=False):
        """Keeps a value."""
        return self._datastore_service.set_value(
            name=name, value=value, ttl=ttl, local=local, scope=scope, encrypt=encrypt
        )

    def delete_value(self, name, local=True, scope="system"):
        """Drops a value; whether there was one."""
        return self._datastore_service.delete_value(name=name, local=local, scope=scope)
