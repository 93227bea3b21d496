"""Everything the sandbox remembers: named collections of JSON rows, and which rows changed since they were last saved.

A row is never altered in place: `put` and `change` replace it. So an event can keep the very object it tells about, and a
journal line is simply the rows that changed.
"""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

from sandbox.stripe.errors import Json

COLLECTIONS = (
    "meta",
    "sessions",
    "line_items",
    "payment_intents",
    "charges",
    "refunds",
    "balance_transactions",
    "events",
    "idempotency",
    "deliveries",
    "faults",
)
Change = tuple[str, str, Json | None]
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class State:
    def __init__(self) -> None:
        self._rows: dict[str, dict[str, Json]] = {name: {} for name in COLLECTIONS}
        self._changed: dict[tuple[str, str], None] = {}

    def find(self, collection: str, row_id: str) -> Json | None:
        return self._rows[collection].get(row_id)

    def rows(self, collection: str) -> list[Json]:
        """Oldest first."""
        return list(self._rows[collection].values())

    def newest_first(self, collection: str) -> Iterator[Json]:
        return reversed(self._rows[collection].values())

    def items(self, collection: str) -> list[tuple[str, Json]]:
        return list(self._rows[collection].items())

    def count(self, collection: str) -> int:
        return len(self._rows[collection])

    def put(self, collection: str, row_id: str, row: Json) -> Json:
        self._rows[collection][row_id] = row
        self._changed[collection, row_id] = None
        return row

    def change(self, collection: str, row_id: str, **fields: Any) -> Json:
        return self.put(collection, row_id, {**self._rows[collection][row_id], **fields})

    def remove(self, collection: str, row_id: str) -> None:
        if self._rows[collection].pop(row_id, None) is not None:
            self._changed[collection, row_id] = None

    def drain(self) -> list[Change]:
        """The rows changed since the last call, None for a removed one."""
        changes = [(collection, row_id, self._rows[collection].get(row_id)) for collection, row_id in self._changed]
        self._changed.clear()
        return changes

    def apply(self, changes: Iterable[Change]) -> None:
        for collection, row_id, row in changes:
            if row is None:
                self._rows[collection].pop(row_id, None)
            else:
                self._rows[collection][row_id] = row

    def dump(self) -> Json:
        return {name: dict(rows) for name, rows in self._rows.items()}

    @classmethod
    def load(cls, dumped: Json) -> "State":
        state = cls()
        for name, rows in dumped.items():
            state._rows[name] = dict(rows)
        return state


class IdSource:
    """Ids in Stripe's look, a function of seed and a counter that lives in the state: a restart never gives one twice."""

    def __init__(self, state: State, seed: str) -> None:
        self._state, self._seed = state, seed

    def __call__(self, prefix: str, length: int = 24) -> str:
        number = int((self._state.find("meta", "ids") or {"last": 0})["last"]) + 1
        self._state.put("meta", "ids", {"last": number})
        digest = int.from_bytes(hashlib.sha512(f"{self._seed}:{number}".encode()).digest())
        letters = []
        for _ in range(length):
            digest, index = divmod(digest, len(_ALPHABET))
            letters.append(_ALPHABET[index])
        return f"{prefix}_{''.join(letters)}"
