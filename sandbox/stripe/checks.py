"""The check of a request against its table: Stripe's refusal of the first wrong parameter, or the values in their types.

Values come as text from a form, or already typed from a simulation.
"""

import re
from collections.abc import Mapping
from typing import Any

from sandbox.stripe.errors import ApiError, Json, bad_parameter
from sandbox.stripe.params import Fields, Kind, Metadata, Several, Text, Truth, Whole

_WEB_URL = re.compile(r"https?://[^/\s?#@]+(?:[/?#]\S*)?\Z")


def check(kind: Fields, given: Mapping[str, Any]) -> Json:
    """The request's values in their types, or Stripe's refusal of the first wrong one."""
    return _fields(kind, given, "")


def _fields(kind: Fields, given: object, path: str) -> Json:
    if not isinstance(given, Mapping):
        raise bad_parameter("Invalid object", "parameter_invalid_empty", path)
    for name in given:
        if name not in kind.fields:
            param = _join(path, name)
            raise bad_parameter(f"Received unknown parameter: {param}", "parameter_unknown", param)
    for name, field in kind.fields.items():
        if field.required and given.get(name) in (None, ""):
            param = _join(path, name)
            raise bad_parameter(f"Missing required param: {param}.", "parameter_missing", param)
    return {name: _value(kind.fields[name], value, _join(path, name)) for name, value in given.items()}


def _join(path: str, name: str) -> str:
    return f"{path}[{name}]" if path else name


def _value(kind: Kind, given: object, path: str) -> Any:
    match kind:
        case Text():
            return _text(kind, given, path)
        case Whole():
            return _whole(kind, given, path)
        case Truth():
            if str(given).lower() not in ("true", "false"):
                raise bad_parameter(f"Invalid boolean: {given}", "parameter_invalid_empty", path)
            return str(given).lower() == "true"
        case Metadata():
            return _metadata(given, path)
        case Several():
            if not isinstance(given, list):
                raise bad_parameter("Invalid array", "parameter_invalid_empty", path)
            return [_value(kind.item, item, f"{path}[{number}]") for number, item in enumerate(given)]
        case Fields():
            if kind.or_whole and not isinstance(given, Mapping):
                return _whole(Whole(), given, path)
            return _fields(kind, given, path)


def _text(kind: Text, given: object, path: str) -> str:
    if not isinstance(given, str):
        raise bad_parameter("Invalid string", "parameter_invalid_string_blank", path)
    if given == "":
        raise bad_parameter(
            f"You passed an empty string for '{path}'. We assume empty values are an attempt to unset a parameter; "
            f"however '{path}' cannot be unset.",
            "parameter_invalid_empty",
            path,
        )
    if len(given) > kind.max_length:
        message = f"Invalid string: {path} must be at most {kind.max_length} characters"
        raise bad_parameter(message, "parameter_invalid_string_blank", path)
    if kind.is_url and not _WEB_URL.match(given):
        raise bad_parameter("Not a valid URL", "url_invalid", path)
    if kind.choices and given not in kind.choices:
        message = f"Invalid {path}: must be one of {', '.join(kind.choices)}"
        raise ApiError(message, param=path, executed=False)
    return given


def _whole(kind: Whole, given: object, path: str) -> int:
    text = str(given)
    if isinstance(given, bool) or not text.removeprefix("-").isascii() or not text.removeprefix("-").isdigit():
        raise bad_parameter(f"Invalid integer: {text}", "parameter_invalid_integer", path)
    number = int(text)
    if kind.minimum is not None and number < kind.minimum:
        message = f"This value must be greater than or equal to {kind.minimum}."
        raise bad_parameter(message, "parameter_invalid_integer", path)
    return number


def _metadata(given: object, path: str) -> dict[str, str]:
    if given == "":
        return {}
    if not isinstance(given, Mapping) or not all(isinstance(value, str) for value in given.values()):
        raise bad_parameter("Metadata must be a flat map of strings.", "parameter_invalid_empty", path)
    if len(given) > 50 or any(len(key) > 40 or len(value) > 500 for key, value in given.items()):
        message = "Metadata takes at most 50 keys of 40 characters, with values of at most 500."
        raise bad_parameter(message, "parameter_invalid_empty", path)
    return {str(key): value for key, value in given.items() if value != ""}
