"""Whoever is invited does not know which team is theirs either: they are asked, and get a time at its counters."""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import uuid4

from base.i18n import zone
from tests.flows.test_responsibility import SERVICE, desks
from tests.flows.test_responsibility_moves import OFFICE
from tests.staff import StaffBrowser, hire, sign_in
from tests.town import KIM, Town


async def invited(town: Town) -> tuple[str, str]:
    """Id and the path of the link."""
    [office] = await town.rows("SELECT id FROM office WHERE key = $1", OFFICE)
    today = town.clock().astimezone(zone("Europe/Berlin")).date()
    await hire(town, "rosa", "clerk", OFFICE)
    async with await sign_in(town, "rosa") as rosa:
        given = {
            "service": (await town.service(SERVICE))["id"],
            "first_day": (today + timedelta(days=7)).isoformat(),
            "last_day": (today + timedelta(days=20)).isoformat(),
            "answer_by": (today + timedelta(days=10)).isoformat(),
            "contact": KIM,
        }
        url = f"{town.origin}/api/offices/{office['id']}/invitations"
        async with rosa.http.post(url, headers={"Idempotency-Key": str(uuid4())}, json=given) as made:
            ident = (await made.json())["id"]
    await town.work()
    await town.fresh()
    [link] = re.findall(rf"{town.origin}(/\S+/invitation/link/\S+)", town.mail.messages[-1].part("text/plain") or "")
    return ident, link


async def desk_held(town: Town, hold_id: str) -> str:
    sql = "SELECT k.key FROM claim c JOIN counter k ON k.id = c.counter_id WHERE c.request_key = $1"
    [row] = await town.rows(sql, hold_id)
    return str(row["key"])


async def test_over_the_api(town: Town) -> None:
    ident, link = await invited(town)
    token, here = link.rsplit("/", 1)[1], f"/api/invitations/{ident}"
    asked = await town.call("GET", f"{here}/slots", token)
    assert (asked.status, asked.body["errors"][0]["pointer"]) == (422, "/surname")
    for name, letter in (("Adler", "a"), ("Müller", "m")):
        slots = (await town.good("GET", f"{here}/slots", token, params={"surname": name}))["slots"]
        chosen = {"starts_at": slots[0]["starts_at"]}
        silent = await town.call("POST", f"{here}/holds", token, key=str(uuid4()), json=chosen)
        assert (silent.status, silent.body["code"]) == (422, "who_needed")
        made = await town.good("POST", f"{here}/holds", token, key=str(uuid4()), json={**chosen, "surname": name})
        assert await desk_held(town, made["id"]) in await desks(town, letter)


async def test_on_the_pages(town: Town) -> None:
    _ident, link = await invited(town)
    async with StaffBrowser(town) as kim:
        question = await kim.get(link)
        assert "Anfangsbuchstaben des Familiennamens" in question.text
        wrong = await kim.get(f"{question.url.path}?letters=")
        assert (wrong.status, 'href="#letters"' in wrong.text) == (422, True)
        page = await kim.get(f"{question.url.path}?letters=Mül")
        assert f"{question.url.path}?letters=mue&amp;day=" in page.text  # another day asks no second time
        [key] = re.findall(r'name="request_key" value="([^"]+)"', page.text)
        slot = re.findall(r'name="slot" value="([^"]+)"', page.text)[0]
        assert 'name="letters" value="mue"' in page.text
        hold = await kim.post(f"{question.url.path}/holds", request_key=key, slot=slot, letters="mue")
        assert hold.url.path.startswith("/de/holds/")
    assert await desk_held(town, hold.url.path.rsplit("/", 1)[1]) in await desks(town, "m")
