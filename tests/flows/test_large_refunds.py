"""What a rule gives back and is large waits for a person: who cancelled does not approve it, and a rejection ends no claim."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from base.clock import SettableClock
from tests.flows.test_refund_steps import steps
from tests.flows.test_transfers import mails
from tests.staff import StaffBrowser, hire, sign_in, words
from tests.town import Town
from tests.town import town as open_town

PAID = "Führungszeugnis"
WORK = "/de/finance/work"


@pytest.fixture
async def town(city_dsn: str, clock: SettableClock) -> AsyncIterator[Town]:
    async with open_town(city_dsn, clock, refund_approval_cents=1299) as opened:
        yield opened


@pytest.fixture
async def staff(town: Town) -> AsyncIterator[dict[str, StaffBrowser]]:
    """Kim and Lou decide about refunds."""
    async with AsyncExitStack() as stack:
        browsers = {}
        for login in ("kim", "lou"):
            await hire(town, login, "finance")
            browsers[login] = await stack.enter_async_context(await sign_in(town, login))
        yield browsers


async def booked(town: Town, service: str = PAID) -> dict[str, Any]:
    made = await town.appointment(service)
    await town.pay(await town.checkout(made))
    await town.webhooks()
    return made


async def status(town: Town) -> str:
    [row] = await town.rows("SELECT status FROM refund")
    return str(row["status"])


async def here_of(town: Town) -> str:
    [row] = await town.rows("SELECT id, payment_id FROM refund")
    return f"/de/finance/payments/{row['payment_id']}/refunds/{row['id']}"


async def test_from_the_cancellation_to_the_money(town: Town, staff: dict[str, StaffBrowser]) -> None:
    made = await booked(town)
    page = f"/de/appointments/{made['id']}"
    async with StaffBrowser(town) as citizen, AsyncExitStack() as again:
        await citizen.get(f"/de/case/{made['token']}")
        asked = words(await citizen.get(f"{page}?cancel=1"))
        assert "wird das vorher von einer Person bei uns geprüft" in asked
        done = words(await citizen.post(f"{page}/cancel", refund_cents="1300", request_key=str(uuid4())))
        assert "Sie sollen 13,00 € zurückbekommen. Weil der Betrag hoch ist" in done
        await town.work()
        assert await status(town) == "requested"
        [mail] = mails(town, "Abgesagt")
        assert "sobald das bei uns geprüft ist" in mail.part("text/plain")
        assert [one["status"] for one in (await town.look(made))["refunds"]] == ["requested"]

        town.clock.advance(days=2)
        staff["kim"] = await again.enter_async_context(await sign_in(town, "kim"))
        listed = words(await staff["kim"].get(WORK))
        assert "die Regel" in listed
        assert "wartet seit 2 Tagen" in listed
        figures = (await town.call("GET", "/metrics")).body
        assert "schalter_refunds_waiting 1.0" in figures
        assert "schalter_refunds_waiting_seconds 172" in figures
        here = await here_of(town)
        assert "das Geld ist dafür zurückgelegt" in words(await staff["kim"].get(here.split("/refunds/")[0]))
        await staff["kim"].post(f"{here}/approve", request_key=str(uuid4()))
        assert await status(town) == "succeeded"
        assert "Wir haben Ihnen 13,00 € erstattet" in words(await citizen.get(page))
    await town.work()
    assert [one["status"] for one in (await town.look(made))["refunds"]] == ["succeeded"]
    await town.assert_sound()


async def test_a_rejection_says_why_and_is_asked_for_anew(town: Town, staff: dict[str, StaffBrowser]) -> None:
    made = await booked(town)
    await town.cancel(made)
    here = await here_of(town)
    empty = await staff["kim"].post(f"{here}/reject", why=" ", request_key=str(uuid4()))
    assert (empty.status, "Wer bezahlt hat, liest das" in words(empty)) == (422, True)
    shown = words(await staff["kim"].post(f"{here}/reject", why="Schon ausgestellt.", request_key=str(uuid4())))
    assert "Abgelehnt von Kim" in shown
    assert "Schon ausgestellt." in shown
    await town.work()
    [mail] = mails(town, "erstatten Ihre Gebühr")
    assert "Grund: Schon ausgestellt." in mail.part("text/plain")
    looked = await town.look(made)
    assert (looked["refunds"][0]["status"], looked["refund_rejected_because"]) == ("rejected", "Schon ausgestellt.")
    async with StaffBrowser(town) as citizen:
        await citizen.get(f"/de/case/{made['token']}")
        page = f"/de/appointments/{made['id']}"
        told = words(await citizen.get(page))
        assert "Grund: Schon ausgestellt." in told
        again = words(await citizen.post(f"{page}/refund-again", request_key=str(uuid4())))
        assert "Weil der Betrag hoch ist" in again
    assert await status(town) == "requested"
    await staff["lou"].post(f"{here}/reject", why="Noch einmal nein.", request_key=str(uuid4()))
    for _twice in range(2):
        done = await town.good("POST", f"/api/appointments/{made['id']}/refund-again", made["token"])
        assert done["refunds"][0]["status"] == "requested"
    await staff["lou"].post(f"{here}/approve", request_key=str(uuid4()))
    assert await status(town) == "succeeded"
    await town.work()
    await town.assert_sound()


async def test_whoever_cancelled_for_somebody_does_not_approve_it(town: Town, staff: dict[str, StaffBrowser]) -> None:
    """Kim may book for people beside approving: these are no duties that exclude each other."""
    await town.rows("INSERT INTO role (name, permissions) VALUES ('books too', '{hold.staff}') RETURNING id")
    await town.rows(
        "INSERT INTO account_role (account_id, role_id) SELECT a.id, r.id FROM account a, role r"
        " WHERE a.login = 'kim' AND r.name = 'books too' RETURNING role_id"
    )
    made = await booked(town)
    [office] = await town.rows("SELECT office_id FROM appointment WHERE id = $1", made["id"])
    case = f"/de/bookings/{office['office_id']}/cases/{made['id']}"
    await staff["kim"].post(f"{case}/cancel", refund_cents="1300", request_key=str(uuid4()))
    here = await here_of(town)
    refused = await staff["kim"].post(f"{here}/approve", request_key=str(uuid4()))
    assert (refused.status, await status(town)) == (409, "requested")
    assert "Diese Erstattung geht auf Sie zurück" in words(refused)
    assert "die Regel, nach Kim" in words(await staff["lou"].get(WORK))
    await staff["lou"].post(f"{here}/approve", request_key=str(uuid4()))
    assert await status(town) == "succeeded"
    await town.assert_sound()


async def test_what_is_not_larger_goes_back_at_once(city_dsn: str, clock: SettableClock) -> None:
    async with open_town(city_dsn, clock, refund_approval_cents=1300) as town:
        await town.cancel(await booked(town))
        await town.work()
        assert await status(town) == "succeeded"
        await town.assert_sound()


async def test_where_nothing_goes_back_nothing_is_checked(town: Town) -> None:
    await steps(town, 3, 1)
    made = await booked(town)
    town.clock.set(datetime.fromisoformat(made["starts_at"]) - timedelta(minutes=30))
    async with StaffBrowser(town) as citizen:
        await citizen.get(f"/de/case/{made['token']}")
        asked = words(await citizen.get(f"/de/appointments/{made['id']}?cancel=1"))
        assert "wird von der Gebühr von 13,00 € nichts erstattet" in asked
        assert "wird das vorher von einer Person bei uns geprüft" not in asked
