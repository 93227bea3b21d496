"""Stripe's form encoding: `line_items[0][price_data][currency]=eur` and `expand[]=x`, read into nested dicts and lists."""

import re
from collections.abc import Iterable
from typing import Any

from sandbox.stripe.errors import ApiError, Json

_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_MAX_DEPTH = 10


def decode(pairs: Iterable[tuple[str, str]]) -> Json:
    tree: Json = {}
    for name, value in pairs:
        match = _NAME.fullmatch(name)
        steps = [match[1], *re.findall(r"\[([^\[\]]*)\]", match[2])] if match else []
        if not steps or len(steps) > _MAX_DEPTH:
            raise ApiError(f"Invalid request: unable to parse the parameter {name[:100]}", executed=False)
        _set(tree, steps, value)
    return {name: _lists(value) for name, value in tree.items()}


def _set(tree: Json, steps: list[str], value: str) -> None:
    for step in steps[:-1]:
        child = tree.setdefault(step or str(len(tree)), {})
        if not isinstance(child, dict):
            raise ApiError(f"Invalid request: {steps[0]} is given as a value and as an object", executed=False)
        tree = child
    last = steps[-1] or str(len(tree))
    if last in tree:
        raise ApiError(f"Invalid request: {steps[0]} is given twice", executed=False)
    tree[last] = value


def _lists(value: Any) -> Any:
    """An object whose keys are 0, 1, 2 ... is a list."""
    if not isinstance(value, dict):
        return value
    inner = {name: _lists(child) for name, child in value.items()}
    if set(inner) == {str(number) for number in range(len(inner))}:
        return [inner[str(number)] for number in range(len(inner))]
    return inner
