"""The price list of the provider: what people enter of its contract, each change a row of its own."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import date

from base.clock import Clock
from base.db import Database
from base.errors import FieldError, Invalid
from base.i18n import mark as _
from payment.matching import store
from payment.matching.prices import Price

_METHOD = re.compile(r"[a-z0-9_]{1,40}")
MOST_BP, MOST_FIXED, MOST_TOLERANCE = 10_000, 100_000, 1_000


class Pricing:
    """`providers`: names of those that tell what they take."""

    def __init__(self, db: Database, providers: Collection[str], clock: Clock) -> None:
        self._db = db
        self._providers = sorted(providers)
        self._clock = clock

    async def all(self) -> Sequence[Price]:
        """The latest day first."""
        async with self._db.connection() as conn:
            found = await store.prices(conn, self._providers)
        return sorted(found, key=lambda one: (one.method, one.valid_from, one.id), reverse=True)

    async def set(
        self, method: str, *, percent_bp: int, fixed_cents: int, tolerance_cents: int, valid_from: date, by: int
    ) -> None:
        """From this day on, also one in the past. The same as it is already changes nothing. Raises Invalid."""
        method = method.strip().lower()
        wrong = [
            FieldError(f"/{name}", code, text)
            for name, is_right, code, text in (
                ("method", bool(_METHOD.fullmatch(method)), "unknown", _("The provider's word, for example card or sepa_debit.")),
                ("percent_bp", 0 <= percent_bp <= MOST_BP, "out_of_range", _("Between 0 and 100 per cent.")),
                ("fixed_cents", 0 <= fixed_cents <= MOST_FIXED, "out_of_range", _("Between 0 and 1000 euros.")),
                ("tolerance_cents", 0 <= tolerance_cents <= MOST_TOLERANCE, "out_of_range", _("Between 0 and 10 euros.")),
            )
            if not is_right
        ]  # fmt: skip
        if wrong:
            raise Invalid(wrong)
        async with self._db.transaction() as conn:
            await store.lock(conn)
            for provider in self._providers:
                of_day = [
                    one
                    for one in await store.prices(conn, [provider])
                    if (one.method, one.valid_from) == (method, valid_from)
                ]
                last = max(of_day, key=lambda one: one.id, default=None)
                values = (percent_bp, fixed_cents, tolerance_cents)
                if last is None or (last.percent_bp, last.fixed_cents, last.tolerance_cents) != values:
                    await store.insert_price(conn, provider, method, values, valid_from, by, self._clock())
