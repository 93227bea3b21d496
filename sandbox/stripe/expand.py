"""`expand`: an id in an answer replaced by its object. Source: docs.stripe.com/api/expanding_objects."""

from typing import Any

from sandbox.stripe.errors import ApiError, Json
from sandbox.stripe.machine import Machine

_MAX_DEPTH = 4
_EXPANDABLE = {  # field -> collection
    "payment_intent": "payment_intents",
    "latest_charge": "charges",
    "charge": "charges",
    "balance_transaction": "balance_transactions",
    "failure_balance_transaction": "balance_transactions",
}
_SOURCES = {  # prefix of an id -> collection
    "ch": "charges",
    "py": "charges",
    "re": "refunds",
    "pyr": "refunds",
    "po": "payouts",
    "dp": "disputes",
}


def expand(machine: Machine, answer: Json, paths: list[str]) -> Json:
    for path in paths:
        steps = path.split(".")
        if len(steps) > _MAX_DEPTH:
            raise ApiError(f"You cannot expand more than {_MAX_DEPTH} levels of a property.", param="expand")
        answer = _step(machine, answer, steps, path)
    return answer


def _step(machine: Machine, row: Json, steps: list[str], path: str) -> Json:
    name, rest = steps[0], steps[1:]
    if name == "data" and row["object"] == "list":
        return {**row, "data": [_step(machine, item, rest, path) if rest else item for item in row["data"]]}
    value = _value(machine, row, name, path)
    if rest and isinstance(value, dict):
        value = _step(machine, value, rest, path)
    return {**row, name: value}


def _value(machine: Machine, row: Json, name: str, path: str) -> Any:
    if name == "line_items" and row["object"] == "checkout.session":
        return (machine.state.find("line_items", row["id"]) or {})["list"]
    expandable = name in _EXPANDABLE or (name == "source" and row["object"] == "balance_transaction")
    if not expandable or name not in row:
        raise ApiError(f"This property cannot be expanded ({path}).", param="expand")
    value = row[name]
    if not isinstance(value, str):  # null, or expanded by an earlier path
        return value
    collection = _EXPANDABLE.get(name) or _SOURCES[value.split("_")[0]]
    return machine.get(collection, value)
