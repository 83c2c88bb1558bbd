"""Jinja as StackStorm sets it up, for code of packs that renders by itself. Needs jinja2."""

import re

from st2common.util.jsonify import json_decode, json_encode

__all__ = ["convert_jinja_to_raw_block", "get_jinja_environment", "is_jinja_expression", "render_values"]

JINJA_EXPRESSIONS_START_MARKERS = ["{{", "{%"]
_EXPRESSION = re.compile(r"{{.*}}|{%.*%}")


def get_filters():
    """StackStorm's filters by their names."""
    from st2common.expressions.functions import data, datastore, path, regex, time, version

    modules = (data, datastore, path, regex, time, version)
    return {name: getattr(module, name) for module in modules for name in module.__all__}


def get_jinja_environment(allow_undefined=False, trim_blocks=True, lstrip_blocks=True):
    """A sandboxed environment; undefined variables are errors unless allowed."""
    import jinja2
    import jinja2.sandbox

    environment = jinja2.sandbox.SandboxedEnvironment(
        undefined=jinja2.Undefined if allow_undefined else jinja2.StrictUndefined,
        trim_blocks=trim_blocks,
        lstrip_blocks=lstrip_blocks,
    )
    environment.filters.update(get_filters())
    environment.tests["in"] = lambda item, container: item in container
    return environment


def render_values(mapping=None, context=None, allow_undefined=False):
    """The mapping with its templates rendered; what holds none keeps its type."""
    if not context or not mapping:
        return mapping
    environment = get_jinja_environment(allow_undefined=allow_undefined)
    # A variable of that name in the context itself goes first.
    variables = dict({"__context": context}, **context)
    return {key: _render(environment, variables, key, value) for key, value in mapping.items()}


def is_jinja_expression(value):
    """Whether a text looks like a template."""
    return isinstance(value, str) and any(marker in value for marker in JINJA_EXPRESSIONS_START_MARKERS)


def convert_jinja_to_raw_block(value):
    """The value with its templates marked to stay as they are."""
    if isinstance(value, dict):
        return {key: convert_jinja_to_raw_block(item) for key, item in value.items()}
    if isinstance(value, list):
        return [convert_jinja_to_raw_block(item) for item in value]
    if isinstance(value, str) and _EXPRESSION.search(value):
        return "{% raw %}" + value + "{% endraw %}"
    return value


def _render(environment, variables, key, value):
    is_container = isinstance(value, (dict, list))
    text = json_encode(value) if is_container else str(value)
    try:
        rendered = environment.from_string(text).render(variables)
    except Exception as error:
        # Whoever catches it can say where it was.
        error.key, error.value = key, text
        raise
    if rendered == text:
        return value
    return json_decode(rendered) if is_container else rendered
