"""The adapter through the real SDK against the sandbox server over HTTP: the same words, silence told apart from refusal."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import aiohttp
import pytest
import stripe
from stripe import WebhookSignature

from base.money import Money
from payment.model import PaymentStatus, RefundReason, RefundStatus
from payment.ports import (
    OutcomeUnknown,
    PaymentOrder,
    ProviderRefused,
    RefundOrder,
    RefundState,
    SessionState,
    SignatureRefused,
)
from payment.psp_stripe import API_VERSION, RETRIES, StripeProvider
from payment.statement import MovementKind
from payment.stripe_words import TEMPORARY, movement, refund_snapshot, snapshot
from payment.usecases import Payments
from sandbox.stripe.errors import ApiError
from tests.payment.making import AMOUNT, Ids, RecordingHooks
from tests.payment.world import World
from tests.sandbox.running import Sandbox, sandbox

SECRETS = ("whsec_old", "whsec_new")
PAYMENT, REFUND = UUID(int=1), UUID(int=501)


@pytest.fixture
async def box() -> AsyncIterator[Sandbox]:
    async with sandbox(early_intents=False) as running:
        yield running


@pytest.fixture
def psp(box: Sandbox) -> StripeProvider:
    return provider(box)


def provider(box: Sandbox, retries: int = 0) -> StripeProvider:
    """In haste, and without a second try: a test wants to see each answer."""
    return StripeProvider(
        box.http,
        api_key="sk_test_payment",
        webhook_secrets=SECRETS,
        api_base=box.url,
        timeout=aiohttp.ClientTimeout(total=0.4),
        retries=retries,
    )


def order(box: Sandbox, **fields: Any) -> PaymentOrder:
    made = PaymentOrder(
        payment_id=PAYMENT,
        amount=AMOUNT,
        description="Gebühr",
        language="de",
        return_url="http://localhost:8080/de/case",
        expires_at=box.clock() + timedelta(minutes=31),
    )
    return replace(made, **fields)


async def fault(box: Sandbox, kind: str, path: str = "/v1/", times: int = 1, **more: Any) -> None:
    await box.control("PUT", "faults", {"faults": [{"kind": kind, "path": path, "times": times, **more}]})


async def paid(box: Sandbox, psp: StripeProvider) -> RefundOrder:
    seen = await psp.create(order(box), "create:1")
    box.machine.pay(seen.session_id)
    seen = await psp.fetch(seen.session_id)
    assert seen.charge_id is not None
    return RefundOrder(refund_id=REFUND, payment_id=PAYMENT, charge_id=seen.charge_id, amount=Money(500))


async def test_a_session_from_open_to_paid(box: Sandbox, psp: StripeProvider) -> None:
    seen = await psp.create(order(box), "create:1")
    assert (seen.payment_id, seen.state, seen.amount) == (PAYMENT, SessionState.OPEN, AMOUNT)
    assert seen.url is not None
    assert await psp.fetch(seen.session_id) == seen
    box.machine.pay(seen.session_id)
    after = await psp.fetch(seen.session_id)
    assert (after.state, after.amount, after.url) == (SessionState.PAID, AMOUNT, None)
    assert after.charge_id is not None
    with pytest.raises(ProviderRefused):
        await psp.fence(seen.session_id)


async def test_only_ids_go_into_the_metadata(box: Sandbox, psp: StripeProvider) -> None:
    seen = await psp.create(order(box), "create:1")
    box.machine.pay(seen.session_id)
    session, intent = box.machine.state.rows("sessions")[0], box.machine.state.rows("payment_intents")[0]
    assert session["metadata"] == intent["metadata"] == {"payment_id": str(PAYMENT)}
    assert (session["client_reference_id"], session["locale"]) == (str(PAYMENT), "de")


async def test_a_fenced_session_is_dead(box: Sandbox, psp: StripeProvider) -> None:
    seen = await psp.create(order(box), "create:1")
    await psp.fence(seen.session_id)
    assert (await psp.fetch(seen.session_id)).state is SessionState.DEAD


async def test_the_same_key_finds_the_same_session(box: Sandbox, psp: StripeProvider) -> None:
    first, second = await psp.create(order(box), "create:1"), await psp.create(order(box), "create:1")
    assert first == second
    with pytest.raises(ProviderRefused):  # another body
        await psp.create(order(box, description="other"), "create:1")
    with pytest.raises(ProviderRefused, match="parameter_invalid_integer"):
        await psp.create(order(box, expires_at=box.clock()), "create:2")


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "delay_before", "delay_after"])
async def test_silence_is_not_a_failure(box: Sandbox, psp: StripeProvider, kind: str) -> None:
    more: dict[str, Any] = {"delay_s": 0.6} if kind.startswith("delay") else {}
    await fault(box, kind, **more)
    with pytest.raises(OutcomeUnknown) as silence:
        await psp.create(order(box), "create:1")
    assert not silence.value.replayed
    assert len({(await psp.create(order(box), "create:1")).session_id for _ in range(2)}) == 1
    assert box.machine.state.count("sessions") == 1


async def test_one_broken_connection_is_made_up_for(box: Sandbox) -> None:
    await fault(box, "drop_after")
    await provider(box, RETRIES).create(order(box), "create:1")
    assert box.machine.state.count("sessions") == 1


@pytest.mark.parametrize(("kind", "sessions"), [("error_before", 0), ("error_after", 1)])
async def test_a_stored_500_says_so(box: Sandbox, psp: StripeProvider, kind: str, sessions: int) -> None:
    await fault(box, kind)
    for is_replayed in (False, True):
        with pytest.raises(OutcomeUnknown) as broken:
            await psp.create(order(box), "create:1")
        assert broken.value.replayed is is_replayed
    found = await psp.find(PAYMENT, box.clock())
    assert (found is not None, box.machine.state.count("sessions")) == (bool(sessions), sessions)


async def test_a_wrong_key_is_no_answer_about_the_payment(box: Sandbox) -> None:
    wrong = StripeProvider(box.http, api_key="pk_wrong", webhook_secrets=SECRETS, api_base=box.url)
    with pytest.raises(OutcomeUnknown, match="AuthenticationError"):
        await wrong.fetch("cs_1")
    with pytest.raises(OutcomeUnknown, match="AuthenticationError"):
        await wrong.fence("cs_1")


async def test_an_unknown_session_is_no_answer_either(psp: StripeProvider) -> None:
    with pytest.raises(OutcomeUnknown, match="resource_missing"):
        await psp.fetch("cs_none")


async def test_sessions_are_found_by_metadata_over_several_pages(box: Sandbox, psp: StripeProvider) -> None:
    for number in range(2, 122):
        await psp.create(order(box, payment_id=UUID(int=number)), f"create:{number}")
    assert len(await psp.changed(box.clock() - timedelta(hours=1))) == 120
    found = await psp.find(UUID(int=2), box.clock())
    assert found is not None
    assert found.payment_id == UUID(int=2)
    assert await psp.find(UUID(int=999), box.clock()) is None
    box.clock.advance(hours=1)
    assert await psp.changed(box.clock()) == []


async def test_of_several_sessions_the_paid_one_counts(box: Sandbox, psp: StripeProvider) -> None:
    made = [await psp.create(order(box), f"create:{number}") for number in range(3)]
    await psp.fence(made[2].session_id)
    box.machine.pay(made[1].session_id)
    found = await psp.find(PAYMENT, box.clock())
    assert found is not None
    assert (found.session_id, found.state) == (made[1].session_id, SessionState.PAID)


async def test_a_refund(box: Sandbox, psp: StripeProvider) -> None:
    wanted = await paid(box, psp)
    assert await psp.find_refund(wanted) is None
    first, second = await psp.refund(wanted, "refund:1"), await psp.refund(wanted, "refund:1")
    assert first == second
    assert (first.refund_id, first.state, first.amount) == (REFUND, RefundState.SUCCEEDED, Money(500))
    assert await psp.fetch_refund(first.provider_id) == await psp.find_refund(wanted) == first
    with pytest.raises(ProviderRefused):
        await psp.refund(replace(wanted, amount=Money(801)), "refund:2")
    failed = box.machine.fail_refund(first.provider_id, "declined")
    seen = await psp.fetch_refund(failed["id"])
    assert (seen.state, seen.failure) == (RefundState.FAILED, "declined")


@pytest.mark.parametrize("code", sorted(TEMPORARY))
async def test_a_refusal_that_may_pass_is_no_refusal(
    box: Sandbox, psp: StripeProvider, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = await paid(box, psp)

    def refuse(_params: object) -> dict[str, Any]:
        raise ApiError("not now", code=code)

    with monkeypatch.context() as patch:
        patch.setattr(box.machine, "create_refund", refuse)
        for is_replayed in (False, True):
            with pytest.raises(OutcomeUnknown, match=code) as silence:
                await psp.refund(wanted, "refund:1")
            assert silence.value.replayed is is_replayed
    assert (await psp.refund(wanted, "refund:2")).state is RefundState.SUCCEEDED


async def test_sessions_of_others_are_not_read(box: Sandbox, psp: StripeProvider) -> None:
    ours, theirs = await psp.create(order(box), "create:1"), await psp.create(order(box), "create:2")
    nothing: dict[str, Any] = {"currency": None, "amount_total": None, "metadata": {}, "mode": "setup"}
    box.machine.state.change("sessions", theirs.session_id, **nothing)
    for found in (await psp.changed(box.clock()), [await psp.find(PAYMENT, box.clock())]):
        assert found == [ours]


async def test_a_refund_without_an_answer_is_found(box: Sandbox, psp: StripeProvider) -> None:
    wanted = await paid(box, psp)
    await fault(box, "delay_after", "/v1/refunds", delay_s=0.6)
    with pytest.raises(OutcomeUnknown):
        await psp.refund(wanted, "refund:1")
    found = await psp.find_refund(wanted)
    assert found is not None
    assert box.machine.state.count("refunds") == 1


EVENT = {
    "id": "evt_1",
    "object": "event",
    "type": "checkout.session.completed",
    "data": {"object": {"id": "cs_1", "object": "checkout.session", "metadata": {"payment_id": str(PAYMENT)}}},
}


def signed(raw: bytes, secret: str, at: float) -> dict[str, str]:
    signature = WebhookSignature.generate_signature_header(raw.decode(), secret, int(at))
    return {"Stripe-Signature": signature}


@pytest.mark.parametrize("secret", SECRETS)
async def test_a_message_signed_with_either_secret(psp: StripeProvider, secret: str) -> None:
    raw = json.dumps(EVENT).encode()
    event = psp.parse_event(signed(raw, secret, time.time()), raw)
    known = (event.id, event.kind, event.payment_id, event.session_id, event.refund_id)
    assert known == ("evt_1", "checkout.session.completed", PAYMENT, "cs_1", None)


async def test_messages_that_are_not_stripe_s(psp: StripeProvider) -> None:
    raw = json.dumps(EVENT).encode()
    now = time.time()
    bad: list[tuple[dict[str, str], bytes]] = [
        ({}, raw),
        ({"Stripe-Signature": "t=x,v1="}, raw),
        (signed(raw, "whsec_other", now), raw),
        (signed(raw, SECRETS[0], now - 301), raw),
        (signed(raw, SECRETS[0], now), raw + b" "),
        ({"Stripe-Signature": "t=1,v1=1"}, b"\xff\xfe"),
        (signed(b"[]", SECRETS[0], now), b"[]"),
        (signed(b"no json", SECRETS[0], now), b"no json"),
        (signed(b'{"object": "event"}', SECRETS[0], now), b'{"object": "event"}'),
    ]
    for headers, body in bad:
        with pytest.raises(SignatureRefused):
            psp.parse_event(headers, body)


async def test_a_live_key_goes_to_stripe_only(box: Sandbox) -> None:
    for key in ("sk_live_1", "rk_live_1"):
        with pytest.raises(ValueError, match="live key"):
            StripeProvider(box.http, api_key=key, webhook_secrets=(), api_base=box.url)
        StripeProvider(box.http, api_key=key, webhook_secrets=())


def test_the_table_was_written_for_the_sdk_s_version() -> None:
    assert stripe.api_version == API_VERSION


SESSION: dict[str, Any] = {
    "id": "cs_1",
    "metadata": {"payment_id": str(PAYMENT)},
    "amount_total": 1300,
    "currency": "eur",
    "status": "complete",
    "payment_status": "unpaid",
    "payment_intent": {"id": "pi_1", "status": "processing"},
    "url": None,
}


@pytest.mark.parametrize(
    ("changed", "state"),
    [
        ({}, SessionState.PROCESSING),
        ({"payment_intent": {"id": "pi_1", "status": "requires_payment_method"}}, SessionState.DEAD),
        ({"payment_intent": {"id": "pi_1", "status": "canceled"}}, SessionState.DEAD),
        ({"payment_intent": {"id": "pi_1", "status": "succeeded"}}, SessionState.PAID),
        ({"payment_intent": {"id": "pi_1", "status": "requires_capture"}}, SessionState.AUTHORISED),
        ({"payment_intent": None}, SessionState.UNKNOWN),
        ({"payment_intent": "pi_1"}, SessionState.UNKNOWN),
        ({"payment_status": "no_payment_required"}, SessionState.UNKNOWN),
        ({"payment_status": "paid"}, SessionState.PAID),
        ({"status": "open"}, SessionState.OPEN),
        ({"status": "open", "payment_status": "paid"}, SessionState.UNKNOWN),
        ({"status": "expired"}, SessionState.DEAD),
        ({"status": "expired", "payment_status": "paid"}, SessionState.UNKNOWN),
        ({"status": "suspended"}, SessionState.UNKNOWN),
        ({"status": None}, SessionState.UNKNOWN),
        ({"amount_total": None}, SessionState.UNKNOWN),
        ({"currency": None}, SessionState.UNKNOWN),
        ({"currency": None, "payment_status": "paid"}, SessionState.UNKNOWN),
        ({"status": "expired", "amount_total": None, "currency": None, "mode": "setup"}, SessionState.UNKNOWN),
    ],
)
def test_words_of_a_session(changed: dict[str, Any], state: SessionState) -> None:
    assert snapshot(SESSION | changed).state is state


@pytest.mark.parametrize(
    ("charge", "method"),
    [
        ({"payment_method_details": {"type": "paypal", "paypal": {}}}, "paypal"),
        ({"payment_method_details": {"type": "card"}}, "card"),
        ({"payment_method_details": {"type": "A new one!"}}, None),
        ({"payment_method_details": None}, None),
        ("ch_1", None),
        (None, None),
    ],
)
def test_how_its_payer_paid(charge: Any, method: str | None) -> None:
    intent = {"id": "pi_1", "status": "succeeded", "latest_charge": charge}
    assert snapshot(SESSION | {"payment_intent": intent}).method == method
    assert snapshot(SESSION | {"payment_intent": intent | {"status": "processing"}}).method is None  # may fail still


@pytest.mark.parametrize("metadata", [None, {}, {"payment_id": "7"}, {"payment_id": None}, {"other": "x"}])
def test_sessions_of_others_have_no_id_of_ours(metadata: dict[str, Any] | None) -> None:
    assert snapshot(SESSION | {"metadata": metadata}).payment_id is None


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("pending", RefundState.PENDING),
        ("requires_action", RefundState.PENDING),
        ("succeeded", RefundState.SUCCEEDED),
        ("failed", RefundState.FAILED),
        ("canceled", RefundState.FAILED),
        ("reversed", RefundState.UNKNOWN),
        (None, RefundState.UNKNOWN),
    ],
)
def test_words_of_a_refund(status: str | None, state: RefundState) -> None:
    refund = {"id": "re_1", "amount": 500, "currency": "eur", "status": status, "metadata": {}}
    seen = refund_snapshot(refund)
    assert (seen.state, seen.failure) == (state, status if state is RefundState.FAILED else None)


@pytest.mark.parametrize("nothing", [{"amount": None}, {"currency": None}])
def test_a_refund_without_an_amount_is_unknown(nothing: dict[str, Any]) -> None:
    refund = {"id": "re_1", "amount": 500, "currency": "eur", "status": "succeeded", "metadata": {}}
    assert refund_snapshot(refund | nothing).state is RefundState.UNKNOWN


@pytest.mark.parametrize(
    ("fields", "may_pass"),
    [
        ({"failure_reason": "insufficient_funds"}, True),
        ({"failure_reason": "declined"}, True),
        ({"failure_reason": "unknown"}, True),
        ({"failure_reason": None}, True),
        ({"failure_reason": "lost_or_stolen_card"}, False),
        ({"failure_reason": "expired_or_canceled_card"}, False),
        ({"failure_reason": "charge_for_pending_refund_disputed"}, False),
        ({"failure_reason": "merchant_request"}, False),
        ({"status": "canceled"}, False),
        ({"status": "succeeded", "failure_reason": "unknown"}, False),
    ],
)
def test_failures_that_may_pass(fields: dict[str, Any], may_pass: bool) -> None:
    refund = {"id": "re_1", "amount": 500, "currency": "eur", "status": "failed", "metadata": {}}
    assert refund_snapshot(refund | fields).may_pass is may_pass


async def test_the_whole_way_over_the_wire(box: Sandbox) -> None:
    """Use cases, adapter, SDK and server together, with a lost answer at each changing call."""
    world = World(clock=box.clock, hooks=RecordingHooks(), new_id=Ids())  # type: ignore[arg-type]
    world.machine = box.machine
    psp = provider(box, RETRIES)
    world.payments = Payments(world.books, {"stripe": psp}, world.hooks, box.clock, world.new_id)
    await fault(box, "drop_after", "/v1/checkout/sessions")
    payment = await world.opened()
    world.pay(payment)
    assert (await world.payments.settle(payment.id)).status is PaymentStatus.PAID
    async with world.books.transaction() as tx:
        refund = await world.payments.request_refund(tx, payment.id, AMOUNT, RefundReason.CANCELLED)
    await fault(box, "error_after", "/v1/refunds")
    assert (await world.payments.submit_refund(refund.id)).status is RefundStatus.SUCCEEDED
    other = await world.opened(1002)
    await fault(box, "drop_after", f"/v1/checkout/sessions/{other.session_id}/expire", times=2)
    assert (await world.payments.fence(other.id)).status is PaymentStatus.FENCED
    assert await world.clearing(payment) == world.at_provider() == 0


async def test_a_day_s_statement_over_several_pages(box: Sandbox, psp: StripeProvider) -> None:
    start = box.clock()
    psp = provider_with_time(box)
    order_ = await paid(box, psp)
    await psp.refund(order_, "refund:1")
    for _ in range(120):  # made without us: no metadata of ours
        box.machine.create_refund({"payment_intent": order_.charge_id, "amount": 1})
    [mine, *strange] = [row["id"] for row in box.machine.state.rows("refunds")]
    box.machine.fail_refund(mine, "declined")
    box.clock.advance(hours=1)
    await psp.create(order(box, payment_id=UUID(int=2)), "create:2")
    told = await psp.statement(start - timedelta(minutes=1), start + timedelta(minutes=1))
    assert [session.payment_id for session in told.sessions] == [PAYMENT]
    assert len(told.movements) == 1 + 1 + 120 + 1
    by_kind = {kind: [one for one in told.movements if one.kind is kind] for kind in MovementKind}
    [charge], [back] = by_kind[MovementKind.CHARGE], by_kind[MovementKind.REFUND_FAILED]
    assert (charge.amount, charge.fee, charge.payment_id) == (AMOUNT, Money(45), PAYMENT)
    assert charge.charge_id == order_.charge_id
    assert (back.amount, back.refund_provider_id, back.refund_id) == (Money(500), mine, REFUND)
    refunds = {one.refund_provider_id: one for one in by_kind[MovementKind.REFUND]}
    assert set(refunds) == {mine, *strange}
    assert (refunds[mine].amount, refunds[mine].refund_state) == (Money(-500), RefundState.FAILED)
    assert (refunds[strange[0]].refund_id, refunds[strange[0]].charge_id) == (None, order_.charge_id)
    assert by_kind[MovementKind.OTHER] == []
    later = await psp.statement(start + timedelta(minutes=1), start + timedelta(hours=2))
    assert ([one.payment_id for one in later.sessions], later.movements) == ([UUID(int=2)], ())
    assert len(await psp.refunds_of(order_.charge_id)) == 121


async def test_silence_about_a_day_is_no_empty_day(box: Sandbox, psp: StripeProvider) -> None:
    await paid(box, psp)
    await fault(box, "drop_before", "/v1/balance_transactions", times=3)
    with pytest.raises(OutcomeUnknown):
        await psp.statement(box.clock() - timedelta(hours=1), box.clock() + timedelta(hours=1))


@pytest.mark.parametrize(
    ("category", "source"),
    [
        ("payout", {"id": "ch_1", "object": "charge"}),
        ("dispute", {"id": "ch_1", "object": "charge"}),
        ("refund", {"id": "ch_1", "object": "charge"}),
        ("charge", "ch_1"),
        ("fee", None),
    ],
)
def test_what_we_do_not_book_is_told_as_such(category: str, source: object) -> None:
    row = {"id": "txn_1", "amount": -100, "fee": 0, "currency": "eur", "created": 1, "source": source}
    told = movement({**row, "reporting_category": category})
    assert (told.kind, told.word, told.amount) == (MovementKind.OTHER, category, Money(-100))


def provider_with_time(box: Sandbox) -> StripeProvider:
    """For calls that take several pages."""
    return StripeProvider(
        box.http,
        api_key="sk_test_payment",
        webhook_secrets=SECRETS,
        api_base=box.url,
        timeout=aiohttp.ClientTimeout(10),
    )
