import datetime
import threading

from st2reactor.sensor.base import Sensor

SECONDS = 60


class SampleSensor(Sensor):
    """run() is called once and goes on until cleanup() says that it is over."""

    def setup(self):
        # Called once, before run(). Connect to what is watched here.
        self._logger = self.sensor_service.get_logger(__name__)
        self._stop = threading.Event()
        # Kept in the datastore, so that the count goes on after a restart.
        self._count = int(self.sensor_service.get_value("count") or 0)

    def run(self):
        while True:
            self._count += 1
            self._logger.info("Sending event %d", self._count)
            now = datetime.datetime.now(datetime.timezone.utc)
            # When this returns, the event is stored.
            self.sensor_service.dispatch(
                trigger="examples.event",
                payload={"executed_at": str(now), "count": self._count},
                trace_tag="sample-%d" % self._count,
            )
            self.sensor_service.set_value("count", self._count)
            if self._stop.wait(SECONDS):
                return

    def cleanup(self):
        # Called when the sensor stops. Close what setup() has opened.
        self._stop.set()

    # Only sensors whose trigger types have parameters need these.
    def add_trigger(self, trigger):
        pass

    def update_trigger(self, trigger):
        pass

    def remove_trigger(self, trigger):
        pass
