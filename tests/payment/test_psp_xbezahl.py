"""What only XBezahldienste has: its limits, its codes, its tokens. The rest is in the contract suite."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from base.money import Money
from payment.ports import OutcomeUnknown, PaymentOrder, ProviderRefused, SessionState, SignatureRefused
from payment.xbezahl_words import CODES, Version, problem_code, request_body, request_id, snapshot
from sandbox.xbezahldienste.faults import Fault
from tests.payment.making import AMOUNT
from tests.payment.providers import xbezahl_side

MOMENT = datetime(2026, 12, 1, 9, tzinfo=UTC)
ORDER = PaymentOrder(
    payment_id=UUID(int=1),
    amount=AMOUNT,
    description="Gebühr 13,00 € für <Ausweis>",
    language="de",
    return_url="http://localhost:8080/de/case",
    expires_at=MOMENT,
    purpose="RF18SCH000000001",
)


@pytest.mark.parametrize(("version", "name"), [(Version.V1_0, "grosAmount"), (Version.V1_2, "grossAmount")])
def test_the_sum_is_spelled_as_in_its_version(version: Version, name: str) -> None:
    body = request_body(ORDER, "create:1:1", version, {"mandant": "1"}, MOMENT)
    assert (body[name], body["currency"], body["purpose"]) == (13.0, "EUR", "RF18SCH000000001")
    assert body["description"] == "Gebühr 13,00   für  Ausweis "
    assert body["items"][0]["bookingData"] == {"mandant": "1"}
    assert len(body["requestId"]) == 36
    assert body["requestId"] == request_id("create:1:1") != request_id("create:1:2")


@pytest.mark.parametrize("amount", [Money(1300, "CHF"), Money(99_999_901)])
async def test_what_the_standard_cannot_carry_is_refused_before_it_is_sent(amount: Money) -> None:
    async with xbezahl_side() as side:
        with pytest.raises(ProviderRefused):
            await side.psp.create(replace(ORDER, amount=amount), "create:1")
        assert side.count() == 0


async def test_what_is_missing_for_booking_is_refused_by_its_name() -> None:
    async with xbezahl_side(booking_keys=frozenset({"mandant"})) as side:
        assert (await side.psp.create(ORDER, "create:1")).state is SessionState.OPEN
        side.machine.booking_keys = frozenset({"mandant", "produkt"})
        with pytest.raises(ProviderRefused, match="BOOKING_DATA_MISSING"):
            await side.psp.create(ORDER, "create:2")


async def test_a_repeated_request_is_found_where_its_id_became_the_transactions() -> None:
    async with xbezahl_side(own_ids=False) as side:
        first = await side.psp.create(ORDER, "create:1")
        assert await side.psp.create(ORDER, "create:1") == first
        assert side.count() == 1


async def test_a_token_that_has_run_out_is_replaced_once() -> None:
    async with xbezahl_side(by_token=True) as side:
        side.faults.plan(Fault("forbid"))
        assert (await side.psp.create(ORDER, "create:1")).state is SessionState.OPEN
        side.faults.plan(Fault("forbid", times=2))
        with pytest.raises(OutcomeUnknown, match="FORBIDDEN"):
            await side.psp.create(ORDER, "create:2")


async def test_nobody_sends_us_messages() -> None:
    async with xbezahl_side() as side:
        with pytest.raises(SignatureRefused):
            side.psp.parse_event({}, b"{}")


def answer(**info: Any) -> dict[str, Any]:
    asked = {"grossAmount": Decimal("13.00"), "currency": "EUR", "items": [{"reference": str(UUID(int=1))}]}
    return {"paymentInformation": {"transactionId": "t", "status": "INITIAL", **info}, "paymentRequest": asked}


def test_a_word_nobody_knows_is_no_success() -> None:
    assert snapshot(answer(status="REVERSED"), Version.V1_2).state is SessionState.UNKNOWN


def test_somebody_elses_position_is_not_our_payment() -> None:
    other = answer(status="PAYED")
    other["paymentRequest"]["items"][0]["reference"] = "AZ-1"
    assert snapshot(other, Version.V1_2).payment_id is None
    other["paymentRequest"]["grossAmount"] = Decimal("13.005")
    assert snapshot(other, Version.V1_2).amount is None


@pytest.mark.parametrize("garbled", [None, [], {}, {"paymentInformation": {}, "paymentRequest": {}}])
def test_what_is_no_transaction_is_said_to_be_none(garbled: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        snapshot(garbled, Version.V1_0)


@pytest.mark.parametrize("code", sorted(CODES))
@pytest.mark.parametrize("member", ["title", "type", "code", "functionalCode", "detail"])
def test_a_code_is_found_wherever_it_stands(code: str, member: str) -> None:
    assert problem_code({member: f"urn:problem:{code}"}) == code
