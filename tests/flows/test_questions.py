"""What a service asks, from the contact step to its deletion: by API, by page, by staff, and around the code."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from booking.catalogue.endpoints import CATALOGUE
from tests.flows.test_bookings import fields_of
from tests.staff import StaffBrowser, hire, sign_in
from tests.town import KIM, Town

SERVICE = "Aufenthaltserlaubnis – Studium"
EXPIRES = "Wann läuft Ihr Aufenthaltstitel ab?"


@pytest.fixture
async def asked(town: Town) -> dict[str, int]:
    """The ids of the questions by key; the first must be answered, and so the day where there is a title."""
    await town.rows("UPDATE question SET is_required = true WHERE key IN ('title', 'expires')")
    await town.rows("UPDATE city SET version = version + 1")
    async with town.worker.db.connection() as conn:
        await town.app[CATALOGUE].refresh(conn)
    service = await town.service(SERVICE)
    return {one["key"]: one["id"] for one in (await town.good("GET", f"/api/services/{service['id']}"))["questions"]}


async def create(town: Town, hold: dict[str, Any], answers: dict[int, str], key: str = "") -> Any:
    given = {"hold": hold["id"], "contact": KIM, "answers": {str(ident): said for ident, said in answers.items()}}
    return await town.call("POST", "/api/appointments", hold["token"], key=key or str(uuid4()), json=given)


async def held(town: Town) -> dict[str, Any]:
    return await town.hold((await town.service(SERVICE))["id"])


async def test_the_service_tells_what_it_asks(town: Town, asked: dict[str, int]) -> None:
    service = await town.service(SERVICE)
    told = (await town.good("GET", f"/api/services/{service['id']}", params={"language": "de"}))["questions"]
    assert [one["key"] for one in told] == ["title", "expires", "university", "other-university"]
    assert told[1] == {
        "id": asked["expires"],
        "key": "expires",
        "text": EXPIRES,
        "kind": "date",
        "choices": [],
        "is_required": True,
        "condition": {"key": "title", "answer": "yes"},
        "kept_days": 14,
    }


async def test_by_the_api(town: Town, asked: dict[str, int]) -> None:
    hold, key = await held(town), str(uuid4())
    refused = await create(town, hold, {asked["title"]: "yes", asked["university"]: "harvard", 2**31 - 1: "x"})
    assert (refused.status, {one["pointer"] for one in refused.body["errors"]}) == (
        422,
        {f"/answers/{ident}" for ident in (asked["expires"], asked["university"], 2**31 - 1)},
    )
    said = {asked["title"]: "yes", asked["expires"]: "2027-01-31", asked["other-university"]: "not asked"}
    first, second = await create(town, hold, said, key), await create(town, hold, said, key)
    assert (first.status, second.body) == (201, first.body)
    kept = {str(asked["title"]): "yes", str(asked["expires"]): "2027-01-31"}
    assert first.body["answers"] == kept
    other = await create(town, hold, {asked["title"]: "no"}, key)
    assert (other.status, other.body["code"]) == (422, "idempotency_key_reused")
    corrected = await create(town, hold, {asked["title"]: "no", asked["expires"]: "2027-01-31"})
    assert (corrected.body["id"], corrected.body["answers"]) == (first.body["id"], {str(asked["title"]): "no"})
    [row] = await town.rows("SELECT sealed FROM question_answer")
    assert len(row["sealed"]) > 16
    await town.assert_sound()


async def test_kept_as_long_as_was_said(town: Town, asked: dict[str, int]) -> None:
    made = (await create(town, await held(town), {asked["title"]: "no"})).body
    await town.checkout(made)
    await town.rows("UPDATE question SET kept_days = 1")  # later, for others: what was promised then stays
    ends = datetime.fromisoformat(made["ends_at"])
    town.clock.set(ends + timedelta(days=14, seconds=-1))
    await town.work()
    assert len((await town.look(made))["answers"]) == 1
    town.clock.set(ends + timedelta(days=14))
    await town.work()
    seen = await town.look(made)
    assert (seen["answers"], seen["contact"]["name"]) == ({}, KIM["name"])


async def test_they_go_with_the_person(town: Town, asked: dict[str, int]) -> None:
    made = (await create(town, await held(town), {asked["title"]: "no"})).body
    await town.checkout(made)
    erased = await town.good("POST", f"/api/appointments/{made['id']}/erase", made["token"])
    assert (erased["contact"], erased["answers"]) == (None, {})
    assert await town.rows("SELECT 1 FROM question_answer") == []


async def test_by_the_pages_of_the_citizen_and_of_staff(town: Town, asked: dict[str, int]) -> None:
    service = await town.service(SERVICE)
    slot = (await town.slots(service["id"]))[0]
    title, expires = f"question-{asked['title']}", f"question-{asked['expires']}"
    async with StaffBrowser(town) as citizen:
        shown = await citizen.post(
            "/de/holds",
            service=str(service["id"]),
            channel="onsite",
            office=str(slot["office"]),
            slot=f"{slot['office']}@{datetime.fromisoformat(slot['starts_at']):%Y-%m-%dT%H:%MZ}",
            request_key=str(uuid4()),
        )
        assert (shown.status, EXPIRES in shown.text) == (200, True), shown.text
        assert "mit „Ja“ antworten" in shown.text
        assert "spätestens 14 Tage nach dem Termin" in shown.text
        typed: dict[str, Any] = {
            "name": "Kim Mustermann",
            "email": "kim@example.org",
            "language": "de",
            "request_key": str(uuid4()),
        }
        wrong = await citizen.post(shown.url.path, **(typed | {title: "yes", expires: "bald"}))
        assert (wrong.status, f'href="#{expires}"' in wrong.text) == (422, True)
        assert '<option value="yes" selected>' in wrong.text
        assert 'value="bald"' in wrong.text
        checked = await citizen.post(shown.url.path, **(typed | {title: "yes", expires: "2027-01-31"}))
        assert checked.url.path.endswith("/check"), checked.text
        assert (EXPIRES in checked.text, "31. Januar 2027" in checked.text) == (True, True)
        back = await citizen.get(shown.url.path)
        assert 'value="2027-01-31"' in back.text
        case = checked.url.path.split("/")[3]
        own = await citizen.get(f"/de/appointments/{case}")
        assert (own.status, EXPIRES in own.text, "31. Januar 2027" in own.text) == (200, True, True)
    await hire(town, "rosa", "supervisor")
    async with await sign_in(town, "rosa") as staff:
        seen = await staff.get(f"/de/bookings/{slot['office']}/cases/{case}")
        assert (seen.status, "31. Januar 2027" in seen.text) == (200, True)


async def test_staff_who_book_ask_the_same(town: Town, asked: dict[str, int]) -> None:
    service = await town.service(SERVICE)
    base = f"/de/bookings/{(await town.slots(service['id']))[0]['office']}"
    await hire(town, "rosa", "supervisor")
    async with await sign_in(town, "rosa") as staff:
        listed = await staff.get(f"{base}?service={service['id']}&channel=onsite")
        slot = re.findall(r'name="slot" value="([^"]+)"', listed.text)[0]
        held = await staff.post(f"{base}/holds", slot=slot, **fields_of(listed, f"{base}/holds"))
        assert EXPIRES in held.text, held.text
        typed: dict[str, Any] = {"name": "Kim Mustermann", "email": "kim@example.org", "language": "de"}
        typed |= fields_of(held, held.url.path)
        wrong = await staff.post(held.url.path, **typed)
        assert (wrong.status, "Bitte beantworten Sie diese Frage." in wrong.text) == (422, True)
        [(place, said)] = re.findall(r'href="#(question-[0-9]+)">([^<]*)</a></li>', wrong.text)
        assert place == f"question-{asked['title']}"
        assert said.startswith("Haben Sie schon einen Aufenthaltstitel")  # of several, which one
        done = await staff.post(held.url.path, **(typed | {f"question-{asked['title']}": "no"}))
        assert "/cases/" in done.url.path, done.text
        assert "Haben Sie schon einen Aufenthaltstitel" in done.text


@pytest.mark.parametrize(
    ("sql", "name"),
    [
        ("UPDATE question SET kind = 'essay' WHERE kind = 'date'", "question_kind"),
        ("UPDATE question SET text = '{}'", "question_german"),
        ("UPDATE question SET choices = '[1]' WHERE kind = 'date'", "question_choices"),
        ("UPDATE question SET choices = '[]' WHERE kind = 'choice'", "question_choices"),
        ("UPDATE question SET kept_days = 0", "question_kept_days"),
        ("UPDATE question SET condition_value = NULL WHERE condition_key IS NOT NULL", "question_condition_whole"),
        ("UPDATE question SET condition_key = key WHERE condition_key IS NOT NULL", "question_not_of_itself"),
        ("UPDATE question SET condition_key = 'x' WHERE condition_key IS NOT NULL", "question_condition_of_service"),
        ("UPDATE question SET key = 'x', condition_key = NULL, condition_value = NULL", "question_once"),
        ("UPDATE question_answer SET kept_days = 366", "question_answer_kept_days"),
        ("UPDATE question_answer SET sealed = ''", "question_answer_filled"),
        ("INSERT INTO question_answer SELECT * FROM question_answer", "question_answer_once"),
        ("UPDATE question_answer SET question_id = 0", "question_answer_asked"),
        ("DELETE FROM question", "question_answer_of_question"),
        (
            "INSERT INTO question_answer SELECT gen_random_uuid(), question_id, sealed, 1 FROM question_answer",
            "question_answer_asked",
        ),
    ],
)
async def test_what_must_never_stand(town: Town, asked: dict[str, int], sql: str, name: str) -> None:
    assert (await create(town, await held(town), {asked["title"]: "no"})).status == 201
    with pytest.raises(asyncpg.IntegrityConstraintViolationError) as refused:
        await town.rows(sql)
    assert refused.value.constraint_name == name


async def test_no_answer_outlives_its_person(town: Town, asked: dict[str, int]) -> None:
    made = (await create(town, await held(town), {asked["title"]: "no"})).body
    await town.rows("DELETE FROM person WHERE appointment_id = $1", made["id"])
    assert await town.rows("SELECT 1 FROM question_answer") == []
    with pytest.raises(asyncpg.ForeignKeyViolationError) as refused:
        await town.rows("INSERT INTO question_answer VALUES ($1, $2, 'x', 1)", made["id"], asked["title"])
    assert refused.value.constraint_name == "question_answer_of_person"
