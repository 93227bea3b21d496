"""Handlers of the counter: the office's day, live, and the forms on it. Each form does one step and leads back to the day."""

from __future__ import annotations

from collections.abc import Awaitable
from uuid import UUID

from aiohttp import web

from base.errors import DomainError, NotFound
from base.i18n import zone
from base.web import CLOCK, STAFF, TEMPLATES, form, path_id, path_number, set_token_cookie
from base.web.live import Events, stream
from base.web.staff import watch_staff
from booking.appointments.endpoints import APPOINTMENTS
from booking.appointments.model import ProofOutcome
from booking.appointments.reduction_endpoints import REDUCTIONS
from booking.queue.feed import topic
from booking.queue.usecases import TicketMoved
from frontend.citizen.rendering import key_of, see, words_in, words_of
from frontend.counter import saying
from frontend.counter.day import lists, number_text, shown, shown_at
from frontend.counter.keys import FRAGMENTS, QUEUE, QUEUE_SOURCE
from frontend.counter.saying import ServiceMissing
from frontend.counter.showing import day_page, mine_of, number_of, office_of, scene_of, url_of, uuid_of
from frontend.counter.views import Lists, Mine
from frontend.staff.offices import choose_office

_STEPS = ("recall", "start", "finish", "send-on", "no-show", "undo", "left", "admit")


async def offices(request: web.Request) -> web.Response:
    return await choose_office(request, "queue.call", "/counter/", words_of(request)._("Where do you work today?"))


async def show_day(request: web.Request) -> web.Response:
    return await day_page(request)


async def live(request: web.Request) -> web.StreamResponse:
    """Both parts of the page; the lists are rendered once for all who see the same, and the own part opens no name but its own."""
    words, staff = words_of(request), request[STAFF]
    office, _ = await office_of(request)

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
            return _fragment(request, "counter/lists", fresh.language, lists(await scene_of(request, fresh, shown)))

        shared = await request.app[FRAGMENTS].get(
            ("counter", office.id, fresh.language, sees, today), version, all_lists
        )
        account = request[STAFF].account_id
        scene = await scene_of(request, fresh, lambda day: shown_at(day, day.counter_of(account)))
        own = _fragment(request, "counter/mine", fresh.language, await mine_of(request, scene))
        return {"lists": shared, "mine": own.encode()}

    async def may_stay() -> bool:
        now = await watch_staff(request)
        return now is not None and now.grants == staff.grants

    return await stream(request, topic(office.id), events, may_stay)


async def take(request: web.Request) -> web.Response:
    fields = await form(request)
    counter = number_of(fields.get("counter", ""))
    office_id, account = path_number(request, "office"), request[STAFF].account_id
    return await _after(request, request.app[QUEUE].take_counter(office_id, account, counter))


async def leave(request: web.Request) -> web.Response:
    return await _after(request, request.app[QUEUE].leave_counter(request[STAFF].account_id))


async def free(request: web.Request) -> web.Response:
    fields = await form(request)
    return await _after(
        request, request.app[QUEUE].free_counter(path_number(request, "office"), number_of(fields.get("counter", "")))
    )


async def call_next(request: web.Request) -> web.Response:
    office_id = path_number(request, "office")
    return await _after(request, request.app[QUEUE].call_next(office_id, request[STAFF].account_id))


async def check_in(request: web.Request) -> web.Response:
    """By the button of a line, or by the number that was read out."""
    fields, office_id, queue = await form(request), path_number(request, "office"), request.app[QUEUE]
    try:
        if "appointment" in fields:
            ticket = await queue.check_in(office_id, uuid_of(fields["appointment"]))
        else:
            ticket = await queue.check_in_number(office_id, fields.get("number", ""))
    except DomainError as error:
        kept = {"number": saying.kept_number(fields.get("number", ""))}
        return _refused(
            request, error, **(kept if "appointment" not in fields else {"appointment": fields["appointment"]})
        )
    return see(f"{url_of(request)}?ticket={number_text(ticket.number)}")


async def walk_in(request: web.Request) -> web.Response:
    fields, office_id = await form(request), path_number(request, "office")
    key, service = key_of(fields), fields.get("service", "")
    try:
        if not service:
            raise ServiceMissing
        ticket = await request.app[QUEUE].add_walk_in(office_id, number_of(service), str(key))
    except DomainError as error:
        return _refused(request, error)
    return see(f"{url_of(request)}?ticket={number_text(ticket.number)}")


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
            return see(url_of(request))
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
    return see(url_of(request))


def _refused(request: web.Request, error: DomainError, **kept: str) -> web.Response:
    """Back to the day as it is now, with the reason first: loading that again does nothing again."""
    if not saying.may_be_said(error):
        raise error
    return see(f"{url_of(request)}?{saying.query_of(error, request.app[CLOCK](), **kept)}")


def _fragment(request: web.Request, template: str, language: str, part: Lists | Mine) -> str:
    return request.app[TEMPLATES].render(f"{template}.html", language, part=part)
