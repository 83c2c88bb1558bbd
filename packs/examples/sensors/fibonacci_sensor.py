import os

from st2reactor.sensor.base import PollingSensor

# Beyond it, the numbers begin anew.
LARGEST = 10000


class FibonacciSensor(PollingSensor):
    def setup(self):
        self._logger = self.sensor_service.get_logger(__name__)
        self._begin()

    def poll(self):
        if max(self._last) > LARGEST:
            self._begin()
        number = sum(self._last)
        payload = {"count": self._count, "fibonacci": number, "pythonpath": os.environ.get("PYTHONPATH")}
        self._logger.debug("Sending %s", payload)
        self.sensor_service.dispatch(trigger="examples.fibonacci", payload=payload)
        self._last, self._count = (self._last[1], number), self._count + 1

    def _begin(self):
        # The first two are known; the next one is number 2.
        self._last, self._count = (0, 1), 2

    def cleanup(self):
        pass

    def add_trigger(self, trigger):
        pass

    def update_trigger(self, trigger):
        pass

    def remove_trigger(self, trigger):
        pass
