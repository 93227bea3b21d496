"""Two tills in a month of trade: drawers opened and closed each business day, with cash and cards, and what of it goes to the bank."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from uuid import UUID, uuid5

from base.db import Connection
from payment.ledger import JournalKind, fee_journal
from payment.model import Payment, PaymentStatus
from payment.store import insert_journal, insert_payment
from payment.till import store
from payment.till.counting import closing_entries, opening_entries
from payment.till.model import COUNTER, Method, Till, account_of
from sandbox.bank.model import Carried

_NAMES = UUID(int=0x7111)
_PRICES = (600, 1300, 3700, 6000)


@dataclass
class TwoTills:
    """What stays in their drawers differs, so that their change does. `alike`: days on which both carry the same sum. The first
    drawers are opened with change from the bank."""

    seed: int
    alike: frozenset[date] = frozenset()
    tills: list[Till] = field(default_factory=list)
    carried: list[Carried] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._chance = Random(self.seed)
        self._number = 0

    async def set_up(self, conn: Connection) -> None:
        office = await conn.fetchval("SELECT min(id) FROM office") or await conn.fetchval(
            """INSERT INTO office (key, name, street, postcode, place, latitude, longitude, is_step_free, time_zone)
               VALUES ('mitte', '{"de": "Mitte"}', 'Marktplatz 1', '70173', 'Stuttgart', 48.7, 9.1, true, 'Europe/Berlin')
               RETURNING id"""
        )
        for n in (1, 2):
            await store.insert_till(conn, office, f"Kasse {n}", f"5400-000{n}")
        self.tills = await store.tills(conn, office)

    async def day(self, conn: Connection, day: date, by: int) -> list[Carried]:
        """What both send to the bank. Both have opened at half past six and closed at two (UTC)."""
        carried = []
        for till in self.tills:
            opened = datetime(day.year, day.month, day.day, 6, 30, tzinfo=UTC)
            drawer, is_first = await self._opened(conn, till, opened, by)
            cash = 2 if day in self.alike else self._chance.randint(1, 4)
            cards = self._chance.randint(1, 3)
            card_cents = 0
            for n in range(cash + cards):
                price = 1111 if day in self.alike and n < cash else self._chance.choice(_PRICES)
                method = Method.CASH if n < cash else Method.TERMINAL
                await self._take(conn, till, drawer, price, method, opened + timedelta(minutes=20 * n + 1))
                card_cents += price if method is Method.TERMINAL else 0
            bag = f"SB-{till.id}-{day:%m%d}"
            deposit = await self._closed(conn, till, drawer, opened + timedelta(hours=7, minutes=30), by, bag)
            if is_first:
                carried.append(Carried(id=f"change:{drawer}", kind="change", day=day, cents=-_left(till)))
            carried.append(Carried(id=f"deposit:{drawer}", kind="deposit", day=day, cents=deposit, reference=bag))
            carried.append(
                Carried(
                    id=f"terminal:{till.id}:{day}", kind="terminal", day=day, cents=card_cents, reference=till.terminal or ""
                )
            )  # fmt: skip
        self.carried += carried
        return carried

    async def _opened(self, conn: Connection, till: Till, at: datetime, by: int) -> tuple[UUID, bool]:
        left = _left(till)
        is_first = await store.balance(conn, till.id) == 0
        ident = self._next_id()
        brought = left if is_first else 0
        await store.insert_drawer(conn, ident, till.id, by, at, float_cents=left, brought_cents=brought, note=None)
        drawer = await store.find_drawer(conn, ident)
        assert drawer is not None
        if entries := opening_entries(till, drawer):
            await store.insert_journal(conn, JournalKind.DRAWER_OPENED, ident, at, entries)
        return ident, is_first

    async def _take(self, conn: Connection, till: Till, drawer: UUID, cents: int, method: Method, at: datetime) -> None:
        ident = self._next_id()
        payment = Payment(
            id=ident, reference=self._next_id(), provider=COUNTER, amount_cents=cents, currency="EUR", description="Gebühr",
            language="de", return_url="http://localhost/", attempt_at=at, created_at=at, status=PaymentStatus.OPEN,
            session_id=f"cp_{ident}", pay_url="http://localhost/",
        )  # fmt: skip
        paid = replace(payment, status=PaymentStatus.PAID, charge_id=f"cp_{ident}", captured_cents=cents)
        assert await insert_payment(conn, paid)
        await store.insert_session(conn, f"cp_{ident}", ident, cents, "EUR", "http://localhost/", at)
        given = cents if method is Method.CASH else None
        assert await store.take(conn, f"cp_{ident}", drawer, method, at, given_cents=given, slip=None, key=ident)
        await insert_journal(conn, fee_journal(paid, account_of(till.key, method)), at)

    async def _closed(self, conn: Connection, till: Till, ident: UUID, at: datetime, by: int, bag: str) -> int:
        counted = await store.balance(conn, till.id)
        deposit = counted - _left(till)
        await store.close_drawer(
            conn, ident, by, at, counted_cents=counted, count={}, deposit_cents=deposit, bag=bag, note=None
        )
        drawer = await store.find_drawer(conn, ident)
        assert drawer is not None
        entries = closing_entries(till, drawer)
        await store.insert_journal(conn, JournalKind.DRAWER_CLOSED, ident, at, entries)
        return deposit

    def _next_id(self) -> UUID:
        self._number += 1
        return uuid5(_NAMES, f"{self.seed}:{self._number}")


def _left(till: Till) -> int:
    return 10_000 + 2_500 * till.id
