"""Texts and dictionaries."""

import functools
import logging
import os
from collections.abc import Mapping

__all__ = [
    "compare_path_file_name",
    "deep_update",
    "ignore_and_log_exception",
    "lowercase_value",
    "prefix_dict_keys",
    "rstrip_last_char",
    "sanitize_output",
    "strip_shell_chars",
]


def prefix_dict_keys(dictionary, prefix="_"):
    """A copy with `prefix` before every key."""
    return {prefix + str(key): value for key, value in dictionary.items()}


def compare_path_file_name(file_path_a, file_path_b):
    """Compares two paths by the names of their files, as -1, 0 or 1."""
    one, other = os.path.basename(file_path_a), os.path.basename(file_path_b)
    return (one > other) - (one < other)


def sanitize_output(input_str, uses_pty=False):
    """Output of a remote command without its last line end, and without what a terminal adds."""
    output = strip_shell_chars(input_str)
    return output.replace("\r\n", "\n") if uses_pty else output


def strip_shell_chars(input_str):
    """The text without one line end, of either kind."""
    return rstrip_last_char(rstrip_last_char(input_str, "\n"), "\r")


def rstrip_last_char(input_str, char_to_strip):
    """The text without `char_to_strip` at its end."""
    if input_str and char_to_strip and input_str.endswith(char_to_strip):
        return input_str[: -len(char_to_strip)]
    return input_str


def deep_update(d, u):
    """Merges `u` into `d`, dictionaries within as well."""
    for key, value in u.items():
        d[key] = deep_update(d.get(key, {}), value) if isinstance(value, Mapping) else value
    return d


def lowercase_value(value):
    """Texts in small letters, also those of a list and a dictionary."""
    if isinstance(value, str):
        return value.lower()
    if isinstance(value, (list, tuple)):
        return [str(item).lower() for item in value]
    if isinstance(value, dict):
        return {key.lower(): str(item).lower() for key, item in value.items()}
    return value


def ignore_and_log_exception(exc_classes=(Exception,), logger=None, level=logging.WARNING):
    """Makes a function that logs such exceptions instead of raising them."""

    def decorate(function):
        @functools.wraps(function)
        def guarded(*args, **kwargs):
            try:
                return function(*args, **kwargs)
            except tuple(exc_classes) as error:
                name = "%s.%s" % (type(args[0]).__name__, function.__name__) if args else function.__name__
                (logger or logging.getLogger(__name__)).log(level, 'Exception in function "%s": %s', name, error)

        return guarded

    return decorate
