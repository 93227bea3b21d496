"""A city whose payments go through a service of the XBezahldienste standard: no message, no fence, no refund, no statement."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from base.clock import SettableClock
from sandbox.xbezahldienste.faults import Fault, Faults
from sandbox.xbezahldienste.machine import Machine
from sandbox.xbezahldienste.server import PASSWORD, USER, Server
from tests.staff import StaffBrowser, hire, sign_in, words
from tests.town import KIM, Town, loopback, served
from tests.town import town as open_town

PAID = "Führungszeugnis"  # 13 euros


@dataclass
class Service:
    """The payment service of the state, and what a test does to it."""

    machine: Machine
    faults: Faults

    def pay(self, checkout: dict[str, Any]) -> None:
        """On its page; nobody comes back from there."""
        self.machine.pay(checkout["pay_url"].rsplit("/", 1)[1])


@pytest.fixture
def service(clock: SettableClock) -> Service:
    return Service(Machine(clock, version="1.2"), Faults())


@pytest.fixture(params=["alone", "beside Stripe"])
async def town(
    request: pytest.FixtureRequest, city_dsn: str, clock: SettableClock, service: Service
) -> AsyncIterator[Town]:
    listening = loopback()
    base = f"http://127.0.0.1:{listening.getsockname()[1]}"
    given: dict[str, Any] = {"stripe_api_key": ""} if request.param == "alone" else {}
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(served(Server(service.machine, service.faults).app(), listening))
        yield await stack.enter_async_context(
            open_town(
                city_dsn,
                clock,
                payment_providers=("xbezahldienste",),
                xbezahl_api_base=base,
                xbezahl_originator=service.machine.originator,
                xbezahl_endpoint=service.machine.endpoint,
                xbezahl_user=USER,
                xbezahl_password=PASSWORD,
                xbezahl_pay_origins=(base,),
                transfer_name="Stadt Stuttgart",
                transfer_iban="DE02600501010002034304",
                **given,
            )
        )


@pytest.fixture
async def kim(town: Town) -> AsyncIterator[StaffBrowser]:
    await hire(town, "kim", "finance")
    async with await sign_in(town, "kim") as browser:
        yield browser


async def begun(town: Town) -> tuple[dict[str, Any], dict[str, Any]]:
    made = await town.appointment(PAID)
    return made, await town.checkout(made)


async def in_a_week(town: Town) -> tuple[dict[str, Any], dict[str, Any]]:
    service = (await town.service(PAID))["id"]
    office = (await town.slots(service))[0]["office"]
    day = f"{town.clock() + timedelta(days=7):%Y-%m-%d}"
    query = {"service": service, "channel": "onsite", "office": office, "from": day, "to": day}
    [slot, *_] = (await town.good("GET", "/api/slots", params=query))["slots"]
    hold = await town.hold(service, slot=slot)
    given = {"hold": hold["id"], "contact": KIM}
    made = await town.good("POST", "/api/appointments", hold["token"], key=str(uuid4()), json=given)
    return made | {"slot": slot, "service": service}, await town.checkout(made)


async def settled(town: Town) -> None:
    town.clock.advance(minutes=3)
    await town.work()


async def test_who_pays_and_does_not_come_back_has_the_appointment(
    town: Town, service: Service, kim: StaffBrowser
) -> None:
    made, checkout = await begun(town)
    service.pay(checkout)
    await settled(town)
    assert (await town.look(made))["status"] == "confirmed"
    assert ("fee", "psp_clearing", 1300) in await town.books()
    town.clock.advance(minutes=10)
    day = words(await kim.get(f"/de/finance/?day={town.clock():%Y-%m-%d}"))
    assert "antwortet" not in day
    assert "13,00 €" in day
    await town.assert_without_faults()


async def test_an_amount_edited_there_is_a_difference_of_the_day(
    town: Town, service: Service, kim: StaffBrowser
) -> None:
    _, checkout = await begun(town)
    service.pay(checkout)
    await settled(town)
    [one] = service.machine.transactions.values()
    one.asked["grossAmount"] = Decimal(12)
    town.clock.advance(minutes=10)
    day = words(await kim.get(f"/de/finance/?day={town.clock():%Y-%m-%d}"))
    assert "12,00 €" in day


async def test_no_day_waits_for_transactions_that_nobody_tells(town: Town, service: Service) -> None:
    _, checkout = await begun(town)
    service.pay(checkout)
    await settled(town)
    day = town.clock().date()
    town.clock.advance(days=2)
    await town.work()
    [light] = await town.worker.differences.days(day, day)
    assert (light.journals, light.provider) == (2, "none")


async def test_cancelled_the_fee_is_transferred(town: Town, service: Service) -> None:
    made, checkout = await begun(town)
    service.pay(checkout)
    await settled(town)
    assert (await town.cancel(made)).status == 200
    await settled(town)
    [order] = await town.rows("SELECT amount_cents FROM transfer_order")
    assert order["amount_cents"] == 1300
    assert town.mails()[-1][1].startswith("Bitte nennen Sie Ihre Bankverbindung")
    await town.assert_without_faults()


async def test_late_money_has_its_time_again_while_nobody_else_has_it(town: Town, service: Service) -> None:
    made, checkout = await in_a_week(town)
    town.clock.advance(minutes=40)
    await town.work()
    assert (await town.look(made))["status"] == "expired"
    service.pay(checkout)
    town.clock.advance(minutes=70)
    await town.work()
    assert (await town.look(made))["status"] == "confirmed"
    await town.assert_without_faults()


async def test_late_money_for_a_time_that_others_have_is_transferred_back(town: Town, service: Service) -> None:
    made, checkout = await in_a_week(town)
    town.clock.advance(minutes=40)
    await town.work()
    await town.fresh()
    slot = made["slot"]
    wanted = {"service": made["service"], "channel": "onsite", "office": slot["office"], "starts_at": slot["starts_at"]}
    while (taken := await town.call("POST", "/api/holds", key=str(uuid4()), json=wanted)).status == 201:
        pass
    assert taken.status == 409
    service.pay(checkout)
    town.clock.advance(minutes=30)
    await town.rows("UPDATE claim SET hold_until = hold_until + interval '2 h' WHERE status = 1 RETURNING id")
    town.clock.advance(minutes=40)
    await town.work()
    assert (await town.look(made))["status"] == "expired"
    assert [(row["status"], row["amount_cents"]) for row in await town.rows("SELECT * FROM transfer_order")] == [
        ("asked", 1300)
    ]
    await town.assert_without_faults()


async def test_an_hour_of_silence_loses_nothing(town: Town, service: Service) -> None:
    made, checkout = await begun(town)
    service.faults.plan(Fault("error_before", times=10_000))
    service.pay(checkout)
    for _ in range(6):
        town.clock.advance(minutes=10)
        await town.work()
    assert (await town.look(made))["status"] != "expired"
    service.faults.plan(Fault("error_before", times=0))
    await settled(town)
    await town.work()
    assert (await town.look(made))["status"] == "confirmed"
    await town.assert_without_faults()
