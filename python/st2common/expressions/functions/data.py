"""Filters that read and write values."""

import json

__all__ = [
    "from_json_string",
    "from_yaml_string",
    "json_escape",
    "jsonpath_query",
    "to_complex",
    "to_json_string",
    "to_yaml_string",
    "use_none",
]

NONE_MAGIC_VALUE = "%*****__%NONE%__*****%"


def from_json_string(value):
    """The value of a JSON text."""
    return json.loads(str(value))


def from_yaml_string(value):
    """The value of a YAML text."""
    import yaml

    return yaml.safe_load(str(value))


def to_json_string(value, indent=None, sort_keys=False, separators=(",", ": ")):
    """The JSON text of a value."""
    return json.dumps(value, indent=indent, sort_keys=bool(sort_keys), separators=separators)


def to_yaml_string(value, indent=None, allow_unicode=True):
    """The YAML text of a value, in block style."""
    import yaml

    # The one in C, which StackStorm uses, ends a plain text without "...".
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    more = {} if indent is None else {"indent": indent}
    return yaml.dump(value, Dumper=dumper, default_flow_style=False, allow_unicode=allow_unicode, **more)


def json_escape(value):
    """A text as it stands between the quotes of JSON."""
    return json.dumps(value).strip('"')


def jsonpath_query(value, query):
    """The values that a JSONPath finds, None when there are none."""
    import jsonpath_rw

    return [match.value for match in jsonpath_rw.parse(query).find(value)] or None


def to_complex(value):
    """The JSON text of a value, for lists and objects within a template."""
    return json.dumps(value)


def use_none(value):
    """Null so that it survives being written as text."""
    return NONE_MAGIC_VALUE if value is None else value
