"""Where a member of staff works: the one office at once, several as a list."""

from __future__ import annotations

from aiohttp import web

from base.web import STAFF
from booking.catalogue.endpoints import CATALOGUE
from booking.catalogue.model import Office
from frontend.citizen.rendering import see, words_of
from frontend.staff.frame import staff_frame, staff_page
from frontend.staff.views import NavLink, OfficesPage


async def offices_of(request: web.Request, permission: str) -> list[Office]:
    """Those at which the reader has this permission."""
    known = await request.app[CATALOGUE].snapshot()
    return [office for office in known.offices.values() if request[STAFF].may(permission, office.id)]


async def choose_office(request: web.Request, permission: str, path: str, title: str) -> web.Response:
    """`path`: of the area, such as "/counter/"; `title` in the reader's language."""
    words, found = words_of(request), await offices_of(request, permission)
    links = tuple(
        NavLink(label=words.pick(one.name), url=f"/{words.language}{path}{one.id}", is_current=False) for one in found
    )
    if len(links) == 1:
        return see(links[0].url)
    return staff_page(request, "staff/offices", OfficesPage(frame=staff_frame(request, words, title), offices=links))
