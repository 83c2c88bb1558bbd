"""Filters about time."""

import datetime

__all__ = ["to_human_time_from_seconds"]

_UNITS = "ydhms"


def to_human_time_from_seconds(seconds):
    """Seconds as `1h3m5s`."""
    if not isinstance(seconds, (int, float)):
        raise AssertionError("seconds have to be a number, not %r" % (seconds,))
    if seconds == 0:
        return "0s"
    if seconds < 1:
        # StackStorm's text, though it divides nothing.
        return "%s\u03bcs" % seconds
    end = datetime.datetime(1, 1, 1) + datetime.timedelta(seconds=round(seconds))
    # Months are lost, as in StackStorm.
    parts = [end.year - 1, end.day - 1, end.hour, end.minute, end.second]
    first = next((place for place, part in enumerate(parts) if part), 4)
    return "".join("%d%s" % (part, unit) for part, unit in list(zip(parts, _UNITS))[first:])
