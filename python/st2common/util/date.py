"""Dates with a time zone."""

import datetime
import re

__all__ = ["add_utc_tz", "append_milliseconds_to_time", "convert_to_utc", "get_datetime_utc_now", "parse"]

_UTC = datetime.timezone.utc
_ISO = re.compile(
    r"(\d{4})-?(\d\d)-?(\d\d)(?:[T ](\d\d):?(\d\d)(?::?(\d\d)(?:[.,](\d{1,9}))?)?\s*(Z|[+-]\d\d(?::?\d\d)?)?)?"
)


def get_datetime_utc_now():
    """The time of now, in UTC."""
    return datetime.datetime.now(_UTC)


def append_milliseconds_to_time(date, millis):
    """A date some milliseconds later, in UTC."""
    return convert_to_utc(date + datetime.timedelta(milliseconds=millis))


def add_utc_tz(dt):
    """The same numbers, in UTC. `ValueError` when the date is in another zone already."""
    if dt.tzinfo and dt.tzinfo.utcoffset(dt) != datetime.timedelta(0):
        raise ValueError("datetime already contains a non UTC timezone")
    return dt.replace(tzinfo=_UTC)


def convert_to_utc(dt):
    """The same moment, in UTC; a date without a zone is taken to be in it."""
    return dt.astimezone(_UTC) if dt.tzinfo else add_utc_tz(dt)


def parse(value, preserve_original_tz=False):
    """The date that a text tells, in UTC unless its own zone is to be kept."""
    date = _parse(str(value))
    if not date.tzinfo:
        date = add_utc_tz(date)
    return date if preserve_original_tz else convert_to_utc(date)


def _parse(text):
    match = _ISO.fullmatch(text.strip())
    if not match:
        return _parse_anything(text)
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    microsecond = int(((fraction or "") + "000000")[:6])
    numbers = [int(number or 0) for number in (year, month, day, hour, minute, second)]
    return datetime.datetime(*numbers, microsecond, _zone(zone))


def _zone(text):
    if text is None:
        return None
    if text == "Z":
        return _UTC
    digits = text[1:].replace(":", "").ljust(4, "0")
    offset = datetime.timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return datetime.timezone(offset if text[0] == "+" else -offset)


def _parse_anything(text):
    try:
        import dateutil.parser
    except ImportError:
        raise ValueError('"%s" is no date in ISO 8601, and python-dateutil is not there to read others' % text)
    return dateutil.parser.parse(text)
