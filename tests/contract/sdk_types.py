"""Checks JSON against the types that stripe-python generates from Stripe's own OpenAPI description. No network.

`check_answer(value, stripe.Refund)` for what a server answers, `check_params(body, stripe.params.RefundCreateParams)` for what
a client sends; both give a list of findings, empty if all is well. The SDK types an enum as `Literal[...] | str`, so that a
newer server does not break an older client; here the `str` arm is dropped, so that a wrong value is found.

An `Optional` field may be missing: the types do not tell "null" from "absent".
"""

import ast
import functools
import importlib
import inspect
import sys
import types
import typing
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal, Union, get_args, get_origin

import stripe
import typing_extensions
from stripe._stripe_object import StripeObject, UntypedStripeObject

_WRAPPERS = (typing_extensions.Required, typing_extensions.NotRequired, typing.Annotated)
_PLAIN: dict[object, tuple[type, ...]] = {int: (int,), float: (int, float), str: (str,), Decimal: (str,)}


def check_answer(value: object, cls: type[StripeObject]) -> list[str]:
    return list(_findings(value, cls, getattr(cls, "OBJECT_NAME", cls.__name__)))


def check_list(value: object, cls: type[StripeObject]) -> list[str]:
    """The same for a list of such objects."""
    return list(_findings(value, stripe.ListObject[cls], "list"))  # type: ignore[valid-type]


def check_params(body: Mapping[str, object], typed_dict: type) -> list[str]:
    return list(_findings(dict(body), typed_dict, "params"))


Findings = typing.Iterator[str]


def _findings(value: object, kind: Any, path: str) -> Findings:
    origin, arguments = get_origin(kind), get_args(kind)
    if kind is Any:
        return
    if origin in _WRAPPERS:
        yield from _findings(value, arguments[0], path)
    elif origin is Union or origin is types.UnionType:
        yield from _union(value, arguments, path)
    elif origin is Literal:
        if value not in arguments:
            yield f"{path}: {value!r} is none of {', '.join(map(repr, arguments[:8]))}"
    elif origin is list:
        yield from _items(value, arguments[0], path)
    elif origin in (dict, UntypedStripeObject):
        yield from _map(value, arguments[-1], path)
    elif origin is stripe.ListObject:
        yield from _list_object(value, arguments[0], path)
    elif typing_extensions.is_typeddict(kind):
        yield from _typed_dict(value, kind, path)
    elif isinstance(kind, type) and issubclass(kind, StripeObject):
        yield from _object(value, kind, path)
    else:
        yield from _plain(value, kind, path)


def _union(value: object, arms: tuple[Any, ...], path: str) -> Findings:
    if value is None:
        if type(None) not in arms:
            yield f"{path}: null"
        return
    is_enum = any(get_origin(arm) is Literal and any(get_args(arm)) for arm in arms)  # Literal[''] only means "unset"
    best: list[str] | None = None
    for arm in arms:
        if arm is type(None) or (arm is str and is_enum):
            continue
        found = list(_findings(value, arm, path))
        if not found:
            return
        if best is None or len(found) < len(best):
            best = found
    yield from best or [f"{path}: {value!r} fits no type"]


def _items(value: object, kind: Any, path: str) -> Findings:
    if not isinstance(value, list):
        yield f"{path}: {value!r} is not a list"
        return
    for number, item in enumerate(value):
        yield from _findings(item, kind, f"{path}[{number}]")


def _map(value: object, kind: Any, path: str) -> Findings:
    if not isinstance(value, dict):
        yield f"{path}: {value!r} is not an object"
        return
    for name, item in value.items():
        yield from _findings(item, kind, f"{path}.{name}")


def _list_object(value: object, kind: Any, path: str) -> Findings:
    if not isinstance(value, dict) or value.get("object") != "list":
        yield f"{path}: not a list object"
        return
    for name, wanted in (("has_more", bool), ("url", str), ("data", list)):
        if not isinstance(value.get(name), wanted):
            yield f"{path}.{name}: missing or wrong"
    yield from _items(value.get("data"), kind, f"{path}.data")


def _typed_dict(value: object, kind: type, path: str) -> Findings:
    if not isinstance(value, dict):
        yield f"{path}: {value!r} is not an object"
        return
    known = hints(kind)
    for name, item in value.items():
        if name in known:
            yield from _findings(item, known[name], f"{path}.{name}")
        else:
            yield f"{path}.{name}: unknown parameter"
    for name, hint in known.items():
        if name not in value and get_origin(hint) is not typing_extensions.NotRequired:
            yield f"{path}.{name}: missing"


def _object(value: object, kind: type[StripeObject], path: str) -> Findings:
    if not isinstance(value, dict):
        yield f"{path}: {value!r} is not a {kind.__name__}"
        return
    known = _fields(typing.cast("type", kind))
    if not known:  # an object without declared fields, such as a bare StripeObject
        return
    for name, hint in known.items():
        if name in value:
            yield from _findings(value[name], hint, f"{path}.{name}")
        elif not (get_origin(hint) is Union and type(None) in get_args(hint)):
            yield f"{path}.{name}: missing"
    for name in value:
        if name not in known:
            yield f"{path}.{name}: unknown field"


def _plain(value: object, kind: Any, path: str) -> Findings:
    if kind is bool:
        right = isinstance(value, bool)
    elif kind is type(None):
        right = value is None
    else:
        right = isinstance(value, _PLAIN[kind]) and not isinstance(value, bool)
    if not right:
        yield f"{path}: {value!r} is not {getattr(kind, '__name__', kind)}"


@functools.cache
def _fields(kind: type) -> dict[str, Any]:
    """The fields of the wire: neither private ones nor class variables."""
    return {
        name: hint
        for name, hint in hints(kind).items()
        if not name.startswith("_") and name != "OBJECT_NAME" and get_origin(hint) is not typing.ClassVar
    }


@functools.cache
def hints(kind: type) -> dict[str, Any]:
    """Resolved annotations. Cached: resolving the large classes takes seconds."""
    names = dict(_namespace(kind.__module__))
    for cls in kind.__mro__:
        names.update({name: value for name, value in vars(cls).items() if isinstance(value, type)})
    resolved: dict[str, Any] = typing_extensions.get_type_hints(
        kind, globalns=names, localns=names, include_extras=True
    )
    return resolved


@functools.cache
def _namespace(module_name: str) -> dict[str, Any]:
    """What the module's annotations may name, imports under TYPE_CHECKING too: these are not there at run time."""
    module = sys.modules[module_name]
    names: dict[str, Any] = {name: getattr(typing, name) for name in typing.__all__}
    names["StripeContext"] = importlib.import_module("stripe._stripe_context").StripeContext
    names.update(vars(module))
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "stripe":
            imported = importlib.import_module(node.module)
            for alias in node.names:
                if hasattr(imported, alias.name):
                    names.setdefault(alias.asname or alias.name, getattr(imported, alias.name))
    return names
