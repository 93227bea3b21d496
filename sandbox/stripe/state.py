"""Everything the sandbox remembers: named collections of JSON rows, and which rows changed since they were last saved.

A row is never altered in place: `put` and `change` replace it. So an event can keep the very object it tells about, and a
journal line is simply the rows that changed.

A month of trade is some hundred thousand rows, so what is asked for often is found by index: a field's value, and the age.
"""

import hashlib
from collections.abc import Iterable
from typing import Any

from sandbox.stripe.errors import Json

COLLECTIONS = (
    "meta",
    "sessions",
    "line_items",
    "payment_intents",
    "charges",
    "refunds",
    "disputes",
    "payouts",
    "balance_transactions",
    "events",
    "idempotency",
    "deliveries",
    "faults",
    "agenda",
)
INDEXED = {  # collection -> the fields whose values find its rows
    "sessions": ("payment_intent",),
    "charges": ("payment_intent",),
    "refunds": ("payment_intent", "charge"),
    "disputes": ("payment_intent", "charge"),
    "balance_transactions": ("source", "payout"),
    "deliveries": ("status",),
}
Change = tuple[str, str, Json | None]
_ALPHABET = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_LETTERS = bytes(_ALPHABET[byte % len(_ALPHABET)] for byte in range(256))


class Births:
    """The ids of a collection in the order of their birth. `in_order`: the field `created` never fell (it does if the
    clock is set back), so that a time is found by bisection."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.number: dict[str, int] = {}
        self.created: dict[str, int] = {}  # also of rows that were removed
        self.in_order = True
        self._latest = -1

    def add(self, row_id: str, row: Json) -> None:
        self.number[row_id] = len(self.ids)  # an id that was removed and comes again counts as young
        self.ids.append(row_id)
        created = self.created[row_id] = row.get("created", 0)
        self.in_order = self.in_order and created >= self._latest
        self._latest = created


class State:
    def __init__(self) -> None:
        self._rows: dict[str, dict[str, Json]] = {name: {} for name in COLLECTIONS}
        self._births: dict[str, Births] = {name: Births() for name in COLLECTIONS}
        self._holders: dict[tuple[str, str, str], set[str]] = {}  # (collection, field, value) -> ids of rows
        self._changed: dict[tuple[str, str], None] = {}

    def find(self, collection: str, row_id: str) -> Json | None:
        return self._rows[collection].get(row_id)

    def rows(self, collection: str) -> list[Json]:
        """Oldest first."""
        return list(self._rows[collection].values())

    def items(self, collection: str) -> list[tuple[str, Json]]:
        return list(self._rows[collection].items())

    def count(self, collection: str) -> int:
        return len(self._rows[collection])

    def births(self, collection: str) -> "Births":
        return self._births[collection]

    def holders(self, collection: str, field: str, value: str) -> list[str]:
        """The ids of the rows whose indexed field has this value, oldest first."""
        born = self._births[collection].number
        return sorted(self._holders.get((collection, field, value), ()), key=born.__getitem__)

    def having(self, collection: str, field: str, value: str) -> list[Json]:
        rows = self._rows[collection]
        return [rows[row_id] for row_id in self.holders(collection, field, value)]

    def put(self, collection: str, row_id: str, row: Json) -> Json:
        self._set(collection, row_id, row)
        self._changed[collection, row_id] = None
        return row

    def change(self, collection: str, row_id: str, **fields: Any) -> Json:
        return self.put(collection, row_id, {**self._rows[collection][row_id], **fields})

    def remove(self, collection: str, row_id: str) -> None:
        if row_id in self._rows[collection]:
            self._set(collection, row_id, None)
            self._changed[collection, row_id] = None

    def _set(self, collection: str, row_id: str, row: Json | None) -> None:
        rows = self._rows[collection]
        old = rows.get(row_id)
        for field in INDEXED.get(collection, ()):
            before, after = old and old.get(field), row and row.get(field)
            if before == after:
                continue
            if isinstance(before, str):
                self._holders[collection, field, before].discard(row_id)
            if isinstance(after, str):
                self._holders.setdefault((collection, field, after), set()).add(row_id)
        if row is None:
            rows.pop(row_id, None)
            return
        if old is None:
            self._births[collection].add(row_id, row)
        rows[row_id] = row

    def drain(self) -> list[Change]:
        """The rows changed since the last call, None for a removed one."""
        changes = [(collection, row_id, self._rows[collection].get(row_id)) for collection, row_id in self._changed]
        self._changed.clear()
        return changes

    def apply(self, changes: Iterable[Change]) -> None:
        for collection, row_id, row in changes:
            self._set(collection, row_id, row)

    def dump(self) -> Json:
        return {name: dict(rows) for name, rows in self._rows.items()}

    @classmethod
    def load(cls, dumped: Json) -> "State":
        state = cls()
        for name, rows in dumped.items():
            for row_id, row in rows.items():
                state._set(name, row_id, row)
        return state


class IdSource:
    """Ids in Stripe's look, a function of seed and a counter that lives in the state: a restart never gives one twice."""

    def __init__(self, state: State, seed: str) -> None:
        self._state, self._seed = state, seed

    def __call__(self, prefix: str, length: int = 24) -> str:
        number = int((self._state.find("meta", "ids") or {"last": 0})["last"]) + 1
        self._state.put("meta", "ids", {"last": number})
        digest = hashlib.sha512(f"{self._seed}:{number}".encode()).digest()
        return f"{prefix}_{digest.translate(_LETTERS)[:length].decode()}"
