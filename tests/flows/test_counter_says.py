"""What the counter says of a step: by a redirect, of a fixed table or looked up, and true whatever the address claims."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from base.clock import SettableClock
from tests.flows.test_counter import (
    FREE,
    _Stream,
    book_today,
    clerk_at,
    counters_of,
    office_id,
    statuses,
    step_url,
    video_call,
)
from tests.staff import StaffBrowser
from tests.town import Town
from video.rooms.model import Role


async def _kim(town: Town) -> tuple[int, StaffBrowser]:
    office = await office_id(town)
    return office, await clerk_at(town, "kim", office, (await counters_of(town, office))[0])


async def test_a_refused_step_is_not_sent_again_by_loading_the_page_again(town: Town, clock: SettableClock) -> None:
    office, clerk = await _kim(town)
    async with clerk:
        answer = await clerk.post(f"/de/counter/{office}/next", follow=False)
        assert answer.status == 303
        shown = await clerk.get(answer.headers["Location"])
        assert "Es wartet niemand" in shown.text
        english = answer.headers["Location"].replace("/de/", "/en/")
        assert english.replace("&", "&amp;") in shown.text  # the language link
        assert "Nobody is waiting whom" in (await clerk.get(english)).text
        await town.worker.queue.add_walk_in(office, (await town.service(FREE))["id"], str(uuid4()))
        await clerk.get(answer.headers["Location"])
        assert [status for _, status, _ in await statuses(town)] == ["waiting"]  # nobody was called
        clock.advance(minutes=2)
        assert "Es wartet niemand" not in (await clerk.get(answer.headers["Location"])).text


@pytest.mark.parametrize(
    "query",
    ["said=<b>free</b>&at=1", "said=not_found", "said=nobody_waits&at=99999999999", "said=at_another_office&at={now}"],
)
async def test_the_address_cannot_put_words_into_the_page(town: Town, query: str) -> None:
    office, clerk = await _kim(town)
    async with clerk:
        query = query.format(now=int(town.clock().timestamp()))
        page = await clerk.get(f"/de/counter/{office}?{query}")
        assert page.status == 200
        assert "data-moment" not in page.text or "keinen Termin" in page.text
        assert "free</b>" not in page.text.replace("%3Cb%3Efree%3C/b%3E", "")


async def test_each_trouble_with_a_number_is_said_by_itself_and_the_number_stays(
    town: Town, clock: SettableClock
) -> None:
    office, clerk = await _kim(town)
    west = await office_id(town, "buergerbuero-west")
    here, there, tomorrow = await book_today(town, office), await book_today(town, west), await book_today(town, office)
    cancelled = await book_today(town, office)
    await town.cancel(cancelled)
    async with clerk:

        async def say(number: str) -> str:
            page = await clerk.post(f"/de/counter/{office}/check-in", number=number)
            assert f'value="{number}"' in page.text
            return page.text

        assert "ist zu kurz" in await say("K7F")
        assert "keinen Termin" in await say("CCC-CCC")
        assert "Dienststelle: Bürgerbüro West" in await say(there["number"])
        assert "wurde abgesagt" in await say(cancelled["number"])
        arrived = await clerk.post(f"/de/counter/{office}/check-in", number=here["number"])
        assert "Nummer 001 wartet jetzt." in arrived.text
        called = await clerk.post(f"/de/counter/{office}/next")
        serving = await clerk.post(step_url(called.text, "start"))
        await clerk.post(step_url(serving.text, "finish"))
        assert "bereits erledigt" in await say(here["number"])
    clock.advance(days=1)
    async with await clerk_at(town, "sam", office, (await counters_of(town, office))[1]) as sam:
        page = await sam.post(f"/de/counter/{office}/check-in", number=tomorrow["number"])
        assert "ist nicht heute, sondern am " in page.text


async def test_a_name_typed_into_the_field_is_not_written_into_an_address(town: Town) -> None:
    office, clerk = await _kim(town)
    async with clerk:
        for typed in ("Mustermann", "12031980", "12.03.80", "Kim"):
            answer = await clerk.post(f"/de/counter/{office}/check-in", follow=False, number=typed)
            assert (answer.status, typed in answer.headers["Location"]) == (303, False)


async def test_who_is_called_or_done_is_not_said_to_wait(town: Town) -> None:
    office, clerk = await _kim(town)
    made = await book_today(town, office)
    async with clerk:
        again = f"/de/counter/{office}/check-in"
        await clerk.post(again, number=made["number"])
        called = await clerk.post(f"/de/counter/{office}/next")
        assert "Nummer 001 ist aufgerufen: Schalter 1" in (await clerk.post(again, number=made["number"])).text
        await clerk.post(step_url(called.text, "start"))
        assert "Nummer 001 wird gerade bedient: Schalter 1" in (await clerk.post(again, appointment=made["id"])).text
        for number in ("99999", "002", "x"):
            assert "data-moment" not in (await clerk.get(f"/de/counter/{office}?ticket={number}")).text


async def test_a_walk_in_is_chosen_and_the_same_form_is_one_number(town: Town) -> None:
    office, clerk = await _kim(town)
    service = str((await town.service(FREE))["id"])
    async with clerk:
        url, key = f"/de/counter/{office}/walk-in", str(uuid4())
        day = await clerk.get(f"/de/counter/{office}")
        assert (
            '<select class="kern-form-input__select" id="service" name="service" required><option value="">' in day.text
        )
        assert "wofür die Person gekommen ist" in (await clerk.post(url, service="", request_key=key)).text
        assert await statuses(town) == []
        for _ in range(2):
            await clerk.post(url, service=service, request_key=key)
        assert len(await statuses(town)) == 1


async def test_a_call_that_is_over_is_no_longer_offered(town: Town) -> None:
    made, invitation = await video_call(town)
    rooms = town.worker.rooms
    await rooms.enter(invitation.room_id, invitation.token)
    [lane] = await town.rows(
        "SELECT counter_id AS id, office_id AS office, o.key FROM claim JOIN office o ON o.id = office_id "
        "WHERE appointment_id = $1",
        UUID(made["id"]),
    )
    office = lane["office"]
    async with (
        await clerk_at(town, "kim", office, lane["id"], lane["key"]) as clerk,
        clerk.http.get(f"{town.origin}/de/counter/{office}/live") as response,
    ):
        stream = _Stream(response)
        await clerk.post(f"/de/counter/{office}/next")
        day = await clerk.get(f"/de/counter/{office}")
        await clerk.post(step_url(day.text, "admit"))
        day = await clerk.get(f"/de/counter/{office}")
        await stream.until("Zurück ins Gespräch", "mine")
        seat = await town.worker.appointments.invite_counter(UUID(made["id"]), lane["id"])
        entry = await rooms.enter(seat.room_id, seat.token)
        assert entry.seat.role is Role.CLERK
        await rooms.end(seat.room_id, by=seat.number)
        assert "Zurück ins Gespräch" not in await stream.until("Abschließen", "mine")
        late = await clerk.post(step_url(day.text, "admit"))  # from a page that was open
        assert (late.status, late.url.path) == (200, f"/de/counter/{office}")
        assert "Dieses Videogespräch ist vorbei." in late.text
        assert "/admit" not in late.text
