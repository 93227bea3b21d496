"""Lists: filters and cursors. Newest first, at most 100 a page, 10 by default. Source: docs.stripe.com/api/pagination."""

import fnmatch
import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Any

from sandbox.stripe.core import NOUNS, Core
from sandbox.stripe.errors import Json, bad_parameter, missing_object
from sandbox.stripe.state import INDEXED

PATHS = {
    "sessions": "/v1/checkout/sessions",
    "payment_intents": "/v1/payment_intents",
    "refunds": "/v1/refunds",
    "disputes": "/v1/disputes",
    "payouts": "/v1/payouts",
    "events": "/v1/events",
    "balance_transactions": "/v1/balance_transactions",
}
_CURSORS = ("limit", "starting_after", "ending_before", "expand")


def page(core: Core, collection: str, filters: Json) -> Json:
    """Looks only at as many rows as it must: found by index, cut by time and cursor, then read until the page is full."""
    limit = filters.get("limit", 10)
    if not 1 <= limit <= 100:
        raise bad_parameter("This value must be between 1 and 100.", "parameter_invalid_integer", "limit")
    wanted = {name: value for name, value in filters.items() if name not in _CURSORS}
    ids = _candidates(core, collection, wanted)
    low, high = _between(core, collection, ids, wanted.get("created"))
    low, high = _beside_cursor(core, collection, ids, filters, low, high)
    backwards = "ending_before" in filters  # the rows just after the cursor in age, shown newest first all the same
    way = range(low, high) if backwards else range(high - 1, low - 1, -1)
    rows = (core.state.find(collection, ids[number]) for number in way)
    fitting = (row for row in rows if row and all(_fits(row, name, value) for name, value in wanted.items()))
    found = list(itertools.islice(fitting, limit + 1))
    shown = found[:limit]
    if backwards:
        shown.reverse()
    return {"object": "list", "data": shown, "has_more": len(found) > limit, "url": PATHS[collection]}


def _candidates(core: Core, collection: str, wanted: Json) -> Sequence[str]:
    """Oldest first."""
    for field in INDEXED.get(collection, ()):
        if wanted.get(field):
            return core.state.holders(collection, field, wanted[field])
    return core.state.births(collection).ids


def _between(core: Core, collection: str, ids: Sequence[str], created: Any) -> tuple[int, int]:
    low, high = 0, len(ids)
    if not core.state.births(collection).in_order or created is None:
        return low, high

    born = core.state.births(collection).created.__getitem__
    bounds = created if isinstance(created, dict) else {"gte": created, "lte": created}
    for name, at in bounds.items():
        match name:
            case "gte":
                low = max(low, bisect_left(ids, at, key=born))
            case "gt":
                low = max(low, bisect_right(ids, at, key=born))
            case "lt":
                high = min(high, bisect_left(ids, at, key=born))
            case "lte":
                high = min(high, bisect_right(ids, at, key=born))
    return low, high


def _beside_cursor(
    core: Core, collection: str, ids: Sequence[str], filters: Json, low: int, high: int
) -> tuple[int, int]:
    number = core.state.births(collection).number
    for cursor in ("starting_after", "ending_before"):
        if cursor not in filters:
            continue
        row_id = filters[cursor]
        if core.state.find(collection, row_id) is None:
            error = missing_object(NOUNS[collection][0], row_id, cursor)
            error.status = 400
            raise error
        if cursor == "starting_after":
            high = min(high, bisect_left(ids, number[row_id], key=number.__getitem__))
        else:
            low = max(low, bisect_right(ids, number[row_id], key=number.__getitem__))
    return low, high


def _fits(row: Json, name: str, value: object) -> bool:
    if name in ("created", "arrival_date"):
        return _in_range(row[name], value)
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
