"""My appointments, over HTTP: the same answer to everybody, a link that opens once, and what it shows."""

from __future__ import annotations

import asyncio
import re
from typing import Any
from uuid import uuid4

import pytest

from tests.staff import StaffBrowser
from tests.town import KIM, Town, eventually

FREE = "Wohnsitzanmeldung"
ASK, OPEN = "/api/my-appointments/links", "/api/my-appointments"
HERE = "/de/my-appointments"


async def booked(town: Town, contact: dict[str, str] | None = None) -> dict[str, Any]:
    made = await town.appointment(FREE, contact)
    await town.checkout(made)
    return made


async def ask(town: Town, **contact: str) -> Any:
    return await town.call("POST", ASK, key=str(uuid4()), json=contact)


async def link_of_mail(town: Town) -> str:
    await town.work()
    [link] = re.findall(
        rf"{town.origin}(/\S+/my-appointments/link/\S+)", town.mail.messages[-1].part("text/plain") or ""
    )
    return str(link)


async def opened(town: Town, link: str, key: str | None = None) -> Any:
    token = link.rsplit("/", 1)[1]
    return await town.call("POST", OPEN, key=key or str(uuid4()), json={"token": token})


async def test_the_list_has_what_is_to_come_and_nothing_of_others(town: Town) -> None:
    mine, second = await booked(town), await booked(town, {**KIM, "email": " KIM@Example.org"})
    reserved = await town.appointment(FREE)
    await booked(town, {**KIM, "email": "alex@example.org"})
    await town.cancel(gone := await booked(town))
    assert (await ask(town, email="Kim@example.org")).status == 202
    answer = await opened(town, await link_of_mail(town))
    listed = await town.good("GET", f"{OPEN}/{answer.body['id']}", answer.body["token"])
    shown = {one["id"]: one for one in listed["appointments"]}
    assert set(shown) == {mine["id"], second["id"], reserved["id"]}
    assert gone["id"] not in shown
    assert (shown[mine["id"]]["number"], shown[mine["id"]]["status"]) == (mine["number"], "confirmed")
    assert shown[mine["id"]]["url"].endswith(f"/de/case/{mine['token']}")
    assert "Kim" not in str(listed)


async def test_a_link_that_cannot_be_answered_keeps_no_other_waiting(town: Town) -> None:
    await booked(town)
    await ask(town, email="kim@example.org")
    await town.rows("UPDATE overview_link SET contact = 'sealed by nobody'")
    town.clock.advance(minutes=1)
    await ask(town, email="kim@example.org")
    assert (await opened(town, await link_of_mail(town))).status == 200


async def test_the_answer_is_the_same_whether_or_not_something_is_there(town: Town) -> None:
    await booked(town)
    await town.work()
    mails = len(town.mails())
    there, nothing = await ask(town, email="kim@example.org"), await ask(town, email="nobody@example.org")
    assert (there.status, there.body) == (nothing.status, nothing.body)
    assert {name: value for name, value in there.headers.items() if name != "Date"} == {
        name: value for name, value in nothing.headers.items() if name != "Date"
    }
    async with StaffBrowser(town) as citizen:
        pages = [
            await citizen.post(HERE, request_key=str(uuid4()), email=email, mobile="")
            for email in ("kim@example.org", "nobody@example.org")
        ]
    assert {(page.url.path, page.text) for page in pages} == {(f"{HERE}/sent", pages[0].text)}
    await town.work()
    assert [to for to, _subject in town.mails()[mails:]] == ["kim@example.org"] * 2
    kept = await town.rows("SELECT FROM overview_link WHERE contact IS NOT NULL OR answered_at IS NULL")
    assert kept == []


async def test_the_link_opens_once_by_the_button_and_not_by_looking(town: Town) -> None:
    made = await booked(town)
    await ask(town, email="kim@example.org")
    link = await link_of_mail(town)
    assert town.mails()[-1][1].startswith("Ihr Link zu Ihren Terminen, gültig bis ")
    async with StaffBrowser(town) as scanner:
        for _ in range(2):
            assert "Der Link öffnet sich einmal" in (await scanner.get(link)).text
    async with StaffBrowser(town) as citizen, StaffBrowser(town) as thief:
        question = await citizen.get(link)
        assert link.rsplit("/", 1)[1] not in question.url.path
        await thief.get(link)
        page = await citizen.post(question.url.path, request_key=str(uuid4()))
        for expected in (str(made["number"]), "Bestätigt", f"/de/case/{made['token']}"):
            assert expected in page.text
        assert "no-store" in page.headers["Cache-Control"]
        assert (
            str(made["number"]) in (await citizen.post(question.url.path, request_key=str(uuid4()))).text
        )  # twice is no mistake
        assert str(made["number"]) in (await citizen.get(f"{question.url.path.replace('/de/', '/en/')}")).text
        followed = await citizen.get(link)  # the mail's link once more, in the browser where the list is open
        assert str(made["number"]) in followed.text
        assert str(made["number"]) in (await citizen.get(question.url.path)).text
        for again in (
            await thief.post(question.url.path, request_key=str(uuid4())),
            await thief.get(question.url.path),
            await thief.get(link),
        ):
            assert again.url.path == HERE
            assert "schon benutzt oder ist abgelaufen" in again.text
            assert str(made["number"]) not in again.text
    async with StaffBrowser(town) as stranger:
        assert (await stranger.get(question.url.path)).status == 401
        assert "schon benutzt" in (await stranger.get(f"{HERE}/link/{'x' * 43}")).text


async def test_a_lost_answer_is_given_again_and_to_nobody_else(town: Town) -> None:
    await booked(town)
    await ask(town, email="kim@example.org")
    link, key = await link_of_mail(town), str(uuid4())
    first = await opened(town, link, key)
    assert (await opened(town, link, key)).body == first.body
    answers = await asyncio.gather(*(opened(town, link) for _ in range(4)))
    assert {(answer.status, answer.body["code"]) for answer in answers} == {(410, "link_over")}
    assert (await opened(town, "/" + "x" * 43)).status == 401
    by_link = await town.call("GET", f"{OPEN}/{first.body['id']}", link.rsplit("/", 1)[1])
    assert (by_link.status, by_link.body["code"]) == (410, "link_over")
    town.clock.advance(minutes=21)
    over = await town.call("GET", f"{OPEN}/{first.body['id']}", first.body["token"])
    assert (over.status, over.body["code"]) == (410, "link_over")


async def test_many_at_once_open_it_for_one(town: Town) -> None:
    await booked(town)
    await ask(town, email="kim@example.org")
    link = await link_of_mail(town)
    answers = await asyncio.gather(*(opened(town, link) for _ in range(8)))
    assert sorted(answer.status for answer in answers) == [200] + [410] * 7


async def test_it_is_over_soon_and_forgotten_after_a_day(town: Town) -> None:
    await booked(town)
    await ask(town, email="kim@example.org")
    link = await link_of_mail(town)
    town.clock.advance(minutes=30)
    assert (await opened(town, link)).status == 410
    town.clock.advance(days=1)
    await town.work()
    assert await town.rows("SELECT FROM overview_link") == []
    assert await town.rows("SELECT FROM message WHERE template = 'overview_link' AND contents IS NOT NULL") == []


async def test_one_contact_and_one_network_are_limited(town: Town) -> None:
    await booked(town)
    await town.work()
    key = str(uuid4())
    for _ in range(3):
        assert (await town.call("POST", ASK, key=key, json={"email": "kim@example.org"})).status == 202  # asked once
    answers = [await ask(town, email="kim@example.org") for _ in range(5)]
    assert {(answer.status, str(answer.body)) for answer in answers} == {(202, str(answers[0].body))}
    await town.work()
    assert len([subject for _to, subject in town.mails() if "Link zu Ihren" in subject]) == 3
    answers = await asyncio.gather(*(ask(town, email=f"n{n}@example.org") for n in range(20)))
    assert sorted(answer.status for answer in answers) == [202] * 14 + [429] * 6
    async with StaffBrowser(town) as citizen:
        page = await citizen.post(HERE, request_key=str(uuid4()), email="kim@example.org", mobile="")
    assert (page.status, 'value="kim@example.org"' in page.text) == (429, True)
    assert "Aus Ihrem Netz wurde das sehr oft angefordert" in page.text


async def test_by_text_message(town: Town) -> None:
    made = await booked(town, {"name": "Kim Mustermann", "mobile": "0151 23456789", "language": "de"})
    await ask(town, mobile="+49 151 23456789")
    await town.work()

    async def both() -> bool:
        return len(town.texts.messages.arrived()) == 2

    await eventually(both)
    text = town.texts.messages.arrived()[1].phone_text
    assert text.startswith("Ihre Termine, bis ")
    assert len(text) <= 160
    answer = await opened(town, text)
    listed = await town.good("GET", f"{OPEN}/{answer.body['id']}", answer.body["token"])
    assert [one["id"] for one in listed["appointments"]] == [made["id"]]


async def test_what_is_wrong_is_said_and_nothing_typed_is_lost(town: Town) -> None:
    async with StaffBrowser(town) as citizen:
        for email, mobile, said in (
            ("", "", "Geben Sie die E-Mail-Adresse oder die Mobilnummer ein"),
            ("kim@example", "", "Das ist keine E-Mail-Adresse"),
            ("", "12", "Das ist keine Telefonnummer"),
            ("kim@example.org", "0151 23456789", "Geben Sie nur eines von beiden an"),
        ):
            page = await citizen.post(HERE, request_key=str(uuid4()), email=email, mobile=mobile)
            assert (page.status, said in page.text) == (422, True), said
            assert f'name="email" type="email" value="{email}"' in page.text
            assert f'name="mobile" type="tel" value="{mobile}"' in page.text
    both = await ask(town, email="kim@example.org", mobile="0151 23456789")
    assert (both.status, both.body["errors"][0]["code"]) == (422, "one_contact")


async def test_nothing_of_it_is_logged(town: Town, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    await booked(town)
    await ask(town, email="kim@example.org")
    link = await link_of_mail(town)
    async with StaffBrowser(town) as citizen:
        assert (await citizen.get(link)).status == 200
    ours = [record for record in caplog.records if record.name != "mail.log"]  # that is the sandbox's
    assert ours
    for record in ours:
        for secret in ("kim@example.org", link.rsplit("/", 1)[1]):
            assert secret not in str(record.__dict__), record.name
