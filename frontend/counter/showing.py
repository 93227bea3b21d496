"""The day as a page: its lists, the clerk's own counter, and what is said of the step before."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from aiohttp import web

from base.errors import NotFound
from base.i18n import zone
from base.money import Money
from base.web import STAFF, path_number
from booking.appointments.endpoints import APPOINTMENTS
from booking.appointments.model import Reduced
from booking.appointments.reduction_endpoints import REDUCTIONS
from booking.catalogue.endpoints import CATALOGUE
from booking.catalogue.model import Channel, Office
from booking.catalogue.snapshot import Snapshot
from booking.queue.expecting import NumberIncomplete, NumberUnknown
from booking.queue.model import Day
from frontend.citizen.rendering import new_key, words_of
from frontend.citizen.words import Words
from frontend.counter import saying
from frontend.counter.charging import charged
from frontend.counter.day import Scene, lists, mine, shown
from frontend.counter.keys import QUEUE
from frontend.counter.saying import Said
from frontend.counter.views import DayPage, Mine, Typed
from frontend.staff.frame import staff_frame, staff_page


async def day_page(
    request: web.Request, typed: Typed | None = None, refusal: Said | None = None, status: int = 200
) -> web.Response:
    """`typed`: into a form that was refused, and stays in it; `refusal`: why."""
    words = words_of(request)
    scene = await scene_of(request, words, shown)
    office, known = scene.office, scene.known
    name = words.pick(office.name)
    today = words.now.astimezone(zone(office.time_zone)).date()
    said = refusal or await _said(request, scene)
    view = DayPage(
        frame=staff_frame(request, words, name),
        office=name,
        date=words.day(today),
        board_url=f"/{words.language}/board/{office.id}",
        live_url=f"{scene.base}/live",
        lists=lists(scene),
        mine=replace(await mine_of(request, scene), typed=typed or Typed()),
        check_in_url=f"{scene.base}/check-in",
        walk_in_url=f"{scene.base}/walk-in",
        services=_services(words, known, office.id),
        request_key=new_key(),
        notice=said.text,
        notice_kind=said.kind,
        is_answer=refusal is not None,
        number=saying.kept_number(request.query.get("number", "")) if said.text else "",
    )
    return staff_page(request, "counter/day", view, status=status)


async def _said(request: web.Request, scene: Scene) -> Said:
    """Of the step before. What can be looked up is, so that the page never says what is not so."""
    words, query = scene.words, request.query
    if "ticket" in query:
        return saying.of_ticket(words, scene.day, query["ticket"])
    code = query.get("said", "")
    if not saying.is_of_now(query.get("at", ""), words.now):
        return Said()
    if code not in saying.CHECK_IN:
        return saying.known(words, code)
    typed, appointment = query.get("number", ""), query.get("appointment")
    if not typed and appointment is None:  # what was typed was not kept
        return Said(words._((NumberIncomplete if code == NumberIncomplete.code else NumberUnknown).message))
    why = await request.app[QUEUE].why_not(
        scene.office.id, typed=typed, appointment_id=None if appointment is None else uuid_of(appointment)
    )
    return saying.refused(words, scene.known, why) if why else Said()


async def scene_of(request: web.Request, words: Words, names_of: Callable[[Day], Collection[UUID]]) -> Scene:
    office, known = await office_of(request)
    day = await request.app[QUEUE].day(office.id)
    names: Mapping[UUID, str] = {}
    if request[STAFF].may("person.read", office.id):
        names = await request.app[APPOINTMENTS].names(names_of(day))
    untold: Mapping[UUID, str] = {}
    if names_of is shown:
        expected = [one.id for one in day.booked if one.status == "confirmed"]
        untold = await request.app[APPOINTMENTS].untold(expected)
        if not names:  # that it is so, every clerk may know; the number belongs to the person
            untold = dict.fromkeys(untold, "")
    return Scene(words, office, known, day, names, untold)


async def mine_of(request: web.Request, scene: Scene) -> Mine:
    staff, day = request[STAFF], scene.day
    place = day.counter_of(staff.account_id)
    present = day.open_at(place.id) if place else None
    has_call = False
    if present is not None and present.channel == "video" and present.appointment_id is not None:
        has_call = await request.app[APPOINTMENTS].invitation(present.appointment_id) is not None
    reduced: Sequence[Reduced] = ()
    due = Money(0)
    if present is not None and present.appointment_id is not None:
        reduced, missing = await request.app[REDUCTIONS].at_counter(present.appointment_id)
        due = missing.amount
    manages = staff.may("queue.manage", scene.office.id)
    charges = await charged(request, scene.words, scene.office.id, present) if present is not None else None
    return mine(scene, place, manages=manages, has_call=has_call, reduced=reduced, due=due, charges=charges)


async def office_of(request: web.Request) -> tuple[Office, Snapshot]:
    known = await request.app[CATALOGUE].snapshot()
    office = known.offices.get(path_number(request, "office"))
    if office is None:
        raise NotFound
    return office, known


def _services(words: Words, known: Snapshot, office_id: int) -> tuple[tuple[str, str], ...]:
    """What somebody without an appointment can come for here, by name."""
    ids = {
        service_id
        for (service_id, channel), counters in known.counters.items()
        if channel is Channel.ONSITE and any(counter.office_id == office_id for counter in counters)
    }
    named = [(str(ident), words.pick(known.services[ident].name)) for ident in ids]
    return tuple(sorted(named, key=lambda pair: pair[1].casefold()))


def url_of(request: web.Request) -> str:
    return f"/{words_of(request).language}/counter/{path_number(request, 'office')}"


def number_of(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise NotFound
    return int(text)


def uuid_of(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound from None
