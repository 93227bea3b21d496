"""Handlers for staff: close a counter or an office with people in it, and follow what becomes of each."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from urllib.parse import urlencode
from uuid import UUID

from aiohttp import web

from base.web import STAFF, form, path_id
from booking.appointments.contact import Contact
from booking.appointments.endpoints import APPOINTMENTS
from booking.catalogue.changes import TimesImpossible
from booking.catalogue.hours_endpoints import HOURS
from booking.catalogue.model import Office
from booking.rebooking.endpoints import REBOOKINGS
from booking.rebooking.model import Affected, IfSilent, Rebooking
from frontend.citizen.rendering import key_of, new_key, see, words_of
from frontend.citizen.views import Row, ShownError, Tick
from frontend.citizen.words import Words
from frontend.closing.reading import DEFAULTS, FIELDS, read
from frontend.closing.shared import contacts_of, office_of, url
from frontend.closing.views import (
    AffectedLine,
    CaseLine,
    ClosingLine,
    FormPage,
    Group,
    PreviewPage,
    TrackPage,
)
from frontend.closing.wording import badge, closing_rows, counts, reach, rule, status, stretch
from frontend.staff.frame import staff_frame, staff_page
from frontend.staff.offices import choose_office, offices_of
from frontend.staff.views import NavLink

_PERMISSION = "hours.change"


async def offices(request: web.Request) -> web.Response:
    return await choose_office(request, _PERMISSION, "/closings/", words_of(request)._("What is to be closed?"))


async def show_form(request: web.Request) -> web.Response:
    return await _form(request, {**DEFAULTS, **_typed(request.query)})


async def preview(request: web.Request) -> web.Response:
    words, office = words_of(request), await office_of(request)
    typed, counters = _typed(request.query), await _counters(request, office)
    plan = read(words, office.id, office.time_zone, counters, typed)
    if isinstance(plan, dict):
        return await _form(request, typed, plan)
    try:
        found = await request.app[REBOOKINGS].preview(plan)
    except TimesImpossible as refusal:
        return await _form(request, typed, {"ends_at": words._(refusal.message)})
    names = await contacts_of(request, office.id, [one.appointment_id for one in found.affected if one.appointment_id])
    place = counters[plan.counter_id] if plan.counter_id is not None else words._("The whole office")
    booked = [one for one in found.affected if one.is_booked and not one.is_here]
    view = PreviewPage(
        frame=staff_frame(request, words, words._("Close and look for new times?")),
        title=words.pick(office.name),
        rows=(
            Row(label=words._("What"), value=place),
            Row(label=words._("From"), value=words.when(plan.starts_at, office.time_zone)),
            Row(label=words._("Until"), value=words.when(plan.ends_at, office.time_zone)),
            Row(label=words._("Reason"), value=plan.reason),
            Row(label=words._("Who does not answer"), value=rule(words, plan.if_silent)),
        ),
        count=words.ngettext("{n} person has an appointment then", "{n} people have an appointment then", len(booked)),
        waiting=words.ngettext(
            "{n} person is at the office right now: the queue goes on.",
            "{n} people are at the office right now: the queue goes on.",
            found.waiting,
        )
        if found.waiting
        else "",
        affected=tuple(_affected(words, one, office, names) for one in found.affected),
        action=url(words, office.id),
        hidden=tuple(typed.items()),
        request_key=new_key(),
        change_url=f"{url(words, office.id)}?{urlencode(typed)}",
    )
    return staff_page(request, "closing/preview", view)


async def close(request: web.Request) -> web.Response:
    words, office, fields = words_of(request), await office_of(request), await form(request)
    key, typed = key_of(fields), _typed(fields)
    plan = read(words, office.id, office.time_zone, await _counters(request, office), typed)
    if isinstance(plan, dict):
        return await _form(request, typed, plan)
    try:
        ident = await request.app[REBOOKINGS].close(plan, request[STAFF].account_id, str(key))
    except TimesImpossible as refusal:
        return await _form(request, typed, {"ends_at": words._(refusal.message)})
    return see(f"{url(words, office.id)}/{ident}")


async def track(request: web.Request) -> web.Response:
    words, office = words_of(request), await office_of(request)
    tracked = await request.app[REBOOKINGS].track(office.id, path_id(request, "closing"))
    here = f"{url(words, office.id)}/{tracked.closing.id}"
    contacts = await contacts_of(request, office.id, [one.appointment_id for one in tracked.rebookings])
    untold = await request.app[APPOINTMENTS].untold(tracked.asked)
    lines = [(one, _line(words, one, office, contacts, here, untold)) for one in tracked.rebookings]
    to_call = {one.id for one in tracked.rebookings if one.status.needs_call or one.appointment_id in untold}
    groups = (
        Group(
            id="call",
            title=words._("To be called or written to"),
            lines=tuple(line for one, line in lines if one.id in to_call),
        ),
        Group(
            id="asked",
            title=words._("Asked by message"),
            lines=tuple(line for one, line in lines if one.status.is_open and one.id not in to_call),
        ),
        Group(
            id="settled", title=words._("Settled"), lines=tuple(line for one, line in lines if not one.status.is_open)
        ),
    )
    view = TrackPage(
        frame=staff_frame(request, words, stretch(words, tracked.closing, office.time_zone)),
        back=NavLink(label=words.pick(office.name), url=url(words, office.id), is_current=False),
        rows=closing_rows(words, tracked.closing, office.time_zone),
        groups=groups,
        refresh_url=here if tracked.closing.unsettled else "",
    )
    return staff_page(request, "closing/track", view)


def _affected(words: Words, one: Affected, office: Office, names: Mapping[UUID, Contact]) -> AffectedLine:
    contact = names.get(one.appointment_id) if one.appointment_id else None
    who = contact.name if contact and contact.name else one.number or words._("Somebody who is booking right now")
    if one.is_here:
        said = words._("Is here already: stays in the queue")
    elif not one.is_booked:
        said = words._("Not booked yet")
    else:
        said = reach(words, contact, has_email=one.has_email, has_mobile=one.has_mobile)
    return AffectedLine(
        who=who,
        when=words.near(one.starts_at, office.time_zone),
        service=words.pick(one.service),
        channel=words.channel(one.channel),
        counter=words.pick(one.counter),
        reach=said,
    )


def _line(
    words: Words,
    one: Rebooking,
    office: Office,
    contacts: Mapping[UUID, Contact],
    here: str,
    untold: Collection[UUID],
) -> CaseLine:
    contact, is_untold = contacts.get(one.appointment_id), one.appointment_id in untold
    return CaseLine(
        who=contact.name if contact and contact.name else one.number,
        url=f"{here}/{one.appointment_id}",
        was=words.near(one.starts_at, office.time_zone),
        service=words.pick(one.service),
        status=words._("The message did not arrive") if is_untold else status(words, one, office.time_zone),
        badge="warning" if is_untold else badge(one.status),
        reach=reach(words, contact, has_email=one.has_email, has_mobile=one.has_mobile),
    )


async def _form(
    request: web.Request, values: Mapping[str, str], wrong: Mapping[str, str] | None = None
) -> web.Response:
    words, office, messages = words_of(request), await office_of(request), wrong or {}
    errors = tuple(ShownError(field=name, message=text) for name, text in messages.items())
    chosen = values.get("counter", "")
    whole = Tick(value="", label=words._("The whole office"), is_chosen=not chosen)
    counters = (await _counters(request, office)).items()
    several = len(await offices_of(request, _PERMISSION)) > 1
    view = FormPage(
        frame=staff_frame(request, words, words._("Close: {office}", office=words.pick(office.name)), errors=errors),
        back=NavLink(label=words._("All offices"), url=url(words), is_current=False) if several else None,
        action=f"{url(words, office.id)}/preview",
        counters=(
            whole,
            *(Tick(value=str(ident), label=name, is_chosen=chosen == str(ident)) for ident, name in counters),
        ),
        if_silent=tuple(
            Tick(value=one.value, label=rule(words, one), is_chosen=values.get("if_silent") == one.value)
            for one in IfSilent
        ),
        closings=tuple(
            ClosingLine(
                title=stretch(words, one, office.time_zone),
                url=f"{url(words, office.id)}/{one.id}",
                reason=one.reason,
                counts=counts(words, one),
                is_settled=not one.unsettled,
            )
            for one in await request.app[REBOOKINGS].closings(office.id)
        ),
        values=values,
        messages=messages,
    )
    return staff_page(request, "closing/form", view, status=422 if messages else 200)


async def _counters(request: web.Request, office: Office) -> Mapping[int, str]:
    words = words_of(request)
    found = (await request.app[HOURS].hours(office.id)).counters
    return {ident: words.pick(name) or str(ident) for ident, name in found.items()}


def _typed(fields: Mapping[str, str]) -> dict[str, str]:
    return {name: fields[name][:400] for name in FIELDS if name in fields}
