"""One person who is affected, on the telephone: what was offered, what is free, a time taken for them, or cancelled."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from datetime import datetime

from aiohttp import web

from base.errors import DomainError, NotFound
from base.i18n import mark as _
from base.web import STAFF, form
from booking.appointments.contact import Contact
from booking.availability.endpoints import AVAILABILITY
from booking.availability.model import Audience, Slot, Window
from booking.availability.offering import NotOffered
from booking.catalogue.endpoints import CATALOGUE
from booking.catalogue.model import Office
from booking.rebooking.endpoints import REBOOKINGS, entry_of
from booking.rebooking.model import Rebooking
from frontend.citizen.rendering import key_of, new_key, see, words_of
from frontend.citizen.views import OfferedTime, Row
from frontend.citizen.words import Words
from frontend.closing.shared import contacts_of, office_of, url
from frontend.closing.views import EntryPage
from frontend.closing.wording import badge, reach, status
from frontend.staff.frame import staff_frame, staff_page
from frontend.staff.typed import read_day
from frontend.staff.views import NavLink

_NEAR = 12
_AGAIN = _("Please choose one of the times.")


async def show_entry(request: web.Request) -> web.Response:
    return await _entry(request)


async def take(request: web.Request) -> web.Response:
    """From a time's button: "<office>@<start>"."""
    fields = await form(request)
    key_of(fields)
    place, _at, moment = fields.get("time", "").partition("@")
    try:
        office_id, starts_at = int(place), datetime.fromisoformat(moment)
    except ValueError:
        return await _entry(request, _AGAIN, 422)
    if starts_at.tzinfo is None or not 0 < office_id < 2**31:
        return await _entry(request, _AGAIN, 422)
    return await _done(request, request.app[REBOOKINGS].take(entry_of(request), office_id, starts_at))


async def cancel(request: web.Request) -> web.Response:
    key_of(await form(request))
    return await _done(request, request.app[REBOOKINGS].cancel_for(entry_of(request)))


async def _done(request: web.Request, work: Awaitable[object]) -> web.Response:
    """Back to the list; a refusal is said beside the person."""
    try:
        await work
    except DomainError as refusal:
        if isinstance(refusal, NotFound):
            raise
        return await _entry(request, refusal.message, 409 if isinstance(refusal, NotOffered) else refusal.status)
    entry = entry_of(request)
    return see(f"{url(words_of(request), entry.office_id)}/{entry.closing_id}")


async def _entry(request: web.Request, problem: str = "", code: int = 200) -> web.Response:
    words, office, entry = words_of(request), await office_of(request), entry_of(request)
    found, offered = await request.app[REBOOKINGS].entry(entry)
    contact = (await contacts_of(request, office.id, [entry.appointment_id])).get(entry.appointment_id)
    known = {one.id: one for one in await request.app[CATALOGUE].offices()}
    list_url = f"{url(words, office.id)}/{entry.closing_id}"
    here, day = f"{list_url}/{entry.appointment_id}", request.query.get("day", "")
    held = [
        Slot(one.office_id, one.starts_at, one.starts_at) for one in offered if one.is_held and found.status.is_open
    ]
    view = EntryPage(
        frame=staff_frame(request, words, contact.name if contact else found.number),
        back=NavLink(label=words._("All who are affected"), url=list_url, is_current=False),
        rows=_entry_rows(words, found, office, contact),
        status=status(words, found, office.time_zone),
        badge=badge(found.status),
        offered=tuple(_time(words, one, known) for one in held),
        near=tuple(_time(words, one, known) for one in _near(request, found, day)),
        day=day if read_day(day) else "",
        day_action=here if found.status.is_open else "",
        take_action=f"{here}/take",
        cancel_action=f"{here}/cancel",
        booking_url=f"/{words.language}/bookings/{office.id}/cases/{entry.appointment_id}"
        if request[STAFF].may("hold.staff", office.id)
        else "",
        request_key=new_key(),
        problem=words._(problem) if problem else "",
    )
    return staff_page(request, "closing/entry", view, status=code)


def _near(request: web.Request, found: Rebooking, day: str) -> Sequence[Slot]:
    """Times for the telephone: of a day, or else near the time that is closed."""
    if not found.status.is_open or found.times != 1:
        return ()
    availability, wanted = request.app[AVAILABILITY], read_day(day)
    if wanted is not None:
        window = Window(wanted, wanted)
        return availability.slots(found.service_id, found.channel, [found.sold_by], window, Audience.STAFF)
    return availability.nearest(
        found.service_id, found.channel, [found.sold_by], found.starts_at, _NEAR, audience=Audience.STAFF
    )


def _time(words: Words, one: Slot, known: Mapping[int, Office]) -> OfferedTime:
    office = known[one.office_id]
    return OfferedTime(
        value=f"{one.office_id}@{one.starts_at.isoformat()}",
        when=words.when(one.starts_at, office.time_zone),
        office=words.pick(office.name),
        address=words.address(office),
    )


def _entry_rows(words: Words, found: Rebooking, office: Office, contact: Contact | None) -> tuple[Row, ...]:
    return (
        Row(label=words._("Number"), value=found.number),
        Row(label=words._("Service"), value=words.pick(found.service), lines=(words.channel(found.channel),)),
        Row(label=words._("Time that is closed"), value=words.when(found.starts_at, office.time_zone)),
        Row(
            label=words._("How to reach them"),
            value=reach(words, contact, has_email=found.has_email, has_mobile=found.has_mobile),
        ),
    )
