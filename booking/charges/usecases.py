"""What people do with further fees: a clerk asks for one or withdraws it, its payer pays on a phone or at a till.

A charge is locked before its payment is read or made; payment's hooks hold the payment first. Two may then wait for each other: PostgreSQL
ends one, and whoever is ended here tries once more.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import asyncpg

from base.clock import Clock
from base.db import Connection, Database, again_after_deadlock, violates
from base.errors import Conflict, FieldError, Invalid, NotFound
from base.failpoint import point
from base.i18n import Translations, pick
from base.i18n import mark as _
from base.rounds import each
from base.seal import Sealer, new_token, token_sha256
from booking.appointments.at_till import PaymentUnderWay
from booking.appointments.for_staff import NobodyToAsk
from booking.appointments.person_store import find_person
from booking.appointments.reductions import Reductions
from booking.appointments.slots import Announce, Notice
from booking.charges import store
from booking.charges.model import Charge, ChargeKind, ChargeStatus, Price, Visit
from booking.charges.reading import Reading, seal_of
from payment.context import PaymentUnavailable
from payment.model import LIVING, Line, Payment, PaymentStatus
from payment.till.model import COUNTER
from payment.usecases import Payments

log = logging.getLogger(__name__)
charge_asked = point("charge.asked")
charge_withdrawing = point("charge.withdrawing")
charge_withdrawn = point("charge.withdrawn")
charge_pay_requested = point("charge.pay-requested")

MOST_QUANTITY, MOST_TEXT = 99, 300
_TRY_EVERY = timedelta(minutes=1)
_AT_ONCE = 20


class NotServed(Conflict):
    code = "not_served"
    message = _("A fee can only be asked of somebody who is being served.")


class NotOnPriceList(Conflict):
    code = "not_on_price_list"
    message = _("This fee is not on the price list any more. Please choose again.")


class NothingDue(Conflict):
    code = "nothing_due"
    message = _("Nothing is to be paid because of a proof that was not shown.")


class ChargePaid(Conflict):
    code = "charge_paid"
    message = _("This fee is paid already. It can only be given back by a refund.")


class ChargeOver(Conflict):
    code = "charge_over"
    message = _("This fee is not asked for any more.")


class Charges(Reading):
    def __init__(
        self,
        db: Database,
        payments: Payments,
        translations: Translations,
        sealer: Sealer,
        clock: Clock,
        public_url: str,
        reductions: Reductions,
        announce: Announce,
    ) -> None:
        super().__init__(db, payments, sealer, clock, public_url)
        self._translations = translations
        self._reductions = reductions
        self._announce = announce

    async def ask(
        self, office_id: int, ticket_id: UUID, fee_id: int, *, quantity: int, text: str, by: int, key: UUID
    ) -> Charge:
        """A fee of the price list, so many times, at today's price, which it keeps. The same key again: the same charge.

        `text`: what the receipt says beside its name. Raises NotFound, Invalid, NotServed, NotOnPriceList.
        """
        text = " ".join(text.split())
        wrong = []
        if not 1 <= quantity <= MOST_QUANTITY:
            wrong.append(FieldError("/quantity", "less_than_equal", _("How many? A number from 1 to 99.")))
        if len(text) > MOST_TEXT // 2:
            wrong.append(FieldError("/text", "string_too_long", _("This is too long.")))
        if wrong:
            raise Invalid(wrong)
        async with self._db.transaction() as conn:
            at = await self._visit(conn, office_id, ticket_id)
            if (known := await store.find(conn, key)) is not None:
                return known
            found = await store.prices(conn, at.day, [fee_id])
            if not found:
                raise NotOnPriceList
            price = found[0]
            name = pick(price.name, at.language)
            label = f"{name} ({text})" if text else name
            line = Line(
                product=price.product,
                amount_cents=quantity * price.amount_cents,
                label=label,
                quantity=quantity,
                tax_percent=price.tax_percent,
            )
            await self._insert(
                conn, key, at, ChargeKind.FEE, [line], label=label, price=price, quantity=quantity, by=by
            )
            charge = await self._found(conn, key)
        charge_asked()
        return charge

    async def ask_for_reduction(self, office_id: int, ticket_id: UUID, *, by: int) -> Charge:
        """What is due because proof of a reduction was not shown. Again: the same charge, unless that was withdrawn.

        Raises NotFound, NotServed, NothingDue.
        """
        async with self._db.connection() as conn:
            at = await self._visit(conn, office_id, ticket_id)
        due = await self._reductions.due(at.appointment_id) if at.appointment_id else None
        if due is None or not due.amount:
            raise NothingDue
        label = self._translations.gettext(at.language, _("Fee without reduction: proof was not shown"))
        lines = [replace(line, label=label) for line in due.lines]
        async with self._db.transaction() as conn:
            await self._insert(
                conn, uuid4(), at, ChargeKind.REDUCTION, lines, label=label, by=by, currency=due.amount.currency
            )
            found = await store.of_visit(conn, ticket_id, at.appointment_id)
        charge_asked()
        return next(
            one for one in found if one.kind is ChargeKind.REDUCTION and one.status is not ChargeStatus.WITHDRAWN
        )

    async def send(self, office_id: int, charge_id: UUID) -> None:
        """The link to pay, by e-mail or text message; one message, however often it is asked for.

        Raises NotFound, ChargeOver, NobodyToAsk.
        """
        async with self._db.transaction() as conn:
            charge = await self._found(conn, charge_id)
            if charge.office_id != office_id or charge.appointment_id is None:
                raise NotFound
            if charge.status is not ChargeStatus.OPEN:
                raise ChargeOver
            person = await find_person(conn, charge.appointment_id)
            if person is None or (person.email is None and person.mobile is None):
                raise NobodyToAsk
            path = self.link(charge).removeprefix(f"{self._public_url}/{charge.language}")
            fields = {"fee_cents": charge.amount_cents, "currency": charge.currency, "own_path": path}
            await self._announce(conn, charge.appointment_id, Notice("charge_asked", str(charge.id), fields))

    async def withdraw(self, office_id: int, charge_id: UUID, *, reason: str, by: int) -> Charge:
        """It was asked for by mistake: whoever has begun to pay it is kept from that first. Again: nothing more happens.

        Raises NotFound, Invalid, ChargePaid; where the provider is silent it stays WITHDRAWING, and the worker tries again.
        """
        reason = " ".join(reason.split())
        if not 1 <= len(reason) <= MOST_TEXT:
            raise Invalid([FieldError("/reason", "missing", _("Say why, in at most 300 characters."))])
        payment = await again_after_deadlock(lambda: self._withdraw_once(office_id, charge_id, reason, by))
        if payment is not None:
            charge_withdrawing()
            await self._payments.fence(payment)
        charge = await self.get(charge_id)
        if charge.status is ChargeStatus.PAID:
            raise ChargePaid
        return charge

    async def withdraw_due(self) -> int:
        """Those of which it is not known yet whether they can still be paid. How many were tried."""
        async with self._db.connection() as conn:
            due = await store.withdrawing(conn, self._clock() - _TRY_EVERY, _AT_ONCE)
        return await each(
            due, self._end_one, log=log, failed="charge.not-withdrawn", named=lambda one: {"charge": str(one)}
        )

    async def _end_one(self, charge_id: UUID) -> bool:
        async with self._db.connection() as conn:
            payment = await self._payments.living(conn, charge_id)
        if payment is not None:
            await self._payments.fence(payment.id)
            return True
        async with self._db.transaction() as conn:  # its payment had ended before the charge was withdrawn
            await store.lock(conn, charge_id)
            if await self._payments.living(conn, charge_id) is None:
                await store.move(conn, charge_id, ChargeStatus.WITHDRAWN, self._clock())
        return True

    async def pay(self, charge_id: UUID, return_url: str) -> str | None:
        """Where to send the payer; None: paid, or the money is under way. Raises NotFound, ChargeOver, PaymentUnavailable."""
        payment = await self._asked_to_pay(charge_id, return_url, at_till=False)
        return payment.pay_url if payment is not None and payment.status is PaymentStatus.OPEN else None

    async def pay_at_till(self, charge_id: UUID, return_url: str) -> Payment | None:
        """The payment that a till can take; None: paid. Raises NotFound, ChargeOver, PaymentUnderWay, PaymentUnavailable."""
        return await self._asked_to_pay(charge_id, return_url, at_till=True)

    async def settle(self, charge_id: UUID) -> Charge:
        """After asking the provider: the return page does so before it shows anything."""
        async with self._db.connection() as conn:
            payment = await self._payments.latest(conn, charge_id)
        if payment is not None:
            await self._payments.settle(payment.id)
        return await self.get(charge_id)

    async def _asked_to_pay(self, charge_id: UUID, return_url: str, *, at_till: bool) -> Payment | None:
        """What was begun the other way is made impossible first."""
        for _try in range(2):
            living = await again_after_deadlock(lambda: self._request(charge_id, return_url, at_till=at_till))
            if living is None:
                return None
            charge_pay_requested()
            if (living.provider == COUNTER) is at_till:
                return await self._payments.open(living.id)
            ended = await (self._payments.leave if at_till else self._payments.fence)(living.id)
            if ended.status is PaymentStatus.PAID:
                return None
            if ended.status in LIVING:
                if at_till:
                    raise PaymentUnderWay
                return ended
        raise PaymentUnavailable

    async def _request(self, charge_id: UUID, return_url: str, *, at_till: bool) -> Payment | None:
        """The living payment, made if need be; None: it is paid."""
        async with self._db.transaction() as conn:
            await store.lock(conn, charge_id)
            charge = await self._found(conn, charge_id)
            if charge.status is ChargeStatus.PAID:
                return None
            if charge.status is not ChargeStatus.OPEN:
                raise ChargeOver
            return await self._payments.request(
                conn,
                reference=charge.id,
                amount=charge.amount,
                description=self._describe(charge),
                language=charge.language,
                return_url=return_url,
                lines=charge.lines,
                service_day=charge.day,
                at_till=at_till,
            )

    async def _withdraw_once(self, office_id: int, charge_id: UUID, reason: str, by: int) -> UUID | None:
        """The payment to fence after commit."""
        async with self._db.transaction() as conn:
            await store.lock(conn, charge_id)
            charge = await self._found(conn, charge_id)
            if charge.office_id != office_id:
                raise NotFound
            if charge.status is ChargeStatus.WITHDRAWN:
                return None
            payment = await self._payments.living(conn, charge_id)
            if charge.status is ChargeStatus.PAID or (payment and payment.status is PaymentStatus.PAID):
                raise ChargePaid
            to = ChargeStatus.WITHDRAWN if payment is None else ChargeStatus.WITHDRAWING
            await store.move(conn, charge_id, to, self._clock(), by=by, reason=reason)
        if payment is None:
            charge_withdrawn()
        return payment.id if payment else None

    async def _insert(
        self,
        conn: Connection,
        ident: UUID,
        at: Visit,
        kind: ChargeKind,
        lines: Sequence[Line],
        *,
        label: str,
        by: int,
        price: Price | None = None,
        quantity: int = 1,
        currency: str = "EUR",
    ) -> None:
        """Nothing where it was asked for already."""
        token = new_token()
        try:
            await store.insert(
                conn,
                ident,
                at,
                kind=kind,
                fee_id=price.fee_id if price else None,
                quantity=quantity,
                amount_cents=sum(line.amount_cents for line in lines),
                currency=price.currency if price else currency,
                lines=lines,
                legal_basis=dict(price.legal_basis) if price else {},
                label=label[:MOST_TEXT],
                by=by,
                now=self._clock(),
                token_sha256=token_sha256(token),
                token_sealed=self._sealer.seal(token, seal_of(ident)),
                code_hmac=self._sealer.look_up(self._code(ident), "charge.code"),
            )
        except asyncpg.CheckViolationError as error:
            if violates(error, "charge_while_served"):
                raise NotServed from None
            if violates(error, "charge_of_price_list"):
                raise NotOnPriceList from None
            raise

    def _describe(self, charge: Charge) -> str:
        if charge.appointment_number is None:
            return self._translations.gettext(
                charge.language, _("City fee, queue number {number}"), number=f"{charge.number:03d}"
            )
        return self._translations.gettext(
            charge.language, _("City appointment {number}"), number=charge.appointment_number
        )
