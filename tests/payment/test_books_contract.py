"""One suite over both books: what one refuses or finds, the other refuses or finds too."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import pytest

from base.db import Connection, Database
from payment.books import Books, Overtaken, Refused
from payment.books_memory import MemoryBooks
from payment.books_pg import PgBooks
from payment.ledger import PSP_CLEARING, Entry, Journal, JournalKind, fee_journal, refund_journal
from payment.memory import MemoryDatabase
from payment.model import (
    ERASED_NOTE,
    Capture,
    Payment,
    PaymentStatus,
    Refund,
    RefundReason,
    RefundStatus,
    RefundStep,
    StepEvent,
    Troubles,
)
from payment.ports import Tx, VendorEvent
from tests.payment.making import NOW, a_payment, a_refund

P, R = PaymentStatus, RefundStatus
EVENT = VendorEvent(id="evt_1", kind="kind", payment_id=UUID(int=1), session_id="cs_1", refund_id=None)
SEEDS = 60
UNSENT = (R.REQUESTED, R.APPROVED)
CLERKS = (
    "INSERT INTO account (login, name, password_hash) SELECT n, n, '$argon2id$' || n FROM unnest('{ann,bob}'::text[]) n"
)


@pytest.fixture(params=["postgres", "memory"])
async def books(request: pytest.FixtureRequest, db: Database) -> Books:
    if request.param == "memory":
        return MemoryBooks(MemoryDatabase())
    async with db.transaction() as conn:
        await conn.execute(CLERKS)
    return PgBooks(db)


async def put(books: Books, *rows: Payment | Refund) -> None:
    for row in rows:
        async with books.transaction() as tx:
            if isinstance(row, Payment):
                assert await books.insert_payment(tx, row)
            else:  # a refund starts unsent, a person's as a request
                begun = row if row.status in UNSENT else replace(row, status=R.APPROVED, retry_at=None)
                if row.reason is RefundReason.MANUAL:
                    begun = replace(row, status=R.REQUESTED, approved_by=None, rejected_by=None, decided_at=None)
                assert await books.insert_refund(tx, begun)
                if begun != row:
                    await books.store_refund(tx, row, begun.status)


async def refusal(books: Books, work: Callable[[Tx], Awaitable[object]]) -> str:
    with pytest.raises(Refused) as caught:
        async with books.transaction() as tx:
            await work(tx)
    return caught.value.constraint


async def test_a_payment_comes_back_as_it_was_written(books: Books) -> None:
    written = a_payment(status=P.OPEN, pay_url="http://pay", checked_at=NOW + timedelta(seconds=1, microseconds=7))
    await put(books, written)
    async with books.transaction() as tx:
        assert await books.payment(tx, written.id) == written
        assert await books.payment(tx, written.id, lock=True) == written
        assert await books.payment(tx, UUID(int=99)) is None
        assert await books.payment_of_session(tx, written.session_id or "") == written
        assert await books.payment_of_session(tx, "cs_none") is None


async def test_a_reference_has_one_living_payment(books: Books) -> None:
    first, second = a_payment(), a_payment(id=UUID(int=2))
    for status in (P.INTENDED, P.OPEN, P.PROCESSING, P.PAID, P.ATTENTION):
        reference = UUID(int=2000 + list(P).index(status))
        await put(books, replace(a_payment(id=UUID(int=reference.int), status=status), reference=reference))
        async with books.transaction() as tx:
            assert not await books.insert_payment(tx, replace(second, reference=reference))
    await put(books, first)
    async with books.transaction() as tx:
        await books.store_payment(tx, replace(first, status=P.FENCED), P.INTENDED)
        assert await books.living(tx, first.reference) is None
        assert await books.latest(tx, first.reference) == replace(first, status=P.FENCED)
        assert await books.insert_payment(tx, second)
        assert await books.living(tx, first.reference) == second
        assert await books.latest(tx, first.reference) == second


async def test_late_money_beside_a_living_payment_is_surplus_or_refused(books: Books) -> None:
    old, new = a_payment(status=P.FENCED), a_payment(id=UUID(int=2), status=P.OPEN)
    await put(books, old, new)
    paid = replace(old, status=P.PAID, captured_cents=old.amount_cents)
    assert await refusal(books, lambda tx: books.store_payment(tx, paid, P.FENCED)) == "payment_one_living"
    async with books.transaction() as tx:
        await books.store_payment(tx, replace(paid, surplus=True), P.FENCED)
        assert await books.living(tx, old.reference) == new
        assert await books.latest(tx, old.reference) == new
    await put(books, back := a_refund(payment_id=old.id))
    async with books.transaction() as tx:
        assert await books.refunds_for(tx, old.reference) == [back]
        assert await books.refunds_for(tx, UUID(int=99)) == []


async def test_a_session_belongs_to_one_payment(books: Books) -> None:
    first = a_payment(status=P.OPEN, session_id="cs_1")
    other = a_payment(id=UUID(int=2), reference=UUID(int=1002))
    await put(books, first, other)
    async with books.transaction() as tx:
        third = a_payment(id=UUID(int=3), reference=UUID(int=1003), status=P.OPEN, session_id="cs_1")
        assert not await books.insert_payment(tx, third)
    stolen = replace(other, status=P.OPEN, session_id="cs_1")
    assert await refusal(books, lambda tx: books.store_payment(tx, stolen, P.INTENDED)) == "payment_session_once"


async def test_a_status_changes_only_from_the_one_it_was_computed_from(books: Books) -> None:
    await put(books, a_payment(), paid := a_payment(id=UUID(int=2), reference=UUID(int=1002), status=P.PAID))
    await put(books, refund := a_refund(payment_id=paid.id))
    with pytest.raises(Overtaken):
        async with books.transaction() as tx:
            await books.store_payment(tx, a_payment(status=P.OPEN), P.PROCESSING)
    with pytest.raises(Overtaken):
        async with books.transaction() as tx:
            await books.store_refund(tx, replace(refund, status=R.SUCCEEDED), R.SUBMITTED)
    with pytest.raises(Overtaken):
        async with books.transaction() as tx:
            await books.store_payment(tx, a_payment(id=UUID(int=77)), P.INTENDED)


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"amount_cents": 0}, "payment_amount"),
        ({"status": P.ATTENTION, "attention": None}, "payment_attention_reason"),
        ({"attention": "why"}, "payment_attention_reason"),
        ({"status": P.PAID, "captured_cents": 1}, "payment_captured"),
        ({"status": P.PAID, "captured_cents": 0}, "payment_paid_is_captured"),
        ({"status": P.OPEN, "captured_cents": 1300}, "payment_paid_is_captured"),
    ],
)
async def test_payments_that_cannot_be(books: Books, fields: dict[str, Any], constraint: str) -> None:
    wrong = a_payment(**fields)
    assert await refusal(books, lambda tx: books.insert_payment(tx, wrong)) == constraint
    await put(books, a_payment())
    if wrong.amount_cents > 0:  # the amount never changes
        assert await refusal(books, lambda tx: books.store_payment(tx, wrong, P.INTENDED)) == constraint


ASKED: dict[str, Any] = {"reason": RefundReason.MANUAL, "requested_by": 1, "note": "Paid twice"}
REQUEST: dict[str, Any] = {**ASKED, "status": R.REQUESTED}
MANUAL: dict[str, Any] = {**ASKED, "approved_by": 2, "decided_at": NOW}
PROMISED: dict[str, Any] = {"needs_approval": True, "caused_by": 1}


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"amount_cents": 0}, "refund_amount"),
        ({**REQUEST, "requested_by": None}, "refund_manual_has_requester"),
        ({"requested_by": 1, "approved_by": 2}, "refund_manual_has_requester"),
        ({**REQUEST, "approved_by": 2}, "refund_manual_is_approved"),
        ({**REQUEST, "decided_at": NOW}, "refund_decided_at"),
        ({"decided_at": NOW}, "refund_decided_at"),
        ({**REQUEST, "note": None}, "refund_note"),
        ({**REQUEST, "note": "  "}, "refund_note"),
        ({**REQUEST, "note": "x" * 501}, "refund_note"),
        ({"note": "by rule"}, "refund_note"),
        ({**REQUEST, "rejected_by": 1}, "refund_rejected_by"),
        (MANUAL, "refund_manual_is_requested"),
        ({**ASKED, "status": R.REJECTED, "rejected_by": 2, "decided_at": NOW}, "refund_manual_is_requested"),
        ({"payment_id": UUID(int=99)}, "refund_payment_id_fkey"),
        ({"amount_cents": 1301}, "payment_refund_within_captured"),
        ({"status": R.SUBMITTED}, "refund_starts_unsent"),
        ({"status": R.SUCCEEDED}, "refund_starts_unsent"),
        ({"status": R.FAILED}, "refund_starts_unsent"),
        ({"retry_at": NOW}, "refund_retry_of_failed_rule"),
        ({"retry_of": UUID(int=99)}, "refund_retry_of_fkey"),
        ({"retry_of": UUID(int=501)}, "refund_retry_of_another"),
    ],
)
async def test_refunds_that_cannot_be(books: Books, fields: dict[str, Any], constraint: str) -> None:
    await put(books, a_payment(status=P.PAID))
    assert await refusal(books, lambda tx: books.insert_refund(tx, a_refund(**fields))) == constraint


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({**MANUAL, "approved_by": 1}, "refund_four_eyes"),
        ({**MANUAL, "approved_by": None}, "refund_manual_is_approved"),
        ({**MANUAL, "decided_at": None}, "refund_decided_at"),
        ({**MANUAL, "status": R.REJECTED, "rejected_by": 2}, "refund_manual_is_approved"),
        ({**ASKED, "status": R.REJECTED, "decided_at": NOW}, "refund_rejected_by"),
        ({**MANUAL, "amount_cents": 1301}, "payment_refund_within_captured"),
    ],
)
async def test_decisions_that_cannot_be(books: Books, fields: dict[str, Any], constraint: str) -> None:
    decided = a_refund(**fields)
    request = a_refund(**{**REQUEST, "amount_cents": decided.amount_cents})
    await put(books, a_payment(status=P.PAID), request)
    assert await refusal(books, lambda tx: books.store_refund(tx, decided, R.REQUESTED)) == constraint


async def test_a_request_keeps_no_money_an_approval_does(books: Books) -> None:
    paid, request = a_payment(status=P.PAID), a_refund(**REQUEST)

    async def refunded() -> int:
        async with books.transaction() as tx:
            found = await books.payment(tx, paid.id)
        assert found is not None
        return found.refunded_cents

    await put(books, paid, request)
    assert await refunded() == 0
    second = replace(request, id=UUID(int=502))
    assert await refusal(books, lambda tx: books.insert_refund(tx, second)) == "refund_one_request"
    rejected = replace(request, status=R.REJECTED, rejected_by=1, decided_at=NOW)
    async with books.transaction() as tx:
        await books.store_refund(tx, rejected, R.REQUESTED)
        assert await books.refunds(tx, paid.id) == [rejected]
    assert await refunded() == 0
    await put(books, second)
    approved = replace(second, **MANUAL, status=R.APPROVED)
    async with books.transaction() as tx:
        await books.store_refund(tx, approved, R.REQUESTED)
    assert await refunded() == 1300
    for undone, was in (
        (replace(request, status=R.REQUESTED), R.REJECTED),
        (replace(rejected, rejected_by=2), R.REJECTED),
        (replace(approved, id=second.id, status=R.REQUESTED, approved_by=None, decided_at=None), R.APPROVED),
        (replace(approved, decided_at=NOW + timedelta(hours=1)), R.APPROVED),
    ):
        assert await refusal(books, lambda tx, u=undone, w=was: books.store_refund(tx, u, w)) == "refund_decided_once"  # type: ignore[misc]
    assert await refunded() == 1300


async def test_refunds_together_stay_within_what_was_captured(books: Books) -> None:
    paid = a_payment(status=P.PAID)
    first = a_refund(amount_cents=1000, status=R.SUBMITTED)
    second = a_refund(id=UUID(int=502), amount_cents=301, reason=RefundReason.LOST_SLOT)
    await put(books, paid, first)
    assert await refusal(books, lambda tx: books.insert_refund(tx, second)) == "payment_refund_within_captured"
    async with books.transaction() as tx:
        await books.store_refund(tx, replace(first, status=R.FAILED, failure="declined"), R.SUBMITTED)
    await put(books, second)  # what failed can be given back after all
    async with books.transaction() as tx:
        assert await books.payment(tx, paid.id) == replace(paid, refunded_cents=301)
        stale = replace(paid, refunded_cents=0, checked_at=NOW)
        await books.store_payment(tx, stale, P.PAID)
        assert await books.payment(tx, paid.id) == replace(paid, refunded_cents=301, checked_at=NOW)


async def test_one_rule_asks_once_and_people_as_often_as_they_like(books: Books) -> None:
    await put(books, a_payment(status=P.PAID), refund := a_refund(amount_cents=100))
    async with books.transaction() as tx:
        assert not await books.insert_refund(tx, replace(refund, id=UUID(int=502)))
    await put(books, replace(refund, id=UUID(int=503), reason=RefundReason.LOST_SLOT))
    manual = a_refund(id=UUID(int=504), amount_cents=100, **MANUAL)
    await put(books, manual, replace(manual, id=UUID(int=505)))
    async with books.transaction() as tx:
        refunds = await books.refunds(tx, refund.payment_id)
        assert [found.id.int for found in refunds] == [501, 503, 504, 505]
        assert await books.refund(tx, manual.id) == await books.refund(tx, manual.id, lock=True) == manual
        assert await books.refund(tx, UUID(int=999)) is None


async def test_only_the_notes_of_decided_requests_are_erased(books: Books) -> None:
    manual = {"reason": RefundReason.MANUAL, "requested_by": 1, "note": "why", "amount_cents": 1}
    decided = a_refund(id=UUID(int=501), status=R.REJECTED, rejected_by=2, decided_at=NOW, **manual)
    asked = a_refund(id=UUID(int=502), status=R.REQUESTED, **manual)
    by_rule = a_refund(id=UUID(int=503), status=R.APPROVED, amount_cents=1)
    other = a_refund(
        id=UUID(int=504), payment_id=UUID(int=2), status=R.REJECTED, rejected_by=2, decided_at=NOW, **manual
    )
    await put(books, paid := a_payment(status=P.PAID))
    await put(
        books, a_payment(id=UUID(int=2), reference=UUID(int=1002), session_id="cs_2", charge_id="pi_2", status=P.PAID)
    )
    await put(books, decided, asked, by_rule, other)
    async with books.transaction() as tx:
        assert await books.erase_notes(tx, paid.reference)
    async with books.transaction() as tx:
        found = {one.id: one.note for one in await books.refunds(tx, paid.id)}
        assert found == {decided.id: ERASED_NOTE, asked.id: "why", by_rule.id: None}
        assert (await books.refunds(tx, UUID(int=2)))[0].note == "why"
        await books.store_refund(tx, replace(asked, status=R.REJECTED, rejected_by=2, decided_at=NOW), R.REQUESTED)
        await books.store_refund(tx, replace(decided, checked_at=NOW), R.REJECTED)  # read before it was erased
        assert not await books.erase_notes(tx, paid.reference)
        assert [one.note for one in await books.refunds(tx, paid.id)] == [ERASED_NOTE, ERASED_NOTE, None]


async def test_a_failed_refund_makes_room_for_another_try(books: Books) -> None:
    await put(books, a_payment(status=P.PAID), failed := a_refund(status=R.FAILED, failure="declined", retry_at=NOW))
    arrived = replace(failed, status=R.SUCCEEDED)
    assert await refusal(books, lambda tx: books.store_refund(tx, arrived, R.FAILED)) == "refund_failed_is_final"
    async with books.transaction() as tx:
        assert await books.troubles(tx) == Troubles(failed_refunds=1, attention=0)
    anew = a_refund(id=UUID(int=502), retry_of=failed.id, created_at=NOW + timedelta(hours=1))
    await put(books, anew)
    async with books.transaction() as tx:
        assert not await books.insert_refund(tx, replace(anew, id=UUID(int=503), retry_of=None))
        assert await books.refunds(tx, failed.payment_id) == [failed, anew]
        assert await books.troubles(tx) == Troubles(failed_refunds=0, attention=0)
        await books.store_refund(tx, replace(anew, status=R.FAILED), R.APPROVED)
        assert await books.troubles(tx) == Troubles(failed_refunds=1, attention=0)
    third = replace(anew, id=UUID(int=503))
    assert await refusal(books, lambda tx: books.insert_refund(tx, third)) == "refund_retried_once"


async def test_payments_that_do_not_fit_are_counted(books: Books) -> None:
    await put(books, a_payment(status=P.ATTENTION), a_payment(id=UUID(int=2), reference=UUID(int=2), status=P.OPEN))
    async with books.transaction() as tx:
        assert await books.troubles(tx) == Troubles(failed_refunds=0, attention=1)


async def test_a_paid_payment_stays_paid(books: Books) -> None:
    await put(books, paid := a_payment(status=P.PAID))
    back = replace(paid, status=P.FENCED, captured_cents=0)
    assert await refusal(books, lambda tx: books.store_payment(tx, back, P.PAID)) == "payment_paid_is_final"


async def test_how_something_was_paid_stands_still_once_it_is(books: Books) -> None:
    await put(books, there := a_payment(status=P.OPEN))
    wrong = replace(there, method="By card")
    assert await refusal(books, lambda tx: books.store_payment(tx, wrong, P.OPEN)) == "payment_method"
    done = replace(there, status=P.PAID, captured_cents=there.amount_cents, charge_id="pi_1", method="paypal")
    async with books.transaction() as tx:
        await books.store_payment(tx, done, P.OPEN)
        found = await books.payment(tx, there.id)
    assert found is not None
    assert found.method == "paypal"
    other = replace(done, method="card")
    assert await refusal(books, lambda tx: books.store_payment(tx, other, P.PAID)) == "payment_method_fixed"


async def test_a_refund_of_the_provider_belongs_to_one_of_ours(books: Books) -> None:
    first = a_refund(amount_cents=100, status=R.SUBMITTED)
    second = replace(first, id=UUID(int=502), reason=RefundReason.LOST_SLOT)
    await put(books, a_payment(status=P.PAID), first, second)
    async with books.transaction() as tx:
        await books.store_refund(tx, replace(first, provider_id="re_1"), R.SUBMITTED)
    stolen = replace(second, provider_id="re_1")
    assert await refusal(books, lambda tx: books.store_refund(tx, stolen, R.SUBMITTED)) == "refund_provider_once"


async def test_journals_are_posted_once_and_read_back(books: Books) -> None:
    paid, refund = a_payment(status=P.PAID), a_refund()
    await put(books, paid, refund)
    async with books.transaction() as tx:
        await books.post(tx, fee := fee_journal(paid), NOW)
        received = await books.payment(tx, paid.id)
        assert received is not None
        assert received.advance_cents == 1300
        await books.post(tx, back := refund_journal(refund, received), NOW)
        assert await books.journals(tx, paid.id) == [fee, back]
        left = await books.payment(tx, paid.id)
        assert left is not None
        assert left.advance_cents == 1300 - refund.amount_cents
    assert await refusal(books, lambda tx: books.post(tx, fee_journal(paid), NOW)) == "journal_once"
    assert await refusal(books, lambda tx: books.post(tx, back, NOW)) == "journal_once"


async def test_an_exception_undoes_everything(books: Books) -> None:
    payment = a_payment()

    async def work() -> None:
        async with books.transaction() as tx:
            await books.insert_payment(tx, payment)
            await books.keep_event(tx, "stripe", EVENT, NOW)
            await books.set_listed_until(tx, "stripe", NOW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await work()
    async with books.transaction() as tx:
        assert await books.payment(tx, payment.id) is None
        assert await books.keep_event(tx, "stripe", EVENT, NOW)
        assert await books.listed_until(tx, "stripe") is None


async def test_the_lock_is_held_by_one(books: Books) -> None:
    await put(books, a_payment(attempt=1))

    async def raise_attempt() -> None:
        async with books.transaction() as tx:
            payment = await books.payment(tx, UUID(int=1), lock=True)
            assert payment is not None
            await asyncio.sleep(0)
            await books.store_payment(tx, replace(payment, attempt=payment.attempt + 1), P.INTENDED)

    await asyncio.gather(*(raise_attempt() for _ in range(20)))
    async with books.transaction() as tx:
        payment = await books.payment(tx, UUID(int=1))
        assert payment is not None
        assert payment.attempt == 21


async def test_what_is_due_comes_by_the_oldest_look(books: Books) -> None:
    def one(number: int, status: PaymentStatus, minutes: int | None) -> Payment:
        looked = None if minutes is None else NOW + timedelta(minutes=minutes)
        return a_payment(id=UUID(int=number), reference=UUID(int=number), status=status, checked_at=looked)

    rows = [one(1, P.OPEN, 5), one(2, P.INTENDED, None), one(3, P.PROCESSING, 3), one(4, P.OPEN, 9)]
    await put(books, *rows, one(5, P.PAID, 1), one(6, P.FENCED, 1), one(7, P.ATTENTION, 1))
    async with books.transaction() as tx:
        until, long_ago = NOW + timedelta(minutes=5), NOW - timedelta(hours=1)
        due = await books.due_payments(tx, until, long_ago, 10)
        assert [payment.id.int for payment in due] == [2, 3, 1]
        assert [payment.id.int for payment in await books.due_payments(tx, until, long_ago, 1)] == [2]
        due = await books.due_payments(tx, long_ago, until, 10)
        assert [payment.id.int for payment in due] == [7]


async def test_refunds_due(books: Books) -> None:
    def one(number: int, status: RefundStatus, minutes: int | None) -> Refund:
        looked = None if minutes is None else NOW + timedelta(minutes=minutes)
        return a_refund(id=UUID(int=number), amount_cents=1, status=status, checked_at=looked, **MANUAL)

    await put(books, a_payment(status=P.PAID))
    late = NOW + timedelta(hours=1)
    await put(books, one(1, R.SUBMITTED, None), replace(one(2, R.APPROVED, None), attempt_at=late))
    given = [one(3, R.SUBMITTED, 3), one(4, R.SUBMITTED, 9), one(5, R.SUCCEEDED, None), one(6, R.SUBMITTED, 90)]
    await put(books, *given, one(8, R.FAILED, 1))
    await put(
        books,
        a_refund(id=UUID(int=7), amount_cents=1, **REQUEST),
        a_refund(id=UUID(int=9), amount_cents=1, status=R.FAILED, checked_at=NOW, retry_at=NOW + timedelta(hours=1)),
    )

    async def due(minutes: float, limit: int = 10) -> list[int]:
        async with books.transaction() as tx:
            found = await books.due_refunds(tx, NOW + timedelta(minutes=minutes), limit)
        return [refund.id.int for refund in found]

    assert await due(0) == [2]
    assert await due(1) == [1, 2]
    assert await due(1, limit=1) == [1]
    assert await due(4.4) == [1, 2]  # looked at after three minutes: the next time after a minute and a half more
    assert await due(4.5) == [1, 3, 2]
    assert await due(13.5) == [1, 3, 4, 2]
    assert await due(60) == [1, 9, 3, 4, 2]
    assert await due(104) == [1, 9, 3, 4, 2]
    assert await due(105) == [1, 9, 3, 4, 2, 6]  # never less often than every quarter of an hour


async def test_a_message_is_kept_once(books: Books) -> None:
    async with books.transaction() as tx:
        assert await books.keep_event(tx, "stripe", EVENT, NOW)
        assert not await books.keep_event(tx, "stripe", replace(EVENT, kind="other"), NOW)
        assert await books.keep_event(tx, "other", EVENT, NOW)


async def test_apart_each_statement_stands_by_itself(books: Books) -> None:
    payment = a_payment()
    await put(books, payment)
    async with books.apart() as tx:
        assert await books.keep_event(tx, "stripe", EVENT, NOW)
        assert await books.payment(tx, payment.id) == payment
    async with books.apart() as tx:
        assert not await books.keep_event(tx, "stripe", EVENT, NOW)


async def test_apart_a_refusal_is_told_as_in_a_transaction(books: Books) -> None:
    async def work() -> None:
        async with books.apart() as tx:
            await books.insert_refund(tx, a_refund(payment_id=UUID(int=999)))

    with pytest.raises(Refused):
        await work()


async def test_the_mark_of_the_listing_never_goes_back(books: Books) -> None:
    async with books.transaction() as tx:
        for minutes in (5, 3):
            await books.set_listed_until(tx, "stripe", NOW + timedelta(minutes=minutes))
        assert await books.listed_until(tx, "stripe") == NOW + timedelta(minutes=5)
        assert await books.listed_until(tx, "other") is None


async def test_what_a_rule_has_promised_keeps_its_money_until_it_is_rejected(books: Books) -> None:
    await put(books, a_payment(status=P.PAID), promised := a_refund(status=R.REQUESTED, amount_cents=800, **PROMISED))
    await put(books, a_refund(id=UUID(int=502), **REQUEST))  # of a person, beside it

    async def refunded() -> int:
        async with books.transaction() as tx:
            found = await books.payment(tx, UUID(int=1))
        assert found is not None
        return found.refunded_cents

    async def store(after: Refund, was: RefundStatus, *steps: RefundStep) -> None:
        async with books.transaction() as tx:
            for step in steps:
                await books.write_step(tx, step)
            await books.store_refund(tx, after, was)

    assert await refunded() == 800
    rejected = replace(promised, status=R.REJECTED, rejected_by=1, decided_at=NOW)
    await store(rejected, R.REQUESTED, why := rejection(promised, "Nobody paid this."))
    assert await refunded() == 0
    anew = replace(promised, asked_by=2, attempt_at=NOW + timedelta(hours=1))
    asked = RefundStep(refund_id=promised.id, event=StepEvent.ASKED_ANEW, at=NOW, by=2)
    await store(anew, R.REJECTED, asked)
    assert await refunded() == 800
    async with books.transaction() as tx:
        assert await books.refund(tx, promised.id) == anew
        assert await books.steps(tx, UUID(int=1)) == [why, asked]
        assert (await books.troubles(tx)).waiting == 2
        assert (await books.troubles(tx)).waiting_since == NOW
        assert await books.erase_notes(tx, UUID(int=1001))  # something waits
        assert [one.note for one in await books.steps(tx, UUID(int=1))] == [ERASED_NOTE, None]
    own = replace(anew, status=R.APPROVED, approved_by=2, decided_at=NOW)
    assert await refusal(books, lambda tx: books.store_refund(tx, own, R.REQUESTED)) == "refund_by_rule_four_eyes"


# Twins: the same random doings on both, step by step.


def random_step(dice: random.Random) -> Callable[[Books, Tx], Awaitable[object]]:
    ids = [UUID(int=n) for n in (1, 2, 3)]
    payment_id, refund_id = dice.choice(ids), UUID(int=500 + dice.randint(1, 4))
    cents = dice.choice([0, 500, 1300])
    payment = a_payment(
        id=payment_id,
        reference=UUID(int=1000 + dice.randint(1, 2)),
        status=dice.choice([*P, P.PAID, P.PAID]),
        session_id=dice.choice([None, "cs_a", "cs_b", f"cs_{payment_id}"]),
        captured_cents=dice.choice([0, 0, 1300]),
        attention=dice.choice([None, None, "why"]),
        surplus=dice.random() < 0.2,
        capture=dice.choice(list(Capture)),
        authorised_until=dice.choice([None, NOW]),
        take_cents=dice.choice([None, None, 0, 650, 1301]),
        take_attempt_at=dice.choice([None, NOW, NOW]),
        keep_cents=dice.choice([None, None, None, 650, 1301]),
        keep_reason=dice.choice([None, None, RefundReason.CANCELLED, RefundReason.MANUAL]),
    )
    payment = dice.choice([payment, a_payment(id=payment_id, reference=payment.reference, status=payment.status)])
    refund = a_refund(
        id=refund_id,
        payment_id=dice.choice([*ids, UUID(int=4)]),
        amount_cents=cents,
        reason=dice.choice(list(RefundReason)),
        status=dice.choice(list(R)),
        note=dice.choice([None, None, "why"]),
        requested_by=dice.choice([None, None, 1]),
        approved_by=dice.choice([None, 1, 2]),
        rejected_by=dice.choice([None, None, 1]),
        decided_at=dice.choice([None, NOW]),
        provider_id=dice.choice([None, "re_1"]),
        retry_of=dice.choice([None, None, None, UUID(int=501), UUID(int=999)]),
    )
    tame = a_refund(
        id=refund_id,
        payment_id=payment_id,
        amount_cents=500,
        reason=dice.choice([RefundReason.CANCELLED, RefundReason.LOST_SLOT]),
        provider_id="re_1",
        retry_of=dice.choice([None, UUID(int=501)]),
        retry_at=dice.choice([None, NOW]),
    )
    asked = a_refund(id=refund_id, payment_id=payment_id, amount_cents=500, **REQUEST)
    promised = replace(
        tame,
        status=dice.choice([R.REQUESTED, R.REQUESTED, R.APPROVED]),
        provider_id=None,
        retry_at=None,
        needs_approval=True,
        caused_by=dice.choice([None, 1]),
        approved_by=dice.choice([None, None, 2]),
        decided_at=dice.choice([None, NOW]),
    )
    waits = replace(promised, status=R.REQUESTED, approved_by=None, decided_at=None)
    refund = dice.choice([refund, refund, tame, tame, tame, asked, asked, promised, waits, waits])
    decision: dict[str, Any] = dice.choice(
        [
            {"status": R.APPROVED, "approved_by": 2, "decided_at": NOW},
            {"status": R.APPROVED, "approved_by": 1, "decided_at": NOW},
            {"status": R.REJECTED, "rejected_by": 1, "decided_at": NOW},
            {"status": R.REJECTED, "rejected_by": 1, "decided_at": NOW},
            {"status": R.REQUESTED, "rejected_by": None, "decided_at": None, "asked_by": dice.choice([None, 2])},
        ]
    )
    says_why = dice.random() < 0.5
    decides = dice.random() < 0.4
    going = dice.choice([R.SUBMITTED, R.FAILED])
    was, refund_was = dice.choice(list(P)), dice.choice(list(R))
    dice_says = dice.random() < 0.5
    kind = dice.choice(
        ["insert_payment"] * 2 + ["insert_refund"] * 3 + ["store_refund"] * 2 + ["store_payment", "post"]
    )

    async def step(books: Books, tx: Tx) -> object:
        match kind:
            case "insert_payment":
                return await books.insert_payment(tx, payment)
            case "insert_refund":
                return await books.insert_refund(tx, replace(refund, provider_id=None, retry_at=None))
            case "store_payment":
                known = await books.payment(tx, payment.id, lock=True)
                changed = payment if known is None else replace(payment, reference=known.reference)
                if known is not None and cents:
                    changed = replace(known, session_id="cs_a")
                if known is not None and known.authorised_until is not None and dice_says:
                    order: dict[str, Any] = {"take_cents": cents % 1300, "take_attempt_at": NOW}
                    less: dict[str, Any] = {"keep_cents": cents % 1300, "keep_reason": RefundReason.MOVED}
                    changed = replace(known, **(order if cents == 500 else less))
                await books.store_payment(tx, changed, was if known is None else known.status)
            case "store_refund":
                old = await books.refund(tx, refund.id, lock=True) or refund
                status = (old.status if dice_says else going) if cents else refund.status
                refund_after = replace(old, status=status, provider_id=refund.provider_id, retry_at=refund.retry_at)
                if decides:
                    refund_after = replace(old, **decision)
                    if says_why and old.id.int in range(501, 505) and await books.refund(tx, old.id):
                        await books.write_step(tx, rejection(old))
                await books.store_refund(tx, refund_after, refund_was if cents == 500 else old.status)
            case "post":
                if (found := await books.payment(tx, payment.id)) is not None:
                    await books.post(tx, fee_journal(found), NOW)
        return None

    return step


def rejection(refund: Refund, note: str = "No receipt was shown.") -> RefundStep:
    return RefundStep(refund_id=refund.id, event=StepEvent.REJECTED, at=NOW, by=1, note=note)


async def outcome(books: Books, step: Callable[[Books, Tx], Awaitable[object]]) -> object:
    try:
        async with books.transaction() as tx:
            return await step(books, tx)
    except Refused as error:
        return error.constraint
    except Overtaken:
        return "overtaken"


async def everything(books: Books) -> list[object]:
    found: list[object] = []
    async with books.transaction() as tx:
        for number in (1, 2, 3):
            payment_id = UUID(int=number)
            found += [await books.payment(tx, payment_id), await books.refunds(tx, payment_id)]
            found += [await books.journals(tx, payment_id), await books.steps(tx, payment_id)]
        for reference in (UUID(int=1001), UUID(int=1002)):
            found += [await books.living(tx, reference), await books.latest(tx, reference)]
        found += [await books.uncovered(tx, reference) for reference in (UUID(int=1001), UUID(int=1002))]
        found.append(await books.due_to_take(tx, NOW, NOW.date(), 10))
        found += [await books.due_payments(tx, NOW, NOW, 10), await books.due_refunds(tx, NOW + timedelta(days=1), 10)]
        found.append(await books.troubles(tx))
    return found


async def test_twins_do_the_same_in_random_doings(db: Database) -> None:
    async with db.transaction() as conn:
        await conn.execute(CLERKS)
    seen_outcomes: set[object] = set()
    for seed in range(SEEDS):
        dice = random.Random(seed)
        postgres, memory = PgBooks(db), MemoryBooks(MemoryDatabase())
        async with db.transaction() as conn:
            await conn.execute("SET LOCAL session_replication_role = replica; TRUNCATE payment CASCADE")
        for number in range(160):
            step = random_step(dice)
            told = [await outcome(books, step) for books in (postgres, memory)]
            assert told[0] == told[1], f"seed {seed}, step {number}"
            seen_outcomes.add(told[0])
        assert await everything(postgres) == await everything(memory), f"seed {seed}"
    assert seen_outcomes >= {
        True,
        False,
        None,
        "overtaken",
        "journal_once",
        "payment_one_living",
        "payment_session_once",
        "payment_refund_within_captured",
        "refund_four_eyes",
        "refund_by_rule_is_requested",
        "refund_rejected_with_reason",
        "refund_terms_fixed",
        "refund_decided_at",
        "refund_decided_once",
        "refund_manual_is_requested",
        "refund_one_request",
        "refund_provider_once",
        "refund_starts_unsent",
        "refund_failed_is_final",
        "refund_retried_once",
        "refund_retry_of_fkey",
        "refund_retry_of_failed_rule",
        "payment_paid_is_final",
    }


# PostgreSQL, going round the code.

WAITS = (
    "INSERT INTO refund (id, payment_id, amount_cents, reason, status, needs_approval, caused_by, attempt_at, created_at)"
    " SELECT gen_random_uuid(),"
    f" '{UUID(int=1)}', {{0}}, '{{1}}', '{{2}}', true, 1, now(), now()"
)
WAITING = WAITS.format(300, "moved", "requested")
REFUSES = "UPDATE refund SET status = 'rejected', rejected_by = 2, decided_at = now() WHERE needs_approval"
SAYS_WHY = "INSERT INTO refund_step (refund_id, event, at, by, note) SELECT id, 'rejected', now(), 2, {0} FROM refund WHERE needs_approval"
ASKS_ANEW = (
    "UPDATE refund SET status = 'requested', rejected_by = NULL, decided_at = NULL, asked_by = 2 WHERE needs_approval"
)
RELEASES = "UPDATE refund SET status = 'approved', approved_by = {0}, decided_at = now() WHERE needs_approval"


FEE = f"INSERT INTO journal (kind, payment_id, at) VALUES ('fee', '{UUID(int=1)}', now())"


APPENDED = (
    "INSERT INTO entry (journal_id, account, amount_cents)"
    " SELECT max(id), unnest('{bank,psp_fees}'::text[]), unnest('{5,-5}'::int[]) FROM journal"
)
COPY = (
    "(id, payment_id, amount_cents, reason, status, attempt_at, created_at) SELECT gen_random_uuid(),"
    f" '{UUID(int=1)}', {{1}}, 'lost_slot', '{{2}}', now(), now() FROM generate_series(1, {{0}})"
)


ASKS = (
    "(id, payment_id, amount_cents, reason, note, status, requested_by, attempt_at, created_at) SELECT gen_random_uuid(),"
    f" '{UUID(int=1)}', 1300, 'manual', 'why', 'requested', 1, now(), now() FROM generate_series(1, {{0}})"
)
SKIPS = "UPDATE refund SET status ="
APPROVES = "UPDATE refund SET status = 'approved', approved_by = {0}, decided_at = now() WHERE reason = 'manual'"


@pytest.mark.parametrize(
    ("statements", "constraint"),
    [
        ([FEE], "journal_balanced"),
        (
            [FEE, "INSERT INTO entry (journal_id, account, amount_cents) SELECT max(id), 'bank', 5 FROM journal"],
            "journal_balanced",
        ),
        ([APPENDED], "entry_with_its_journal"),
        (  # nor can a journal be left open for a later transaction
            [
                "INSERT INTO journal (kind, payment_id, at, made_in) "
                f"SELECT 'fee', '{UUID(int=1)}', now(), (pg_current_xact_id()::text::bigint + 1)::text::xid8",
                APPENDED,
            ],
            "entry_with_its_journal",
        ),
        (["UPDATE entry SET amount_cents = amount_cents * 2"], "entry_append_only"),
        (["DELETE FROM entry"], "entry_append_only"),
        (["UPDATE journal SET at = now()"], "journal_append_only"),
        (["DELETE FROM journal"], "journal_append_only"),
        (["TRUNCATE journal CASCADE"], "journal_append_only"),
        (["TRUNCATE entry"], "entry_append_only"),
        (["UPDATE payment SET refunded_cents = 0"], "payment_refunded_by_refunds"),
        ([f"INSERT INTO refund {COPY.format(1, 301, 'approved')}"], "payment_refund_within_captured"),
        ([f"INSERT INTO refund {COPY.format(1, 300, 'failed')}"], "refund_starts_unsent"),
        ([f"INSERT INTO refund {COPY.format(1, 300, 'submitted')}"], "refund_starts_unsent"),
        (["UPDATE refund SET status = 'failed'", "UPDATE refund SET status = 'succeeded'"], "refund_failed_is_final"),
        (["DELETE FROM refund"], "refund_never_deleted"),
        (["TRUNCATE refund CASCADE"], "refund_never_deleted"),
        (["UPDATE refund SET amount_cents = 1301"], "refund_amount_fixed"),
        ([f"INSERT INTO refund {ASKS.format(1)}", APPROVES.format(1)], "refund_four_eyes"),
        (
            [f"INSERT INTO refund {ASKS.format(1)}", "UPDATE refund SET requested_by = 2", APPROVES.format(1)],
            "refund_terms_fixed",
        ),
        ([f"INSERT INTO refund {ASKS.format(1)}", "UPDATE refund SET note = 'another'"], "refund_terms_fixed"),
        (
            [
                f"INSERT INTO refund {ASKS.format(1)}",
                f"UPDATE refund SET note = '{ERASED_NOTE}' WHERE reason = 'manual'",
            ],
            "refund_terms_fixed",
        ),
        ([f"UPDATE refund SET note = '{ERASED_NOTE}'"], "refund_terms_fixed"),
        ([f"INSERT INTO refund {ASKS.format(2)}"], "refund_one_request"),
        ([f"INSERT INTO refund {ASKS.format(1)}", APPROVES.format(2)], "payment_refund_within_captured"),
        (
            [
                f"INSERT INTO refund {ASKS.format(1)}",
                f"{SKIPS} 'submitted', decided_at = now() WHERE reason = 'manual'",
            ],
            "refund_manual_is_approved",
        ),
        (
            [
                f"INSERT INTO refund {ASKS.format(1)}",
                f"{SKIPS} 'rejected', rejected_by = 1, decided_at = now()",
                APPROVES.format(2),
            ],
            "refund_decided_once",
        ),
        (["UPDATE refund SET status = 'rejected', rejected_by = 1"], "refund_decided_once"),
        ([WAITS.format(301, "moved", "requested")], "payment_refund_within_captured"),
        ([WAITS.format(1, "moved", "approved")], "refund_by_rule_is_requested"),
        ([WAITS.format(1, "lost_slot", "requested")], "refund_needs_approval_by_rule"),
        ([WAITING, RELEASES.format(1)], "refund_by_rule_four_eyes"),  # who has brought it about
        ([WAITING, f"{SKIPS} 'approved' WHERE needs_approval"], "refund_by_rule_is_approved"),
        ([WAITING, f"{SKIPS} 'submitted' WHERE needs_approval"], "refund_by_rule_is_approved"),
        ([WAITING, "UPDATE refund SET needs_approval = false"], "refund_terms_fixed"),
        ([WAITING, "UPDATE refund SET caused_by = NULL"], "refund_terms_fixed"),
        ([WAITING, "UPDATE refund SET asked_by = 2 WHERE needs_approval"], "refund_terms_fixed"),
        ([WAITING, REFUSES], "refund_rejected_with_reason"),
        ([WAITING, SAYS_WHY.format("' '"), REFUSES], "refund_step_note"),
        ([WAITING, SAYS_WHY.format("NULL"), REFUSES], "refund_step_note"),
        ([WAITING, SAYS_WHY.format("'why'"), REFUSES, RELEASES.format(2)], "refund_decided_once"),
        ([WAITING, SAYS_WHY.format("'why'"), REFUSES, ASKS_ANEW, RELEASES.format(2)], "refund_by_rule_four_eyes"),
        ([WAITING, SAYS_WHY.format("'why'"), "UPDATE refund_step SET note = 'another'"], "refund_step_append_only"),
        ([WAITING, SAYS_WHY.format("'why'"), "DELETE FROM refund_step"], "refund_step_never_deleted"),
        (["UPDATE refund SET reason = 'manual', requested_by = 1, approved_by = 2"], "refund_terms_fixed"),
        (["UPDATE payment SET status = 'open'"], "payment_paid_is_final"),
        (["UPDATE payment SET method = 'card'"], "payment_method_fixed"),
        (["UPDATE payment SET status = 'fenced', captured_cents = 0"], "payment_paid_is_final"),
        (["UPDATE payment SET amount_cents = 2600, captured_cents = 2600"], "payment_terms_fixed"),
        ([f"UPDATE payment SET status = 'won' WHERE id = '{UUID(int=2)}'"], "payment_status"),
        ([f"UPDATE payment SET captured_cents = 1300 WHERE id = '{UUID(int=2)}'"], "payment_paid_is_captured"),
        (["DELETE FROM payment"], "payment_never_deleted"),
        (["TRUNCATE payment CASCADE"], "payment_never_deleted"),
    ],
)
async def test_the_schema_refuses_by_name(db: Database, statements: list[str], constraint: str) -> None:
    books = PgBooks(db)
    async with db.transaction() as conn:
        await conn.execute(CLERKS)
    await put(books, paid := a_payment(status=P.PAID), a_refund(amount_cents=1000, status=R.SUBMITTED))
    await put(books, a_payment(id=UUID(int=2), reference=UUID(int=1002), status=P.OPEN))
    async with books.transaction() as tx:
        entries = (Entry(PSP_CLEARING, 1000), Entry("revenue:fees", -1000))
        await books.post(tx, Journal(JournalKind.REFUND, paid.id, UUID(int=501), entries), NOW)

    async def work(tx: Tx) -> None:
        for statement in statements:
            await cast("Connection", tx).execute(statement)

    assert await refusal(books, work) == constraint
