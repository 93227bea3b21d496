"""What one person has booked more than once, for staff to clear up: numbers and times; who it is stands on the case's page."""

from __future__ import annotations

from aiohttp import web

from booking.appointments.endpoints import APPOINTMENTS
from booking.appointments.model import Brief
from frontend.bookings.places import Place, place_of
from frontend.bookings.views import Duplicate, DuplicatesPage, TwinLine
from frontend.citizen.rendering import words_of
from frontend.citizen.words import Words
from frontend.staff.frame import staff_frame, staff_page


async def show(request: web.Request) -> web.Response:
    place, words = await place_of(request), words_of(request)
    groups = await request.app[APPOINTMENTS].duplicates(place.office.id)
    view = DuplicatesPage(
        frame=staff_frame(request, words, words._("Booked more than once")),
        office=words.pick(place.office.name),
        book_url=place.base,
        duplicates=tuple(
            Duplicate(service=words.pick(group[0].service), lines=tuple(_line(words, place, one) for one in group))
            for group in groups
        ),
    )
    return staff_page(request, "bookings/duplicates", view)


def _line(words: Words, place: Place, one: Brief) -> TwinLine:
    """A case of another office is told apart by its office: who works here cannot open it."""
    is_ours = one.office == place.office.name
    return TwinLine(
        number=one.number,
        when=words.when(one.starts_at, one.time_zone),
        office=words.pick(one.office),
        url=f"{place.base}/cases/{one.id}" if is_ours else "",
    )
