from st2reactor.sensor.base import PollingSensor


class FibonacciSensor(PollingSensor):
    def setup(self):
        self._logger = self.sensor_service.get_logger(__name__)
        self._a, self._b, self._count = 0, 1, 0

    def poll(self):
        self._a, self._b, self._count = self._b, self._a + self._b, self._count + 1
        payload = {"count": self._count, "fibonacci": self._a, "pack": "examples"}
        self._logger.debug("Sending %s", payload)
        self.sensor_service.dispatch(trigger="examples.fibonacci", payload=payload)

    def cleanup(self):
        pass

    def add_trigger(self, trigger):
        pass

    def update_trigger(self, trigger):
        pass

    def remove_trigger(self, trigger):
        pass
