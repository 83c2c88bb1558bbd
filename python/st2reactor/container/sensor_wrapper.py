"""What a sensor finds in `self.sensor_service`."""

import logging
import time

from st2_runner.service import Shortcuts
from st2common.models.api.trace import TraceContext
from st2common.services.datastore import SensorDatastoreService

__all__ = ["SensorService", "SensorWrapper"]

# st2d's tokens live for a day unless it is told otherwise; a new one is asked for well before.
_TOKEN_SECONDS = 600


class SensorWrapper:
    """Who runs the sensor: what st2d said of it, and the way back to st2d."""

    def __init__(self, channel, pack, class_name, file_path, config=None, poll_interval=None):
        self._channel = channel
        self._pack = pack
        self._class_name = class_name
        self._file_path = file_path
        self._config = config or {}
        self._poll_interval = poll_interval
        self._sensor_instance = None
        self._logger = logging.getLogger("SensorWrapper.%s.%s" % (pack, class_name))


class _Datastore(SensorDatastoreService):
    """The datastore with a token that never gets too old, however long the sensor runs."""

    def __init__(self, channel, **more):
        super().__init__(api_username="sensor_service", **more)
        self._channel = channel
        self._token = None
        self._token_until = 0

    def _get_token(self):
        if time.monotonic() >= self._token_until:
            self._token = self._channel.ask({"type": "token"})["token"]
            self._token_until = time.monotonic() + _TOKEN_SECONDS
            self._rest = self._client = None
        return self._token

    def _get_rest(self):
        self._get_token()
        return super()._get_rest()

    def get_api_client(self):
        self._get_token()
        return super().get_api_client()


class SensorService(Shortcuts):
    """Sends triggers, logs, and reaches the datastore, for one sensor."""

    def __init__(self, sensor_wrapper):
        self._sensor_wrapper = sensor_wrapper
        self._logger = sensor_wrapper._logger
        self._datastore_service = _Datastore(
            channel=sensor_wrapper._channel,
            logger=self._logger,
            pack_name=sensor_wrapper._pack,
            class_name=sensor_wrapper._class_name,
        )

    @property
    def datastore_service(self):
        """The datastore, all of it; the methods here are its commonest."""
        return self._datastore_service

    def get_logger(self, name):
        """A logger whose records go to the log of st2d."""
        return logging.getLogger("%s.%s" % (self._logger.name, name))

    def dispatch(self, trigger, payload=None, trace_tag=None):
        """Sends a trigger; when this returns, it is stored, or was refused, which is logged.

        `trigger` is the reference of a trigger type or of a trigger, or a dictionary of `type` and `parameters`.
        """
        context = TraceContext(trace_tag=trace_tag) if trace_tag else None
        return self.dispatch_with_context(trigger, payload=payload, trace_context=context)

    def dispatch_with_context(self, trigger, payload=None, trace_context=None):
        """The same, in a trace: `trace_context` is a `TraceContext` or a dictionary of its fields."""
        if isinstance(trace_context, TraceContext):
            trace_context = {"id_": trace_context.id_, "trace_tag": trace_context.trace_tag}
        answer = self._sensor_wrapper._channel.ask(
            {"type": "dispatch", "trigger": trigger, "payload": payload, "trace_context": trace_context}
        )
        if answer.get("refused"):
            self._logger.warning(answer["refused"])

    def list_values(self, local=True, limit=None, prefix=None, offset=0):
        """The items whose names begin with `prefix`, of this sensor alone unless `local` is false."""
        return self._datastore_service.list_values(local=local, limit=limit, prefix=prefix, offset=offset)
