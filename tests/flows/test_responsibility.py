"""Who is responsible is asked before times are shown, on pages and over the API, and holds for the reservation too."""

from __future__ import annotations

import html
import re
from typing import Any
from uuid import uuid4

from tests.staff import StaffBrowser
from tests.town import Town

SERVICE = "Niederlassungserlaubnis (ab 18 Jahren)"


async def desks(town: Town, letters: str) -> set[str]:
    rows = await town.rows(
        "SELECT c.key FROM responsibility r JOIN counter c ON c.id = r.counter_id WHERE r.first <= $1 AND $1 <= r.last",
        letters,
    )
    return {row["key"] for row in rows}


async def test_over_the_api(town: Town) -> None:
    service = (await town.service(SERVICE))["id"]
    query = {"service": service, "channel": "onsite", "limit": 5}
    asked = await town.call("GET", "/api/slots/next", params=query)
    assert (asked.status, asked.body["errors"][0]["pointer"], asked.body["errors"][0]["code"]) == (
        422,
        "/surname",
        "who_needed",
    )
    slots = (await town.good("GET", "/api/slots/next", params=query | {"surname": "Müller"}))["slots"]
    wanted = {"service": service, "channel": "onsite", "office": slots[0]["office"], "starts_at": slots[0]["starts_at"]}
    silent = await town.call("POST", "/api/holds", key=str(uuid4()), json=wanted)
    assert (silent.status, silent.body["code"]) == (422, "who_needed")
    for name, letter in (("Müller", "m"), ("von Adler", "a")):
        used = set()
        for _ in range(5):
            held = await town.call("POST", "/api/holds", key=str(uuid4()), json={**wanted, "surname": name})
            assert held.status == 201, held.body
            sql = "SELECT k.key FROM claim c JOIN counter k ON k.id = c.counter_id WHERE c.request_key = $1"
            used |= {row["key"] for row in await town.rows(sql, held.body["id"])}
        assert used == await desks(town, letter)
        sixth = await town.call("POST", "/api/holds", key=str(uuid4()), json={**wanted, "surname": name})
        assert (sixth.status, sixth.body["code"]) == (409, "slot_taken")  # the other team is not asked
    await town.assert_sound()


async def test_what_it_is_about_stands_among_what_was_chosen(town: Town) -> None:
    service = (await town.service(SERVICE))["id"]
    await town.rows(
        """UPDATE responsibility SET kind = 'first', kind_name = '{"de": "Erster Antrag", "en": "First application"}'"""
    )
    await town.rows("UPDATE city SET version = version + 1")
    await town.fresh()
    async with StaffBrowser(town) as citizen:
        for language, said in (("de", "Erster Antrag"), ("en", "First application")):
            page = await citizen.get(f"/{language}/times?service={service}&channel=onsite&letters=mue&kind=first")
            assert (page.status, f"<bdi>{said}</bdi>" in page.text) == (200, True)


async def test_on_the_pages(town: Town) -> None:
    service = (await town.service(SERVICE))["id"]
    here = f"/de/times?service={service}&channel=onsite"
    async with StaffBrowser(town) as citizen:
        offered = await citizen.get(f"/de/services/{service}")
        assert "Freie Termine zeigen" in offered.text
        assert "vergeben" not in offered.text  # that is not known yet
        assert "kein freier Termin" not in offered.text
        question = await citizen.get(here)
        assert "Anfangsbuchstaben des Familiennamens" in question.text
        empty = await citizen.get(f"{here}&letters=")
        assert (empty.status, 'href="#letters"' in empty.text) == (422, True)
        foreign = await citizen.get(f"{here}&letters=山田")
        assert (foreign.status, 'value="山田"' in foreign.text) == (422, True)
        times = await citizen.get(f"{here}&letters=Mül")
        assert "Mue…" in times.text
        [slot] = re.findall(r'name="slot" value="([^"]+)"', times.text)[:1]
        form = next(part for part in times.text.split("<form")[1:] if 'name="slot"' in part)
        fields: dict[str, Any] = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', form))
        assert fields["letters"] == "mue"
        done = await citizen.post("/de/holds", **fields, slot=html.unescape(slot))
        assert "/de/holds/" in done.url.path
    [row] = await town.rows("SELECT k.key FROM claim c JOIN counter k ON k.id = c.counter_id WHERE c.kind = 0")
    assert row["key"] in await desks(town, "m")


async def test_a_reservation_that_has_run_out_leads_to_times_of_the_same_team(town: Town) -> None:
    service = (await town.service(SERVICE))["id"]
    async with StaffBrowser(town) as citizen:
        times = await citizen.get(f"/de/times?service={service}&channel=onsite&letters=Mül")
        [slot] = re.findall(r'name="slot" value="([^"]+)"', times.text)[:1]
        form = next(part for part in times.text.split("<form")[1:] if 'name="slot"' in part)
        fields: dict[str, Any] = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', form))
        held = await citizen.post("/de/holds", **fields, slot=html.unescape(slot))
        town.clock.advance(minutes=16)
        await town.work()
        await town.fresh()
        over = await citizen.get(held.url.path)
        assert (over.status, 'name="letters" value="mue"' in over.text) == (409, True)
