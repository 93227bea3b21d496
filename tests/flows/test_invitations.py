"""Invitations over HTTP: made by staff, used once by their person, withdrawn, reminded of, over and erased."""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import asyncpg
import pytest
from pypdf import PageObject, PdfReader, mult

from base.i18n import zone
from booking.invitations.letters_endpoints import PRINTING
from tests.staff import Page, StaffBrowser, hire, sign_in
from tests.town import KIM, Town, eventually

OFFICE = "buergerbuero-mitte"
MM = 72 / 25.4  # in points
FREE, WITH_FEE = "Wohnsitzanmeldung", "Führungszeugnis"


@pytest.fixture
async def rosa(town: Town) -> AsyncIterator[StaffBrowser]:
    async with AsyncExitStack() as stack:
        await hire(town, "rosa", "clerk", OFFICE)
        yield await stack.enter_async_context(await sign_in(town, "rosa"))


async def office_of(town: Town, key: str = OFFICE) -> int:
    [row] = await town.rows("SELECT id FROM office WHERE key = $1", key)
    return int(row["id"])


def day(town: Town, days: int) -> str:
    return (town.clock().astimezone(zone("Europe/Berlin")).date() + timedelta(days=days)).isoformat()


async def wanted(town: Town, words: str = FREE, **changes: Any) -> dict[str, Any]:
    return {
        "service": (await town.service(words))["id"],
        "channel": "onsite",
        "first_day": day(town, 7),
        "last_day": day(town, 20),
        "answer_by": day(town, 10),
        "contact": KIM,
        "reference": "32-17/2026",
        **changes,
    }


async def api(rosa: StaffBrowser, town: Town, path: str = "", key: str = "", **given: Any) -> tuple[int, Any]:
    """As a program of the city would, by the clerk's session."""
    url = f"{town.origin}/api/offices/{await office_of(town)}/invitations{path}"
    headers = {"Idempotency-Key": key or str(uuid4())}
    async with rosa.http.post(url, headers=headers, **given) as response:
        return response.status, await response.json()


async def invite(rosa: StaffBrowser, town: Town, words: str = FREE, **changes: Any) -> dict[str, Any]:
    status, made = await api(rosa, town, json=await wanted(town, words, **changes))
    assert status == 201, made
    return dict(made)


async def link_of_mail(town: Town) -> str:
    await town.work()
    text = town.mail.messages[-1].part("text/plain") or ""
    [link] = re.findall(rf"{town.origin}(/\S+/invitation/link/\S+)", text)
    return str(link)


async def opened(town: Town, link: str) -> tuple[str, str]:
    """Id and token."""
    [row] = await town.rows("SELECT id FROM invitation ORDER BY made_at DESC, id LIMIT 1")
    return str(row["id"]), link.rsplit("/", 1)[1]


async def held(town: Town, ident: str, token: str, number: int = 0, key: str = "") -> dict[str, Any]:
    await town.fresh()
    slots = (await town.good("GET", f"/api/invitations/{ident}/slots", token))["slots"]
    chosen = {"starts_at": slots[number]["starts_at"]}
    made: dict[str, Any] = await town.good(
        "POST", f"/api/invitations/{ident}/holds", token, key=key or str(uuid4()), json=chosen
    )
    return made


async def create(town: Town, hold: dict[str, Any]) -> Any:
    given = {"hold": hold["id"], "contact": KIM}
    return await town.call("POST", "/api/appointments", hold["token"], key=str(uuid4()), json=given)


def slots_of(text: str) -> list[str]:
    return re.findall(r'name="slot" value="([^"]+)"', text)


def key_of(text: str) -> str:
    return str(re.findall(r'name="request_key" value="([^"]+)"', text)[0])


async def test_staff_invite_and_the_person_books_once(town: Town, rosa: StaffBrowser) -> None:
    base = f"/de/invitations/{await office_of(town)}"
    form = await rosa.get(f"{base}/new")
    fields: dict[str, Any] = {
        "language": "de",
        "name": "Kim Muster",
        "email": "kim@example.org",
        "reference": "32-17/2026",
    }
    days: dict[str, Any] = {"first_day": day(town, 7), "last_day": day(town, 20), "answer_by": day(town, 10)}
    service = str((await town.service(FREE))["id"])
    sent: dict[str, Any] = {"request_key": key_of(form.text), "service": service, "channel": "onsite", **fields, **days}
    done = await rosa.post(base, **sent)
    again = await rosa.post(base, **sent)
    assert (done.status, done.url.path) == (200, again.url.path)
    assert "Eingeladen" in done.text
    assert "32-17/2026" in done.text
    link = await link_of_mail(town)
    assert town.mails()[-1][1].startswith("Bitte wählen Sie bis zum ")
    assert len(town.mails()) == 1
    async with StaffBrowser(town) as kim:
        page = await kim.get(link)
        assert link.rsplit("/", 1)[1] not in page.url.path
        assert FREE.split()[0] in page.text
        hold = await kim.post(f"{page.url.path}/holds", request_key=key_of(page.text), slot=slots_of(page.text)[0])
        assert 'value="Kim Muster"' in hold.text
        assert 'value="kim@example.org"' in hold.text
        assert f'href="{page.url.path}"' in hold.text  # another time: again one of the invitation
        check = await kim.post(hold.url.path, request_key=key_of(hold.text), **fields)
        case = await kim.post(check.url.path.replace("/check", "/pay"), request_key=key_of(check.text))
        assert "bestätigt" in case.text.lower()
        used = await kim.get(page.url.path)
        assert "Sie haben einen Termin" in used.text
        assert case.url.path in used.text
        assert slots_of(used.text) == []
    [row] = await town.rows(
        "SELECT c.starts_at, a.invitation_id FROM claim c JOIN appointment a ON a.id = c.appointment_id"
    )
    assert str(row["invitation_id"]) in done.url.path
    local = row["starts_at"].astimezone(zone("Europe/Berlin")).date().isoformat()
    assert days["first_day"] <= local <= days["last_day"]
    assert "Gebucht" in (await rosa.get(base)).text
    refused = await rosa.post(f"{done.url.path}/withdraw", request_key=str(uuid4()))
    assert refused.status == 409
    assert "schon ein Termin gebucht" in refused.text


async def test_wrong_fields_are_named_and_nothing_typed_is_lost(town: Town, rosa: StaffBrowser) -> None:
    base = f"/de/invitations/{await office_of(town)}"
    page = await rosa.post(
        base, request_key=str(uuid4()), name="Kim Muster", reference="32-17", email="kim", first_day="", language="en"
    )
    assert page.status == 422
    for expected in (
        "Wählen Sie eine Leistung",
        "Geben Sie den ersten Tag ein",
        "E-Mail-Adresse vollständig",
        'value="32-17"',
        'value="Kim Muster"',
    ):
        assert expected in page.text
    for changes, pointer in (
        ({"answer_by": day(town, 21)}, "/answer_by"),
        ({"answer_by": day(town, -1)}, "/answer_by"),
        ({"last_day": day(town, 6)}, "/last_day"),
        ({"last_day": day(town, 400)}, "/last_day"),
    ):
        status, refusal = await api(rosa, town, json=await wanted(town, **changes))
        assert (status, refusal["errors"][0]["pointer"]) == (422, pointer)
    assert await town.rows("SELECT FROM invitation") == []


async def test_of_two_tabs_one_books(town: Town, rosa: StaffBrowser) -> None:
    await invite(rosa, town)
    ident, token = await opened(town, await link_of_mail(town))
    slots = (await town.good("GET", f"/api/invitations/{ident}/slots", token))["slots"]
    other = await town.hold(
        (await town.service(FREE))["id"], slot=slots[5]
    )  # as in the moment before the first gives way to it
    holds = [await held(town, ident, token), other]
    await town.rows("INSERT INTO invitation_hold VALUES ($1, $2)", UUID(other["id"]), UUID(ident))
    answers = await asyncio.gather(*(create(town, hold) for hold in holds))
    assert sorted(answer.status for answer in answers) == [201, 409]
    assert {answer.body.get("code") for answer in answers} == {None, "invitation_used"}
    [made] = [answer.body for answer in answers if answer.status == 201]
    await town.checkout(made)
    over = await town.call("POST", f"/api/invitations/{ident}/holds", token, key=str(uuid4()), json=_at(holds[0]))
    assert (over.status, over.body["code"]) == (409, "invitation_used")
    assert (await town.good("GET", f"/api/invitations/{ident}/slots", token))["slots"] == []
    await town.assert_sound()


async def test_one_person_keeps_one_time(town: Town, rosa: StaffBrowser) -> None:
    """However many are chosen: what is kept for staff is not emptied by one link."""
    await invite(rosa, town)
    ident, token = await opened(town, await link_of_mail(town))
    await held(town, ident, token)
    last = await held(town, ident, token, 4)
    await asyncio.gather(*(held(town, ident, token, number) for number in (1, 2, 3)))
    [row] = await town.rows("SELECT request_key FROM claim WHERE kind = 0 AND status = 1")
    assert row["request_key"] != UUID(last["id"])
    await town.assert_sound()


async def test_another_time_gives_back_the_case_that_was_begun(town: Town, rosa: StaffBrowser) -> None:
    await invite(rosa, town)
    ident, token = await opened(town, await link_of_mail(town))
    first = (await create(town, await held(town, ident, token))).body
    second = (await create(town, await held(town, ident, token, 3))).body
    await town.checkout(second)
    assert [(await town.look(made))["status"] for made in (first, second)] == ["cancelled", "confirmed"]


async def test_cancelled_before_the_deadline_it_is_open_again_and_after_it_not(town: Town, rosa: StaffBrowser) -> None:
    await invite(rosa, town)
    link = await link_of_mail(town)
    ident, token = await opened(town, link)
    made = (await create(town, await held(town, ident, token))).body
    await town.checkout(made)
    assert (await town.cancel(made)).status == 200
    assert (await town.good("GET", f"/api/invitations/{ident}", token))["status"] == "open"
    unused = await held(town, ident, token)
    town.clock.set(datetime.fromisoformat(day(town, 11)).replace(tzinfo=zone("Europe/Berlin")))
    async with StaffBrowser(town) as kim:
        page = await kim.get(link)
        assert "Die Frist zum Wählen endete am" in page.text
        assert "115" in page.text or "Bitte rufen Sie" in page.text
        assert slots_of(page.text) == []
    late = await town.call("POST", f"/api/invitations/{ident}/holds", token, key=str(uuid4()), json=_at(unused))
    assert (late.status, late.body["code"]) == (410, "invitation_over")


async def test_only_times_of_its_window_and_also_those_kept_for_staff(town: Town, rosa: StaffBrowser) -> None:
    made = await invite(rosa, town)
    ident, token = await opened(town, await link_of_mail(town))
    slots = (await town.good("GET", f"/api/invitations/{ident}/slots", token))["slots"]
    days = {datetime.fromisoformat(one["starts_at"]).astimezone(zone("Europe/Berlin")).date() for one in slots}
    assert made["first_day"] <= min(days).isoformat()
    assert max(days).isoformat() <= made["last_day"]
    staff = {one["starts_at"] async for one in _staff_slots(town, rosa, made)}
    assert {one["starts_at"] for one in slots} == staff
    [early] = await town.slots(made["service"], limit=1)
    outside = {"starts_at": early["starts_at"]}
    refused = await town.call("POST", f"/api/invitations/{ident}/holds", token, key=str(uuid4()), json=outside)
    assert (refused.status, refused.body["code"]) == (422, "start_not_offered")


async def test_a_case_by_invitation_moves_only_within_it_and_waits_for_nothing_earlier(
    town: Town, rosa: StaffBrowser
) -> None:
    await invite(rosa, town)
    ident, token = await opened(town, await link_of_mail(town))
    made = (await create(town, await held(town, ident, token))).body
    await town.checkout(made)
    outside = await town.hold(made["service"], slot=(await town.slots(made["service"], limit=1))[0])
    move = f"/api/appointments/{made['id']}/move"
    given = {"hold": outside["id"], "hold_token": outside["token"]}
    refused = await town.call("POST", move, made["token"], key=str(uuid4()), json=given)
    assert (refused.status, refused.body["code"]) == (409, "outside_invitation")
    inside = [
        one for one in await town.slots(made["service"], limit=20) if one["starts_at"][:10] >= day(town, 7)
    ] or await _public(town, made)
    within = await town.hold(made["service"], slot=inside[0])
    given = {"hold": within["id"], "hold_token": within["token"]}
    moved = await town.call("POST", move, made["token"], key=str(uuid4()), json=given)
    assert moved.status == 200, moved
    waiting = await town.call("POST", f"/api/appointments/{made['id']}/waitlist", made["token"], json={})
    assert (waiting.status, waiting.body["code"]) == (409, "not_waiting")


async def test_withdrawn_it_opens_nothing_and_staff_send_again_only_what_is_open(
    town: Town, rosa: StaffBrowser
) -> None:
    made = await invite(rosa, town)
    link = await link_of_mail(town)
    ident, token = await opened(town, link)
    key = str(uuid4())
    for _ in range(2):
        assert (await api(rosa, town, f"/{ident}/send", key))[0] == 200
    await town.work()
    assert len(town.mails()) == 2
    unused = await held(town, ident, token)
    for _ in range(2):
        status, done = await api(rosa, town, f"/{made['id']}/withdraw")
        assert (status, done["status"]) == (200, "withdrawn")
    late = await create(town, unused)
    assert (late.status, late.body["code"]) == (410, "invitation_over")
    async with StaffBrowser(town) as kim:
        assert "wurde zurückgezogen" in (await kim.get(link)).text
    status, refusal = await api(rosa, town, f"/{ident}/send")
    assert (status, refusal["code"]) == (410, "invitation_over")
    [elsewhere] = await town.rows("SELECT id FROM office WHERE key <> $1 ORDER BY id LIMIT 1", OFFICE)
    url = f"{town.origin}/api/offices/{elsewhere['id']}/invitations/{ident}/withdraw"
    async with rosa.http.post(url) as response:
        assert response.status == 403


async def test_one_reminder_some_days_before_the_deadline_and_none_to_who_has_booked(
    town: Town, rosa: StaffBrowser
) -> None:
    await invite(rosa, town)
    ident, token = await opened(town, await link_of_mail(town))
    await town.checkout((await create(town, await held(town, ident, token))).body)
    await invite(rosa, town, contact={**KIM, "email": "alex@example.org"})
    await invite(rosa, town, contact={"name": "Sascha", "mobile": "0151 23456789", "language": "en"})
    await invite(rosa, town, answer_by=day(town, 3))  # so soon that nobody is bothered twice
    await town.work()
    before, texts = len(town.mails()), len(town.texts.messages.arrived())
    town.clock.advance(hours=24 * 8)
    for _ in range(2):
        await town.work()
    assert [to for to, subject in town.mails()[before:] if subject.startswith("Nur noch bis zum")] == [
        "alex@example.org"
    ]
    [_first, second] = town.texts.messages.arrived()[texts - 1 :]
    assert second.phone_text.startswith("Only until ")


async def test_one_that_cannot_be_read_keeps_no_other_from_its_reminder(town: Town, rosa: StaffBrowser) -> None:
    broken = await invite(rosa, town)
    await invite(rosa, town, contact={**KIM, "email": "alex@example.org"})
    await town.work()
    await town.rows("UPDATE invitation SET details = 'sealed by nobody' WHERE id = $1", UUID(broken["id"]))
    town.clock.advance(hours=24 * 8)
    await town.work()
    reminded = [to for to, subject in town.mails() if subject.startswith("Nur noch bis zum")]
    assert reminded == ["alex@example.org"]


async def test_its_person_is_erased_some_time_after_the_deadline(town: Town, rosa: StaffBrowser) -> None:
    made = await invite(rosa, town)
    link = await link_of_mail(town)
    town.clock.advance(hours=24 * 45)
    await town.work()
    [row] = await town.rows("SELECT details, token_sha256, code_hmac, erased_at FROM invitation")
    assert [row["details"], row["token_sha256"], row["code_hmac"]] == [None] * 3
    assert row["erased_at"] == town.clock()
    left = await town.rows("SELECT contents FROM message WHERE reference = $1", UUID(made["id"]))
    assert [one["contents"] for one in left] == [None]
    async with StaffBrowser(town) as kim:
        assert "nicht mehr bekannt" in (await kim.get(link)).text
    await sign_in_again(town, rosa)
    assert "Gelöscht" in (await rosa.get(f"/de/invitations/{await office_of(town)}")).text


async def test_nobody_guesses_a_code(town: Town) -> None:
    async with StaffBrowser(town) as stranger:
        page = await stranger.post("/de/invitation", request_key=str(uuid4()), code="CCCC-CCCC-CCCC")
        assert page.status == 422
        assert "kennen wir keine Einladung" in page.text
        assert 'value="CCCC-CCCC-CCCC"' in page.text
    answer = await town.call("POST", "/api/invitations/open", json={"code": "nothing"})
    assert (answer.status, answer.body["code"]) == (404, "invitation_unknown")


async def test_the_schema_refuses_by_name(town: Town, rosa: StaffBrowser) -> None:
    """Whatever code comes."""
    await invite(rosa, town)
    ident, token = await opened(town, await link_of_mail(town))
    outside = await town.hold((await town.service(FREE))["id"])
    made = (await create(town, await held(town, ident, token))).body
    other = (await create(town, await town.hold((await town.service(FREE))["id"]))).body
    unused = await town.hold((await town.service(FREE))["id"])
    refused = {
        "invitation_hold_fits": f"INSERT INTO invitation_hold VALUES ('{outside['id']}', '{ident}')",
        "appointment_one_per_invitation": f"UPDATE appointment SET invitation_id = '{ident}' WHERE id = '{other['id']}'",
        "appointment_invitation_stays": f"UPDATE appointment SET invitation_id = NULL WHERE id = '{made['id']}'",
        "invitation_withdrawn_unused": f"UPDATE invitation SET withdrawn_at = now() WHERE id = '{ident}'",
        "invitation_terms_fixed": f"UPDATE invitation SET last_day = last_day + 1 WHERE id = '{ident}'",
        "invitation_never_deleted": f"DELETE FROM invitation WHERE id = '{ident}'",
        "invitation_erased_is_nobody": f"UPDATE invitation SET erased_at = now() WHERE id = '{ident}'",
        "invitation_used": f"""
            INSERT INTO invitation (id, office_id, service_id, channel, first_day, last_day, answer_by, language, way, details,
                                    token_sha256, code_hmac, made_by, made_at, withdrawn_at)
            SELECT gen_random_uuid(), office_id, service_id, channel,
                   (SELECT starts_at FROM claim WHERE request_key = '{unused["id"]}')::date,
                   last_day, answer_by, language, way, details, sha256('a'), sha256('b'), made_by, made_at, now() FROM invitation;
            INSERT INTO invitation_hold SELECT '{unused["id"]}', id FROM invitation WHERE withdrawn_at IS NOT NULL;
            UPDATE claim SET appointment_id = '{other["id"]}' WHERE request_key = '{unused["id"]}'""",
    }
    for constraint, sql in refused.items():
        with pytest.raises(asyncpg.PostgresError) as error:
            async with town.worker.db.transaction() as conn:
                await conn.execute(sql)
        assert getattr(error.value, "constraint_name", None) == constraint, (constraint, error.value)


def _at(hold: dict[str, Any]) -> dict[str, str]:
    return {"starts_at": hold["starts_at"]}


async def _public(town: Town, made: dict[str, Any]) -> list[dict[str, Any]]:
    query = {"service": made["service"], "channel": "onsite", "office": made["office"]}
    window = {"from": day(town, 8), "to": day(town, 19)}
    found: list[dict[str, Any]] = (await town.good("GET", "/api/slots", params={**query, **window}))["slots"]
    return found


async def _staff_slots(town: Town, rosa: StaffBrowser, made: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
    query = {"service": made["service"], "channel": "onsite", "from": made["first_day"], "to": made["last_day"]}
    async with rosa.http.get(f"{town.origin}/api/offices/{made['office']}/slots", params=query) as response:
        assert response.status == 200
        for one in (await response.json())["slots"]:
            yield one


async def sign_in_again(town: Town, rosa: StaffBrowser) -> None:
    """The session is over after so many days."""
    await rosa.post("/de/staff/sign-in", login="rosa", password="correct horse battery")


LETTER = {"name": "Kim #Muster [x]", "postal_address": ["Hauptstraße 1", "70173 Stuttgart"], "language": "de"}


async def pdf(rosa: StaffBrowser, town: Town, path: str) -> PdfReader:
    async with rosa.http.get(f"{town.origin}{path}") as response:
        assert (response.status, response.content_type) == (200, "application/pdf")
        assert "no-store" in response.headers["Cache-Control"]
        return PdfReader(io.BytesIO(await response.read()))


def lines_of(page: PageObject) -> list[str]:
    return page.extract_text().splitlines()


async def test_a_letter_has_address_code_and_square_and_its_code_opens_the_invitation(
    town: Town, rosa: StaffBrowser
) -> None:
    made = await invite(rosa, town, contact=LETTER)
    await town.work()
    assert (made["way"], town.mails()) == ("letter", [])
    base = f"/de/invitations/{await office_of(town)}"
    assert f'href="{base}/{made["id"]}/letter.pdf"' in (await rosa.get(f"{base}/{made['id']}")).text
    read = await pdf(rosa, town, f"{base}/{made['id']}/letter.pdf")
    [page] = read.pages
    lines = lines_of(page)
    start = lines.index("Kim #Muster [x]")  # what somebody is called is never read as a command
    assert lines[start : start + 3] == ["Kim #Muster [x]", "Hauptstraße 1", "70173 Stuttgart"]
    assert "32-17/2026" in lines
    assert f"{town.origin.split('//')[1]}/de/invitation" in lines
    assert str(read.root_object["/Lang"]) == "de"
    [code] = re.findall(r"Code: (\S+)", "\n".join(lines))
    async with StaffBrowser(town) as kim:
        opened = await kim.post("/de/invitation", request_key=str(uuid4()), code=code.lower().replace("-", " "))
        assert opened.url.path == f"/de/invitation/{made['id']}"
        assert slots_of(opened.text) != []
    got = await town.good("POST", "/api/invitations/open", json={"code": code})
    assert got["id"] == made["id"]
    assert (await town.good("GET", f"/api/invitations/{made['id']}", got["token"]))["status"] == "open"


@pytest.mark.parametrize(("name", "is_printed"), [("Nguyễn Thị Ánh", True), ("山田太郎", True), ("Ada 😀", False)])
async def test_what_no_font_has_is_asked_for_in_latin_letters_where_a_letter_is_to_be_printed(
    town: Town, rosa: StaffBrowser, name: str, is_printed: bool
) -> None:
    status, said = await api(rosa, town, json=await wanted(town, FREE, contact={**LETTER, "name": name}))
    assert status == (201 if is_printed else 422)
    if not is_printed:
        assert [(one["pointer"], one["code"]) for one in said["errors"]] == [("/contact/name", "not_printable")]
        status, made = await api(
            rosa, town, json=await wanted(town, FREE, contact={**LETTER, "postal_address": [name, "x"]})
        )
        assert (status, made["errors"][0]["pointer"]) == (422, "/contact/postal_address")


async def test_one_name_that_no_font_has_does_not_keep_the_others_letters_from_being_printed(
    town: Town, rosa: StaffBrowser
) -> None:
    made = await invite(rosa, town, contact={**LETTER, "email": "taro@example.org", "name": "山田 Tarō 😀"})
    [page] = (await pdf(rosa, town, f"/de/invitations/{made['office']}/{made['id']}/letter.pdf")).pages
    assert "山田 Tarō □" in lines_of(page)


async def test_a_letter_is_made_at_any_moment_of_a_second(town: Town, rosa: StaffBrowser) -> None:
    """As the clock on the wall gives it: the test's own shows whole seconds."""
    made = await invite(rosa, town, contact=LETTER)
    town.clock.advance(seconds=0.123456)
    assert (await pdf(rosa, town, f"/de/invitations/{made['office']}/{made['id']}/letter.pdf")).pages


async def test_the_address_stands_in_the_window_of_the_envelope(town: Town, rosa: StaffBrowser) -> None:
    """DIN 5008, form B: 20 to 105 mm from the left, 62.7 to 90 mm from the top."""
    made = await invite(rosa, town, contact=LETTER)
    [page] = (await pdf(rosa, town, f"/de/invitations/{made['office']}/{made['id']}/letter.pdf")).pages
    found: list[tuple[float, float]] = []

    def note(text: str, cm: list[float], tm: list[float], _font: Any, _size: Any) -> None:
        if "Hauptstra" in text:
            at = mult(tm, cm)
            found.append((at[4] / MM, (float(page.mediabox.height) - at[5]) / MM))

    page.extract_text(visitor_text=note)
    [(left, top)] = found
    assert 20 < left < 105
    assert 62.7 < top < 90


async def test_what_waits_is_printed_once_and_its_file_can_be_fetched_again(town: Town, rosa: StaffBrowser) -> None:
    office = await office_of(town)
    base, runs = f"/de/invitations/{office}", f"/api/offices/{office}/invitation-prints"
    others = [{**LETTER, "name": name} for name in ("Ada", "Bo", "Cleo")]
    made = []
    for contact in others:
        made.append(await invite(rosa, town, contact=contact))
        town.clock.advance(minutes=1)
    await invite(rosa, town)  # by mail
    assert (await api(rosa, town, f"/{made[2]['id']}/withdraw"))[0] == 200
    page = await rosa.get(base)
    assert "2 Briefe drucken" in page.text
    key = re.findall(r'/prints">\s*<input type="hidden" name="request_key" value="([^"]+)"', page.text)[0]
    done, again = [await rosa.post(f"{base}/prints", request_key=key) for _ in range(2)]
    assert "Briefe drucken" not in done.text
    assert again.status == 200
    [url] = re.findall(rf'href="({base}/prints/[^"]+)"', done.text)
    for _ in range(2):
        read = await pdf(rosa, town, url)
        assert [name for one in read.pages for name in ("Ada", "Bo", "Cleo") if name in lines_of(one)] == ["Ada", "Bo"]
    assert (await rosa.post(f"{base}/prints", request_key=str(uuid4()))).status == 409
    async with rosa.http.post(f"{town.origin}{runs}", headers={"Idempotency-Key": str(uuid4())}) as response:
        assert (response.status, (await response.json())["code"]) == (409, "nothing_to_print")
    async with rosa.http.get(f"{town.origin}{runs}") as response:
        listed = await response.json()
        assert (listed["waiting"], [run["letters"] for run in listed["runs"]]) == (0, [2])
    assert "Gedruckt: " in (await rosa.get(f"{base}/{made[0]['id']}")).text
    async with rosa.http.get(f"{town.origin}/api/offices/{office}/invitations/{made[2]['id']}/letter.pdf") as response:
        assert (response.status, (await response.json())["code"]) == (410, "invitation_over")


async def test_a_letter_of_which_no_pdf_is_made_is_not_printed(
    town: Town, rosa: StaffBrowser, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = await office_of(town)
    made = await invite(rosa, town, contact={**LETTER, "name": "王小明 ሰላም 김민수"})
    base = f"/de/invitations/{office}"
    with monkeypatch.context() as patch:  # an address that no square can hold
        patch.setattr(town.app[PRINTING], "_public_url", "https://stadt.example/" + "x" * 5000)
        assert (await rosa.post(f"{base}/prints", request_key=str(uuid4()))).status == 409
        async with rosa.http.get(f"{town.origin}/api/offices/{office}/invitations/{made['id']}/letter.pdf") as response:
            assert (response.status, (await response.json())["code"]) == (409, "letter_refused")
    assert await town.rows("SELECT count(*) AS n FROM invitation_print") == [{"n": 0}]
    page = await rosa.get(base)
    assert "1 Brief drucken" in page.text  # it waits still
    [key] = re.findall(r'/prints">\s*<input type="hidden" name="request_key" value="([^"]+)"', page.text)
    done = await rosa.post(f"{base}/prints", request_key=key)
    [url] = re.findall(rf'href="({base}/prints/[^"]+)"', done.text)
    assert "王小明" in (await pdf(rosa, town, url)).pages[0].extract_text()


async def test_two_print_runs_at_once_print_no_letter_twice(town: Town, rosa: StaffBrowser) -> None:
    office = await office_of(town)
    for name in ("Ada", "Bo", "Cleo"):
        await invite(rosa, town, contact={**LETTER, "name": name})

    async def run() -> int:
        headers = {"Idempotency-Key": str(uuid4())}
        async with rosa.http.post(f"{town.origin}/api/offices/{office}/invitation-prints", headers=headers) as response:
            return response.status

    assert sorted(set(await asyncio.gather(*(run() for _ in range(4))))) in ([201, 409], [201])
    rows = await town.rows("SELECT count(*) AS n FROM invitation WHERE print_id IS NOT NULL")
    empty = await town.rows(
        "SELECT FROM invitation_print p WHERE NOT EXISTS (SELECT FROM invitation WHERE print_id = p.id)"
    )
    assert (rows[0]["n"], empty) == (3, [])


async def test_print_runs_are_refused_by_name(town: Town, rosa: StaffBrowser) -> None:
    made = await invite(rosa, town, contact=LETTER)
    await invite(rosa, town)
    run = (
        "INSERT INTO invitation_print SELECT '{0}', {1}, made_by, made_at FROM invitation WHERE id = '"
        + made["id"]
        + "'"
    )
    first, second, away = (str(UUID(int=n)) for n in (1, 2, 3))
    [elsewhere] = await town.rows("SELECT id FROM office WHERE id <> $1 LIMIT 1", made["office"])
    async with town.worker.db.transaction() as conn:
        for ident, office in ((first, made["office"]), (second, made["office"]), (away, elsewhere["id"])):
            await conn.execute(run.format(ident, office))
    refused = {
        "invitation_printed_is_letter": f"UPDATE invitation SET print_id = '{first}' WHERE way = 'email'",
        "invitation_printed_at_its_office": f"UPDATE invitation SET print_id = '{away}' WHERE way = 'letter'",
        "invitation_printed_once": f"""UPDATE invitation SET print_id = '{first}' WHERE way = 'letter';
                                       UPDATE invitation SET print_id = '{second}' WHERE way = 'letter'""",
    }
    for constraint, sql in refused.items():
        with pytest.raises(asyncpg.PostgresError) as error:
            async with town.worker.db.transaction() as conn:
                await conn.execute(sql)
        assert getattr(error.value, "constraint_name", None) == constraint, (constraint, error.value)


TABLE = """Name;E-Mail;Mobil;Straße;PLZ;Ort;Sprache;Aktenzeichen\r
Kim Muster;kim@example.org;;;;;;32-17/1\r
"Alex; der Zweite";;0151 23456789;;;;en;32-17/2\r
\r
Jürgen Groß;;;Hauptstraße 1;70173;Stuttgart;;32-17/3\r
"""


async def send_list(town: Town, rosa: StaffBrowser, raw: bytes, **changes: str) -> Page:
    base = f"/de/invitations/{await office_of(town)}/list"
    fields = {
        "request_key": str(uuid4()),
        "service": str((await town.service(FREE))["id"]),
        "channel": "onsite",
        "first_day": day(town, 7),
        "last_day": day(town, 20),
        "answer_by": day(town, 10),
        **changes,
    }
    data = aiohttp.FormData()
    for name, value in fields.items():
        data.add_field(name, value)
    data.add_field("people", io.BytesIO(raw), filename="liste.csv", content_type="text/csv")
    return await rosa.ask("POST", base, data=data)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp1252"])
async def test_everybody_of_a_list_is_invited_once_however_often_it_is_sent(
    town: Town, rosa: StaffBrowser, encoding: str
) -> None:
    form = await rosa.get(f"/de/invitations/{await office_of(town)}/list")
    assert 'type="file"' in form.text
    done = await send_list(town, rosa, TABLE.encode(encoding))
    assert "3 Personen wurden eingeladen." in done.text
    for name in ("Kim Muster", "Alex; der Zweite", "Jürgen Groß", "32-17/3", "1 Brief drucken"):
        assert name in done.text
    await town.work()
    assert len(town.mails()) == len(town.texts.messages.arrived()) == 1
    longer = TABLE + "Ada;ada@example.org;;;;;;\r\n"
    again = await send_list(town, rosa, longer.encode(encoding))
    assert "1 Person wurde eingeladen. 3 Personen der Liste waren zum Gleichen schon eingeladen" in again.text
    await town.work()
    assert len(town.mails()) == 2
    ways = await town.rows("SELECT way, count(*) AS n FROM invitation GROUP BY way ORDER BY way")
    assert [(row["way"], row["n"]) for row in ways] == [("email", 2), ("letter", 1), ("sms", 1)]


async def test_a_line_that_names_the_separator_is_no_person(town: Town, rosa: StaffBrowser) -> None:
    """As some spreadsheets write it before the heads."""
    done = await send_list(town, rosa, ("sep=;\r\n" + TABLE).encode())
    assert "3 Personen wurden eingeladen." in done.text


async def test_the_same_list_by_two_clerks_at_once_invites_nobody_twice(town: Town, rosa: StaffBrowser) -> None:
    people = [{"contact": {**KIM, "email": f"kim{n}@example.org"}} for n in range(20)]
    wanted_of_all = await wanted(town)
    terms = {name: wanted_of_all[name] for name in ("service", "channel", "first_day", "last_day", "answer_by")}
    url = f"{town.origin}/api/offices/{await office_of(town)}/invitation-lists"

    async def send(given: list[dict[str, Any]]) -> dict[str, Any]:
        async with rosa.http.post(url, json={**terms, "people": given}) as response:
            assert response.status == 200, await response.text()
            return dict(await response.json())

    done = await asyncio.gather(send(people), send(people[::-1]), send(people))
    assert sum(one["made"] for one in done) == 20
    assert sum(one["known"] for one in done) == 40
    await town.work()
    assert len(town.mails()) == 20


async def test_a_wrong_line_is_named_and_nobody_is_invited(town: Town, rosa: StaffBrowser) -> None:
    bad = TABLE + "Ada;ada;;;;;;\r\n;bo@example.org;;;;;fr;\r\nKim Muster;kim@example.org;;;;;;32-17/1\r\n"
    page = await send_list(town, rosa, bad.encode(), last_day="")
    assert page.status == 422
    for expected in (
        "Zeile 6: Geben Sie die E-Mail-Adresse vollständig ein",
        "Zeile 7: Geben Sie den Namen der Person ein",
        "Zeile 7: Die Sprache ist „de“ oder „en“.",
        "Geben Sie den letzten Tag ein",
        f'value="{day(town, 7)}"',
    ):
        assert expected in page.text
    twice = TABLE + "Kim Muster;kim@example.org;;;;;;32-17/1\r\n"
    assert "Zeile 6: Das steht zweimal in der Liste." in (await send_list(town, rosa, twice.encode())).text
    for raw, message in (
        (b"", "Wählen Sie die Datei mit den Personen"),
        (b"Name;Alter\r\nKim;7\r\n", "Zeile 1: Diese Spalte ist nicht bekannt: Alter"),
        (b"Name\r\n", "In der Datei stehen keine Personen."),
        (b"\x00\x01PK", "Das ist kein lesbarer Text"),
        (("Name;E-Mail\r\n" + "Kim;k@example.org\r\n" * 1001).encode(), "mehr als 1.000 Personen"),
    ):
        page = await send_list(town, rosa, raw)
        assert (page.status, message in page.text) == (422, True), message
    assert (await send_list(town, rosa, b"x" * 1_100_000)).status == 413
    assert await town.rows("SELECT FROM invitation") == []


async def test_staff_see_whose_message_did_not_arrive(town: Town, rosa: StaffBrowser) -> None:
    town.texts.messages.outcome = "undelivered"
    made = await invite(rosa, town, contact={"name": "Sascha", "mobile": "0151 23456789", "language": "de"})
    await town.work()

    async def is_told() -> bool:
        rows = await town.rows("SELECT status FROM message WHERE reference = $1", UUID(made["id"]))
        return [row["status"] for row in rows] == ["undelivered"]

    await eventually(is_told)
    base = f"/de/invitations/{await office_of(town)}"
    for page in (await rosa.get(base), await rosa.get(f"{base}/{made['id']}")):
        assert "Die Nachricht kam nicht an" in page.text
    async with rosa.http.get(f"{town.origin}/api/offices/{await office_of(town)}/invitations") as response:
        [one] = (await response.json())["invitations"]
        assert (one["status"], one["is_told"]) == ("open", False)


async def test_withdrawn_or_booked_but_never_both(town: Town, rosa: StaffBrowser) -> None:
    """Whoever is first, the other is told."""
    for _round in range(4):
        made = await invite(rosa, town)
        ident, token = await opened(town, await link_of_mail(town))
        assert ident == made["id"]
        hold = await held(town, ident, token)
        booking, (status, withdrawn) = await asyncio.gather(create(town, hold), api(rosa, town, f"/{ident}/withdraw"))
        seen = (booking.status, booking.body.get("code"), status, withdrawn.get("code"))
        assert seen in ((201, None, 409, "invitation_used"), (410, "invitation_over", 200, None)), seen
        town.clock.advance(minutes=1)


async def test_who_has_their_appointment_erased_is_gone_from_the_invitation_too(town: Town, rosa: StaffBrowser) -> None:
    await invite(rosa, town)
    link = await link_of_mail(town)
    ident, token = await opened(town, link)
    made = (await create(town, await held(town, ident, token))).body
    await town.checkout(made)
    erased = await town.call("POST", f"/api/appointments/{made['id']}/erase", made["token"], key=str(uuid4()))
    assert erased.status == 200
    [row] = await town.rows("SELECT details, token_sha256, code_hmac, erased_at FROM invitation")
    assert [row["details"], row["token_sha256"], row["code_hmac"], row["erased_at"]] == [None] * 3 + [town.clock()]
    async with StaffBrowser(town) as kim:
        assert "nicht mehr bekannt" in (await kim.get(link)).text
    page = await rosa.get(f"/de/invitations/{await office_of(town)}")
    assert "Gelöscht" in page.text
    assert "Kim" not in page.text
    await town.work()
