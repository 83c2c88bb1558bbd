"""Finds and masks secret parameters."""

import copy

from st2common.constants.secrets import MASKED_ATTRIBUTE_VALUE

__all__ = ["get_secret_parameters", "mask_inquiry_response", "mask_secret_parameters"]

_PLAIN = ("integer", "number", "boolean", "null", "string")


def get_secret_parameters(parameters):
    """The secret ones of a schema's parameters: name to type, or to the secret ones within."""
    kind = parameters.get("type")
    if parameters.get("secret", False):
        return kind
    if kind == "array":
        found = _secret_of(parameters.get("items", {}))
        return [found] if found else []
    if kind in _PLAIN:
        return {}
    properties = parameters.get("properties", {}) if kind == "object" else parameters
    found = {name: _secret_of(options) for name, options in properties.items()}
    return {name: secret for name, secret in found.items() if secret}


def mask_secret_parameters(parameters, secret_parameters, result=None):
    """A copy of `parameters` in which the values that `secret_parameters` names are masked."""
    if not isinstance(secret_parameters, (dict, list)):
        return MASKED_ATTRIBUTE_VALUE
    result = copy.deepcopy(parameters) if result is None else result
    if isinstance(secret_parameters, dict):
        for name, inner in secret_parameters.items():
            if isinstance(result, dict) and name in result:
                result[name] = mask_secret_parameters(result[name], inner)
    elif isinstance(result, list):
        for inner in secret_parameters:
            result[:] = [mask_secret_parameters(item, inner) for item in result]
    return result


def mask_inquiry_response(response, schema):
    """A copy of the answer to an inquiry, with masked secrets."""
    secret = {name for name, options in schema["properties"].items() if options.get("secret") is True}
    return {name: MASKED_ATTRIBUTE_VALUE if name in secret else value for name, value in response.items()}


def _secret_of(options):
    if not isinstance(options, dict):
        return None
    if options.get("secret", False):
        return options.get("type")
    return get_secret_parameters(options) if options.get("type") in ("object", "array") else None
