"""Refunds as the office of their case sees them: by the number alone, an account told at the counter, the link again, letters."""

from __future__ import annotations

import io
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any
from uuid import UUID, uuid4

import pytest
from pypdf import PdfReader

from base.clock import SettableClock
from booking.refunds import usecases as refunds
from sandbox.smtp.faults import Fault
from tests.flows.test_transfers import IBAN, OURS, failed, mails, order_of
from tests.staff import StaffBrowser, hire, sign_in, words
from tests.town import Town
from tests.town import town as open_town

BY_POST = {"name": "Kim Mustermann", "postal_address": ["Hauptstraße 1", "70173 Stuttgart"], "language": "de"}


@pytest.fixture
async def town(city_dsn: str, clock: SettableClock) -> AsyncIterator[Town]:
    async with open_town(city_dsn, clock, transfer_name="Stadt Stuttgart", transfer_iban=OURS) as opened:
        yield opened


async def clerks(town: Town, stack: AsyncExitStack, office: int) -> dict[str, StaffBrowser]:
    """One of the case's office, one of another one, and one who assesses for the whole city."""
    [other] = await town.rows("SELECT id, key FROM office WHERE id <> $1 ORDER BY id LIMIT 1", office)
    [own] = await town.rows("SELECT key FROM office WHERE id = $1", office)
    await hire(town, "kay", "clerk", own["key"])
    await hire(town, "lou", "clerk", other["key"])
    await hire(town, "toni", "finance")
    return {login: await stack.enter_async_context(await sign_in(town, login)) for login in ("kay", "lou", "toni")}


async def office_of(town: Town, made: dict[str, Any]) -> int:
    [row] = await town.rows("SELECT office_id FROM appointment WHERE id = $1", made["id"])
    return int(row["office_id"])


async def test_a_clerk_who_knows_only_the_number(town: Town) -> None:
    made = await failed(town)
    office, order = await office_of(town, made), await order_of(town)
    async with AsyncExitStack() as stack:
        staff = await clerks(town, stack, office)
        kay, lou = staff["kay"], staff["lou"]
        found = await kay.get(f"/de/bookings/{office}/cases?number={made['number']}")
        here = f"/de/bookings/{office}/cases/{made['id']}/refunds"
        assert here in found.text
        page = words(await kay.get(here))
        assert "Überweisung von 13,00 €" in page
        assert "Fehlgeschlagen" in page

        town.clock.advance(minutes=11)
        for _twice in range(2):
            assert "Der Link ist unterwegs" in words(await kay.post(f"{here}/{order['id']}/remind"))
        await town.work()
        assert len(mails(town, "Bankverbindung")) == 2

        wrong = await kay.post(
            f"{here}/{order['id']}/account", holder="Kim", iban="DE88 3704 0044 0532 0130 00", request_key=str(uuid4())
        )
        assert (wrong.status, "Diese IBAN stimmt nicht" in words(wrong)) == (422, True)
        assert "DE88 3704 0044 0532 0130 00" in wrong.text
        given = await kay.post(f"{here}/{order['id']}/account", holder="Kim", iban=IBAN, request_key=str(uuid4()))
        assert "wir bereiten die Überweisung" in words(given)
        after = await order_of(town)
        assert (after["status"], after["iban_end"]) == ("iban_given", "3000")
        [kim] = await town.rows("SELECT id FROM account WHERE login = 'kay'")
        assert after["entered_by"] == kim["id"]

        # Nothing of it for another office, nor for finance, which has its own pages.
        [its] = await town.rows("SELECT id FROM office WHERE id <> $1 ORDER BY id LIMIT 1", office)
        assert (await lou.get(here)).status == 403
        there = f"/de/bookings/{its['id']}/cases/{made['id']}/refunds"
        assert (await lou.get(there)).status == 404
        foreign = await lou.post(f"{there}/{order['id']}/account", holder="Lou", iban=IBAN, request_key=str(uuid4()))
        assert foreign.status == 404
        assert (await staff["toni"].get(here)).status == 403
        assert (await kay.get(f"/de/transfers/{order['id']}")).status == 403
    await town.assert_sound()


async def test_an_order_of_another_case_is_not_there(town: Town) -> None:
    made = await failed(town)
    office, order = await office_of(town, made), await order_of(town)
    other = await town.appointment("Führungszeugnis")
    async with AsyncExitStack() as stack:
        kay = (await clerks(town, stack, office))["kay"]
        its = await office_of(town, other)
        tried = await kay.post(f"/de/bookings/{its}/cases/{other['id']}/refunds/{order['id']}/remind")
        assert tried.status in (403, 404)


async def test_a_letter_to_whoever_has_only_a_postal_address(town: Town) -> None:
    made = await failed(town, contact=BY_POST)
    office, order = await office_of(town, made), await order_of(town)
    async with AsyncExitStack() as stack:
        staff = await clerks(town, stack, office)
        kay = staff["kay"]
        here = f"/de/bookings/{office}/refund-letters"
        case = words(await kay.get(f"/de/bookings/{office}/cases/{made['id']}/refunds"))
        assert "Keine Nachricht erreicht die Person" in case
        assert "1 Brief drucken" in words(await kay.get(here))
        key = str(uuid4())
        printed = await kay.post(here, request_key=key)
        assert (await kay.post(here, request_key=key)).url.path == printed.url.path  # sent twice
        assert (await kay.post(here, request_key=str(uuid4()))).status == 409
        [file] = set(re.findall(rf'href="({here}/[0-9a-f-]+/letters\.pdf)"', printed.text))
        assert (await staff["lou"].get(file)).status == 403
        pdf = await kay.http.get(f"{town.origin}{file}")
        reader = PdfReader(io.BytesIO(await pdf.read()))
        text = re.sub(r"\s+", " ", reader.pages[0].extract_text())
        assert len(reader.pages) == 1
        for said in ("Kim Mustermann", "Hauptstraße 1", "13,00 €", made["number"], "IBAN", "Datum, Unterschrift"):
            assert said in text, said
        code = re.search(r"[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}", text)
        assert code is not None
        steps = [
            (row["event"], row["by"] is not None) for row in await town.rows("SELECT event, by FROM transfer_step")
        ]
        assert ("print", True) in steps

        async with StaffBrowser(town) as kim:  # nobody's account
            wrong = await kim.post("/de/refund", code="AAAA-AAAA-AAAA", request_key=str(uuid4()))
            assert (wrong.status, "Diesen Code kennen wir nicht" in words(wrong)) == (422, True)
            own = await kim.post("/de/refund", code=code[0].lower().replace("-", " "), request_key=str(uuid4()))
            assert own.url.path == f"/de/refunds/{order['id']}"
            given = await kim.post(own.url.path, holder="Kim Mustermann", iban=IBAN, request_key=str(uuid4()))
            assert given.status == 200
        assert (await order_of(town))["status"] == "iban_given"
        assert (await kay.get(file)).status == 404  # it asks for nothing any more
    await town.assert_sound()


async def test_a_letter_to_whoever_has_not_got_the_mail(town: Town) -> None:
    """With a postal address beside it; whom a message reaches is not written to, unless somebody asks for it."""
    made = await failed(town, contact={**BY_POST, "email": "kim@example.org"})
    office, order = await office_of(town, made), await order_of(town)
    async with AsyncExitStack() as stack:
        kay = (await clerks(town, stack, office))["kay"]
        here = f"/de/bookings/{office}/refund-letters"
        assert "Es wartet kein Brief" in words(await kay.get(here))
        town.clock.advance(minutes=11)
        town.mail.faults.plan(Fault("550"))  # there is no such mailbox
        await kay.post(f"/de/bookings/{office}/cases/{made['id']}/refunds/{order['id']}/remind")
        await town.work()
        assert "1 Brief drucken" in words(await kay.get(here))
        one = f"/de/bookings/{office}/cases/{made['id']}/refunds/{order['id']}/letter"
        printed = await kay.post(one, request_key=str(uuid4()))
        assert printed.url.path == here
        await kay.post(one, request_key=str(uuid4()))
        assert "Es wartet kein Brief" in words(await kay.get(here))
    assert len(await town.rows("SELECT order_id FROM transfer_letter")) == 1
    await town.assert_sound()


async def test_what_waits_at_other_offices_keeps_no_letter_back(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much waits there: each office reads its own."""
    theirs, made = await failed(town, contact=BY_POST), await failed(town, contact=BY_POST)
    office = await office_of(town, made)
    await town.rows(
        "UPDATE appointment SET office_id = (SELECT min(id) FROM office WHERE id <> $2) WHERE id = $1 RETURNING id",
        UUID(theirs["id"]),
        office,
    )
    monkeypatch.setattr(refunds, "_MOST_DUE", 1)
    async with AsyncExitStack() as stack:
        kay = (await clerks(town, stack, office))["kay"]
        assert "1 Brief drucken" in words(await kay.get(f"/de/bookings/{office}/refund-letters"))
