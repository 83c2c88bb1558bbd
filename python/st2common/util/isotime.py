"""Dates as ISO 8601 texts."""

import datetime
import re

from st2common.util import date as date_utils

__all__ = ["format", "parse", "validate"]

ISO8601_FORMAT = "%Y-%m-%dT%H:%M:%S"
ISO8601_FORMAT_MICROSECOND = "%Y-%m-%dT%H:%M:%S.%f"
ISO8601_UTC_REGEX = r"^\d{4}\-\d{2}\-\d{2}(\s|T)\d{2}:\d{2}:\d{2}(\.\d{3,6})?(Z|\+00|\+0000|\+00:00)$"


def format(dt, usec=True, offset=True):
    """The text of a date, of a text of one, or of seconds since 1970."""
    if isinstance(dt, str):
        dt = parse(dt)
    elif isinstance(dt, int):
        dt = datetime.datetime.fromtimestamp(dt, datetime.timezone.utc)
    if offset:
        digits = dt.strftime("%z")
        end = digits[:3] + ":" + digits[3:] if digits else "+00:00"
    else:
        zone = dt.tzinfo.tzname(dt) if dt.tzinfo else "UTC"
        end = "Z" if zone == "UTC" else zone
    return dt.strftime(ISO8601_FORMAT_MICROSECOND if usec else ISO8601_FORMAT) + end


def validate(value, raise_exception=True):
    """Whether `value` is a date, or the text of one in UTC."""
    if isinstance(value, datetime.datetime) or (isinstance(value, str) and re.match(ISO8601_UTC_REGEX, value)):
        return True
    if raise_exception:
        raise ValueError("Datetime value does not match expected format.")
    return False


def parse(value, preserve_original_tz=False, validate_value=True):
    """The date of a text, which has to be in UTC unless `validate_value` is false."""
    if validate_value:
        validate(value)
    return date_utils.parse(value, preserve_original_tz)
