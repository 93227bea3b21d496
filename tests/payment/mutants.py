"""Mutants of the product: each takes one idea out of it, and must not get through the simulation.

Not here, because they live, and why: other keys for `create`, or raising the attempt without looking up. A session whose answer was lost
has never had a payer: nobody knows its address. Telling nobody of a fence: expiry looks at each hold that is over, finds its payment
fenced, and frees the time. A rule that forgets what it asked for: it asks when a case is cancelled, and a case is cancelled once.
Another key for each call that takes what is reserved: the provider takes once, and refuses the second call by its state, not by its key.
A lost dispute that overlooks what waits for approval: seldom both meet (`test_approving.py` shows it).
No order when a case is cancelled: what may be kept is taken on the day after all the same, only later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID

import pytest

from booking.appointments.hooks import CaseHooks
from booking.appointments.lifecycle import Lifecycle
from booking.appointments.model import AppointmentStatus
from booking.appointments.slots import Notice
from payment import capturing, decide, disputing, memory_rules, refunding, settling
from payment.approving import Approving
from payment.books_memory import MemoryBooks
from payment.capturing import Capturing
from payment.decide_dispute import decide_dispute
from payment.disputing import Disputing
from payment.earning import Earning
from payment.ledger import PSP_CLEARING, Entry, Journal, JournalKind, dispute_journal
from payment.model import COUNTED, Cause, Dispute, Payment, PaymentEvent, PaymentStatus, Refund, RefundStatus
from payment.noticing import Noticing
from payment.opening import Opening
from payment.ports import Outcome, OutcomeUnknown, ProviderRefused, SessionState, Snapshot, Tx
from payment.provider_records import rows_memory
from payment.provider_records import usecases as records_usecases
from payment.provider_records.rows_memory import MemoryRecordRows
from payment.settling import Settling
from payment.usecases import Payments
from tests.payment.machine_provider import MachineProvider

Mutate = Callable[[pytest.MonkeyPatch], None]

STOPPED_BY = {"the_amount_is_not_compared": "payment_captured"}
"""Mutants that a rule of the schema, by its name, stops before they can break anything."""

DIED_AT = {
    "what_is_rejected_stays_owed": 175,
    "a_refund_does_not_wait_for_a_dispute": 73,
    "whoever_cancelled_approves_it": 55,
}
"""Where a hunt begins that would take long: the seed that killed it when somebody last looked. When stale it costs time, and no more."""


def a_new_key_for_each_refund_call(patch: pytest.MonkeyPatch) -> None:
    numbers = count()
    patch.setattr(Refund, "key", property(lambda refund: f"refund:{refund.id}:{next(numbers)}"))


def silence_is_a_failure(patch: pytest.MonkeyPatch) -> None:
    ask = MachineProvider.refund

    async def refund(self: MachineProvider, order: Any, key: str) -> Any:
        try:
            return await ask(self, order, key)
        except OutcomeUnknown:
            raise ProviderRefused("timeout") from None

    patch.setattr(MachineProvider, "refund", refund)


def time_is_freed_without_asking(patch: pytest.MonkeyPatch) -> None:
    async def expire_one(self: Any, reference: UUID) -> None:
        async with self._transaction() as tx:
            case = await self._slots.lock(tx, reference)
            if case is not None and case.status is AppointmentStatus.HELD and case.hold_until <= self._clock():
                await self._slots.move(tx, reference, AppointmentStatus.EXPIRED)

    patch.setattr(Lifecycle, "_expire_one", expire_one)


def and_late_money_confirms_blindly(patch: pytest.MonkeyPatch) -> None:
    time_is_freed_without_asking(patch)

    async def on_paid(self: CaseHooks, tx: Any, payment: Payment) -> Outcome:
        case = tx["case"][payment.reference]
        tx["case"][payment.reference] = replace(case, status=AppointmentStatus.CONFIRMED)
        await self._slots.announce(tx, payment.reference, Notice("appointment_confirmed"))
        return Outcome.KEPT

    patch.setattr(CaseHooks, "on_paid", on_paid)


def a_fence_believes_itself(patch: pytest.MonkeyPatch) -> None:
    async def fence(self: Opening, payment_id: UUID) -> Payment:
        payment = await self.context.payment(payment_id)
        if payment.status not in (PaymentStatus.INTENDED, PaymentStatus.OPEN):
            return payment
        async with self.context.books.transaction() as tx:
            locked = await self.context.books.payment(tx, payment_id, lock=True)
            if locked is None or locked.status is not payment.status:
                return payment
            fenced = replace(payment, status=PaymentStatus.FENCED, pay_url=None)
            await self.context.books.store_payment(tx, fenced, payment.status)
            await self.context.hooks.on_fenced(tx, fenced)
        return fenced

    patch.setattr(Opening, "fence", fence)


def nobody_sweeps(patch: pytest.MonkeyPatch) -> None:
    async def sweep(self: Payments) -> int:
        return 0

    patch.setattr(Payments, "sweep", sweep)


def nobody_is_told_of_money(patch: pytest.MonkeyPatch) -> None:
    async def on_paid(self: CaseHooks, tx: Tx, payment: Payment) -> Outcome:
        return Outcome.KEPT

    patch.setattr(CaseHooks, "on_paid", on_paid)


def the_hook_comes_after_the_commit(patch: pytest.MonkeyPatch) -> None:
    """A crash between the two loses it."""
    take_in, tell = Settling.take_in, CaseHooks.on_paid

    async def later(self: CaseHooks, tx: Tx, payment: Payment) -> Outcome:
        return Outcome.KEPT

    async def take_in_then_tell(self: Settling, payment_id: UUID, seen: Any) -> Payment:
        before = await self.context.payment(payment_id)
        after = await take_in(self, payment_id, seen)
        if before.status is not after.status and after.status is PaymentStatus.PAID:
            async with self.context.books.transaction() as tx:
                await tell(self.context.hooks, tx, after)  # type: ignore[arg-type]
        return after

    patch.setattr(CaseHooks, "on_paid", later)
    patch.setattr(Settling, "take_in", take_in_then_tell)


def a_refused_fence_counts_as_a_fence(patch: pytest.MonkeyPatch) -> None:
    """Refused means complete or expired; which of them, only a look tells."""

    async def fence(self: Opening, payment_id: UUID) -> Payment:
        payment = await self.context.payment(payment_id)
        if payment.status not in (PaymentStatus.INTENDED, PaymentStatus.OPEN) or payment.session_id is None:
            return payment
        try:
            await self.context.provider_of(payment).fence(payment.session_id)
        except ProviderRefused:
            pass
        except OutcomeUnknown:
            return payment
        async with self.context.books.transaction() as tx:
            locked = await self.context.books.payment(tx, payment_id, lock=True)
            if locked is None or locked.status is not payment.status:
                return payment
            fenced = replace(locked, status=PaymentStatus.FENCED, pay_url=None)
            await self.context.books.store_payment(tx, fenced, locked.status)
            await self.context.hooks.on_fenced(tx, fenced)
        return fenced

    patch.setattr(Opening, "fence", fence)


def a_message_is_believed(patch: pytest.MonkeyPatch) -> None:
    """Whoever says "paid" is taken at his word, and nobody asks the provider."""
    take = Noticing.take_event

    async def take_event(self: Noticing, name: str, headers: Any, raw: bytes) -> None:
        event = self.context.providers[name].parse_event(headers, raw)
        if event.kind == "checkout.session.completed" and event.payment_id is not None:
            async with self.context.books.transaction() as tx:
                payment = await self.context.books.payment(tx, event.payment_id, lock=True)
                if payment is not None and payment.status is PaymentStatus.OPEN:
                    paid = replace(
                        payment,
                        status=PaymentStatus.PAID,
                        captured_cents=payment.amount_cents,
                        charge_id="pi_believed",
                        pay_url=None,
                    )
                    await self.settling._apply(tx, payment, decide.Decision(paid, effects=(decide.Effect.TELL_PAID,)))
        await take(self, name, headers, raw)

    patch.setattr(Noticing, "take_event", take_event)


def the_amount_is_not_compared(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(decide, "contradiction", lambda payment, seen: None)


def money_for_a_lost_time_is_kept(patch: pytest.MonkeyPatch) -> None:
    tell = CaseHooks.on_paid

    async def on_paid(self: CaseHooks, tx: Tx, payment: Payment) -> Outcome:
        await tell(self, tx, payment)
        return Outcome.KEPT

    patch.setattr(CaseHooks, "on_paid", on_paid)
    time_is_freed_without_asking(patch)


def a_refund_is_not_booked(patch: pytest.MonkeyPatch) -> None:
    post = MemoryBooks.post

    async def leave_out(self: MemoryBooks, tx: Tx, journal: Journal, at: Any) -> None:
        if journal.kind is not JournalKind.REFUND:
            await post(self, tx, journal, at)

    patch.setattr(MemoryBooks, "post", leave_out)


def a_refund_always_lessens_revenue(patch: pytest.MonkeyPatch) -> None:
    def refund_journal(refund: Refund, payment: Payment, account: str = PSP_CLEARING) -> Journal:
        entries = (Entry("revenue:fees", refund.amount_cents), Entry(account, -refund.amount_cents))
        return Journal(JournalKind.REFUND, refund.payment_id, refund.id, entries)

    patch.setattr(decide, "refund_journal", refund_journal)


def nothing_is_ever_earned(patch: pytest.MonkeyPatch) -> None:
    async def earn(self: Payments, tx: Tx, payment_id: UUID) -> int:
        return 0

    async def earn_due(self: Payments, today: Any) -> int:
        return 0

    patch.setattr(Payments, "earn", earn)
    patch.setattr(Payments, "earn_due", earn_due)


def a_refund_does_not_wait_for_a_dispute(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(refunding, "is_disputed", lambda disputes: False)


def a_lost_dispute_is_refunded_all_the_same(patch: pytest.MonkeyPatch) -> None:
    """The provider refuses, but our books say that it is owed."""
    patch.setattr(refunding, "UNREFUNDABLE", frozenset())
    patch.setattr(memory_rules, "UNREFUNDABLE", frozenset())


def a_refund_refused_while_disputed_keeps_its_key(patch: pytest.MonkeyPatch) -> None:
    """The provider repeats its refusal for as long as it remembers the key."""
    store = MemoryBooks.store_refund

    async def store_refund(self: MemoryBooks, tx: Tx, refund: Refund, was: RefundStatus) -> None:
        if (was, refund.status) == (RefundStatus.SUBMITTED, RefundStatus.APPROVED):
            refund = replace(refund, attempt=refund.attempt - 1)
        await store(self, tx, refund, was)

    patch.setattr(MemoryBooks, "store_refund", store_refund)


def a_dispute_is_booked_at_each_look(patch: pytest.MonkeyPatch) -> None:
    post, numbers = MemoryBooks.post, count()

    def at_each_look(dispute: Dispute, payment: Payment, seen: Any, now: Any) -> Any:
        decision = decide_dispute(dispute, payment, seen, now)
        if decision.journals or not decision.dispute.taken_cents:
            return decision
        return replace(decision, journals=(dispute_journal(decision.dispute),))

    async def post_again(self: MemoryBooks, tx: Tx, journal: Journal, at: Any) -> None:
        if journal.kind is JournalKind.DISPUTE:
            journal = replace(journal, dispute_id=UUID(int=next(numbers)))
        await post(self, tx, journal, at)

    patch.setattr(disputing, "decide_dispute", at_each_look)
    patch.setattr(MemoryBooks, "post", post_again)


def only_messages_tell_of_disputes(patch: pytest.MonkeyPatch) -> None:
    async def walk(self: Disputing, name: str) -> None:
        return None

    patch.setattr(Disputing, "walk", walk)


def what_a_lost_dispute_paid_back_is_a_loss_too(patch: pytest.MonkeyPatch) -> None:
    post = MemoryBooks.post

    async def leave_out(self: MemoryBooks, tx: Tx, journal: Journal, at: Any) -> None:
        if journal.kind is not JournalKind.REFUND_OVERTAKEN:
            await post(self, tx, journal, at)

    patch.setattr(MemoryBooks, "post", leave_out)


def money_under_way_counts_as_none(patch: pytest.MonkeyPatch) -> None:
    """The bank may still say yes."""
    patch.setitem(decide._EVENT_OF, SessionState.PROCESSING, PaymentEvent.DIED)


def cancelling_lets_nothing_go(patch: pytest.MonkeyPatch) -> None:
    """The time is free for others, and the whole reservation is taken."""

    async def keep_less(self: Capturing, tx: Tx, payment_id: UUID, amount: Any, reason: Any) -> None:
        return None

    patch.setattr(Capturing, "keep_less", keep_less)


def what_was_taken_is_not_compared(patch: pytest.MonkeyPatch) -> None:
    compare = decide.contradiction

    def contradiction(payment: Payment, seen: Snapshot) -> str | None:
        is_taken = payment.authorised_until is not None and seen.state is SessionState.PAID
        return None if is_taken else compare(payment, seen)

    patch.setattr(decide, "contradiction", contradiction)
    patch.setattr(memory_rules, "check_payment", lambda payment: None)


def what_was_ordered_is_ordered_otherwise(patch: pytest.MonkeyPatch) -> None:
    """The first order may have been carried out already."""
    less = settling.kept_less

    def kept_less(payment: Payment, cents: int, reason: Any) -> Payment:
        lowered = less(payment, cents, reason)
        return lowered if payment.take_cents is None else replace(lowered, take_cents=lowered.kept_cents)

    patch.setattr(capturing, "kept_less", kept_less)
    patch.setattr(memory_rules, "payment_changes", lambda was, payment: None)


def what_was_taken_too_much_is_kept(patch: pytest.MonkeyPatch) -> None:
    async def taken(self: Settling, tx: Tx, payment: Payment) -> Payment:
        await self.context.hooks.on_taken(tx, payment)
        return payment

    patch.setattr(Settling, "_taken", taken)


def nobody_takes_what_is_about_to_run_out(patch: pytest.MonkeyPatch) -> None:
    async def charge_due(self: Payments, today: Any) -> int:
        return 0

    patch.setattr(Payments, "charge_due", charge_due)


def a_reservation_that_ran_out_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Payment, "is_uncovered", property(lambda payment: False))


def a_payout_that_came_back_stays_on_its_way(patch: pytest.MonkeyPatch) -> None:
    async def book_failed_payouts(self: MemoryRecordRows, conn: Any) -> int:
        return 0

    patch.setattr(MemoryRecordRows, "book_failed_payouts", book_failed_payouts)


def a_price_is_booked_at_each_reading(patch: pytest.MonkeyPatch) -> None:
    numbers = count()

    def book(conn: Any, kind: JournalKind, subject: str, entries: Any) -> bool:
        once = kind is not JournalKind.PSP_FEE
        key = (kind, subject if once else f"{subject}#{next(numbers)}")
        if once and key in conn["record_journal"]:
            return False
        conn["record_journal"][key] = entries
        return True

    patch.setattr(rows_memory, "_book", book)


def what_was_read_is_never_read_again(patch: pytest.MonkeyPatch) -> None:
    """A payout changes its state for days."""
    patch.setattr(records_usecases, "LOOK_AGAIN", timedelta(0))


class _Somebody(int):
    """An account that nobody compares with another."""

    def __eq__(self, other: object) -> bool:
        return False

    __hash__ = int.__hash__


def who_asks_may_approve(patch: pytest.MonkeyPatch) -> None:
    """Neither the use case nor the schema compares the two."""
    approve = Approving.approve

    async def as_somebody(self: Approving, payment_id: UUID, refund_id: UUID, *, by: int) -> Refund:
        return await approve(self, payment_id, refund_id, by=_Somebody(by))

    patch.setattr(Approving, "approve", as_somebody)


def what_was_approved_is_sent_once_or_never(patch: pytest.MonkeyPatch) -> None:
    """Whoever approves is the only one who sends it."""
    due = MemoryBooks.due_refunds

    async def due_refunds(self: MemoryBooks, tx: Tx, now: Any, limit: int) -> list[Refund]:
        return [one for one in await due(self, tx, now, limit) if one.requested_by is None]

    patch.setattr(MemoryBooks, "due_refunds", due_refunds)


def two_may_ask_at_once(patch: pytest.MonkeyPatch) -> None:
    """Nobody looks whether a request waits already."""
    ask, refunds, unique = Approving.request, MemoryBooks.refunds, memory_rules.unique_refund
    asking: set[Any] = set()

    async def unseen(self: MemoryBooks, tx: Tx, payment_id: UUID) -> list[Refund]:
        found = await refunds(self, tx, payment_id)
        return [] if asyncio.current_task() in asking else found

    async def request(self: Approving, payment_id: UUID, **given: Any) -> Refund:
        task = asyncio.current_task()
        asking.add(task)
        try:
            return await ask(self, payment_id, **given)
        finally:
            asking.discard(task)

    patch.setattr(MemoryBooks, "refunds", unseen)
    patch.setattr(Approving, "request", request)
    patch.setattr(
        memory_rules,
        "unique_refund",
        lambda r, others: None if r.status is RefundStatus.REQUESTED else unique(r, others),
    )


def only_messages_tell_of_refunds_at_the_provider(patch: pytest.MonkeyPatch) -> None:
    async def recognise(self: Payments, provider: str, charge_id: str) -> list[Refund]:
        return []

    patch.setattr(Payments, "recognise", recognise)


def a_large_refund_asks_nobody(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Payments, "cause", lambda self, cents, by: Cause())


def whoever_cancelled_approves_it(patch: pytest.MonkeyPatch) -> None:
    check = memory_rules.check_refund

    def check_refund(refund: Refund, was: Refund | None = None) -> None:
        check(replace(refund, caused_by=None, asked_by=None), was)

    patch.setattr(Refund, "is_own_of", lambda refund, account: False)
    patch.setattr(memory_rules, "check_refund", check_refund)


def what_waits_keeps_no_money(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(memory_rules, "counted_cents", lambda r: r.amount_cents if r.status in COUNTED else 0)


def what_is_rejected_stays_owed(patch: pytest.MonkeyPatch) -> None:
    async def earn_rejected(self: Earning, tx: Tx, refund: Refund) -> int:
        return 0

    patch.setattr(Earning, "earn_rejected", earn_rejected)


MUTANTS: list[Mutate] = [
    a_large_refund_asks_nobody,
    whoever_cancelled_approves_it,
    what_waits_keeps_no_money,
    what_is_rejected_stays_owed,
    a_new_key_for_each_refund_call,
    silence_is_a_failure,
    time_is_freed_without_asking,
    and_late_money_confirms_blindly,
    a_fence_believes_itself,
    nobody_sweeps,
    nobody_is_told_of_money,
    the_hook_comes_after_the_commit,
    a_refused_fence_counts_as_a_fence,
    a_message_is_believed,
    the_amount_is_not_compared,
    money_for_a_lost_time_is_kept,
    a_refund_is_not_booked,
    a_refund_always_lessens_revenue,
    nothing_is_ever_earned,
    a_refund_does_not_wait_for_a_dispute,
    a_lost_dispute_is_refunded_all_the_same,
    a_refund_refused_while_disputed_keeps_its_key,
    a_dispute_is_booked_at_each_look,
    only_messages_tell_of_disputes,
    what_a_lost_dispute_paid_back_is_a_loss_too,
    money_under_way_counts_as_none,
    cancelling_lets_nothing_go,
    what_was_taken_is_not_compared,
    what_was_ordered_is_ordered_otherwise,
    what_was_taken_too_much_is_kept,
    nobody_takes_what_is_about_to_run_out,
    a_reservation_that_ran_out_is_forgotten,
    a_payout_that_came_back_stays_on_its_way,
    a_price_is_booked_at_each_reading,
    what_was_read_is_never_read_again,
    who_asks_may_approve,
    what_was_approved_is_sent_once_or_never,
    two_may_ask_at_once,
    only_messages_tell_of_refunds_at_the_provider,
]
