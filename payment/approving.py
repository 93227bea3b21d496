"""A refund by two persons: one asks for it and says why, another one approves or rejects.

It is for what can still be given back of a payment, all of it. The request keeps no money (0010_till.sql): what a rule gives back
meanwhile goes first, and an approval that finds too little left is refused. What a rule gives back and is large waits here too, for
one person (docs/adr/0077); its rejection needs a reason, and it may be asked for anew.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from uuid import UUID, uuid5

from base.errors import Conflict, FieldError, Invalid, NotFound
from base.failpoint import point
from base.i18n import mark as _
from base.idempotency import KeyReused
from payment.context import Context
from payment.earning import Earning
from payment.model import (
    UNREFUNDABLE,
    Payment,
    PaymentStatus,
    Refund,
    RefundEvent,
    RefundReason,
    RefundStatus,
    RefundStep,
    StepEvent,
    advance,
)
from payment.ports import Tx

NOTE_LENGTH = 500
proposed = point("refund.proposed")
approved = point("refund.approved")


class NotPaid(Conflict):
    code = "not_paid"
    message = _("This payment has brought no money, so nothing can be refunded.")


class NothingLeft(Conflict):
    code = "nothing_to_refund"
    message = _("Everything that was paid has been refunded or is on its way back.")


class AlreadyRequested(Conflict):
    code = "refund_already_requested"
    message = _("A refund of this payment is waiting for approval already.")


class OwnRequest(Conflict):
    code = "own_request"
    message = _("Nobody approves a request of their own. Another person has to do it.")


class AlreadyDecided(Conflict):
    code = "already_decided"
    message = _("This request has been decided already.")


class RefundedMeanwhile(Conflict):
    code = "refunded_meanwhile"
    message = _(
        "Meanwhile money of this payment was refunded otherwise, so less is left than was asked for. Please reject."
    )


class PaymentDisputed(Conflict):
    code = "payment_disputed"
    message = _(
        "The payer disputes this payment with their bank. While that is open, and once it is lost, nothing can be refunded: "
        "the money would go back twice."
    )


@dataclass(frozen=True, slots=True)
class Approving:
    context: Context

    async def request(self, payment_id: UUID, *, by: int, note: str, key: UUID) -> Refund:
        """For everything that is left. The same key again: the same request.

        Raises NotFound, Invalid, NotPaid, NothingLeft, PaymentDisputed, AlreadyRequested, KeyReused.
        """
        note = note.strip()
        if not 1 <= len(note) <= NOTE_LENGTH:
            raise Invalid([_wrong_note(note)])
        refund_id, books, now = uuid5(payment_id, f"{by}:{key}"), self.context.books, self.context.clock()
        async with books.transaction() as tx:
            payment = await self.context.locked(tx, payment_id)
            known = await books.refund(tx, refund_id)
            if known is not None:
                if known.note != note:
                    raise KeyReused
                return known
            _check_refundable(payment)
            await self._check_undisputed(tx, payment)
            refunds = await books.refunds(tx, payment_id)
            if any(one.status is RefundStatus.REQUESTED and not one.needs_approval for one in refunds):
                raise AlreadyRequested
            refund = Refund(
                id=refund_id,
                payment_id=payment_id,
                amount_cents=payment.refundable.cents,
                reason=RefundReason.MANUAL,
                note=note,
                requested_by=by,
                attempt_at=now,
                created_at=now,
            )
            await books.insert_refund(tx, refund)
        proposed()
        return refund

    async def approve(self, payment_id: UUID, refund_id: UUID, *, by: int) -> Refund:
        """APPROVED; from here on the refund goes its usual way. Again by the same person: as it stands.

        Raises NotFound, OwnRequest, AlreadyDecided, RefundedMeanwhile, PaymentDisputed.
        """
        async with self.context.books.transaction() as tx:
            refund, payment = await self._read(tx, payment_id, refund_id)
            if refund.is_own_of(by):
                raise OwnRequest
            if refund.status is not RefundStatus.REQUESTED:
                if by == refund.approved_by:
                    return refund
                raise AlreadyDecided
            if not refund.is_promised and refund.amount_cents > payment.refundable.cents:
                raise RefundedMeanwhile
            await self._check_undisputed(tx, payment)
            status = advance(refund.status, RefundEvent.APPROVE)
            released = replace(refund, status=status, approved_by=by, decided_at=self.context.clock())
            await self.context.books.store_refund(tx, released, refund.status)
        approved()
        return released

    async def reject(self, payment_id: UUID, refund_id: UUID, *, by: int, note: str = "") -> Refund:
        """REJECTED; whoever asked may do so too. Again by the same person: as it stands. `note`: why, in words to the payee of what a
        rule has promised, and needed for that alone.

        Raises NotFound, Invalid, AlreadyDecided."""
        books, note = self.context.books, note.strip()
        async with books.transaction() as tx:
            refund, payment = await self._read(tx, payment_id, refund_id)
            if refund.status is not RefundStatus.REQUESTED:
                if by == refund.rejected_by:
                    return refund
                raise AlreadyDecided
            status = advance(refund.status, RefundEvent.REJECT)
            rejected = replace(refund, status=status, rejected_by=by, decided_at=self.context.clock())
            if refund.needs_approval:
                await self._say_why(tx, rejected, note)
            await books.store_refund(tx, rejected, refund.status)
            if refund.needs_approval:
                await Earning(self.context).earn_rejected(tx, rejected)
                await self.context.hooks.on_refund_rejected(tx, payment, rejected, note)
        return rejected

    async def ask_anew(self, payment_id: UUID, refund_id: UUID, *, by: int | None) -> Refund:
        """REQUESTED again, of what a rule has promised and a person has rejected; `by` None: its payee. Where it waits or is under way
        already: as it stands.

        Raises NotFound, RefundedMeanwhile, PaymentDisputed.
        """
        books, now = self.context.books, self.context.clock()
        async with books.transaction() as tx:
            refund, payment = await self._read(tx, payment_id, refund_id)
            if not refund.needs_approval:
                raise NotFound
            if refund.status is not RefundStatus.REJECTED:
                return refund
            if refund.amount_cents > payment.refundable.cents:
                raise RefundedMeanwhile
            await self._check_undisputed(tx, payment)
            anew = replace(
                refund,
                status=advance(refund.status, RefundEvent.ASK_ANEW),
                rejected_by=None,
                decided_at=None,
                asked_by=by,
                attempt_at=now,  # since then it waits
            )
            await books.write_step(tx, RefundStep(refund_id=refund_id, event=StepEvent.ASKED_ANEW, at=now, by=by))
            await books.store_refund(tx, anew, refund.status)
        return anew

    async def _say_why(self, tx: Tx, rejected: Refund, note: str) -> None:
        if not 1 <= len(note) <= NOTE_LENGTH:
            raise Invalid([_wrong_note(note, _("Say in a sentence why not: whoever paid reads it."))])
        assert rejected.decided_at is not None
        step = RefundStep(
            refund_id=rejected.id,
            event=StepEvent.REJECTED,
            at=rejected.decided_at,
            by=rejected.rejected_by,
            note=note,
        )
        await self.context.books.write_step(tx, step)

    async def _read(self, tx: Tx, payment_id: UUID, refund_id: UUID) -> tuple[Refund, Payment]:
        """A refund of this payment that is for people to decide. The payment is locked first, as wherever a refund is asked for."""
        payment = await self.context.locked(tx, payment_id)
        refund = await self.context.books.refund(tx, refund_id, lock=True)
        is_decided = refund is not None and (refund.needs_approval or refund.requested_by is not None)
        if refund is None or not is_decided or refund.payment_id != payment_id:
            raise NotFound
        return refund, payment

    async def _check_undisputed(self, tx: Tx, payment: Payment) -> None:
        if any(one.status in UNREFUNDABLE for one in await self.context.books.disputes(tx, payment.id)):
            raise PaymentDisputed


def _check_refundable(payment: Payment) -> None:
    if payment.status is not PaymentStatus.PAID:
        raise NotPaid
    if not payment.refundable:
        raise NothingLeft


def _wrong_note(note: str, missing: str = _("Say in a sentence why the money goes back.")) -> FieldError:
    if not note:
        return FieldError("/note", "missing", missing)
    return FieldError("/note", "string_too_long", _("This is too long."))
