"""The grammar of alias formats, for tests of packs.

A format is a regular expression with holes: `{{name}}` takes text, `{{name=default}}` may be left away. After what
the format wants, a command may go on with `name=value` pairs of its own.
"""

import re

from st2common.exceptions.content import ParseException

try:
    from re import _constants as sre_constants, _parser as sre_parse
except ImportError:  # Python 3.10 and older
    import sre_constants
    import sre_parse

__all__ = ["ActionAliasFormatParser", "extract_parameters", "extract_parameters_for_action_alias_db"]

_KEY = r"\s*(\S+?)\s*"
_QUOTED = r"""""|''|"(.+?)"|'(.+?)'|({.+?})|"""
_PAIR = r"(?:^|\s+)" + _KEY + "=(" + _QUOTED + r"(\S+))"
_PAIRS_AT_END = re.compile(r".*?((" + _PAIR + r"\s*)*)$", re.DOTALL)
_PAIR = re.compile(_PAIR, re.DOTALL)
_OPTIONAL = "{{" + _KEY + r"\s*=\s*(?:" + _QUOTED + r"(.+?))\s*}}"
_REQUIRED = "{{" + _KEY + "}}"
_HOLE = r"""\1["\']?(?P<\2>(?:(?<=\').+?(?=\')|(?<=").+?(?=")|{.+?}|.+?))["\']?"""

_STARTS = (sre_constants.AT_BEGINNING, sre_constants.AT_BEGINNING_STRING)
_ENDS = (sre_constants.AT_END, sre_constants.AT_END_STRING)


class ActionAliasFormatParser:
    """One format, and one command to read by it."""

    def __init__(self, alias_format=None, param_stream=None):
        self._format = alias_format or ""
        self._command = param_stream or ""
        self._pairs, self._rest = _split_off_pairs(self._command)
        self._defaults = re.findall(_OPTIONAL, self._format, re.DOTALL)
        self._regex = _compile(self._format)

    def get_extracted_param_value(self):
        """The parameters; `ParseException` when the command has another form."""
        return self._parameters(self._regex.search(self._rest))

    def get_multiple_extracted_param_value(self):
        """The parameters of every place in the command that fits."""
        return [self._parameters(match) for match in self._regex.finditer(self._rest)]

    def _parameters(self, match):
        if not match:
            raise ParseException(
                'Command "%s" doesn\'t match format string "%s"' % (self._command, self._format)
            )
        found = match.groupdict()
        for name, *default in self._defaults:
            found[name] = found[name] or "".join(default)
        for name, _, *value in self._pairs:
            found[name] = "".join(value)
        if self._format and not self._rest.strip() and not any(found.values()):
            raise ParseException("No value supplied and no default value found.")
        return found


def extract_parameters(format_str, param_stream, match_multiple=False):
    """The parameters that a command gives by a format."""
    parser = ActionAliasFormatParser(format_str, param_stream)
    return parser.get_multiple_extracted_param_value() if match_multiple else parser.get_extracted_param_value()


def extract_parameters_for_action_alias_db(action_alias_db, format_str, param_stream, match_multiple=False):
    """The same, for a format that the alias must have."""
    if format_str not in action_alias_db.get_format_strings():
        raise ValueError(
            'Format string "%s" is not available on the alias "%s"' % (format_str, action_alias_db.name)
        )
    return extract_parameters(format_str, param_stream, match_multiple)


def _split_off_pairs(command):
    text = _PAIRS_AT_END.match(command).group(1)
    if not text:
        return [], " %s " % command
    return _PAIR.findall(text), " %s " % command.replace(text, "")


def _compile(text):
    regex = re.sub(r"(\s*)" + _OPTIONAL, "(?:" + _HOLE + ")?", text)
    regex = re.sub(r"(\s*)" + _REQUIRED, _HOLE, regex)
    tokens = sre_parse.parse(regex, flags=re.DOTALL)
    if not _has_anchor(tokens, _STARTS):
        regex = r"^\s*" + regex
    if not _has_anchor(tokens, _ENDS):
        regex += r"\s*$"
    return re.compile(regex, re.DOTALL)


def _has_anchor(tokens, anchors):
    """Looks into groups, and into the second of alternatives, as StackStorm does."""
    for kind, value in tokens:
        if kind == sre_constants.AT and value in anchors:
            return True
        if kind == sre_constants.SUBPATTERN and _has_anchor(value[-1], anchors):
            return True
        if kind == sre_constants.BRANCH and _has_anchor(value[1][1], anchors):
            return True
    return False
