"""Webhooks are hints: lost, repeated, reordered or delayed, the final state is the same. Only a signed one is read."""

from __future__ import annotations

import itertools
import json
import time

import pytest
import stripe

from tests.town import Town

PAID = "Führungszeugnis"
PLANS = {
    "in order": {},
    "all lost": {"lose": 1.0},
    "half lost": {"lose": 0.5, "seed": 3},
    "all repeated": {"repeat": 1.0},
    "reordered": {"reorder": 4},
    "repeated and reordered": {"repeat": 1.0, "reorder": 5, "parallel": 4},
}


async def _paid_and_cancelled(town: Town, plan: dict[str, object]) -> tuple[object, ...]:
    """The whole of what is left after a booking and a cancellation."""
    await town.sandbox("PUT", "webhooks/faults", plan)
    made = await town.appointment(PAID)
    await town.pay(await town.checkout(made))
    await town.webhooks()
    town.clock.advance(minutes=6)
    await town.work()
    booked = await town.look(made)
    await town.cancel(made)
    await town.webhooks()
    await town.work()
    cancelled = await town.look(made)
    await town.assert_sound()
    return (
        booked["status"],
        booked["payment"],
        cancelled["status"],
        [refund["status"] for refund in cancelled["refunds"]],
        [entry for entry in await town.books() if entry[0] != "psp_fee"],  # the provider's prices come by night
        [subject.split(" ")[0] for _, subject in town.mails()],
        (await town.rows("SELECT count(*) FROM appointment_history"))[0]["count"],
    )


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS.keys())
async def test_the_final_state_is_the_same(town: Town, plan: dict[str, object]) -> None:
    booked, payment, cancelled, refunds, books, mails, changes = await _paid_and_cancelled(town, plan)
    assert (booked, payment, cancelled, refunds) == ("confirmed", "paid", "cancelled", ["succeeded"])
    assert [kind for kind, _ in itertools.groupby(books, key=lambda entry: entry[0])] == ["fee", "earned", "refund"]  # type: ignore[call-overload]  # it is for today
    assert sum(cents for *_, cents in books) == 0  # type: ignore[attr-defined]
    assert len(mails) == 3  # type: ignore[arg-type]
    assert changes == 3  # held, confirmed, cancelled: nothing happened twice


async def test_only_a_signed_and_fresh_event_is_taken(town: Town) -> None:
    body = json.dumps({"id": "evt_1", "object": "event", "type": "checkout.session.completed", "data": {"object": {}}})

    async def post(signature: str) -> int:
        headers = {"Stripe-Signature": signature, "Content-Type": "application/json"}
        return (await town.call("POST", "/api/webhooks/stripe", headers=headers, data=body)).status

    def sign(secret: str, at: int) -> str:
        return f"t={at},v1={stripe.WebhookSignature._compute_signature(f'{at}.{body}', secret)}"

    now = int(time.time())
    assert await post(sign("whsec_wrong", now)) == 400
    assert await post(sign("whsec_sandbox", now - 3600)) == 400
    assert await post("t=x,v1=y") == 400
    assert await post("") == 400
    assert await town.rows("SELECT * FROM vendor_event") == []
    assert await post(sign("whsec_sandbox", now)) == 200
    assert await post(sign("whsec_sandbox", now)) == 200
    assert len(await town.rows("SELECT * FROM vendor_event")) == 1
