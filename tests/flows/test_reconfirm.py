"""Asked before the day whether they come: said so, given back, or not answered; over HTTP, with what staff see."""

from __future__ import annotations

import asyncio
import re
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from sandbox.smtp.faults import Fault
from tests.flows.test_moving import booked
from tests.staff import Page, StaffBrowser, hire, sign_in
from tests.town import KIM, Town

FREE, PAID = "Wohnsitzanmeldung", "Führungszeugnis"
ASKED = "Kommen Sie am "


async def asks(town: Town, words: str = FREE, *, releases: bool = True) -> None:
    """From two days before, until one day before."""
    await town.rows(
        "UPDATE service SET reconfirm_days = 2, reconfirm_hours = 24, reconfirm_releases = $2 WHERE id = $1",
        (await town.service(words))["id"],
        releases,
    )


async def slots_after(town: Town, service: int, after: datetime) -> list[dict[str, Any]]:
    query = {"service": service, "channel": "onsite", "limit": 50, "after": after.isoformat()}
    found: list[dict[str, Any]] = (await town.good("GET", "/api/slots/next", params=query))["slots"]
    return found


async def to_come(town: Town, words: str = FREE, contact: dict[str, str] | None = None) -> dict[str, Any]:
    """Booked for a day that is at least three days away."""
    service = (await town.service(words))["id"]
    slot = (await slots_after(town, service, town.clock() + timedelta(days=3)))[0]
    hold = await town.hold(service, slot=slot)
    given = {"hold": hold["id"], "contact": contact or KIM}
    made: dict[str, Any] = await town.good("POST", "/api/appointments", hold["token"], key=str(uuid4()), json=given)
    done = await town.checkout(made)
    if done["pay_url"]:
        await town.pay(done)
        await town.webhooks()
    return made


async def hours_before(town: Town, made: dict[str, Any], hours: float) -> None:
    town.clock.set(datetime.fromisoformat(made["starts_at"]) - timedelta(hours=hours))
    await town.work()


async def state(town: Town, made: dict[str, Any]) -> tuple[str, str | None]:
    seen = await town.look(made)
    return seen["status"], seen["reconfirm"]["status"] if seen["reconfirm"] else None


def questions(town: Town) -> int:
    return sum(subject.startswith(ASKED) for _to, subject in town.mails())


async def keep_by_page(page: Page, browser: StaffBrowser) -> Page:
    [action] = re.findall(r'action="(/de/appointments/[^"]+/keep)"', page.text)
    return await browser.post(action, request_key=str(uuid4()))


async def test_i_will_come_by_one_button_of_the_page(town: Town) -> None:
    await asks(town)
    made = await to_come(town)
    await hours_before(town, made, 49)
    assert (questions(town), await state(town, made)) == (0, ("confirmed", None))
    await hours_before(town, made, 47)
    await town.work()
    assert (questions(town), await state(town, made)) == (1, ("confirmed", "asked"))
    async with StaffBrowser(town) as citizen:
        page = await citizen.get(f"/de/case/{made['token']}")
        for said in (
            "Kommen Sie?",
            "Ja, ich komme",
            "Nein, ich gebe die Zeit zurück",
            "geben wir die Zeit für andere frei",
        ):
            assert said in page.text
        assert await state(town, made) == ("confirmed", "asked")  # looking changes nothing
        for kept in (await keep_by_page(page, citizen), await keep_by_page(page, citizen)):
            assert "Sie haben uns gesagt, dass Sie kommen." in kept.text
            assert "Kommen Sie?" not in kept.text
    await hours_before(town, made, 1)
    assert await state(town, made) == ("confirmed", "kept")


async def test_giving_it_back_is_cancelling(town: Town) -> None:
    await asks(town, PAID)
    made = await to_come(town, PAID)
    await hours_before(town, made, 40)
    done = await town.cancel(made)
    assert (done.status, done.body["refunds"][0]["cents"]) == (200, 1300)
    await hours_before(town, made, 1)
    assert (await town.look(made))["status"] == "cancelled"
    late = await town.call("POST", f"/api/appointments/{made['id']}/keep", made["token"])
    assert (late.status, late.body["code"]) == (409, "not_asked")


async def test_who_does_not_answer_gives_the_time_up_with_what_cancelling_gives_back(town: Town) -> None:
    await asks(town, PAID)
    made = await to_come(town, PAID)
    await hours_before(town, made, 47)
    await hours_before(town, made, 24.1)
    assert await state(town, made) == ("confirmed", "asked")
    async with StaffBrowser(town) as late:
        left_open = await late.get(f"/de/case/{made['token']}")
        await hours_before(town, made, 24)
        answered = await keep_by_page(left_open, late)
        assert (answered.status, answered.url.path) == (200, f"/de/appointments/{made['id']}")
        assert "Wir haben gefragt, ob Sie kommen, und nichts gehört." in answered.text
        assert "noch nicht nachgefragt" not in answered.text
    assert await state(town, made) == ("cancelled", "released")
    assert [one["cents"] for one in (await town.look(made))["refunds"]] == [1300]
    assert sum(subject.startswith("Freigegeben: Ihr Termin") for _to, subject in town.mails()) == 1
    await town.fresh()
    start = datetime.fromisoformat(made["starts_at"])
    free = await slots_after(town, made["service"], start - timedelta(minutes=1))
    assert (made["office"], made["starts_at"]) in {(one["office"], one["starts_at"]) for one in free}
    async with StaffBrowser(town) as citizen:
        page = await citizen.get(f"/de/case/{made['token']}")
    assert "Wir haben gefragt, ob Sie kommen, und nichts gehört." in page.text
    await town.assert_sound()


async def test_where_the_service_does_not_release_it_is_only_seen(town: Town) -> None:
    await asks(town, releases=False)
    made = await to_come(town)
    await hours_before(town, made, 47)
    await hours_before(town, made, 23)
    assert await state(town, made) == ("confirmed", "lapsed")
    town.clock.set(datetime.fromisoformat(made["starts_at"]) - timedelta(minutes=30))
    await hire(town, "robin", "clerk", await _office_key(town, made))
    await town.fresh()
    async with await sign_in(town, "robin") as clerk:
        assert "hat nicht zugesagt" in (await clerk.get(f"/de/counter/{made['office']}")).text
        await town.good("POST", f"/api/appointments/{made['id']}/keep", made["token"])  # late, and still of use
        assert "hat zugesagt" in (await clerk.get(f"/de/counter/{made['office']}")).text


async def _office_key(town: Town, made: dict[str, Any]) -> str:
    [row] = await town.rows("SELECT key FROM office WHERE id = $1", made["office"])
    return str(row["key"])


async def test_nobody_loses_a_time_over_a_question_that_did_not_arrive(town: Town) -> None:
    await asks(town)
    made = await to_come(town)
    await town.work()
    town.mail.faults.plan(Fault("550"))
    await hours_before(town, made, 47)
    by_post = await to_come(town, contact={**KIM, "email": "", "postal_address": "Am Weg 1\n70173 Stuttgart"})
    await hours_before(town, made, 23)
    assert await state(town, made) == ("confirmed", "lapsed")
    await hours_before(town, by_post, 47)
    await hours_before(town, by_post, 23)
    assert await state(town, by_post) == ("confirmed", "lapsed")


async def test_who_books_or_moves_after_the_question_is_not_asked(town: Town) -> None:
    await asks(town)
    late = await booked(town)  # for the next day
    moving = await to_come(town)
    await town.work()
    assert questions(town) == 0
    hold = await town.hold(moving["service"])
    given = {"hold": hold["id"], "hold_token": hold["token"]}
    await town.good("POST", f"/api/appointments/{moving['id']}/move", moving["token"], json=given)
    await town.work()
    assert questions(town) == 0
    assert await state(town, late) == ("confirmed", None)
    assert await state(town, moving) == ("confirmed", "kept")


async def test_who_is_asked_and_moves_far_away_is_asked_anew(town: Town) -> None:
    await asks(town)
    made = await to_come(town)
    await hours_before(town, made, 47)
    service = made["service"]
    slot = (await slots_after(town, service, town.clock() + timedelta(days=6)))[0]
    hold = await town.hold(service, slot=slot)
    given = {"hold": hold["id"], "hold_token": hold["token"]}
    moved = await town.good("POST", f"/api/appointments/{made['id']}/move", made["token"], json=given)
    assert datetime.fromisoformat(moved["starts_at"]) > town.clock() + timedelta(days=2)
    assert moved["reconfirm"] is None
    await hours_before(town, made, 1)
    assert (await state(town, made))[0] == "confirmed"
    await hours_before(town, moved, 47)
    assert (questions(town), await state(town, made)) == (2, ("confirmed", "asked"))


@pytest.mark.parametrize("first", ["answer", "deadline"])
async def test_an_answer_and_the_deadline_at_once_end_as_one_of_both(town: Town, first: str) -> None:
    await asks(town, PAID)
    made = await to_come(town, PAID)
    await hours_before(town, made, 47)
    town.clock.set(datetime.fromisoformat(made["starts_at"]) - timedelta(hours=24))
    statuses: set[int] = set()

    async def answer() -> None:
        statuses.add((await town.call("POST", f"/api/appointments/{made['id']}/keep", made["token"])).status)

    async def decide() -> None:
        await town.worker.appointments.reconfirm_due()

    both = (answer, answer, decide, decide) if first == "answer" else (decide, decide, answer, answer)
    await asyncio.gather(*(one() for one in both))
    await town.work()
    ended = await state(town, made)
    assert (ended, statuses) in [(("confirmed", "kept"), {200}), (("cancelled", "released"), {409})]
    assert len((await town.look(made))["refunds"]) == (ended[0] == "cancelled")
    await town.assert_sound()


async def test_who_is_there_already_has_answered(town: Town) -> None:
    await asks(town)
    made = await to_come(town)
    await hours_before(town, made, 47)
    await town.rows("ALTER TABLE reconfirm DISABLE TRIGGER reconfirm_guard")
    start = datetime.fromisoformat(made["starts_at"])
    await town.rows("UPDATE reconfirm SET answer_by = $1", start - timedelta(minutes=30))
    town.clock.set(start - timedelta(minutes=40))
    await town.worker.queue.check_in(made["office"], UUID(made["id"]))
    await hours_before(town, made, 0.25)
    assert await state(town, made) == ("confirmed", "kept")
