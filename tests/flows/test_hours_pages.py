"""The pages of hours: what is typed is previewed, said in words, saved, and seen by citizens; what meets an appointment changes nothing."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from tests.staff import Page, StaffBrowser, hire, sign_in
from tests.town import Town

OFFICE, SERVICE = "buergerbuero-mitte", "Wohnsitzanmeldung"


@pytest.fixture
async def boss(town: Town) -> AsyncIterator[StaffBrowser]:
    async with AsyncExitStack() as stack:
        await hire(town, "boss", "supervisor", OFFICE)
        yield await stack.enter_async_context(await sign_in(town, "boss"))


async def desks(town: Town) -> list[int]:
    rows = await town.rows(
        """SELECT c.id FROM counter c JOIN office o ON o.id = c.office_id
            WHERE o.key = $1 AND c.channel = 'onsite' ORDER BY c.id""",
        OFFICE,
    )
    return [row["id"] for row in rows]


async def base_of(town: Town) -> str:
    [row] = await town.rows("SELECT id FROM office WHERE key = $1", OFFICE)
    return f"/de/hours/{row['id']}"


async def send(boss: StaffBrowser, path: str, fields: dict[str, Any]) -> Page:
    pairs = [(name, one) for name, value in fields.items() for one in (value if isinstance(value, list) else [value])]
    return await boss.ask("POST", path, data=pairs)


async def save(boss: StaffBrowser, preview: Page, base: str) -> Page:
    names = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', preview.text)
    fields: dict[str, list[str]] = {}
    for name, value in names:
        fields.setdefault(name, []).append(value)
    [text] = re.findall(r'name="series" value="([^"]*)"', preview.text) or [""]
    if text:
        fields["series"] = [text.replace("&#13;", "\r").replace("&#10;", "\n")]
    return await send(boss, f"{base}/save", fields)


async def hours_of_day(town: Town, day: str) -> list[str]:
    await town.fresh()
    service = (await town.service(SERVICE))["id"]
    [office] = await town.rows("SELECT id FROM office WHERE key = $1", OFFICE)
    query = {"service": service, "channel": "onsite", "office": office["id"], "from": day, "to": day}
    return [one["starts_at"][11:16] for one in (await town.good("GET", "/api/slots", params=query))["slots"]]


async def test_series_are_previewed_in_words_saved_and_seen(town: Town, boss: StaffBrowser) -> None:
    base, counters = await base_of(town), [str(one) for one in await desks(town)]
    form = await boss.get(f"{base}/series?counter={counters[0]}")
    assert "Mo" in re.findall(r"<textarea[^>]*>([^<]*)", form.text)[0]
    typed = {"kind": "series", "counters": counters, "series": "Mo–Fr 09:00–11:00\nPause Mi 10:00–10:30"}
    preview = await send(boss, f"{base}/preview", typed)
    assert "Mo.–Fr. 09:00–11:00" in preview.text
    assert "Niemand, der gebucht hat, ist betroffen" in preview.text
    before = await hours_of_day(town, "2026-12-07")
    assert before[0] != "08:00"  # the preview has changed nothing
    saved = await save(boss, preview, base)
    assert saved.url.path == base
    assert "Mo–Fr 09:00–11:00" in saved.text
    assert "Pause Mi 10:00–10:30" in saved.text
    assert "Boss" in saved.text.split('id="history"')[1]
    monday = await hours_of_day(town, "2026-12-07")
    assert (monday[0], monday[-1] < "10:00") == ("08:00", True)  # 09:00 to 11:00 in Stuttgart


async def test_what_cannot_be_read_or_cannot_be_is_said_on_the_form(town: Town, boss: StaffBrowser) -> None:
    base, counters = await base_of(town), [str(one) for one in await desks(town)]
    for text, said in (
        ("Mo 8–12", "„Mo 8–12“ ist nicht lesbar"),
        ("Di 08:00–12:00\nDi 11:00–13:00", "„Di 08:00–12:00“ und „Di 11:00–13:00“"),
        ("Di 08:00–12:00\nDi 11:00–13:00", "zusammentreffen: Dienstag, 1. Dezember 2026"),
        ("Di 08:00–12:00 1/2 2026-12-01… #1", "aber nicht beides"),
        ("Mo 08:00–08:05", "„Abholung Personalausweis, Reisepass oder eID-Karte“ dauert 10 Minuten"),
    ):
        refused = await send(boss, f"{base}/preview", {"kind": "series", "counters": counters, "series": text})
        assert refused.status == 422
        assert said in refused.text
        assert text.splitlines()[-1] in refused.text
        assert refused.text.count("checked") == len(counters)
    nobody = await send(boss, f"{base}/preview", {"kind": "series", "series": "Mo 08:00–12:00"})
    assert "Wählen Sie mindestens einen Schalter" in nobody.text


async def test_a_single_day_and_back_again(town: Town, boss: StaffBrowser) -> None:
    base, day = await base_of(town), "2026-12-08"
    ordinary = await hours_of_day(town, day)
    typed = {"kind": "exception", "day": day, "counter": "", "spans": "", "reason": "Personalversammlung"}
    saved = await save(boss, await send(boss, f"{base}/preview", typed), base)
    assert "geschlossen · Personalversammlung" in saved.text
    assert await hours_of_day(town, day) == []
    back = await save(boss, await boss.post(f"{base}/preview", **fields_back(saved, base)), base)
    assert "Personalversammlung" not in back.text.split('id="history"')[0]
    assert await hours_of_day(town, day) == ordinary


def fields_back(page: Page, base: str) -> dict[str, Any]:
    """Of the first day that can be taken back."""
    return dict(
        re.findall(
            r'name="([^"]+)" value="([^"]*)"', page.text.split(f'action="{base}/preview"')[1].split("</form>")[0]
        )
    )


async def test_wrong_fields_are_named_and_kept(town: Town, boss: StaffBrowser) -> None:
    base = await base_of(town)
    for fields, said in (
        ({"day": "", "reason": "Fest"}, "Wählen Sie einen Tag"),
        ({"day": "2026-12-08", "spans": "8-12", "reason": "Fest"}, "Schreiben Sie die Zeiten wie"),
        ({"day": "2026-12-08", "spans": "12:00–08:00", "reason": "Fest"}, "Die Zeiten müssen"),
        ({"day": "2026-12-08", "reason": ""}, "Geben Sie den Grund an"),
        ({"day": "2025-12-08", "reason": "Fest"}, "Das ist schon vorbei"),
    ):
        refused = await send(boss, f"{base}/preview", {"kind": "exception", **fields})
        assert refused.status == 422
        assert said in refused.text
        assert f'value="{fields["day"]}"' in refused.text


async def test_what_somebody_else_changed_meanwhile_is_not_overwritten_unseen(town: Town, boss: StaffBrowser) -> None:
    base, counters = await base_of(town), [str(one) for one in await desks(town)]
    mine, theirs = [
        await send(boss, f"{base}/preview", {"kind": "series", "counters": counters, "series": text})
        for text in ("Mo–Fr 07:00–17:00", "Mo–Do 07:00–18:00\nFr 07:00–13:00")
    ]
    saved = await save(boss, theirs, base)
    assert "Die Änderung ist gespeichert" in saved.text
    again = await save(boss, mine, base)
    assert again.status == 409
    assert "Noch nicht gespeichert" in again.text
    assert "Vorher: Mo.–Do. 07:00–18:00" in again.text
    assert "Mo–Do 07:00–18:00" in (await boss.get(base)).text
    assert "Mo–Fr 07:00–17:00" in (await save(boss, again, base)).text


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ({"kind": "series", "series": "Mo–Fr 09:00–11:00"}, ">Mo–Fr 09:00–11:00</textarea>"),
        ({"kind": "exception", "day": "2026-12-24", "counter": "", "spans": "8:00-9:00", "reason": "x"}, "8:00-9:00"),
        ({"kind": "rule", "duration_min": "35"}, 'value="35"'),
        ({"kind": "shares", "public_percent": "70", "staff_percent": "30", "release": ""}, 'value="70"'),
    ],
)
async def test_from_a_preview_back_to_what_was_typed(
    town: Town, boss: StaffBrowser, typed: dict[str, Any], kept: str
) -> None:
    base, service = await base_of(town), str((await town.service(SERVICE))["id"])
    typed |= {"counters": str((await desks(town))[0]), "services": service, "service": service}
    preview = await send(boss, f"{base}/preview", typed)
    assert 'name="edit"' in preview.text
    again = await send(boss, f"{base}/preview", typed | {"edit": "1"})
    assert (again.status, kept in again.text) == (200, True)


async def test_an_appointment_in_the_way_is_shown_and_nothing_changes(town: Town, boss: StaffBrowser) -> None:
    base = await base_of(town)
    service, [office] = (
        (await town.service(SERVICE))["id"],
        await town.rows("SELECT id FROM office WHERE key = $1", OFFICE),
    )
    found = await town.good(
        "GET", "/api/slots/next", params={"service": service, "channel": "onsite", "office": office["id"]}
    )
    hold = await town.hold(service, slot=found["slots"][0])
    day = hold["starts_at"][:10]
    typed = {"kind": "exception", "day": day, "counter": "", "spans": "", "reason": "Wasserschaden"}
    preview = await send(boss, f"{base}/preview", typed)
    assert preview.status == 409
    assert "Termine stehen im Weg" in preview.text
    assert "jemand bucht gerade" in preview.text
    assert f'action="{base}/save"' not in preview.text
    forced = await send(boss, f"{base}/save", typed)
    assert forced.status == 409
    assert await town.rows("SELECT 1 FROM hours_exception WHERE reason = 'Wasserschaden'") == []


async def test_a_closure_is_lifted(town: Town, boss: StaffBrowser) -> None:
    base = await base_of(town)
    change = {
        "kind": "closure",
        "starts_at": "2026-12-09T07:00:00Z",
        "ends_at": "2026-12-09T15:00:00Z",
        "reason": "Umzug",
    }
    url = f"{town.origin}/api/offices/{base.rsplit('/', 1)[1]}/hours"
    async with boss.http.post(url, json={"change": change}) as done:
        assert done.status == 200
    page = await boss.get(base)
    assert "Umzug" in page.text
    section = page.text.split('id="closures"')[1]
    fields = dict(re.findall(r'name="([^"]+)" value="([^"]*)"', section.split("</form>")[0]))
    saved = await save(boss, await boss.post(f"{base}/preview", **fields), base)
    assert 'id="closures"' not in saved.text
    assert len(await hours_of_day(town, "2026-12-09")) > 5


async def test_no_other_counter_and_no_other_kind_of_change(town: Town, boss: StaffBrowser) -> None:
    base = await base_of(town)
    for fields in (
        {"kind": "series", "counters": "999999", "series": ""},
        {"kind": "rule", "services": "999999"},
        {"kind": "shares", "service": "999999"},
        {"nothing": ""},
    ):
        assert (await send(boss, f"{base}/preview", fields)).status == 400


async def test_a_rule_of_a_service_is_found_changed_and_taken_back(town: Town, boss: StaffBrowser) -> None:
    base, service = await base_of(town), (await town.service(SERVICE))["id"]
    listed = await boss.get(f"{base}/rules?q=wohnsitz")
    [edit] = re.findall(rf'href="({base}/rules/edit\?service={service})"', listed.text)
    form = await boss.get(edit)
    assert "Regel: Wohnsitzanmeldung" in form.text
    ordinary = await hours_of_day(town, "2026-12-07")
    typed = {"kind": "rule", "services": str(service), "duration_min": "60", "buffer_min": "30"}
    preview = await send(boss, f"{base}/preview", typed)
    assert "Dauer 60 Minuten; Puffer 30 Minuten" in preview.text
    saved = await save(boss, preview, base)
    assert "Dauer 60 Minuten" in saved.text.split('id="history"')[1]
    assert len(await hours_of_day(town, "2026-12-07")) < len(ordinary)
    again = await boss.get(edit)
    assert 'name="duration_min" type="text" value="60"' in again.text
    back = await send(boss, f"{base}/preview", {"kind": "rule", "services": str(service), "back": "1"})
    await save(boss, back, base)
    assert await hours_of_day(town, "2026-12-07") == ordinary


async def test_shares_and_release_are_those_of_all_services_of_a_counter(town: Town, boss: StaffBrowser) -> None:
    """Everything else of their rules stays: also a duration of one of them."""
    base, service = await base_of(town), (await town.service(SERVICE))["id"]
    own = await send(boss, f"{base}/preview", {"kind": "rule", "services": str(service), "duration_min": "60"})
    await save(boss, own, base)
    [url] = re.findall(
        rf'href="({base}/shares\?service={service})"', (await boss.get(f"{base}/rules/edit?service={service}")).text
    )
    form = await boss.get(url)
    assert "Personalausweis" in form.text
    shares = {"public_percent": "80", "staff_percent": "20", "release": "50 % 14 08:00\n50 % 1 12:00 30"}
    preview = await send(boss, f"{base}/preview", {"kind": "shares", "service": str(service), **shares})
    assert "80 % für alle" in preview.text
    assert "bis zu 30 Minuten später" in preview.text
    assert (await save(boss, preview, base)).url.path == base
    stored = (
        "SELECT DISTINCT public_percent, staff_percent, jsonb_array_length(release_plan) AS parts FROM service_office"
    )
    assert await town.rows(stored) == [{"public_percent": 80, "staff_percent": 20, "parts": 2}]
    durations = "SELECT duration_min FROM service_office WHERE service_id = $1"
    assert await town.rows(durations, service) == [{"duration_min": 60}]
    assert 'value="80"' in (await boss.get(url)).text
    again = await send(boss, f"{base}/preview", {"kind": "rule", "services": str(service), "duration_min": "30"})
    await save(boss, again, base)  # nor does a rule of one service change what they share
    assert await town.rows(stored) == [{"public_percent": 80, "staff_percent": 20, "parts": 2}]
    back = await send(boss, f"{base}/preview", {"kind": "shares", "service": str(service), "back": "1"})
    await save(boss, back, base)
    assert await town.rows("SELECT service_id, duration_min, public_percent FROM service_office") == [
        {"service_id": service, "duration_min": 30, "public_percent": None}
    ]
    for other in ("999999", "x"):
        assert (await boss.get(f"{base}/shares?service={other}")).status == 404


async def test_what_its_rule_lets_nobody_book_can_still_be_changed(town: Town, boss: StaffBrowser) -> None:
    base, service = await base_of(town), (await town.service(SERVICE))["id"]
    fields = {"kind": "rule", "services": str(service), "channels": "video"}
    await save(boss, await send(boss, f"{base}/preview", fields), base)
    await town.fresh()
    listed = await boss.get(f"{base}/rules?q=wohnsitz")
    assert f"rules/edit?service={service}" in listed.text
    back = await send(boss, f"{base}/preview", {"kind": "rule", "services": str(service), "back": "1"})
    assert "wie überall" in back.text


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"duration_min": "7"}, "Minuten von 5 bis 480 ein, in Schritten von fünf"),
        ({"horizon_days": "viele"}, "Tage von 1 bis 366"),
        ({"public_percent": "50"}, "zusammen nicht 100"),
        ({"staff_percent": "101"}, "eine ganze Zahl von 0 bis 100"),
        ({"release": "immer"}, "Schreiben Sie jeden Teil wie"),
        ({"release": "50 % 14 25:00"}, "Ein Teil hat 1 bis 100 %"),
        ({"release": "50 % 14 08:00"}, "zusammen nicht 100"),
    ],
)
async def test_rules_that_cannot_be_are_said_on_the_form(
    town: Town, boss: StaffBrowser, fields: dict[str, str], said: str
) -> None:
    base, service = await base_of(town), (await town.service(SERVICE))["id"]
    kind = "rule" if next(iter(fields)) in ("duration_min", "horizon_days") else "shares"
    chosen = {"kind": kind, "services": str(service), "service": str(service)}
    refused = await send(boss, f"{base}/preview", chosen | fields)
    assert refused.status == 422
    assert said in refused.text
    assert next(iter(fields.values())) in refused.text


async def test_who_may_not_change_hours_anywhere_is_told(town: Town) -> None:
    await hire(town, "counterhand", "clerk", OFFICE)
    async with await sign_in(town, "counterhand") as clerk:
        assert "Das dürfen Sie an keiner Dienststelle" in (await clerk.get("/de/hours/")).text
