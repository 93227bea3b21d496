"""What finance reads: a day, a payment, what waits for people. The provider is asked outside of any transaction."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from base.clock import Clock
from base.db import Connection, Database, freeze
from base.errors import NotFound
from base.identity import store as accounts
from payment import store as payments_store
from payment.model import Dispute, Payment, Refund, RefundStep
from payment.ports import OutcomeUnknown
from payment.receipts import kassenzeichen
from payment.reconciliation import store
from payment.reconciliation.model import Apart, Day, Found, Look, Ours, People, Span, Story, Theirs, Worklist, day_span
from payment.reconciliation.reconcile import (
    moved_by_look,
    reconcile_alone,
    reconcile_day,
    reconcile_payment,
    too_little_said,
)
from payment.reconciliation.totals import account_totals, rows, sums_of
from payment.statement import Statement, StatementProvider

log = logging.getLogger(__name__)

# What moved there just before midnight may be booked here after it; and a session made then may be paid after it.
LOOK_BACK = timedelta(hours=24)
# Younger facts are not compared: a message may be on its way.
ON_ITS_WAY = timedelta(minutes=2)
MOST_FOUND = 50
MOST_DISPUTES = 200  # listed at once
MOST_LOOKS = 50  # payments asked for one by one


class Reconciliation:
    """`providers`: by name. A day is a local day of the zone that the caller names."""

    def __init__(self, db: Database, providers: Mapping[str, StatementProvider], clock: Clock) -> None:
        self._db = db
        self._providers = providers
        self._clock = clock

    async def day(self, day: date, zone: ZoneInfo) -> Day:
        """Where the provider does not answer: our side alone, nothing is guessed."""
        span, compared_until = day_span(day, zone), self._clock() - ON_ITS_WAY
        statement = await self._statement(span)
        ours, apart = await self._ours(span, statement)
        theirs = None if statement is None else await self._theirs(ours, statement, span)
        posted = tuple(one for one in ours.posted if one.at in span)
        currencies = {payment.id: payment.currency for payment in ours.payments}
        return Day(
            day=day,
            span=span,
            sums=sums_of(posted, currencies, None if theirs is None else theirs.statement.movements, span),
            is_silent=theirs is None,
            accounts=account_totals(posted, currencies, apart),
            rows=rows(ours, theirs, span),
            posted=posted,
            differences=tuple(
                reconcile_alone(ours) if theirs is None else reconcile_day(ours, theirs, span, zone, compared_until)
            ),
            compared_until=compared_until,
            apart=apart,
        )

    async def payment(self, payment_id: UUID) -> Story:
        """The whole story of one. Raises NotFound."""
        async with self._db.connection() as conn:
            found = await store.payments(conn, [payment_id])
        if not found:
            raise NotFound
        look = await self._look(found[0])  # first: what is booked while it is asked shows as booked
        async with self._db.transaction() as conn:
            await freeze(conn)
            ours = await _of(conn, [payment_id])
            messages = await store.messages(conn, payment_id)
            steps = await payments_store.steps_of(conn, payment_id)
            people = await _people(conn, ours.refunds, steps)
        return Story(
            payment=ours.payments[0],
            refunds=ours.refunds,
            posted=ours.posted,
            messages=tuple(messages),
            look=look,
            differences=tuple(reconcile_alone(ours) if look is None else reconcile_payment(ours, look)),
            people=people,
            disputes=ours.disputes,
            steps=tuple(steps),
        )

    async def disputes(self) -> list[tuple[Dispute, Payment]]:
        """Open ones first, the nearest deadline of evidence on top; then what was decided last."""
        async with self._db.transaction() as conn:
            await freeze(conn)
            found = await store.latest_disputes(conn, MOST_DISPUTES)
            return await _with_payments(conn, found)

    async def dispute(self, dispute_id: UUID) -> tuple[Dispute, Payment]:
        """Raises NotFound."""
        async with self._db.transaction() as conn:
            await freeze(conn)
            found = await store.find_dispute(conn, dispute_id)
            if found is None:
                raise NotFound
            [(dispute, payment)] = await _with_payments(conn, [found])
        return dispute, payment

    async def of_references(self, references: Sequence[UUID]) -> list[UUID]:
        """All payments for them, reference by reference, of each the youngest first."""
        async with self._db.connection() as conn:
            return await store.of_references(conn, references)

    async def find(self, text: str) -> list[UUID]:
        """By an id of ours or of the provider (session, charge, refund), or by the Kassenzeichen as anybody may type it."""
        async with self._db.connection() as conn:
            return await store.of_provider_id(conn, kassenzeichen.understood(text) or text)

    async def meant(self, asked: str, references: Sequence[UUID]) -> list[UUID]:
        """What somebody at a till may mean: by the Kassenzeichen that was typed, and all payments for these references. Each once."""
        known = await self.find(asked) if asked.upper().startswith("RF") else []
        return list(dict.fromkeys([*known, *await self.of_references(references)]))

    async def of_receipt(self, year: int, number: int) -> list[UUID]:
        async with self._db.connection() as conn:
            return await store.of_receipt(conn, year, number)

    async def of_amount(self, cents: int) -> list[UUID]:
        """Of payments or refunds of just this amount, in cents; the youngest, at most MOST_FOUND."""
        async with self._db.connection() as conn:
            return await store.of_amount(conn, cents, MOST_FOUND)

    async def shown(self, ids: Collection[UUID]) -> Sequence[Found]:
        """What a search shows of them, in their order."""
        async with self._db.connection() as conn:
            return await store.found(conn, ids)

    async def worklist(self) -> Worklist:
        async with self._db.transaction() as conn:
            await freeze(conn)
            requests, failed = await store.open_requests(conn), await store.failed_refunds(conn)
            attention = await store.in_attention(conn)
            disputes = await _with_payments(conn, await store.open_disputes(conn))
            ids = {one.payment_id for one in (*requests, *failed)}
            known = {one.id: one for one in await store.payments(conn, ids)}
            people = await _people(conn, (*requests, *failed))
        return Worklist(
            requests=tuple((one, known[one.payment_id]) for one in requests),
            attention=tuple(attention),
            failed=tuple((one, known[one.payment_id]) for one in failed),
            people=people,
            disputes=tuple(disputes),
        )

    async def _statement(self, span: Span) -> Statement | None:
        """Of all providers together that have one; None where one is silent, or where there is none to ask."""
        if not self._providers:
            return None
        found = []
        for name, provider in self._providers.items():
            if not provider.abilities.statement:
                continue
            try:
                found.append(await provider.statement(span.start - LOOK_BACK, span.end))
            except OutcomeUnknown as silence:
                log.warning("reconciliation.no_answer", extra={"provider": name, "detail": str(silence)})
                return None
        return Statement(
            tuple(session for one in found for session in one.sessions),
            tuple(movement for one in found for movement in one.movements),
        )

    async def _ours(self, span: Span, statement: Statement | None) -> tuple[Ours, tuple[Apart, ...]]:
        movements = () if statement is None else statement.movements
        sessions = () if statement is None else statement.sessions
        named = {one.payment_id for one in movements if one.payment_id is not None}
        named |= {one.payment_id for one in sessions if one.payment_id is not None}
        charges = {one.charge_id for one in movements if one.charge_id is not None}
        refunds = {one.refund_provider_id for one in movements if one.refund_provider_id is not None}
        async with self._db.transaction() as conn:
            await freeze(conn)
            concerned = await store.concerned(conn, span, named, charges, refunds)
            return await _of(conn, concerned), tuple(await store.apart(conn, span))

    async def _theirs(self, ours: Ours, statement: Statement, span: Span) -> Theirs | None:
        wanted = too_little_said(ours, Theirs(statement), span)
        by_id = {payment.id: payment for payment in ours.payments}
        looks: dict[UUID, Look] = {}
        for payment_id in wanted[:MOST_LOOKS]:
            look = await self._look(by_id[payment_id])
            if look is None:
                return None
            looks[payment_id] = look
        seen = moved_by_look(
            ours, looks, {name for name, one in self._providers.items() if not one.abilities.statement}
        )
        told = replace(statement, movements=(*statement.movements, *seen))
        return Theirs(told, looks, frozenset(wanted[MOST_LOOKS:]))

    async def _look(self, payment: Payment) -> Look | None:
        """None where the provider does not answer."""
        provider = self._providers.get(payment.provider)
        if provider is None:
            return None
        try:
            session = None if payment.session_id is None else await provider.fetch(payment.session_id)
            charge_id = payment.charge_id or (session.charge_id if session is not None else None)
            refunds = () if charge_id is None else tuple(await provider.refunds_of(charge_id))
        except OutcomeUnknown as silence:
            log.warning("reconciliation.no_answer", extra={"payment": str(payment.id), "detail": str(silence)})
            return None
        return Look(session, refunds)


async def _of(conn: Connection, ids: Collection[UUID]) -> Ours:
    payments, refunds = await store.payments(conn, ids), await store.refunds(conn, ids)
    posted, disputes = await store.posted(conn, ids), await store.disputes(conn, ids)
    return Ours(tuple(payments), tuple(refunds), tuple(posted), tuple(disputes))


async def _with_payments(conn: Connection, found: Sequence[Dispute]) -> list[tuple[Dispute, Payment]]:
    known = {one.id: one for one in await store.payments(conn, [one.payment_id for one in found])}
    return [(one, known[one.payment_id]) for one in found]


async def _people(conn: Connection, refunds: Collection[Refund], steps: Collection[RefundStep] = ()) -> People:
    ids = {one for refund in refunds for one in (refund.requested_by, refund.approved_by, refund.rejected_by)}
    ids |= {one for refund in refunds for one in (refund.caused_by, refund.asked_by)} | {step.by for step in steps}
    return People(await accounts.names(conn, [one for one in ids if one is not None]))
