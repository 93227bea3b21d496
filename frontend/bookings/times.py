"""Handlers for staff who look for a time: the free ones, those kept for staff, and, with a reason, those that are not free."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from uuid import UUID

from aiohttp import web
from multidict import MultiMapping

from base.errors import DomainError, Malformed, NotFound
from base.i18n import zone
from base.web import CLOCK, SETTINGS, STAFF, form
from booking.allocation.endpoints import NEED_SOURCE
from booking.appointments.endpoints import APPOINTMENTS
from booking.appointments.model import Case
from booking.availability.endpoints import AVAILABILITY, MOST_OTHERS
from booking.availability.model import ANYBODY, JUST_ONE, Audience, Item, Slot, Visit, Window
from booking.catalogue import responsibility
from booking.catalogue.model import Channel
from booking.catalogue.responsibility import Lines
from booking.charges.walk_in_endpoints import WALK_INS
from booking.holds.endpoints import HOLDS
from booking.holds.model import Hold, Override
from frontend.bookings.asked import Asked, asked_in
from frontend.bookings.places import Place, case_of_office, place_of
from frontend.bookings.views import DayOfTimes, TimesPage
from frontend.citizen.choosing import office_times, read_slot, slot_value, who_pairs
from frontend.citizen.rendering import key_of, new_key, see, words_of
from frontend.citizen.views import ShownError, Tick
from frontend.citizen.who import kinds_of
from frontend.citizen.words import Words
from frontend.staff.frame import staff_frame, staff_page
from frontend.staff.offices import choose_office
from frontend.staff.typed import read_moment
from frontend.staff.views import NavLink

DAYS_SHOWN = 7
_OTHERS = "others"  # the name of a button whose time is of another team


async def offices(request: web.Request) -> web.Response:
    return await choose_office(
        request, "hold.staff", "/bookings/", words_of(request)._("For which office do you book?")
    )


async def show(request: web.Request) -> web.Response:
    """Of what is given out by need there are none: the way leads to the form for a request."""
    place = await place_of(request)
    asked = await _asked(request, place, request.query)
    if asked.moving is None and asked.service_id in request.app[NEED_SOURCE].services:
        return see(f"{place.base}/need/{asked.service_id}")
    return await times_response(request, place, asked)


async def take(request: web.Request) -> web.Response:
    """From a time's button: to the contact form, or a case moves there at once."""
    place, fields = await place_of(request), await form(request)
    key, asked = key_of(fields), await _asked(request, place, fields)
    slot = read_slot(fields.get("slot", fields.get(_OTHERS, "")))
    if slot is None or asked.service_id is None:
        raise Malformed
    holds, visit = request.app[HOLDS], asked.visit if _OTHERS in fields else _theirs(asked)
    try:
        hold = await holds.hold(
            asked.service_id, asked.channel, place.office.id, slot[1], f"staff:{key}", Audience.STAFF, visit
        )
        if asked.moving is None:
            return see(f"{place.base}/holds/{hold.id}")
        return await _move(request, place, asked.moving, hold)
    except DomainError as error:
        return await times_response(
            request, place, asked, problem=("times", words_of(request)._(error.message, **error.fields))
        )


async def _move(request: web.Request, place: Place, case: Case, hold: Hold) -> web.Response:
    """What stays where it is keeps no second time, unless that waits until the person has paid a difference."""
    back = f"{request.app[SETTINGS].public_url}/{case.language}/appointments/{case.id}/moved/{hold.id}"
    try:
        await request.app[APPOINTMENTS].move(case.id, hold.id, back, by=request[STAFF].account_id)
    except DomainError:
        await request.app[HOLDS].release(hold.id)
        raise
    return see(f"{place.base}/cases/{case.id}")


async def override(request: web.Request) -> web.Response:
    """With a reason, which stands in the history with whoever gave it."""
    place, fields = await place_of(request), await form(request)
    key, asked = key_of(fields), await _asked(request, place, fields)
    if asked.service_id is None:
        raise Malformed
    starts_at, counter = read_moment(fields.get("starts_at", ""), place.office.time_zone), fields.get("counter", "")
    reason = fields.get("reason", "").strip()[:500]
    words, kept = words_of(request), {name: fields.get(name, "") for name in ("starts_at", "counter", "reason")}
    if wrong := _no_moment(words, starts_at):
        return await times_response(request, place, asked, problem=("starts_at", wrong), kept=kept)
    assert starts_at is not None
    if not reason:
        problem = ("reason", words._("Say why: it is kept with your name."))
        return await times_response(request, place, asked, problem=problem, kept=kept)
    if counter not in {one.value for one in _counters(words, place, asked)}:
        raise Malformed
    wanted = Override(
        service_id=asked.service_id,
        channel=asked.channel,
        office_id=place.office.id,
        counter_id=int(counter),
        starts_at=starts_at,
        reason=reason,
        by=request[STAFF].account_id,
    )
    try:
        hold = await request.app[HOLDS].override(wanted, str(key))
    except DomainError as error:
        return await times_response(
            request, place, asked, problem=("starts_at", words._(error.message, **error.fields)), kept=kept
        )
    return see(f"{place.base}/holds/{hold.id}")


def _no_moment(words: Words, starts_at: datetime | None) -> str:
    """What is wrong with it, before anybody is asked for the time."""
    if starts_at is None:
        return words._("Enter day and time.")
    if starts_at <= words.now:
        return words._("This time is over already.")
    return words._("Appointments begin in steps of five minutes.") if starts_at.minute % 5 else ""


async def _asked(request: web.Request, place: Place, fields: MultiMapping[str]) -> Asked:
    """What was chosen so far; with a case to be moved, its service and channel stand."""
    today = request.app[CLOCK]().astimezone(zone(place.office.time_zone)).date()
    asked, moving = asked_in(fields, place.services(), place.most(), today), fields.get("moves", "")
    if not moving:
        return asked
    try:
        case = await case_of_office(request, UUID(moving))
    except ValueError:
        raise NotFound from None
    who = case.who if asked.who == ANYBODY else asked.who
    return Asked(case.service_id, Channel(case.channel), asked.day, case, who=who)


async def _refunds(request: web.Request, words: Words, place: Place) -> tuple[NavLink, ...]:
    """Of people whom nobody can write to: it has to be seen that they wait."""
    if not request[STAFF].may("transfer.enter", place.office.id):
        return ()
    waiting = len(await request.app[WALK_INS].waiting(place.office.id))
    label = words._("Refunds without an account")
    url = f"{place.base}/refunds"
    return (NavLink(label=f"{label} ({waiting})" if waiting else label, url=url, is_current=False),)


def _theirs(asked: Asked) -> Visit:
    """At the counters that are responsible, where it is said for whom."""
    return replace(asked.visit, who=asked.who)


async def times_response(
    request: web.Request,
    place: Place,
    asked: Asked,
    *,
    problem: tuple[str, str] | None = None,
    kept: Mapping[str, str] | None = None,
) -> web.Response:
    """`problem`: the id of the input and what is wrong, said with everything kept."""
    words, may_override = words_of(request), request[STAFF].may("hold.override", place.office.id)
    errors = (ShownError(field=problem[0], message=problem[1]),) if problem else ()
    today = words.now.astimezone(zone(place.office.time_zone)).date()
    name, asks = words.pick(place.office.name), _asks(place, asked)
    view = TimesPage(
        frame=staff_frame(request, words, words._("Bookings: {office}", office=name), errors=errors),
        office=name,
        action=place.base,
        find_action=f"{place.base}/cases",
        duplicates_url=f"{place.base}/duplicates",
        refunds=await _refunds(request, words, place),
        services=_services(words, place, asked),
        channels=tuple(
            Tick(value=one.value, label=words.channel(one), is_chosen=one is asked.channel) for one in Channel
        ),
        numbers=_numbers(place, asked),
        also=_also(words, place, asked),
        less=_less(words, place, asked) if asked.is_less else "",
        nothing=_nothing(words, place, asked),
        values={"day": asked.day.isoformat(), **dict(who_pairs(asked.who)), **(kept or {})},
        hidden=asked.pairs(),
        request_key=new_key(),
        hold_action=f"{place.base}/holds",
        moving=asked.moving.number if asked.moving else "",
        days=_days(words, place, every := _free(request, place, asked, asked.visit)),
        others=_of_others(request, place, asked, every),
        is_asked=asked.service_id is not None,
        asks=asks,
        kinds=await kinds_of(request, asked.services, asked.who.kind),
        whose=_whose(words, asked) if asks else "",
        earlier_url=_week(place, asked, max(asked.day - timedelta(days=DAYS_SHOWN), today))
        if asked.service_id and asked.day > today
        else "",
        later_url=_week(place, asked, asked.day + timedelta(days=DAYS_SHOWN)) if asked.service_id else "",
        override_action=f"{place.base}/overrides"
        if may_override and asked.service_id and asked.visit == JUST_ONE and not asked.moving
        else "",
        counters=_counters(words, place, asked),
        messages={error.field: error.message for error in errors},
    )
    return staff_page(request, "bookings/times", view, status=422 if problem else 200)


def _asks(place: Place, asked: Asked) -> tuple[str, ...]:
    """What decides who is responsible."""
    rows = [row for ident in asked.services for row in place.known.responsibility.get(ident, ())]
    return responsibility.asked(Lines(one.first, one.last, frozenset(one.postcodes), one.kind) for one in rows)


def _whose(words: Words, asked: Asked) -> str:
    if asked.who == ANYBODY:
        return words._("Say above for whom it is: then you see at which times the team that is responsible is free.")
    return words._("Times with a note are of another team: take them only where it helps out.")


def _of_others(request: web.Request, place: Place, asked: Asked, every: Sequence[Slot]) -> frozenset[str]:
    """When only counters are free that are not responsible."""
    if asked.who == ANYBODY:
        return frozenset()
    theirs = _free(request, place, asked, _theirs(asked))
    return frozenset(map(slot_value, every)) - frozenset(map(slot_value, theirs))


def _free(request: web.Request, place: Place, asked: Asked, visit: Visit) -> Sequence[Slot]:
    if asked.service_id is None or asked.channel not in place.services().get(asked.service_id, ()):
        return ()
    window = Window(asked.day, asked.day + timedelta(days=DAYS_SHOWN - 1))
    return request.app[AVAILABILITY].slots(
        asked.service_id, asked.channel, [place.office.id], window, Audience.STAFF, visit
    )


def _days(words: Words, place: Place, slots: Sequence[Slot]) -> tuple[DayOfTimes, ...]:
    local, by_day = zone(place.office.time_zone), dict[date, list[Slot]]()
    for slot in slots:
        by_day.setdefault(slot.starts_at.astimezone(local).date(), []).append(slot)
    return tuple(
        DayOfTimes(name=words.day(day), parts=office_times(words, of_day, {place.office.id: place.office})[0].parts)
        for day, of_day in by_day.items()
    )


def _services(words: Words, place: Place, asked: Asked) -> tuple[Tick, ...]:
    return tuple(
        Tick(value=str(ident), label=name, is_chosen=ident == asked.service_id)
        for ident, name in place.names(words).items()
    )


def _numbers(place: Place, asked: Asked) -> tuple[Tick, ...]:
    """As many as any service of the office allows in one visit; none where that is one."""
    most = max(place.most().values(), default=1)
    return tuple(
        Tick(value=str(n), label=str(n), is_chosen=n == asked.quantity) for n in range(1, most + 1) if most > 1
    )


def _also(words: Words, place: Place, asked: Asked) -> tuple[tuple[Tick, ...], ...]:
    """A list for each other service of the visit, and one for the next, as long as another fits in."""
    if asked.service_id is None or asked.moving:
        return ()
    chosen: list[Item | None] = [*asked.also, None][:MOST_OTHERS]
    names = place.names(words)
    return tuple(
        tuple(
            Tick(value=str(one), label=one.named(name), is_chosen=one == item)
            for ident, name in names.items()
            for one in (item if item is not None and item.service_id == ident else Item(ident),)
        )
        for item in chosen
    )


def _less(words: Words, place: Place, asked: Asked) -> str:
    names, most = place.known.services, place.most()
    fits = [words._("{service}: {n}", service=words.pick(names[ident].name), n=most[ident]) for ident in asked.services]
    return words._("More of it do not fit into one visit. At most: {services}.", services="; ".join(fits))


def _nothing(words: Words, place: Place, asked: Asked) -> str:
    """Why there are no times at all: what is not offered here in this way."""
    missing = [one for one in asked.services if asked.channel not in place.services().get(one, ())]
    if not missing:
        return words._("No free times in these seven days.")
    names = ", ".join(words.pick(place.known.services[one].name) for one in missing)
    return words._(
        "{services}: not offered here like this ({channel}).", services=names, channel=words.channel(asked.channel)
    )


def _counters(words: Words, place: Place, asked: Asked) -> tuple[Tick, ...]:
    if asked.service_id is None:
        return ()
    counters = place.known.places(asked.service_id, asked.channel).get(place.office.id, ())
    return tuple(Tick(value=str(one.id), label=words.pick(one.name) or one.key, is_chosen=False) for one in counters)


def _week(place: Place, asked: Asked, day: date) -> str:
    return f"{place.base}?{asked.query(day)}#times"
