"""What cashiers do: set up a till, open its drawer, take money, give money back, count and close.

Taking is a fact at the provider's side (its own transaction), and the payment hears of it as of any provider's money: at once, or by
the sweep if this process dies in between. A drawer closes only once all of it is in the books, and the schema says so too.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn
from uuid import UUID

import asyncpg

from base.clock import Clock
from base.db import Connection, Database, freeze, violates
from base.errors import FieldError, Invalid, NotFound
from base.failpoint import point
from base.i18n import mark as _
from payment import store as payments
from payment.ledger import Entry, JournalKind
from payment.model import Payment, PaymentStatus, Refund
from payment.till import store
from payment.till.counting import closing_entries, opening_entries, sum_of
from payment.till.model import (
    CounterPayment,
    CounterRefund,
    CounterStatus,
    Drawer,
    DrawerProtocol,
    DrawerTold,
    GivingStatus,
    Method,
    Move,
    Till,
)
from payment.till.refusals import (
    ChangeUnlikely,
    ClosedOtherwise,
    DifferenceUnexplained,
    DrawerClosed,
    DrawerOpen,
    GivenAlready,
    NotAtTill,
    NotBookedYet,
    OpeningUnexplained,
    TakenAlready,
)

taken = point("till.taken")
given = point("till.given")

MOST_CENTS = 10_000_000  # more lies in no drawer
MOST_DRAWERS = 60
MOST_NOTE = 500
MOST_CHANGE_CENTS = 10_000  # nobody hands over so much more than the fee, but a finger slips
_NUMBER = re.compile(r"[A-Za-z0-9-]{4,30}")
_SLIP = re.compile(r"[A-Za-z0-9 /-]{1,40}")


@dataclass(frozen=True, slots=True)
class TillState:
    till: Till
    drawer: Drawer | None  # the open one


@dataclass(frozen=True, slots=True)
class Taking:
    """What is to be said of one payment at a till. `session`: None where it is paid otherwise; `returned`: what a till was to give back."""

    session: CounterPayment | None
    payment: Payment
    returned: tuple[CounterRefund, ...] = ()

    @property
    def refunds(self) -> tuple[CounterRefund, ...]:
        """Waiting for their payer."""
        return tuple(one for one in self.returned if one.status is GivingStatus.OPEN)

    def returned_cents(self, status: GivingStatus) -> int:
        return sum(one.amount_cents for one in self.returned if one.status is status)


Settle = Callable[[UUID], Awaitable[Payment]]
Submit = Callable[[UUID], Awaitable[Refund]]


class Tills:
    """`settle`, `submit`: how a payment and a refund take a look at their provider."""

    def __init__(self, db: Database, settle: Settle, submit: Submit, clock: Clock) -> None:
        self._db = db
        self._settle = settle
        self._submit = submit
        self._clock = clock

    async def at_office(self, office_id: int) -> list[TillState]:
        async with self._db.connection() as conn:
            tills = await store.tills(conn, office_id)
            opened = {one.till_id: one for one in await store.open_drawers(conn, [one.id for one in tills])}
        return [TillState(one, opened.get(one.id)) for one in tills]

    async def offices(self) -> list[int]:
        """That have a till."""
        async with self._db.connection() as conn:
            return await store.offices(conn)

    async def till(self, office_id: int, till_id: int) -> TillState:
        """Raises NotFound, also for one of another office."""
        found = next((one for one in await self.at_office(office_id) if one.till.id == till_id), None)
        if found is None:
            raise NotFound
        return found

    async def set_up(self, office_id: int, name: str, terminal: str = "") -> int:
        """Another till of the office, with the number of its card terminal where it has one; the same name again: that till, as none is
        ever deleted. Raises Invalid, NotFound."""
        name = name.strip()
        if not 1 <= len(name) <= 60:
            raise Invalid(
                [FieldError("/name", "missing", _("Say how people call this till, in at most 60 characters."))]
            )
        number = _number("/terminal", terminal)
        try:
            async with self._db.transaction() as conn:
                await store.lock_office(conn, office_id)
                ident = await store.find_till_named(conn, office_id, name)
                if ident is None:
                    ident = await store.insert_till(conn, office_id, name, number)
        except asyncpg.UniqueViolationError as error:
            _refuse_terminal(error)
        if ident is None:
            raise NotFound
        return ident

    async def drawers(self, office_id: int) -> list[DrawerProtocol]:
        """The last ones of the office, the youngest first."""
        async with self._db.connection() as conn:
            tills = {one.id: one for one in await store.tills(conn, office_id)}
            found = await store.drawers(conn, list(tills), MOST_DRAWERS)
            moves: dict[UUID, list[Move]] = {one.id: [] for one in found}
            for move in await store.moves(conn, list(moves)):
                moves[move.drawer_id].append(move)
        return [DrawerProtocol(till=tills[one.till_id], drawer=one, moves=tuple(moves[one.id])) for one in found]

    async def protocol(self, office_id: int, drawer_id: UUID) -> DrawerProtocol:
        """Raises NotFound."""
        async with self._db.connection() as conn:
            found = await _protocol(conn, drawer_id)
        if found.till.office_id != office_id:
            raise NotFound
        return found

    async def told(self, drawer_id: UUID) -> DrawerTold:
        """Of whatever office, for whoever reads the books. Raises NotFound."""
        async with self._db.transaction() as conn:
            await freeze(conn)
            protocol = await _protocol(conn, drawer_id)
            return DrawerTold(protocol=protocol, journals=tuple(await store.own_journals(conn, drawer_id)))

    async def open_drawer(
        self, till: Till, *, float_cents: int, brought_cents: int, note: str = "", by: int, key: UUID
    ) -> Drawer:
        """Counted at `float_cents`, of which `brought_cents` came from the bank as change. The same key again: the same drawer.

        `note`: why it is not what the last closing left. Raises Invalid, DrawerOpen, OpeningUnexplained.
        """
        note = note.strip()
        wrong = [
            FieldError(f"/{name}", "less_than_equal", _("This is not an amount that lies in a drawer."))
            for name, cents in (("float", float_cents), ("brought", brought_cents))
            if not 0 <= cents <= MOST_CENTS
        ]
        if not wrong and brought_cents > float_cents:  # it would be booked as money that is missing
            wrong.append(FieldError("/brought", "less_than_equal", _("This is more than was counted in the drawer.")))
        if len(note) > MOST_NOTE:
            wrong.append(FieldError("/note", "string_too_long", _("This is too long.")))
        if wrong:
            raise Invalid(wrong)
        now = self._clock()
        try:
            async with self._db.transaction() as conn:
                await store.lock_till(conn, till.id)
                if (known := await store.find_drawer(conn, key)) is not None:
                    return known
                if await _open_drawer(conn, till) is not None:
                    raise DrawerOpen
                difference = float_cents - brought_cents - await store.balance(conn, till.id)
                if difference and not note:
                    raise OpeningUnexplained(difference_cents=difference)
                await store.insert_drawer(
                    conn,
                    key,
                    till.id,
                    by,
                    now,
                    float_cents=float_cents,
                    brought_cents=brought_cents,
                    note=note or None,
                )
                drawer = await store.find_drawer(conn, key)
                assert drawer is not None, "just written"
                await self._post(conn, JournalKind.DRAWER_OPENED, drawer, opening_entries(till, drawer))
        except asyncpg.UniqueViolationError:
            raise DrawerOpen from None
        return drawer

    async def take(
        self,
        till: Till,
        payment_id: UUID,
        method: Method,
        *,
        given_cents: int | None = None,
        is_sure: bool = False,
        slip: str = "",
        key: UUID,
    ) -> Taking:
        """All that is to be paid; cash with what was handed over, of which `is_sure` says that somebody has looked twice. The same key
        again: the same.

        Raises Invalid, ChangeUnlikely, NotAtTill, TakenAlready, DrawerClosed.
        """
        async with self._db.transaction() as conn:
            session = await store.session_of(conn, payment_id)
            if session is None or session.status is CounterStatus.DEAD:
                raise NotAtTill
            if session.status is CounterStatus.OPEN:
                slip = _checked(session, method, given_cents, slip)
                cash = given_cents if method is Method.CASH else None
                if cash is not None and cash - session.amount_cents > MOST_CHANGE_CENTS and not is_sure:
                    raise ChangeUnlikely(change_cents=cash - session.amount_cents)
                drawer = await _open_drawer(conn, till)
                if drawer is None:
                    raise DrawerClosed
                now = self._clock()
                try:
                    async with conn.transaction():
                        await store.take(
                            conn, session.id, drawer.id, method, now, given_cents=cash, slip=slip or None, key=key
                        )
                except asyncpg.CheckViolationError as error:
                    if violates(error, "counter_payment_drawer_open"):
                        raise DrawerClosed from None
                    raise
                session = await store.session_of(conn, payment_id)
                assert session is not None, "it was there"
        if session.status is CounterStatus.DEAD:
            raise NotAtTill
        if session.request_key != key:
            raise TakenAlready
        taken()
        return Taking(session, await self._settle(payment_id))

    async def payments(self, ids: Collection[UUID]) -> list[Taking]:
        """As they stand; those that are still to be paid first."""
        async with self._db.connection() as conn:
            found = []
            for ident in ids:
                payment = await payments.find_payment(conn, ident)
                if payment is None:
                    continue
                session = await store.session_of(conn, ident)
                refunds = [] if session is None else await store.refunds_of(conn, session.id)
                found.append(Taking(session, payment, tuple(refunds)))
        return sorted(found, key=lambda one: one.payment.status is PaymentStatus.PAID)

    async def give_back(self, till: Till, refund_id: UUID, method: Method) -> Refund:
        """What a rule or two persons have released, to its payer. Raises NotFound, DrawerClosed, GivenAlready."""
        async with self._db.transaction() as conn:
            drawer = await _open_drawer(conn, till)
            if drawer is None:
                raise DrawerClosed
            found = await store.find_refund(conn, refund_id)
            if found is None:
                raise NotFound
            try:
                async with conn.transaction():
                    done = await store.give_out(conn, refund_id, drawer.id, method, self._clock())
            except asyncpg.CheckViolationError as error:
                if violates(error, "counter_refund_drawer_open"):
                    raise DrawerClosed from None
                if violates(error, "counter_refund_released"):
                    raise GivenAlready from None
                raise
            if not done:
                raise GivenAlready
        given()
        return await self._submit(refund_id)

    async def leave_to_transfer(self, refund_id: UUID) -> Refund:
        """Its payer does not come: the refund fails here, and people transfer it. Raises NotFound, GivenAlready."""
        async with self._db.transaction() as conn:
            found = await store.find_refund(conn, refund_id)
            if found is None:
                raise NotFound
            if not await store.leave_to_transfer(conn, refund_id) and found.status is not GivingStatus.TRANSFER:
                raise GivenAlready
        given()
        return await self._submit(refund_id)

    async def close_drawer(
        self,
        till: Till,
        drawer_id: UUID,
        *,
        counted_cents: int | None,
        count: Mapping[str, int],
        deposit_cents: int,
        note: str,
        by: int,
        bag: str = "",
    ) -> Drawer:
        """Counted as a sum, or by notes and coins, or both; so much of it goes to the bank, in this bag. The same once more changes
        nothing.

        Raises NotFound, Invalid, DifferenceUnexplained, NotBookedYet, ClosedOtherwise.
        """
        counted = _counted(counted_cents, count)
        if not 0 <= deposit_cents <= counted:
            raise Invalid(
                [FieldError("/deposit", "less_than_equal", _("This is more than was counted in the drawer."))]
            )
        bag_number = _number("/bag", bag)
        if bag_number and not deposit_cents:
            raise Invalid([FieldError("/bag", "invalid", _("Nothing goes to the bank, so there is no bag."))])
        await self._book(drawer_id)
        note = note.strip()
        if len(note) > MOST_NOTE:
            raise Invalid([FieldError("/note", "string_too_long", _("This is too long."))])
        try:
            async with self._db.transaction() as conn:
                await store.lock_drawer(conn, drawer_id)
                drawer = await store.find_drawer(conn, drawer_id)
                if drawer is None or drawer.till_id != till.id:
                    raise NotFound
                if not drawer.is_open:
                    if (drawer.counted_cents, drawer.deposit_cents) != (counted, deposit_cents):
                        raise ClosedOtherwise
                    return drawer
                difference = counted - await store.balance(conn, till.id)
                if difference and not note:
                    raise DifferenceUnexplained(difference_cents=difference)
                await store.close_drawer(
                    conn,
                    drawer_id,
                    by,
                    self._clock(),
                    counted_cents=counted,
                    count=count,
                    deposit_cents=deposit_cents,
                    bag=bag_number,
                    note=note or None,
                )
                closed = await store.find_drawer(conn, drawer_id)
                assert closed is not None, "it was there"
                await self._post(conn, JournalKind.DRAWER_CLOSED, closed, closing_entries(till, closed))
        except asyncpg.CheckViolationError as error:
            if violates(error, "drawer_closes_booked"):
                raise NotBookedYet from None
            raise
        return closed

    async def _book(self, drawer_id: UUID) -> None:
        """What was taken or given and not heard of, because a process died in between."""
        async with self._db.connection() as conn:
            payments, refunds = await store.unbooked(conn, drawer_id), await store.unbooked_refunds(conn, drawer_id)
        for payment_id in payments:
            await self._settle(payment_id)
        for refund_id in refunds:
            await self._submit(refund_id)

    async def _post(self, conn: Connection, kind: JournalKind, drawer: Drawer, entries: Sequence[Entry]) -> None:
        if entries:
            at = drawer.closed_at if kind is JournalKind.DRAWER_CLOSED else drawer.opened_at
            await store.insert_journal(conn, kind, drawer.id, at or self._clock(), entries)


async def _protocol(conn: Connection, drawer_id: UUID) -> DrawerProtocol:
    """Raises NotFound."""
    drawer = await store.find_drawer(conn, drawer_id)
    till = None if drawer is None else await store.find_till(conn, drawer.till_id)
    if drawer is None or till is None:
        raise NotFound
    return DrawerProtocol(
        till=till,
        drawer=drawer,
        moves=tuple(await store.moves(conn, [drawer_id])),
        deposited_on=await store.deposited_on(conn, drawer_id),
    )


async def _open_drawer(conn: Connection, till: Till) -> Drawer | None:
    return next(iter(await store.open_drawers(conn, [till.id])), None)


def _checked(session: CounterPayment, method: Method, given_cents: int | None, slip: str) -> str:
    """The slip as it is kept. Raises Invalid."""
    slip = slip.strip()
    if method is Method.CASH:
        if given_cents is None or given_cents < session.amount_cents:
            raise Invalid([FieldError("/given", "greater_than_equal", _("This is less than the fee."))])
        if given_cents > MOST_CENTS:
            raise Invalid([FieldError("/given", "less_than_equal", _("This is too large."))])
        return ""
    if slip and not _SLIP.fullmatch(slip):
        raise Invalid(
            [FieldError("/slip", "invalid", _("Only letters, digits, blanks, slashes and hyphens, at most 40."))]
        )
    return slip


def _number(field: str, typed: str) -> str | None:
    """Of a bag or a terminal, as the bank's text will have it. Raises Invalid."""
    typed = typed.strip()
    if typed and not _NUMBER.fullmatch(typed):
        raise Invalid([FieldError(field, "invalid", _("Only letters, digits and hyphens, 4 to 30 of them."))])
    return typed or None


def _refuse_terminal(error: asyncpg.UniqueViolationError) -> NoReturn:
    if violates(error, "till_terminal_once"):
        raise Invalid([FieldError("/terminal", "taken", _("Another till has this card terminal."))]) from None
    raise error


def _counted(counted_cents: int | None, count: Mapping[str, int]) -> int:
    """Raises Invalid."""
    counted = sum_of(count) if count else counted_cents
    if counted is None:
        raise Invalid([FieldError("/counted", "missing", _("Count the drawer, by notes and coins or as a sum."))])
    if count and counted_cents is not None and counted_cents != counted:
        raise Invalid([FieldError("/counted", "invalid", _("This is another sum than that of the notes and coins."))])
    if not 0 <= counted <= MOST_CENTS:
        raise Invalid([FieldError("/counted", "less_than_equal", _("This is not an amount that lies in a drawer."))])
    return counted
