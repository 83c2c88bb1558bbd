"""One sensor from start to end: order, class, setup, run, cleanup; and triggers that come and go meanwhile."""

import _thread
import atexit
import os
import queue
import signal
import sys
import threading
import time
import traceback

from . import load, logs
from .channel import Channel, Closed

CHANNEL = 3

# Seconds to clean up in when st2d is gone; while it is there, it keeps the time.
_GRACE = 2

# Seconds before a SIGTERM that the sensor has not heard is repeated.
_AGAIN = 0.05

# As the operating system has them, whatever a sensor makes of these modules.
_start_thread, _Queue = _thread.start_new_thread, queue.SimpleQueue
_sleep, _read = time.sleep, os.read


def main():
    """Runs the sensor that st2d names on descriptor 3."""
    try:
        os.fstat(CHANNEL)
        channel = Channel(CHANNEL)
        order = channel.receive()
    except (OSError, Closed) as error:
        sys.exit("This is started by st2d, which hands it an order on descriptor 3: %s" % error)
    logs.send_to(channel, order.get("log_level") or "INFO")
    _Process(channel, order).run()


class _Process:
    def __init__(self, channel, order):
        self._channel = channel
        self._order = order
        self._sensor = None
        self._is_set_up = False
        self._is_ending = False
        # Triggers on their way to the sensor, and those that it knows of.
        self._triggers = _Queue()
        self._known = {}

    def run(self):
        self._heed_sigterm()
        try:
            self._load()
            # Two threads: a sensor may dispatch while it is told of a trigger, and the answer must get through.
            self._channel.listen(self._triggers.put, self._closed)
            self._tell("setup")
            self._sensor.setup()
            self._is_set_up = True
            atexit.register(self._clean_up)
            self._tell("running")
            _start_thread(self._tell_of_triggers, ())
            self._sensor.run()
        except SystemExit as end:
            if not self._is_ending and isinstance(end.code, str):
                sys.stderr.write(end.code + "\n")
            self._end(0 if self._is_ending or end.code is None else end.code if isinstance(end.code, int) else 1)
        except BaseException:
            self._failed()
        # What threads the sensor has left go on; the interpreter waits for them, and then cleans up.

    def _load(self):
        from st2reactor.container.sensor_wrapper import SensorService, SensorWrapper

        order = self._order
        load.platform_libraries_first()
        wrapper = SensorWrapper(
            self._channel,
            pack=order["pack"],
            class_name=order["class_name"],
            file_path=order["file_path"],
            config=order.get("config"),
            poll_interval=order.get("poll_interval"),
        )
        cls = load.sensor_class(order["file_path"], order["class_name"])
        self._sensor = load.instance(cls, SensorService(wrapper), wrapper._config, wrapper._poll_interval)
        wrapper._sensor_instance = self._sensor
        self._logger = wrapper._logger

    def _tell_of_triggers(self):
        while True:
            document = self._triggers.get()
            if document.get("type") == "trigger":
                self._tell_of(document["event"], document["trigger"])

    def _tell_of(self, event, trigger):
        known = self._known.get(trigger["id"])
        try:
            if event == "delete":
                if self._known.pop(trigger["id"], None) is not None:
                    self._sensor.remove_trigger(trigger)
            elif known is None:
                self._known[trigger["id"]] = trigger
                self._sensor.add_trigger(trigger)
            elif known != trigger:
                self._known[trigger["id"]] = trigger
                self._sensor.update_trigger(trigger)
        except Exception:
            self._logger.exception("The sensor failed at the %s of trigger %s", event, trigger.get("ref"))

    def _closed(self):
        """st2d is gone: so shall be the sensor and all that it has started."""
        if not self._is_ending:
            os.kill(os.getpid(), signal.SIGTERM)
        _sleep(_GRACE)
        os.killpg(os.getpgid(0), signal.SIGKILL)

    def _heed_sigterm(self):
        """Lets SIGTERM end `run`, wherever it is.

        A signal that comes just before the main thread goes to sleep only sets a flag nobody looks at; so a thread
        is told of it as well, and repeats it until it was heard.
        """
        signal.signal(signal.SIGTERM, self._asked_to_end)
        told, tell = os.pipe()
        os.set_blocking(tell, False)
        signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
        _start_thread(self._repeat_sigterm, (told, threading.main_thread().ident))

    def _repeat_sigterm(self, told, main):
        while _read(told, 1) != bytes([signal.SIGTERM]):
            pass
        while not self._is_ending:
            _sleep(_AGAIN)
            if not self._is_ending:
                signal.pthread_kill(main, signal.SIGTERM)

    def _asked_to_end(self, _signal, _frame):
        if not self._is_ending:
            self._is_ending = True
            raise SystemExit(0)

    def _failed(self):
        text = traceback.format_exc()
        sys.stderr.write(text)
        try:
            self._channel.tell({"type": "state", "state": "failed", "error": text})
        except Closed:
            pass
        self._end(1)

    def _end(self, code):
        """Ends now, whatever threads the sensor has left."""
        self._is_ending = True
        self._clean_up()
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except Exception:
                pass
        os._exit(code)

    def _clean_up(self):
        if not self._is_set_up:
            return
        self._is_set_up = False
        try:
            self._sensor.cleanup()
        except BaseException:
            traceback.print_exc()

    def _tell(self, state):
        try:
            self._channel.tell({"type": "state", "state": state})
        except Closed:
            pass
