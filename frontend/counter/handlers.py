"""Handlers of the counter: the office's day, live, and the forms on it. Each form does one step and leads back to the day."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from uuid import UUID

from aiohttp import web

from base.errors import DomainError, NotFound
from base.i18n import zone
from base.money import Money
from base.web import CLOCK, STAFF, TEMPLATES, form, path_id, path_number, set_token_cookie
from base.web.live import Events, stream
from base.web.staff import watch_staff
from booking.appointments.endpoints import APPOINTMENTS
from booking.appointments.model import ProofOutcome, Reduced
from booking.appointments.reduction_endpoints import REDUCTIONS
from booking.catalogue.endpoints import CATALOGUE
from booking.catalogue.model import Channel, Office
from booking.catalogue.snapshot import Snapshot
from booking.queue.expecting import NumberIncomplete, NumberUnknown
from booking.queue.feed import topic
from booking.queue.model import Day
from booking.queue.usecases import TicketMoved
from frontend.citizen.rendering import key_of, new_key, see, words_in, words_of
from frontend.citizen.words import Words
from frontend.counter import saying
from frontend.counter.charging import charged
from frontend.counter.day import Scene, lists, mine, number_text, shown, shown_at
from frontend.counter.keys import FRAGMENTS, QUEUE, QUEUE_SOURCE
from frontend.counter.saying import Said, ServiceMissing
from frontend.counter.views import DayPage, Lists, Mine
from frontend.staff.frame import staff_frame, staff_page
from frontend.staff.offices import choose_office

_STEPS = ("recall", "start", "finish", "send-on", "no-show", "undo", "left", "admit")


async def offices(request: web.Request) -> web.Response:
    return await choose_office(request, "queue.call", "/counter/", words_of(request)._("Where do you work today?"))


async def show_day(request: web.Request) -> web.Response:
    words = words_of(request)
    scene = await _scene(request, words, shown)
    office, known = scene.office, scene.known
    name = words.pick(office.name)
    today = words.now.astimezone(zone(office.time_zone)).date()
    said = await _said(request, scene)
    view = DayPage(
        frame=staff_frame(request, words, name),
        office=name,
        date=words.day(today),
        board_url=f"/{words.language}/board/{office.id}",
        live_url=f"{scene.base}/live",
        lists=lists(scene),
        mine=await _mine(request, scene),
        check_in_url=f"{scene.base}/check-in",
        walk_in_url=f"{scene.base}/walk-in",
        services=_services(words, known, office.id),
        request_key=new_key(),
        notice=said.text,
        notice_kind=said.kind,
        number=saying.kept_number(request.query.get("number", "")) if said.text else "",
    )
    return staff_page(request, "counter/day", view)


async def live(request: web.Request) -> web.StreamResponse:
    """Both parts of the page; the lists are rendered once for all who see the same, and the own part opens no name but its own."""
    words, staff = words_of(request), request[STAFF]
    office, _ = await _office(request)

    async def events() -> Events | None:
        now = await watch_staff(request)
        if now is None or not now.may("queue.call", office.id):
            return None
        request[STAFF] = now  # what is shown follows what they may see now, not at the start
        fresh = words_in(request, words.language)
        sees = now.may("person.read", office.id)
        version = request.app[QUEUE_SOURCE].versions.get(office.id, 0)
        today = fresh.now.astimezone(zone(office.time_zone)).date()

        async def all_lists() -> str:
            return _fragment(request, "counter/lists", fresh.language, lists(await _scene(request, fresh, shown)))

        shared = await request.app[FRAGMENTS].get(
            ("counter", office.id, fresh.language, sees, today), version, all_lists
        )
        account = request[STAFF].account_id
        scene = await _scene(request, fresh, lambda day: shown_at(day, day.counter_of(account)))
        own = _fragment(request, "counter/mine", fresh.language, await _mine(request, scene))
        return {"lists": shared, "mine": own.encode()}

    async def may_stay() -> bool:
        now = await watch_staff(request)
        return now is not None and now.grants == staff.grants

    return await stream(request, topic(office.id), events, may_stay)


async def take(request: web.Request) -> web.Response:
    fields = await form(request)
    counter = _number(fields.get("counter", ""))
    office_id, account = path_number(request, "office"), request[STAFF].account_id
    return await _after(request, request.app[QUEUE].take_counter(office_id, account, counter))


async def leave(request: web.Request) -> web.Response:
    return await _after(request, request.app[QUEUE].leave_counter(request[STAFF].account_id))


async def free(request: web.Request) -> web.Response:
    fields = await form(request)
    return await _after(
        request, request.app[QUEUE].free_counter(path_number(request, "office"), _number(fields.get("counter", "")))
    )


async def call_next(request: web.Request) -> web.Response:
    office_id = path_number(request, "office")
    return await _after(request, request.app[QUEUE].call_next(office_id, request[STAFF].account_id))


async def check_in(request: web.Request) -> web.Response:
    """By the button of a line, or by the number that was read out."""
    fields, office_id, queue = await form(request), path_number(request, "office"), request.app[QUEUE]
    try:
        if "appointment" in fields:
            ticket = await queue.check_in(office_id, _uuid(fields["appointment"]))
        else:
            ticket = await queue.check_in_number(office_id, fields.get("number", ""))
    except DomainError as error:
        kept = {"number": saying.kept_number(fields.get("number", ""))}
        return _refused(
            request, error, **(kept if "appointment" not in fields else {"appointment": fields["appointment"]})
        )
    return see(f"{_url(request)}?ticket={number_text(ticket.number)}")


async def walk_in(request: web.Request) -> web.Response:
    fields, office_id = await form(request), path_number(request, "office")
    key, service = key_of(fields), fields.get("service", "")
    try:
        if not service:
            raise ServiceMissing
        ticket = await request.app[QUEUE].add_walk_in(office_id, _number(service), str(key))
    except DomainError as error:
        return _refused(request, error)
    return see(f"{_url(request)}?ticket={number_text(ticket.number)}")


async def step(request: web.Request) -> web.Response:
    """recall, start, finish, send-on, no-show and its undo, left; admit starts and leads into the call."""
    office_id, account = path_number(request, "office"), request[STAFF].account_id
    ticket, wanted, queue = path_id(request, "ticket"), request.match_info["step"], request.app[QUEUE]
    if wanted not in _STEPS:
        raise NotFound
    if wanted == "admit":
        return await _admit(request, office_id, account, ticket)
    if wanted == "left":
        return await _after(request, queue.leave_queue(office_id, ticket))
    work = {
        "recall": queue.recall,
        "start": queue.start,
        "finish": queue.finish,
        "send-on": queue.send_on,
        "no-show": queue.no_show,
        "undo": queue.undo_no_show,
    }[wanted]
    return await _after(request, work(office_id, account, ticket))


async def proof(request: web.Request) -> web.Response:
    """Of a reduction, for whoever is at the clerk's counter: shown, not shown, or why nobody looked."""
    office_id, fields = path_number(request, "office"), await form(request)
    if fields.get("outcome") not in list(ProofOutcome):
        raise NotFound
    day = await request.app[QUEUE].day(office_id)
    place = day.counter_of(request[STAFF].account_id)
    present = day.open_at(place.id) if place else None
    if present is None or present.id != path_id(request, "ticket") or present.appointment_id is None:
        return _refused(request, TicketMoved())
    return await _after(
        request,
        request.app[REDUCTIONS].decide(
            office_id,
            present.appointment_id,
            fields.get("reduction", ""),
            ProofOutcome(fields["outcome"]),
            fields.get("reason", ""),
            request[STAFF].account_id,
        ),
    )


async def _admit(request: web.Request, office_id: int, account: int, ticket_id: UUID) -> web.Response:
    try:
        ticket = await request.app[QUEUE].start(office_id, account, ticket_id)
        if ticket.appointment_id is None or ticket.channel != "video" or ticket.counter_id is None:
            return see(_url(request))
        invitation = await request.app[APPOINTMENTS].invite_counter(ticket.appointment_id, ticket.counter_id)
    except DomainError as error:
        return _refused(request, error)
    response = see(f"/{words_of(request).language}/room/{invitation.room_id}")
    set_token_cookie(request, response, "room", invitation.room_id, invitation.token)
    return response


async def _after(request: web.Request, work: Awaitable[object]) -> web.Response:
    try:
        await work
    except DomainError as error:
        return _refused(request, error)
    return see(_url(request))


def _refused(request: web.Request, error: DomainError, **kept: str) -> web.Response:
    """Back to the day as it is now, with the reason first: loading that again does nothing again."""
    if not saying.may_be_said(error):
        raise error
    return see(f"{_url(request)}?{saying.query_of(error, request.app[CLOCK](), **kept)}")


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
        scene.office.id, typed=typed, appointment_id=None if appointment is None else _uuid(appointment)
    )
    return saying.refused(words, scene.known, why) if why else Said()


async def _scene(request: web.Request, words: Words, names_of: Callable[[Day], Collection[UUID]]) -> Scene:
    office, known = await _office(request)
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


async def _mine(request: web.Request, scene: Scene) -> Mine:
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


async def _office(request: web.Request) -> tuple[Office, Snapshot]:
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


def _fragment(request: web.Request, template: str, language: str, part: Lists | Mine) -> str:
    return request.app[TEMPLATES].render(f"{template}.html", language, part=part)


def _url(request: web.Request) -> str:
    return f"/{words_of(request).language}/counter/{path_number(request, 'office')}"


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise NotFound
    return int(text)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound from None
