"""Filters about semantic versions."""

import re

__all__ = [
    "version_bump_major",
    "version_bump_minor",
    "version_bump_patch",
    "version_compare",
    "version_equal",
    "version_less_than",
    "version_match",
    "version_more_than",
    "version_strip_patch",
]

_NUMBER = r"(0|[1-9]\d*)"
_LABEL = r"(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)"
_VERSION = re.compile(
    r"%s\.%s\.%s(?:-(%s(?:\.%s)*))?(?:\+[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*)?"
    % (_NUMBER, _NUMBER, _NUMBER, _LABEL, _LABEL)
)
_COMPARISON = re.compile(r"(>=|<=|==|!=|>|<)(.+)")
_HOLDS = {">=": (0, 1), "<=": (0, -1), "==": (0,), "!=": (1, -1), ">": (1,), "<": (-1,)}


def version_compare(value, pattern):
    """-1, 0 or 1."""
    one, other = _order(value), _order(pattern)
    return (one > other) - (one < other)


def version_more_than(value, pattern):
    """Whether it is the newer one."""
    return version_compare(value, pattern) == 1


def version_less_than(value, pattern):
    """Whether it is the older one."""
    return version_compare(value, pattern) == -1


def version_equal(value, pattern):
    """Whether neither is newer."""
    return version_compare(value, pattern) == 0


def version_match(value, pattern):
    """Whether a comparison such as `>=1.2.3` holds; a bare version means `==`."""
    match = _COMPARISON.fullmatch(pattern)
    sign, other = match.groups() if match else ("==", pattern)
    return version_compare(value, other) in _HOLDS[sign]


def version_bump_major(value):
    """The next major version."""
    return "%d.0.0" % (_numbers(value)[0] + 1)


def version_bump_minor(value):
    """The next minor version."""
    major, minor, _ = _numbers(value)
    return "%d.%d.0" % (major, minor + 1)


def version_bump_patch(value):
    """The next patch version."""
    major, minor, patch = _numbers(value)
    return "%d.%d.%d" % (major, minor, patch + 1)


def version_strip_patch(value):
    """Major and minor alone."""
    return "%d.%d" % _numbers(value)[:2]


def _match(text):
    match = _VERSION.fullmatch(text)
    if not match:
        raise ValueError("%s is not valid SemVer string" % text)
    return match


def _numbers(text):
    return tuple(int(number) for number in _match(text).groups()[:3])


def _order(text):
    """What versions are sorted by: a label makes it older; numbers in labels come before words."""
    label = _match(text).group(4)
    words = [(0, int(word), "") if word.isdigit() else (1, 0, word) for word in (label or "").split(".") if word]
    return _numbers(text), label is None, words
