"""Lists: filters and cursors. Newest first, at most 100 a page, 10 by default. Source: docs.stripe.com/api/pagination."""

import fnmatch
from collections.abc import Iterable

from sandbox.stripe.core import NOUNS, Core
from sandbox.stripe.errors import Json, bad_parameter, missing_object

PATHS = {
    "sessions": "/v1/checkout/sessions",
    "payment_intents": "/v1/payment_intents",
    "refunds": "/v1/refunds",
    "events": "/v1/events",
    "balance_transactions": "/v1/balance_transactions",
}
_CURSORS = ("limit", "starting_after", "ending_before", "expand")


def page(core: Core, collection: str, rows: Iterable[Json], filters: Json) -> Json:
    limit = filters.get("limit", 10)
    if not 1 <= limit <= 100:
        raise bad_parameter("This value must be between 1 and 100.", "parameter_invalid_integer", "limit")
    wanted = {name: value for name, value in filters.items() if name not in _CURSORS}
    found = list(rows)
    found = _after(core, collection, found, filters)
    found = [row for row in found if all(_fits(row, name, value) for name, value in wanted.items())]
    backwards = "ending_before" in filters
    shown = found[-limit:] if backwards else found[:limit]
    return {"object": "list", "data": shown, "has_more": len(found) > len(shown), "url": PATHS[collection]}


def _after(core: Core, collection: str, rows: list[Json], filters: Json) -> list[Json]:
    for cursor in ("starting_after", "ending_before"):
        if cursor not in filters:
            continue
        row_id = filters[cursor]
        if core.state.find(collection, row_id) is None:
            error = missing_object(NOUNS[collection][0], row_id, cursor)
            error.status = 400
            raise error
        index = next(number for number, row in enumerate(rows) if row["id"] == row_id)
        rows = rows[index + 1 :] if cursor == "starting_after" else rows[:index]
    return rows


def _fits(row: Json, name: str, value: object) -> bool:
    if name == "created":
        return _in_range(row["created"], value)
    if name == "type" and row["object"] == "event":
        return fnmatch.fnmatchcase(row["type"], str(value))
    if name == "types":
        return isinstance(value, list) and row["type"] in value
    return bool(row.get(name) == value)


def _in_range(created: int, wanted: object) -> bool:
    """`created=1` or `created[gte]=1`; bounds are Unix seconds."""
    if not isinstance(wanted, dict):
        return created == wanted
    tests = {"gt": int.__gt__, "gte": int.__ge__, "lt": int.__lt__, "lte": int.__le__}
    return all(tests[name](created, bound) for name, bound in wanted.items())
