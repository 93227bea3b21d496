"""A counter or an office closed with people in it, over HTTP: by pages and by API, from the preview to the last answer."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from sandbox.smtp.faults import Fault
from tests.staff import Page, StaffBrowser, hire, sign_in
from tests.town import KIM, Town

FREE, PAID = "Wohnsitzanmeldung", "Führungszeugnis"
FORM: dict[str, Any] = {
    "counter": "",
    "starts_at": "2026-12-09T00:00",
    "ends_at": "2026-12-10T00:00",
    "reason": "Wasserschaden",
    "if_silent": "telephone",
    "answer_hours": "48",
}
POST = {"name": "Ada Post", "postal_address": ["Weg 1", "70173 Stuttgart"], "language": "de"}
DAY = {"starts_at": "2026-12-08T23:00:00Z", "ends_at": "2026-12-09T23:00:00Z"}


class Office:
    """Mitte, with its supervisor."""

    def __init__(self, town: Town, ident: int, boss: StaffBrowser) -> None:
        self.town = town
        self.id = ident
        self.boss = boss
        self.pages = f"/de/closings/{ident}"

    async def book(self, words: str = FREE, contact: dict[str, Any] = KIM, at: str = "2026-12-09T09:00:00Z") -> Any:
        await self.town.fresh()
        service = (await self.town.service(words))["id"]
        hold = await self.town.hold(service, slot={"office": self.id, "starts_at": at})
        given = {"hold": hold["id"], "contact": contact}
        made = await self.town.good("POST", "/api/appointments", hold["token"], key=str(uuid4()), json=given)
        checkout = await self.town.checkout(made)
        if checkout["pay_url"]:
            await self.town.pay(checkout)
            await self.town.webhooks()
        await self.town.work()
        return made

    async def ask(self, method: str, path: str = "", status: int = 200, **given: Any) -> Any:
        headers = {"Accept-Language": "de", "Idempotency-Key": given.pop("key", uuid4().hex)}
        url = f"{self.town.origin}/api/offices/{self.id}/closings{path}"
        async with self.boss.http.request(method, url, headers=headers, **given) as response:
            found = await response.json()
            assert response.status == status, found
            return found

    async def close(self, **changes: Any) -> Page:
        """By the pages; the tracking page, once the worker has done its part."""
        preview = await self.boss.get(f"{self.pages}/preview", params=FORM | changes)
        assert preview.status == 200, preview.text
        made = await self.boss.post(self.pages, request_key=str(uuid4()), **(FORM | changes))
        await self.town.work()
        return await self.boss.get(made.url.path)


@pytest.fixture
async def office(town: Town) -> AsyncIterator[Office]:
    [row] = await town.rows("SELECT id FROM office WHERE key = 'buergerbuero-mitte'")
    await hire(town, "boss", "supervisor", "buergerbuero-mitte")
    async with AsyncExitStack() as stack:
        yield Office(town, row["id"], await stack.enter_async_context(await sign_in(town, "boss")))


def links(town: Town) -> list[str]:
    """Of the mail that came last."""
    return re.findall(rf"{town.origin}(/\S+/rebooking/\S+)", town.mail.messages[-1].part("text/plain") or "")


async def test_whoever_takes_the_call_of_somebody_affected_sees_that_the_time_is_closed(
    town: Town, office: Office
) -> None:
    made, post = await office.book(), await office.book(contact=POST, at="2026-12-09T09:30:00Z")
    await office.close()
    await hire(town, "robin", "clerk", "buergerbuero-mitte")
    async with await sign_in(town, "robin") as clerk:
        page = await clerk.get(f"/de/bookings/{office.id}/cases/{made['id']}")
        assert "Diese Zeit wurde geschlossen: Wasserschaden" in page.text
        assert page.text.count("2026, 1") >= 3  # the times offered
        assert "Der Termin ist gebucht" not in page.text
        assert "die Person erhält eine Nachricht" in page.text
        unreached = await clerk.get(f"/de/bookings/{office.id}/cases/{post['id']}")
        assert "Die Person braucht eine andere Zeit" in unreached.text
        assert "Die Person erhält keine Nachricht" in unreached.text
    async with StaffBrowser(town) as citizen:
        await citizen.post((await citizen.get(links(town)[0])).url.path, request_key=str(uuid4()), answer="1")
    assert "Diese Zeit wurde geschlossen" not in (await office.boss.get(page.url.path)).text


async def test_an_office_is_closed_and_a_citizen_chooses(town: Town, office: Office) -> None:
    made = await office.book(PAID)
    preview = await office.boss.get(f"{office.pages}/preview", params=FORM)
    assert "1 Person hat dann einen Termin" in preview.text
    assert "Kim Mustermann" in preview.text
    assert "kim@example.org" in preview.text
    tracked = await office.close()
    assert "Gefragt, Antwort bis" in tracked.text
    assert town.mails()[-1][1].startswith("Bitte neue Zeit wählen: Ihr Termin")
    one, two, three, other, cancel = links(town)
    async with StaffBrowser(town) as citizen, StaffBrowser(town) as stranger:
        page = await citizen.get(two)
        assert "Möchten Sie diese Zeit?" in page.text
        assert (await town.look(made))["starts_at"] == "2026-12-09T09:00:00Z"  # looking answers nothing
        assert (await stranger.get(page.url.path)).status == 401
        case = await citizen.get(f"/de/appointments/{made['id']}")
        assert "Ihr Termin braucht eine neue Zeit" in case.text
        nothing = await citizen.post(page.url.path, request_key=str(uuid4()))
        assert (nothing.status, "Bitte wählen Sie eine der Zeiten" in nothing.text) == (422, True)
        done = await citizen.post(page.url.path, request_key=str(uuid4()), answer="2")
        assert "Ihr Termin ist bestätigt" in done.text
        late = await citizen.post(page.url.path, request_key=str(uuid4()), answer="1")
        assert late.url.path == f"/de/appointments/{made['id']}"
        assert (await citizen.get(cancel)).url.path == f"/de/appointments/{made['id']}"
    seen = await town.look(made)
    assert (seen["number"], seen["status"], seen["payment"]) == (made["number"], "confirmed", "paid")
    assert seen["starts_at"] != "2026-12-09T09:00:00Z"
    assert "Hat gewählt" in (await office.boss.get(tracked.url.path)).text
    assert one != three
    assert other.endswith("/other")
    await town.work()
    assert [row["status"] for row in await town.rows("SELECT status FROM claim WHERE kind = 0 ORDER BY status")] == [
        2,
        9,
        9,
        10,
    ]
    await town.assert_sound()


async def test_one_counter_is_another_counter_and_nobody_is_asked(town: Town, office: Office) -> None:
    made = await office.book()
    [row] = await town.rows("SELECT counter_id FROM claim WHERE appointment_id = $1", made["id"])
    mails = len(town.mails())
    tracked = await office.close(counter=str(row["counter_id"]))
    assert "Gleiche Zeit, Schalter" in tracked.text
    assert (await town.look(made))["starts_at"] == made["starts_at"]
    assert len(town.mails()) == mails
    await town.assert_sound()


async def test_none_suits_and_the_office_telephones(town: Town, office: Office) -> None:
    made = await office.book(PAID, {**KIM, "mobile": "0151 23456789"})
    tracked = await office.close()
    async with StaffBrowser(town) as citizen:
        page = await citizen.get(links(town)[3])
        assert "Passt Ihnen keine dieser Zeiten?" in page.text
        done = await citizen.post(page.url.path, request_key=str(uuid4()), answer="other")
        assert "Wir melden uns bei Ihnen" in done.text
        assert "Andere Zeit suchen" in done.text
    tracked = await office.boss.get(tracked.url.path)
    assert "+49 1512 3456789" in tracked.text
    entry = await office.boss.get(f"{tracked.url.path}/{made['id']}", params={"day": "2026-12-11"})
    times = re.findall(r'name="time" value="([^"]*)"', entry.text)
    for nobodys in ("9999-12-31", "0001-01-01", "soon"):
        assert (await office.boss.get(entry.url.path, params={"day": nobodys})).status == 200
    assert times
    assert all("2026-12-11" in time for time in times)
    wrong = await office.boss.post(f"{entry.url.path}/take", request_key=str(uuid4()), time="never")
    assert (wrong.status, "Bitte wählen Sie eine der Zeiten." in wrong.text) == (422, True)
    gone = await office.boss.post(
        f"{entry.url.path}/take", request_key=str(uuid4()), time=f"{office.id}@2026-12-09T10:00:00+00:00"
    )
    assert (gone.status, "Diese Zeit ist nicht mehr frei" in gone.text) == (409, True)
    taken = await office.boss.post(f"{entry.url.path}/take", request_key=str(uuid4()), time=times[0])
    assert "Jetzt" in taken.text
    assert (await town.look(made))["starts_at"].startswith("2026-12-11")
    await town.work()
    await town.assert_sound()


async def test_a_message_that_did_not_arrive_is_a_call(town: Town, office: Office) -> None:
    made = await office.book(PAID)
    town.mail.faults.plan(Fault("550"))
    tracked = await office.close()
    assert "Die Nachricht kam nicht an" in tracked.text
    assert "Anzurufen oder anzuschreiben (1)" in tracked.text
    closing = tracked.url.path.rsplit("/", 1)[1]
    [row] = (await office.ask("GET", f"/{closing}"))["appointments"]
    assert (row["appointment"], row["status"], row["told"]) == (made["id"], "offered", False)


async def test_who_is_there_stays_in_the_queue(town: Town, office: Office) -> None:
    made = await office.book(at="2026-12-01T13:00:00Z")
    await town.worker.queue.check_in(office.id, UUID(made["id"]))
    today = FORM | {"starts_at": "2026-12-01T12:00", "ends_at": "2026-12-01T20:00"}
    preview = await office.boss.get(f"{office.pages}/preview", params=today)
    assert "1 Person ist gerade in der Dienststelle" in preview.text
    assert "Ist schon da: bleibt in der Warteschlange" in preview.text
    tracked = await office.close(**today)
    assert "Niemand betroffen" in tracked.text
    assert (await town.look(made))["status"] == "confirmed"
    await town.assert_sound()


async def test_over_the_api(town: Town, office: Office) -> None:
    made = await office.book(PAID)
    preview = await office.ask("POST", "/preview", json=DAY)
    [affected] = preview["affected"]
    assert (affected["number"], affected["booked"], affected["has_email"], affected["here"]) == (
        made["number"],
        True,
        True,
        False,
    )
    wanted = {**DAY, "reason": "Wasserschaden", "if_silent": "cancel"}
    closing = await office.ask("POST", status=201, json=wanted, key="the same request, twice")
    assert await office.ask("POST", status=201, json=wanted, key="the same request, twice") == closing
    here = f"/api/appointments/{made['id']}/rebooking"
    assert (await town.call("GET", here)).status == 401
    assert (await town.good("GET", here, made["token"]))["status"] == "due"
    await town.work()
    found = await town.good("GET", here, made["token"])
    assert (found["status"], [one["n"] for one in found["offered"]]) == ("offered", [1, 2, 3])
    for wrong in ({"answer": "accept"}, {"answer": "other", "n": 1}, {"answer": "shrug"}):
        assert (await town.call("POST", here, made["token"], json=wrong)).status == 422
    done = await town.good("POST", here, made["token"], json={"answer": "cancel"})
    assert (done["status"], done["starts_at"]) == ("cancelled", None)
    assert await town.good("POST", here, made["token"], json={"answer": "cancel"}) == done
    assert (await town.call("POST", here, made["token"], json={"answer": "accept", "n": 1})).status in (409, 410)
    await town.work()
    assert [refund["cents"] for refund in (await town.look(made))["refunds"]] == [1300]
    tracked = await office.ask("GET", f"/{closing['id']}")
    [row] = tracked["appointments"]
    assert (row["status"], row["name"], row["email"]) == ("cancelled", "Kim Mustermann", "kim@example.org")
    assert (tracked["closing"]["affected"], tracked["closing"]["unsettled"]) == (1, 0)
    assert [one["id"] for one in (await office.ask("GET"))["closings"]] == [closing["id"]]
    await town.assert_sound()


async def test_staff_help_over_the_api(town: Town, office: Office) -> None:
    first, second = await office.book(), await office.book(at="2026-12-09T09:30:00Z")
    closing = await office.ask("POST", status=201, json={**DAY, "reason": "Wasserschaden"})
    await town.work()
    wanted = {"office": office.id, "starts_at": "2026-12-11T10:00:00Z"}
    here = f"/{closing['id']}/appointments"
    moved = await office.ask("POST", f"/{closing['id']}/appointments/{first['id']}/move", json=wanted)
    assert (moved["status"], moved["starts_at"]) == ("moved", "2026-12-11T10:00:00Z")
    assert await office.ask("POST", f"{here}/{first['id']}/move", json=wanted) == moved
    cancelled = await office.ask("POST", f"{here}/{second['id']}/cancel")
    assert cancelled["status"] == "cancelled"
    assert await office.ask("POST", f"{here}/{second['id']}/cancel") == cancelled
    assert (await office.ask("POST", f"{here}/{uuid4()}/cancel", 404))["code"] == "not_found"
    await town.work()
    await town.assert_sound()


async def test_nobody_answers_and_everything_is_paid_back(town: Town, office: Office) -> None:
    made = await office.book(PAID)
    await office.close(if_silent="cancel")
    assert "wird der Termin abgesagt" in (town.mail.messages[-1].part("text/plain") or "")
    town.clock.advance(hours=48)
    await town.work()
    seen = await town.look(made)
    assert (seen["status"], [refund["status"] for refund in seen["refunds"]]) == ("cancelled", ["succeeded"])
    texts = [mail.part("text/plain") or "" for mail in town.mail.messages[-2:]]  # sent side by side, so in either order
    assert sum("Grund: Wasserschaden" in text for text in texts) == 1
    await town.assert_sound()


async def test_what_is_wrong_is_said_and_nothing_typed_is_lost(town: Town, office: Office) -> None:
    wrong = {
        "starts_at": "soon",
        "ends_at": "",
        "reason": "",
        "answer_hours": "03360000000",
        "counter": "4711",
        "if_silent": "shrug",
    }
    page = await office.boss.get(f"{office.pages}/preview", params=FORM | wrong)
    assert page.status == 422
    for said in (
        "von wann an geschlossen ist",
        "bis wann geschlossen ist",
        "Geben Sie einen Grund an",
        "von 1 bis 336",
    ):
        assert said in page.text
    past = FORM | {"starts_at": "2026-11-01T00:00", "ends_at": "2026-11-02T00:00"}
    page = await office.boss.get(f"{office.pages}/preview", params=past)
    assert (page.status, "Wasserschaden" in page.text) == (422, True)
    sent = await office.boss.post(office.pages, request_key=str(uuid4()), **past)
    assert sent.status == 422
    assert (await office.ask("POST", "/preview", 422, json={**DAY, "ends_at": DAY["starts_at"]}))[
        "code"
    ] == "times_impossible"


async def test_a_clerk_closes_nothing(town: Town, office: Office) -> None:
    await hire(town, "clerk", "clerk", "buergerbuero-mitte")
    async with await sign_in(town, "clerk") as clerk:
        assert (await clerk.get(office.pages)).status == 403
        assert (await clerk.post(office.pages, request_key=str(uuid4()), **FORM)).status == 403


async def open_again(town: Town, office: Office) -> Page:
    """The first closure that stands there, by the page of the hours."""
    base = f"/de/hours/{office.id}"
    section = (await office.boss.get(base)).text.split('id="closures"')[1].split("</form>")[0]
    fields: dict[str, Any] = dict(re.findall(r'name="([^"]+)" value="([^"]*)"', section))
    preview = await office.boss.post(f"{base}/preview", **fields)
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', preview.text))
    return await office.boss.post(f"{base}/save", **hidden)


async def test_opened_again_whoever_has_not_chosen_keeps_the_time_and_is_told(town: Town, office: Office) -> None:
    made = await office.book(PAID)
    unreached = await office.book(contact=POST, at="2026-12-09T09:30:00Z")
    tracked = await office.close(if_silent="cancel")
    [link, *_] = links(town)
    assert "Die Änderung ist gespeichert" in (await open_again(town, office)).text
    await town.work()
    after = await office.boss.get(tracked.url.path)
    assert after.text.count("Wieder offen: behält die Zeit") == 2
    assert town.mails()[-1][1].startswith("Es bleibt dabei: Ihr Termin")
    assert "Sie brauchen nicht mehr zu antworten" in (town.mail.messages[-1].part("text/plain") or "")
    told = len(town.mails())
    lane = "SELECT count(*) AS n FROM claim WHERE status < 8 AND override_id IS NOT NULL"
    held = "SELECT count(*) AS n FROM claim WHERE status = 1"
    assert [(await town.rows(sql))[0]["n"] for sql in (lane, held)] == [0, 0]  # nothing is left of it
    async with StaffBrowser(town) as citizen:
        late = await citizen.get(link)
        assert "Bitte wählen Sie eine neue Zeit" not in late.text
    town.clock.advance(hours=48)  # what would have been cancelled then
    await town.work()
    for one in (made, unreached):
        assert (await town.look(one))["status"] == "confirmed"
    assert len(town.mails()) == told
    await town.assert_sound()


async def test_a_time_that_stands_is_nobody_elses_and_can_be_closed_again(town: Town, office: Office) -> None:
    made = await office.book()
    first = await office.close()
    await open_again(town, office)
    with pytest.raises(asyncpg.ExclusionViolationError, match="claim_no_overlap"):
        await town.rows(
            """INSERT INTO claim (office_id, service_id, fee_id, counter_id, starts_at, ends_at, hold_until, request_key)
               SELECT office_id, service_id, fee_id, counter_id, starts_at, ends_at, now() + interval '1 day', gen_random_uuid()
                 FROM claim WHERE status = 2"""
        )
    again = await office.close(reason="Noch ein Wasserschaden")
    assert "Gefragt, Antwort bis" in again.text
    assert again.url.path != first.url.path
    assert "Wieder offen: behält die Zeit" in (await office.boss.get(first.url.path)).text
    assert (await town.look(made))["starts_at"].startswith("2026-12-09T09:00")
    await town.assert_sound()


async def test_opened_in_part_only_what_is_open_again_stands(town: Town, office: Office) -> None:
    early, late = await office.book(), await office.book(contact=POST, at="2026-12-09T13:00:00Z")
    tracked = await office.close()
    await office.close(starts_at="2026-12-09T13:00", reason="Am Nachmittag auch danach")
    await open_again(town, office)
    rows = await town.rows("SELECT appointment_id, status FROM rebooking")
    assert {str(row["appointment_id"]): row["status"] for row in rows} == {
        early["id"]: "stands",
        late["id"]: "telephone",
    }
    assert "Wieder offen" in (await office.boss.get(tracked.url.path)).text


async def test_chosen_and_opened_again_at_once_is_one_of_both(town: Town, office: Office) -> None:
    made = await office.book(PAID)
    await office.close()
    async with StaffBrowser(town) as citizen:
        here = (await citizen.get(links(town)[0])).url.path
        await asyncio.gather(
            citizen.post(here, request_key=str(uuid4()), answer="1"), open_again(town, office), return_exceptions=False
        )
    await town.work()
    [row] = await town.rows("SELECT status FROM rebooking")
    times = await town.rows("SELECT starts_at, override_id FROM claim WHERE status < 8 AND kind = 0")
    assert len(times) == 1
    assert times[0]["override_id"] is None
    seen = await town.look(made)
    assert (row["status"], seen["starts_at"][:10]) in (("stands", "2026-12-09"), ("accepted", seen["starts_at"][:10]))
    assert seen["status"] == "confirmed"
    await town.assert_sound()


class TestAWedding:
    """A registrar's desk, a room and a second official."""

    @pytest.fixture
    async def registry(self, town: Town) -> AsyncIterator[Office]:
        [row] = await town.rows("SELECT id FROM office WHERE key = 'standesamt'")
        await hire(town, "boss", "supervisor", "standesamt")
        async with AsyncExitStack() as stack:
            yield Office(town, row["id"], await stack.enter_async_context(await sign_in(town, "boss")))

    async def marry(self, town: Town) -> tuple[Any, dict[str, str]]:
        """The case, and what closes the day of it."""
        hold = await town.hold((await town.service("Eheschließung Durchführung"))["id"])
        given = {"hold": hold["id"], "contact": KIM}
        made = await town.good("POST", "/api/appointments", hold["token"], key=str(uuid4()), json=given)
        await town.checkout(made)
        await town.work()
        day = datetime.fromisoformat(made["starts_at"]).date()
        return made, {"starts_at": f"{day}T00:00", "ends_at": f"{day + timedelta(days=1)}T00:00"}

    async def rooms(self, town: Town, made: Any) -> list[int]:
        """Those there are, the one of the case first."""
        rows = await town.rows(
            """SELECT k.id FROM counter k LEFT JOIN claim c ON c.counter_id = k.id AND c.appointment_id = $1 AND c.status < 8
                WHERE k.resource = 'wedding-room' ORDER BY c.id NULLS LAST""",
            made["id"],
        )
        return [row["id"] for row in rows]

    async def test_the_other_room_at_the_same_time(self, town: Town, registry: Office) -> None:
        made, day = await self.marry(town)
        mails, (room, other) = len(town.mails()), await self.rooms(town, made)
        tracked = await registry.close(counter=str(room), **day)
        assert re.search(r"Gleiche Zeit, Trauzimmer \d", tracked.text)
        assert "Anzurufen oder anzuschreiben" not in tracked.text
        assert (await self.rooms(town, made))[0] == other
        assert (await town.look(made))["starts_at"] == made["starts_at"]
        assert len(town.mails()) == mails
        await town.assert_sound()

    async def closed(self, town: Town, registry: Office) -> tuple[Any, Page]:
        """Both rooms: first the one where nobody is."""
        made, day = await self.marry(town)
        room, other = await self.rooms(town, made)
        await registry.close(counter=str(other), **day)
        tracked = await registry.close(counter=str(room), **day)
        assert "Gefragt, Antwort bis" in tracked.text
        assert town.mails()[-1][1].startswith("Bitte neue Zeit wählen: Ihr Termin")
        return made, tracked

    async def test_no_other_room_and_one_of_three_times(self, town: Town, registry: Office) -> None:
        made, tracked = await self.closed(town, registry)
        async with StaffBrowser(town) as citizen:
            page = await citizen.get(links(town)[1])
            assert "Möchten Sie diese Zeit?" in page.text
            done = await citizen.post(page.url.path, request_key=str(uuid4()), answer="2")
            assert "Ihr Termin ist bestätigt" in done.text
        seen = await town.look(made)
        assert (seen["number"], seen["items"], seen["starts_at"] > made["starts_at"]) == (
            made["number"],
            made["items"],
            True,
        )
        assert "Hat gewählt" in (await registry.boss.get(tracked.url.path)).text
        await town.work()
        rows = await town.rows("SELECT status FROM claim WHERE kind = 0 ORDER BY status")
        assert [row["status"] for row in rows] == [2] * 3 + [9] * 6 + [10] * 3
        await town.assert_sound()

    async def test_none_of_them_suits(self, town: Town, registry: Office) -> None:
        _, tracked = await self.closed(town, registry)
        async with StaffBrowser(town) as citizen:
            page = await citizen.get(links(town)[3])
            await citizen.post(page.url.path, request_key=str(uuid4()), answer="other")
        assert "Anzurufen oder anzuschreiben (1)" in (await registry.boss.get(tracked.url.path)).text
        rows = await town.rows("SELECT status FROM claim WHERE kind = 0 ORDER BY status")
        assert [row["status"] for row in rows] == [2] * 3 + [9] * 9
        await town.assert_sound()

    async def test_the_whole_office_is_one_person_on_the_list(self, town: Town, registry: Office) -> None:
        _, day = await self.marry(town)
        preview = await registry.boss.get(f"{registry.pages}/preview", params=FORM | day)
        assert "1 Person hat dann einen Termin" in preview.text

    async def test_chosen_and_the_room_open_again_at_once(self, town: Town, registry: Office) -> None:
        made, day = await self.marry(town)
        room, other = await self.rooms(town, made)
        taken = await town.hold(
            (await town.service("Eheschließung Durchführung"))["id"],
            slot={"office": registry.id, "starts_at": made["starts_at"]},
        )
        await registry.close(counter=str(room), **day)
        async with StaffBrowser(town) as citizen:
            here = (await citizen.get(links(town)[0])).url.path
            await asyncio.gather(citizen.post(here, request_key=str(uuid4()), answer="1"), open_again(town, registry))
        await town.work()
        [row] = await town.rows("SELECT status FROM rebooking")
        seen = await town.look(made)
        assert (row["status"], seen["starts_at"] == made["starts_at"]) in (("stands", True), ("accepted", False))
        times = await town.rows("SELECT override_id FROM claim WHERE appointment_id = $1 AND status < 8", made["id"])
        assert [one["override_id"] for one in times] == [None] * 3
        held = "SELECT count(*) AS n FROM claim WHERE status = 1 AND request_key <> $1"
        assert (await town.rows(held, taken["id"]))[0]["n"] == 0
        assert other != room
        await town.assert_sound()

    async def test_the_room_is_open_again_and_whoever_was_asked_is_told(self, town: Town, registry: Office) -> None:
        made, day = await self.marry(town)
        room, _ = await self.rooms(town, made)
        await town.hold(
            (await town.service("Eheschließung Durchführung"))["id"],
            slot={"office": registry.id, "starts_at": made["starts_at"]},
        )
        tracked = await registry.close(counter=str(room), **day)
        assert "Gefragt, Antwort bis" in tracked.text
        await open_again(town, registry)
        await town.work()
        assert town.mails()[-1][1].startswith("Es bleibt dabei: Ihr Termin")
        assert (await town.look(made))["starts_at"] == made["starts_at"]
        await town.assert_sound()
