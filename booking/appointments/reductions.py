"""What people do with reductions of a fee: see which there are, claim them before paying, and show the proof at the counter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from base.clock import Clock
from base.db import Connection, Database
from base.errors import Conflict, FieldError, Invalid, NotFound
from base.i18n import mark as _
from base.money import Money
from booking.appointments import reduction_store, store
from booking.appointments.lifecycle import HoldOver
from booking.appointments.model import AppointmentStatus, ProofOutcome, Reduced
from booking.appointments.reduction_store import ClaimRow, PricedRow
from booking.appointments.slots import Slots
from booking.catalogue.reductions import Charge, Claimed, Reduction, Saving, applies, best, most_persons, saved
from payment.ledger import part_of
from payment.model import Line
from payment.usecases import Payments

MOST_REASON = 300


class AlreadyBooked(Conflict):
    code = "already_booked"
    message = _("The appointment is booked already. Please talk to the staff at the counter about a reduction.")


class PaymentBegun(Conflict):
    """Its money may come, and what is owed never changes under it."""

    code = "payment_begun"
    message = _("A payment for this appointment is under way, so its price stays.")


class ReductionsWrong(Invalid):
    """Each wrong claim, by the key of its rule."""

    def __init__(self, wrong: Mapping[str, str]) -> None:
        super().__init__([FieldError(f"/claims/{key}", "reduction", message) for key, message in wrong.items()])


class ProofOver(Conflict):
    code = "proof_over"
    message = _("The appointment is closed, so nothing more can be noted about the proof.")


class ReasonMissing(Conflict):
    code = "reason_missing"
    message = _("Say why the proof was not looked at.")


class ProofUndecided(Conflict):
    """See the constraint reduction_decided."""

    code = "proof_undecided"
    message = _("A reduction was claimed: note first whether the proof was shown, or why nobody looked.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """A rule that may be claimed."""

    reduction: Reduction
    most: int  # for how many people
    persons: int  # that have claimed it; 0: it is not
    fee: Money  # of the whole visit, if it alone is claimed, for one person


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """`whole`: the fee without any reduction; `fee`: with what is claimed."""

    whole: Money
    fee: Money
    options: tuple[Option, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """What is to be paid besides, because proof was not shown; of these products."""

    amount: Money
    lines: tuple[Line, ...] = ()


class Reductions:
    def __init__(self, db: Database, slots: Slots, payments: Payments, clock: Clock) -> None:
        self._db = db
        self._slots = slots
        self._payments = payments
        self._clock = clock

    async def offered(self, appointment_id: UUID) -> Offered:
        """What may be claimed for a case, by the rules of the day on which its time was reserved. Raises NotFound."""
        async with self._db.connection() as conn:
            priced = await reduction_store.priced_case(conn, appointment_id)
            if priced is None:
                return await self._of_dead(conn, appointment_id)
            claims = await reduction_store.claims(conn, appointment_id)
            return _offered(priced, await _rules(conn, priced), claims)

    async def for_hold(self, hold_id: UUID) -> Offered:
        """The same before there is a case. Raises NotFound."""
        async with self._db.connection() as conn:
            priced = await reduction_store.priced_hold(conn, hold_id)
            if priced is None:
                raise NotFound
            return _offered(priced, await _rules(conn, priced), [])

    async def price(self, hold_id: UUID, wanted: Mapping[str, int]) -> Money:
        """What a hold costs if this is claimed. Raises NotFound, ReductionsWrong."""
        async with self._db.connection() as conn:
            priced = await reduction_store.priced_hold(conn, hold_id)
            if priced is None:
                raise NotFound
            claimed = _checked(await _rules(conn, priced), priced.charges, wanted)
        whole = sum(one.cents for one in priced.charges)
        return Money(whole - saved(best(priced.charges, claimed)), priced.currency)

    async def at_time(self, appointment_id: UUID, hold_id: UUID) -> Money:
        """What the time of a hold costs the case that may move to it, with its reductions. Raises NotFound."""
        async with self._db.connection() as conn:
            priced = await reduction_store.priced_hold(conn, hold_id)
            if priced is None:
                raise NotFound
            claims = await reduction_store.claims(conn, appointment_id)
        whole = sum(one.cents for one in priced.charges)
        return Money(whole - saved(best(priced.charges, [one.claimed for one in claims])), priced.currency)

    async def claim(self, appointment_id: UUID, wanted: Mapping[str, int]) -> None:
        """Instead of what was claimed before: for how many people, by the key of the rule; nothing: no reduction. Only what takes something
        off is kept. Where the payer was sent to the provider already, that payment is made impossible first.

        Raises NotFound, ReductionsWrong, AlreadyBooked, HoldOver, PaymentBegun, PaymentUnavailable.
        """
        for is_last in (False, True):
            async with self._db.transaction() as conn:
                await self._check(conn, appointment_id)
                priced = await reduction_store.priced_case(conn, appointment_id)
                assert priced is not None  # a case that is held has its time
                claimed = _checked(await _rules(conn, priced), priced.charges, wanted)
                off = best(priced.charges, claimed)
                used = [one for one in claimed if one.reduction.id in {part.reduction_id for part in off}]
                before = await reduction_store.claims(conn, appointment_id)
                if _terms(one.claimed for one in before) == _terms(used):
                    return
                payment = await self._payments.living(conn, appointment_id)
                if payment is None:
                    await reduction_store.remove(conn, appointment_id)
                    await reduction_store.put(conn, appointment_id, used, off, self._clock())
            if payment is None:
                return
            if is_last or payment.is_secured:
                raise PaymentBegun
            await self._payments.fence(payment.id)

    async def decide(
        self, office_id: int, appointment_id: UUID, key: str, outcome: ProofOutcome, reason: str, account_id: int
    ) -> None:
        """At the counter, and again until the case is closed. Raises NotFound, ProofOver, ReasonMissing."""
        reason = reason.strip()[:MOST_REASON] if outcome is ProofOutcome.UNCHECKED else ""
        if outcome is ProofOutcome.UNCHECKED and not reason:
            raise ReasonMissing
        async with self._db.transaction() as conn:
            case = await self._slots.lock(conn, appointment_id)
            if case is None or await store.find_office(conn, appointment_id) != office_id:
                raise NotFound
            if case.status is not AppointmentStatus.CONFIRMED:
                raise ProofOver
            done = await reduction_store.decide(
                conn, appointment_id, key, outcome, reason or None, account_id, self._clock()
            )
            if not done:
                raise NotFound
            await store.touch(conn, appointment_id)

    async def at_counter(self, appointment_id: UUID) -> tuple[Sequence[Reduced], Due]:
        """What a clerk is shown of the person they serve; mostly nothing, by one short question."""
        async with self._db.connection() as conn:
            found = await reduction_store.reduced(conn, appointment_id)
        return found, await self.due(appointment_id) if found else Due(amount=Money(0))

    async def due(self, appointment_id: UUID) -> Due:
        """The difference to the price without those whose proof was not shown; nothing: 0. What was paid for it is not looked at."""
        async with self._db.connection() as conn:
            priced = await reduction_store.priced_case(conn, appointment_id)
            if priced is None:
                return Due(amount=Money(0))
            claims = await reduction_store.claims(conn, appointment_id)
            before = await reduction_store.savings(conn, appointment_id)
        return due(priced, claims, before)

    async def _check(self, conn: Connection, appointment_id: UUID) -> None:
        """Locked afterwards."""
        case = await self._slots.lock(conn, appointment_id)
        if case is None:
            raise NotFound
        if case.status not in (AppointmentStatus.HELD, AppointmentStatus.EXPIRING, AppointmentStatus.EXPIRED):
            raise AlreadyBooked
        if not case.is_held_at(self._clock()):
            raise HoldOver

    async def _of_dead(self, conn: Connection, appointment_id: UUID) -> Offered:
        row = await store.find_case(conn, appointment_id)
        if row is None:
            raise NotFound
        fee = Money(row.fee_cents, row.currency)
        return Offered(whole=fee + Money(row.reduction_cents, row.currency), fee=fee)


async def _rules(conn: Connection, priced: PricedRow) -> list[Reduction]:
    found = await reduction_store.rules(conn, [one.service_id for one in priced.charges], priced.day)
    return [one for one in found if applies(one, priced.charges)]


def _offered(priced: PricedRow, rules: Sequence[Reduction], claims: Sequence[ClaimRow]) -> Offered:
    whole = sum(one.cents for one in priced.charges)
    persons = {one.id: one.persons for one in claims}

    def left(claimed: Sequence[Claimed]) -> Money:
        return Money(whole - saved(best(priced.charges, claimed)), priced.currency)

    return Offered(
        whole=Money(whole, priced.currency),
        fee=left([one.claimed for one in claims]),
        options=tuple(
            Option(
                reduction=one,
                most=most_persons(one, priced.charges),
                persons=persons.get(one.id, 0),
                fee=left([Claimed(one)]),
            )
            for one in rules
        ),
    )


def _checked(rules: Sequence[Reduction], charges: Sequence[Charge], wanted: Mapping[str, int]) -> list[Claimed]:
    known = {one.key: one for one in rules}
    wrong: dict[str, str] = {}
    for key, persons in wanted.items():
        if key not in known:
            wrong[key] = _("There is no such reduction for this appointment.")
        elif not 0 <= persons <= most_persons(known[key], charges):
            wrong[key] = _("So many people are not in this appointment.")
    if wrong:
        raise ReductionsWrong(wrong)
    return [Claimed(known[key], persons) for key, persons in wanted.items() if persons]


def _terms(claimed: Iterable[Claimed]) -> set[tuple[int, int]]:
    return {(one.reduction.id, one.persons) for one in claimed}


def due(priced: PricedRow, claims: Sequence[ClaimRow], before: Sequence[Saving]) -> Due:
    """Pure. By service where the difference lies; where another reduction takes the place of one, in proportion."""
    after = best(priced.charges, [one.claimed for one in claims if one.outcome is not ProofOutcome.NOT_SHOWN])
    cents = saved(before) - saved(after)
    lost = [(one, _of(before, one.service_id) - _of(after, one.service_id)) for one in priced.charges]
    lines = [Line(product=one.product, amount_cents=off, tax_percent=one.tax_percent) for one, off in lost if off > 0]
    return Due(amount=Money(cents, priced.currency), lines=part_of(lines, cents) if cents > 0 else ())


def _of(savings: Sequence[Saving], service_id: int) -> int:
    return sum(one.cents for one in savings if one.service_id == service_id)
