"""Filters with regular expressions."""

import re

__all__ = ["regex_match", "regex_replace", "regex_search", "regex_substring"]


def regex_match(value, pattern, ignorecase=False):
    """Whether the text begins like this."""
    return bool(re.match(pattern, _text(value), _flags(ignorecase)))


def regex_search(value, pattern, ignorecase=False):
    """Whether the text holds this."""
    return bool(re.search(pattern, _text(value), _flags(ignorecase)))


def regex_replace(value, pattern, replacement, ignorecase=False):
    """The text with all of these replaced."""
    return re.sub(pattern, replacement, _text(value), flags=_flags(ignorecase))


def regex_substring(value, pattern, result_index=0, ignorecase=False):
    """One of those that the text holds."""
    return re.findall(pattern, _text(value), _flags(ignorecase))[result_index]


def _text(value):
    return value if isinstance(value, str) else str(value)


def _flags(ignorecase):
    return re.IGNORECASE if ignorecase else 0
