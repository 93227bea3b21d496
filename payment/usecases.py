"""What callers do with payments. Methods that take `tx` belong to the caller's transaction; the others open their own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from base.clock import Clock
from base.errors import Conflict
from base.failpoint import point
from base.money import Money
from payment.approving import Approving
from payment.books import Books
from payment.capturing import Capturing
from payment.context import Context, PaymentUnavailable
from payment.decide_dispute import is_disputed
from payment.disputing import Disputing
from payment.earning import Earning
from payment.model import (
    AT_ONCE,
    UNDER_WAY,
    Capture,
    Cause,
    Dispute,
    DisputeStatus,
    Line,
    Payment,
    Refund,
    RefundReason,
    RefundStatus,
    RefundStep,
    Troubles,
)
from payment.noticing import Noticing
from payment.opening import Opening
from payment.ports import Hooks, PaymentProvider, Tx
from payment.recognising import Recognising
from payment.refunding import Refunding
from payment.sending import Sending
from payment.settling import Settling
from payment.till.model import COUNTER
from payment.transfers.states import OPEN as TRANSFER_OPEN

requested = point("payment.requested")
refund_requested = point("refund.requested")


@dataclass(frozen=True, slots=True)
class GivenBack:
    """What a rule gives back of a payment: by a refund, or, of what is only reserved (`refund` is None), by not taking it. `at_till`: it
    was paid at a till, where it waits until somebody fetches it. `is_disputed`: it waits until a dispute is decided; `waits`: a person has
    to approve it first."""

    payment_id: UUID
    cents: int
    refund: UUID | None
    at_till: bool = False
    is_disputed: bool = False
    waits: bool = False


class Payments:
    """`providers`: by name; the first one that is online gets new payments. `new_id` gives the ids of payments and refunds.
    `approve_above`: in cents; what a rule gives back and is more waits for a person; 0: nothing does."""

    def __init__(
        self,
        books: Books,
        providers: Mapping[str, PaymentProvider],
        hooks: Hooks,
        clock: Clock,
        new_id: Callable[[], UUID],
        approve_above: int = 0,
    ) -> None:
        self._approve_above = approve_above
        self._context = Context(books, providers, hooks, clock, new_id)
        self._settling = Settling(self._context)
        self._opening = Opening(self._context, self._settling)
        self._disputing = Disputing(self._context, self._settling)
        self._refunding = Refunding(self._context, self._disputing)
        self._approving = Approving(self._context)
        self._earning = Earning(self._context)
        self._capturing = Capturing(self._context, self._settling)
        self._recognising = Recognising(self._context, self._refunding)
        self._sending = Sending(self._context, self._refunding, self._recognising)
        self._noticing = Noticing(
            self._context,
            self._settling,
            self._opening,
            self._refunding,
            self._disputing,
            self._capturing,
            self._recognising,
            self._sending,
        )

    async def request(
        self,
        tx: Tx,
        *,
        reference: UUID,
        amount: Money,
        description: str,
        language: str,
        return_url: str,
        lines: Sequence[Line] = (),
        service_day: date | None = None,
        at_till: bool = False,
        capture: Capture = Capture.AUTOMATIC,
    ) -> Payment:
        """An INTENDED payment, or the living one of this reference. Raises PaymentUnavailable where there is no provider for it.

        `lines`: what it is for, together the amount; `service_day`: the local day on which it is earned, None where that is told
        later. `at_till`: not online. `capture`: where the provider can reserve money; else it is taken at once.
        """
        books, now = self._context.books, self._context.clock()
        if (living := await books.living(tx, reference)) is not None:
            return living
        provider = next((n for n, one in self._context.providers.items() if one.abilities.online is not at_till), None)
        if provider is None or not self._context.providers[provider].abilities.collects:
            raise PaymentUnavailable
        payment = Payment(
            id=self._context.new_id(),
            reference=reference,
            provider=provider,
            amount_cents=amount.cents,
            currency=amount.currency,
            description=description,
            language=language,
            return_url=return_url,
            attempt_at=now,
            created_at=now,
            lines=tuple(lines),
            service_day=service_day,
            capture=capture if self._context.providers[provider].abilities.capture else Capture.AUTOMATIC,
        )
        if not await books.insert_payment(tx, payment):
            if (living := await books.living(tx, reference)) is None:
                raise Conflict  # another tab's payment came and went in this moment
            return living
        requested()
        return payment

    @property
    def only_at_till(self) -> bool:
        """The city has said that it takes no money online."""
        online = next((one for one in self._context.providers.values() if one.abilities.online), None)
        return online is not None and not online.abilities.collects

    async def living(self, tx: Tx, reference: UUID) -> Payment | None:
        """The one that is not fenced: it may bring money, has brought it, or needs attention."""
        return await self._context.books.living(tx, reference)

    async def latest(self, tx: Tx, reference: UUID) -> Payment | None:
        """The living one, else the youngest fenced one."""
        return await self._context.books.latest(tx, reference)

    async def refunds(self, tx: Tx, payment_id: UUID) -> list[Refund]:
        return await self._context.books.refunds(tx, payment_id)

    async def disputes(self, tx: Tx, payment_id: UUID) -> list[Dispute]:
        return await self._context.books.disputes(tx, payment_id)

    async def open(self, payment_id: UUID) -> Payment:
        """With `pay_url` where it is OPEN. Raises PaymentUnavailable: nothing was charged, try again."""
        return await self._opening.open(payment_id)

    async def settle(self, payment_id: UUID) -> Payment:
        """After asking the provider. Raises NotFound."""
        return await self._settling.settle(payment_id)

    async def fence(self, payment_id: UUID) -> Payment:
        """FENCED or PAID; any other status: the provider did not answer or money is under way, try again later."""
        return await self._opening.fence(payment_id)

    async def leave(self, payment_id: UUID) -> Payment:
        """fence(), for who pays otherwise now: also LAPSED where the provider is silent and its payer was never sent there."""
        return await self._opening.leave(payment_id)

    def cause(self, cents: int, by: int | None) -> Cause:
        """Of refunds by rule that together are so many cents, because of what `by` did for their payee (None: nobody did)."""
        return Cause(needs_approval=0 < self._approve_above < cents, by=by)

    async def request_refund(
        self, tx: Tx, payment_id: UUID, amount: Money, reason: RefundReason, cause: Cause = AT_ONCE
    ) -> Refund:
        """By rule: approved at once, unless the cause says otherwise; again for the same reason: that refund or its latest try.

        Raises NotFound, RefundTooLarge."""
        refund = await self._settling.refund_by_rule(tx, payment_id, amount, reason, cause)
        refund_requested()
        return refund

    @property
    def can_reserve(self) -> bool:
        """Whether new payments online may be reserved first and taken later."""
        online = next((one for one in self._context.providers.values() if one.abilities.online), None)
        return online is not None and online.abilities.capture

    async def give_back(
        self, tx: Tx, payment_id: UUID, amount: Money, reason: RefundReason, cause: Cause = AT_ONCE
    ) -> GivenBack:
        """As request_refund; of what is only reserved so much is not taken. Raises NotFound, RefundTooLarge."""
        payment = await self._context.books.payment(tx, payment_id, lock=True)
        if payment is not None and payment.is_reserved:
            await self._capturing.keep_less(tx, payment_id, amount, reason)
            return GivenBack(payment_id, amount.cents, None)
        refund = await self.request_refund(tx, payment_id, amount, reason, cause)
        at_till = payment is not None and payment.provider == COUNTER
        disputed = is_disputed(await self.disputes(tx, payment_id))
        return GivenBack(
            payment_id, refund.amount_cents, refund.id, at_till=at_till, is_disputed=disputed, waits=refund.is_promised
        )

    async def charge(self, tx: Tx, references: Collection[UUID]) -> list[UUID]:
        """What is reserved for these and may be kept is taken, where that was not decided before; the payments, for `take`."""
        return await self._capturing.order(tx, references)

    async def take(self, payment_id: UUID) -> Payment:
        """Do at once what `charge` has decided; the worker is the second try. Raises NotFound."""
        return await self._capturing.carry_out(payment_id)

    async def charge_due(self, today: date) -> int:
        """Reservations that run out soon or whose day is over. How many were decided."""
        return await self._capturing.order_due(today)

    async def uncovered(self, tx: Tx, reference: UUID) -> Payment | None:
        """A reservation that is gone, although we wanted it, where nothing has come in its place."""
        return await self._context.books.uncovered(tx, reference)

    async def refundable(self, tx: Tx, payment_id: UUID) -> Money:
        """What can still be given back, or left untaken; the payment is locked, so that it stays so. Raises NotFound."""
        payment = await self._context.locked(tx, payment_id)
        if payment.is_reserved:
            return Money(payment.kept_cents, payment.currency)
        disputes = await self._context.books.disputes(tx, payment_id)
        is_lost = any(one.status is DisputeStatus.LOST for one in disputes)  # also before its money has gone
        return Money(0, payment.currency) if is_lost else payment.refundable

    async def propose_refund(self, payment_id: UUID, *, by: int, note: str, key: UUID) -> Refund:
        """Of everything that is left, for another person to approve; `by`: an account. Refusals: see Approving.request."""
        return await self._approving.request(payment_id, by=by, note=note, key=key)

    async def approve_refund(self, payment_id: UUID, refund_id: UUID, *, by: int) -> Refund:
        """And submit it at once; the worker is the second try. Refusals: see Approving.approve."""
        refund = await self._approving.approve(payment_id, refund_id, by=by)
        return await self._sending.send(refund_id) if refund.status is RefundStatus.APPROVED else refund

    async def recognise(self, provider: str, charge_id: str) -> list[Refund]:
        """Refunds of this charge that people have made at the provider, booked. May raise OutcomeUnknown."""
        return await self._recognising.look(provider, charge_id)

    async def reject_refund(self, payment_id: UUID, refund_id: UUID, *, by: int, note: str = "") -> Refund:
        """Refusals: see Approving.reject."""
        return await self._approving.reject(payment_id, refund_id, by=by, note=note)

    async def ask_refund_anew(self, payment_id: UUID, refund_id: UUID, *, by: int | None) -> Refund:
        """What was rejected although a rule gives it. Refusals: see Approving.ask_anew."""
        return await self._approving.ask_anew(payment_id, refund_id, by=by)

    async def refund_steps(self, tx: Tx, payment_id: UUID) -> list[RefundStep]:
        return await self._context.books.steps(tx, payment_id)

    async def serve_on(self, tx: Tx, references: Collection[UUID], day: date) -> None:
        """The local day on which what was paid for these references is earned; what is earned already stays so."""
        await self._context.books.serve_on(tx, references, day)

    async def earn(self, tx: Tx, payment_id: UUID) -> int:
        """At once, what is neither given back nor owed: a policy lets the city keep it. How many cents."""
        return await self._earning.earn(tx, payment_id)

    async def earn_due(self, today: date) -> int:
        """Of all whose service day has come. How many payments."""
        return await self._earning.earn_due(today)

    async def is_giving_back(self, tx: Tx, reference: UUID) -> bool:
        """Whether a refund is still to be decided or on its way, also of what was paid twice: somebody may have to be asked or told."""
        return any(
            one.status in UNDER_WAY or one.retry_at is not None or one.transfer_status in TRANSFER_OPEN
            for one in await self._context.books.refunds_for(tx, reference)
        )

    async def erase_notes(self, tx: Tx, reference: UUID) -> bool:
        """What people wrote about its refunds, and accounts that these went to. True: something is open and keeps its own."""
        return await self._context.books.erase_notes(tx, reference)

    async def submit_refund(self, refund_id: UUID) -> Refund:
        return await self._sending.send(refund_id)

    async def take_event(self, provider: str, headers: Mapping[str, str], raw_body: bytes) -> None:
        await self._noticing.take_event(provider, headers, raw_body)

    async def sweep(self) -> int:
        return await self._noticing.sweep()

    async def troubles(self) -> Troubles:
        """How much waits for people, for the figures."""
        async with self._context.books.transaction() as tx:
            return await self._context.books.troubles(tx)
