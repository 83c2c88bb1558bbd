import os
import threading

from st2reactor.sensor.base import Sensor

# Seconds between two looks at the files.
PAUSE = 0.5

# Read at once.
CHUNK = 1 << 16


class FileWatchSensor(Sensor):
    """Sends each new line of the files that rules wait for. Files may be missing, cut, or replaced meanwhile."""

    def __init__(self, sensor_service, config=None):
        super().__init__(sensor_service=sensor_service, config=config)
        self._logger = self.sensor_service.get_logger(__name__)
        self._files = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()

    def setup(self):
        pass

    def run(self):
        while not self._stop.wait(PAUSE):
            with self._lock:
                files = list(self._files.items())
            for ref, file in files:
                for line in file.new_lines():
                    self._send(ref, file.path, line)

    def cleanup(self):
        self._stop.set()

    def add_trigger(self, trigger):
        path = trigger["parameters"].get("file_path")
        if not path:
            self._logger.error('Trigger %s has no parameter "file_path"', trigger.get("ref"))
            return
        with self._lock:
            self._files[trigger["ref"]] = WatchedFile(path)
        self._logger.info("Watching %s", path)

    def update_trigger(self, trigger):
        self.remove_trigger(trigger)
        self.add_trigger(trigger)

    def remove_trigger(self, trigger):
        with self._lock:
            file = self._files.pop(trigger["ref"], None)
        if file:
            self._logger.info("Not watching %s any more", file.path)

    def _send(self, ref, path, line):
        payload = {"file_path": path, "file_name": os.path.basename(path), "line": line}
        self.sensor_service.dispatch(trigger=ref, payload=payload)


class WatchedFile:
    """A file, and how far it has been read: what it holds at first is old."""

    def __init__(self, path):
        self.path = path
        self._rest = b""
        self._identity, self._offset = self._look() or (None, 0)

    def new_lines(self):
        """The whole lines that were added since the last call."""
        found = self._look()
        if found is None:
            self._identity = None
            return
        identity, size = found
        if identity != self._identity or size < self._offset:
            # Another file by that name, or the same one emptied: all of it is new.
            self._identity, self._offset, self._rest = identity, 0, b""
        if size == self._offset:
            return
        try:
            with open(self.path, "rb") as file:
                file.seek(self._offset)
                while True:
                    chunk = file.read(CHUNK)
                    if not chunk:
                        return
                    self._offset += len(chunk)
                    lines = (self._rest + chunk).split(b"\n")
                    self._rest = lines.pop()
                    for line in lines:
                        yield line.decode("utf-8", "replace").rstrip("\r")
        except OSError:
            self._identity = None

    def _look(self):
        try:
            stat = os.stat(self.path)
        except OSError:
            return None
        return (stat.st_dev, stat.st_ino), stat.st_size
