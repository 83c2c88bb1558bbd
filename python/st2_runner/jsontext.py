"""JSON text to values and back, by the C parts of the standard library's `json`.

`import json` brings `re` and `enum` along, a third of what a bare interpreter needs to start. An interpreter without
these C parts gets the real module.

What counts as JSON is what orjson says, for StackStorm's wrapper uses it: keys are text; NaN and infinities become null;
datetimes, UUIDs, enums and dataclasses have a form; sets, bytes, decimals, named tuples and the like have none.
Left out on purpose: integers beyond 64 bits are numbers here, while orjson refuses them.
"""

import sys

# Containers in one another, as orjson counts them.
_DEEPEST = 254

_LEAVES = frozenset((str, int, float, bool, type(None)))
_BRANCHES = frozenset((dict, list, tuple))
_INFINITY = float("inf")


class Unencodable(TypeError):
    """The value has no JSON form."""


def loads(text):
    """The value of a JSON text that st2d wrote."""
    value, end = _scan()(text, 0)
    if text[end:].strip():
        raise ValueError("unexpected text after the JSON value, at character %d" % end)
    return value


def dumps(value):
    """The JSON of `value` in UTF-8. `Unencodable` when it has none."""
    try:
        text = _encode(value) if _is_plain(value) else None
    except ValueError:  # NaN or an infinity
        text = None
    if text is None:
        text = _encode(_plain(value, 0))
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise Unencodable("str is not valid UTF-8: surrogates not allowed") from error


def _scan():
    try:
        from _json import make_scanner
    except ImportError:
        import json

        return json.JSONDecoder(strict=False).scan_once
    return make_scanner(_Rules)


class _Rules:
    strict = False
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = float
    memo = {}


def _encode(value):
    try:
        from _json import encode_basestring, make_encoder

        encoder = make_encoder(None, None, encode_basestring, None, ":", ",", False, False, False)
    except (ImportError, TypeError):
        import json

        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return "".join(encoder(value, 0))


def _is_plain(value):
    """Whether the encoder of the standard library does with `value` what orjson does, but for NaN.

    Looks at the types of a whole container at once, since most results are large and plain.
    """
    if type(value) in _LEAVES:
        return True
    if type(value) not in _BRANCHES:
        return False
    level = [value]
    depth = 0
    while level:
        depth += 1
        if depth > _DEEPEST:
            return False
        below = []
        for branch in level:
            items = branch
            if type(branch) is dict:
                if not set(map(type, branch)) <= {str}:
                    return False
                items = branch.values()
            kinds = set(map(type, items))
            if not kinds <= _LEAVES:
                if not kinds <= _LEAVES | _BRANCHES:
                    return False
                below += [item for item in items if type(item) in _BRANCHES]
        level = below
    return True


def _plain(value, depth):
    """`value` made of leaves, dicts with text keys, and lists."""
    if depth > _DEEPEST:
        raise Unencodable("Recursion limit reached")
    kind = type(value)
    if kind is float:
        return value if -_INFINITY < value < _INFINITY else None
    if kind in _LEAVES:
        return value
    if isinstance(value, dict):
        return {_key(key): _plain(item, depth + 1) for key, item in value.items()}
    if kind is tuple or isinstance(value, list):
        return [_plain(item, depth + 1) for item in value]
    return _special(value, depth)


def _special(value, depth):
    """Kinds that only a module brings, which is looked for among those already imported."""
    enum = sys.modules.get("enum")
    if enum and isinstance(value, enum.Enum):
        return _plain(value.value, depth + 1)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    uuid = sys.modules.get("uuid")
    if uuid and isinstance(value, uuid.UUID):
        return str(value)
    datetime = sys.modules.get("datetime")
    if datetime and type(value) in (datetime.datetime, datetime.date):
        return value.isoformat()
    if datetime and type(value) is datetime.time and value.tzinfo is None:
        return value.isoformat()
    fields = getattr(type(value), "__dataclass_fields__", None)
    if fields is not None and not isinstance(value, type):
        names = [name for name in fields if not name.startswith("_") and hasattr(value, name)]
        return {name: _plain(getattr(value, name), depth + 1) for name in names}
    raise Unencodable("Type is not JSON serializable: %s" % type(value).__name__)


def _key(key):
    if type(key) is not str:
        raise Unencodable("Dict key must be str")
    return key
