"""Ten thousand messages to the webhook, forged, repeated and out of order; a provider that is away for an hour; another amount or currency.
None is believed, none is lost, and in the end everything is as if nothing had happened."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import stripe

from tests.town import Town

PAID = "Führungszeugnis"
PAYING, WAITING = 6, 6  # who pays, and who does not
MESSAGES, AT_ONCE = 10_000, 32
GOOD, WRONG = "whsec_sandbox", "whsec_of_somebody_else"


def signed(body: bytes, secret: str, at: int) -> str:
    return f"t={at},v1={stripe.WebhookSignature._compute_signature(f'{at}.{body.decode()}', secret)}"


def messages(genuine: list[bytes], forged: list[bytes], chance: random.Random) -> Iterator[tuple[str, bytes, str]]:
    """(what it is, body, signature): each genuine one at least once, and in no order."""
    now = int(time.time())
    yield from (("genuine", body, signed(body, GOOD, now)) for body in genuine)
    for _ in range(MESSAGES - len(genuine)):
        match chance.randrange(5):
            case 0:
                body = chance.choice(forged)
                yield "forged", body, signed(body, WRONG, now)
            case 1:  # with a true signature of another message
                yield "forged", chance.choice(forged), signed(chance.choice(genuine), GOOD, now)
            case 2:  # recorded an hour ago
                body = chance.choice(genuine)
                yield "forged", body, signed(body, GOOD, now - 3600)
            case 3:
                body = chance.choice(genuine)
                altered = body.replace(b'"livemode": false', b'"livemode": true')
                yield "forged", altered, signed(body, GOOD, now)
            case _:
                body = chance.choice(genuine)
                yield "genuine", body, signed(body, GOOD, now)


async def test_of_ten_thousand_messages_none_is_believed_falsely_and_none_is_lost(town: Town) -> None:
    await town.sandbox("PUT", "webhooks/faults", {"lose": 1.0})  # we are the postman
    paying = [await town.appointment(PAID) for _ in range(PAYING)]
    waiting = [await town.appointment(PAID) for _ in range(WAITING)]
    for made in paying:
        await town.pay(await town.checkout(made))
    unpaid = [(await town.checkout(made))["pay_url"].rsplit("/", 1)[1] for made in waiting]
    events = [{"id": ident, **event} for ident, event in town.machine.state.items("events")]
    genuine = [json.dumps(event).encode() for event in events]
    completed = next(event for event in events if event["type"] == "checkout.session.completed")
    forged = [json.dumps(_as_if_paid(completed, session)).encode() for session in unpaid]
    chance = random.Random(7)
    sent = list(messages(genuine, forged, chance))
    chance.shuffle(sent)
    answers, places = Counter[tuple[str, int]](), asyncio.Semaphore(AT_ONCE)

    async def send(what: str, body: bytes, signature: str) -> None:
        headers = {"Stripe-Signature": signature, "Content-Type": "application/json"}
        async with places:
            answers[what, (await town.call("POST", "/api/webhooks/stripe", headers=headers, data=body)).status] += 1

    await asyncio.gather(*(send(*one) for one in sent))
    assert answers.total() == MESSAGES
    assert answers.keys() == {("genuine", 200), ("forged", 400)}
    kept = {row["event_id"] for row in await town.rows("SELECT event_id FROM vendor_event")}
    assert kept == {event["id"] for event in events}
    await town.work()
    assert [(await town.look(made))["status"] for made in paying] == ["confirmed"] * PAYING
    assert {(await town.look(made))["payment"] for made in waiting} == {"open"}
    assert len([kind for kind, *_ in await town.books() if kind == "fee"]) == 2 * PAYING  # two entries each
    await town.assert_sound()


def _as_if_paid(completed: dict[str, Any], session: str) -> dict[str, Any]:
    """What somebody would write who wants an appointment for nothing."""
    claimed = {**completed["data"]["object"], "id": session, "payment_status": "paid", "status": "complete"}
    return {**completed, "id": f"evt_forged_{session}", "data": {"object": claimed}}


async def test_a_provider_away_for_an_hour_loses_nothing(town: Town) -> None:
    """Somebody has paid, somebody pays meanwhile and is not heard, somebody cancels, and somebody wants to begin."""
    paid, paying, coming = [await town.appointment(PAID) for _ in range(3)]
    await town.pay(await town.checkout(paid))
    await town.webhooks()
    await town.work()
    checkout = await town.checkout(paying)
    away = [{"kind": kind, "method": method, "path": "/v1/", "times": 100_000} for kind, method in AWAY]
    await town.sandbox("PUT", "faults", {"faults": away})
    await town.sandbox("PUT", "webhooks/faults", {"lose": 1.0})
    await town.pay(checkout)
    assert (await town.cancel(paid)).status == 200
    begun = await town.call("POST", f"/api/appointments/{coming['id']}/checkout", coming["token"], key="0" * 36)
    assert (begun.status, begun.body["code"]) == (503, "payment_unavailable")
    for _ in range(6):
        town.clock.advance(minutes=10)
        await town.work()
    assert (await town.look(paying))["status"] == "expiring"  # and its time is given to nobody
    assert [refund["status"] for refund in (await town.look(paid))["refunds"]] == ["submitted"]
    await town.sandbox("PUT", "faults", {"faults": []})
    for _ in range(4):
        town.clock.advance(minutes=10)
        await town.work()
    assert (await town.look(paying))["status"] == "confirmed"
    assert [refund["status"] for refund in (await town.look(paid))["refunds"]] == ["succeeded"]
    await town.assert_sound()


AWAY = (("drop_before", "POST"), ("drop_before", "GET"))


@pytest.mark.parametrize(
    ("session", "intent"),
    [({"amount_total": 1}, {"amount_received": 1}), ({"currency": "usd"}, {"currency": "usd"})],
    ids=["amount", "currency"],
)
async def test_what_is_not_the_fee_confirms_nothing(
    town: Town, session: dict[str, object], intent: dict[str, object]
) -> None:
    made = await town.appointment(PAID)
    checkout = await town.checkout(made)
    ident = checkout["pay_url"].rsplit("/", 1)[1]
    await town.pay(checkout)
    town.machine.state.change("sessions", ident, **session)
    town.machine.state.change("payment_intents", town.machine.get("sessions", ident)["payment_intent"], **intent)
    await town.webhooks()
    await town.work()
    seen = await town.look(made)
    assert seen["status"] != "confirmed"
    assert [row["status"] for row in await town.rows("SELECT status FROM payment")] == ["attention"]
    assert await town.books() == []
