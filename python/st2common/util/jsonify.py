"""JSON as StackStorm writes it: compact, keys are texts, objects may say themselves how they look."""

import json

from st2_runner import jsontext

__all__ = ["get_json_type_for_python_value", "json_decode", "json_encode", "json_loads", "try_loads"]


class GenericJSON(json.JSONEncoder):
    """Asks objects for their form by `__json__`."""

    def default(self, obj):
        if callable(getattr(obj, "__json__", None)):
            return obj.__json__()
        if isinstance(obj, bytes):
            return obj.decode("utf-8")
        return super().default(obj)


def json_encode(obj, indent=None, sort_keys=False):
    """The JSON text of `obj`."""
    if not indent and not sort_keys:
        try:
            return jsontext.dumps(obj).decode("utf-8")
        except jsontext.Unencodable:
            pass  # perhaps it has a __json__ inside
    separators = None if indent else (",", ":")
    indent = 2 if indent else None
    return json.dumps(
        obj, cls=GenericJSON, indent=indent, separators=separators, sort_keys=sort_keys, ensure_ascii=False
    )


def json_decode(data):
    """The value of a JSON text."""
    return json.loads(data)


def load_file(path):
    """The value of a JSON file."""
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def json_loads(obj, keys=None):
    """Decodes in place those values of a dictionary that are JSON."""
    if not obj:
        return None
    for key in keys or list(obj):
        try:
            obj[key] = json_decode(obj[key])
        except Exception:
            pass  # it was no JSON, and stays
    return obj


def try_loads(s):
    """The value of a JSON text, or the text when it isn't one."""
    try:
        return json_decode(s) if s and isinstance(s, str) else s
    except ValueError:
        return s


def get_json_type_for_python_value(value):
    """What JSON schema calls the type of a value."""
    # A boolean is an integer to Python, and StackStorm calls it a number.
    for kinds, name in ((str, "string"), ((int, float), "number"), (dict, "object"), ((list, tuple), "array")):
        if isinstance(value, kinds):
            return name
    return "null" if value is None else "unknown"
