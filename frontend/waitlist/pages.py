"""The staff's page of the earlier-time list."""

from __future__ import annotations

from aiohttp import web

from base.errors import Forbidden
from base.web import SIGNED_IN, STAFF
from base.web.endpoint import page
from booking.catalogue.endpoints import CATALOGUE
from booking.catalogue.snapshot import Snapshot
from booking.waitlist.endpoints import WAITLIST
from booking.waitlist.model import Figures, Kept
from frontend.citizen.rendering import words_of
from frontend.citizen.words import Words
from frontend.staff.frame import staff_frame, staff_page
from frontend.waitlist.views import KeptLine, OfficeLine, WaitlistPage


async def show(request: web.Request) -> web.Response:
    """Of every office where the reader may see it."""
    words, staff = words_of(request), request[STAFF]
    known, waitlist = await request.app[CATALOGUE].snapshot(), request.app[WAITLIST]
    offices = [ident for ident in known.offices if staff.may("waitlist.read", ident)]
    if not offices:
        raise Forbidden
    view = WaitlistPage(
        frame=staff_frame(request, words, words._("Earlier times")),
        offices=tuple(_office(words, known, one) for one in await waitlist.figures(offices)),
        times=tuple(_kept(words, known, one) for one in await waitlist.kept(offices)),
    )
    return staff_page(request, "waitlist/figures", view)


def _office(words: Words, known: Snapshot, one: Figures) -> OfficeLine:
    return OfficeLine(
        name=words.pick(known.offices[one.office_id].name),
        waiting=one.waiting,
        kept=one.kept,
        accepted=one.accepted,
        declined=one.declined,
        lapsed=one.lapsed,
        returned=one.returned,
    )


def _kept(words: Words, known: Snapshot, one: Kept) -> KeptLine:
    office, service = known.offices[one.office_id], known.services.get(one.service_id)
    if one.back_at is not None:
        state = words._("Everybody's again: {when}", when=words.near(one.back_at, office.time_zone))
    elif one.offered_until is not None:
        state = words._("On offer until: {when}", when=words.near(one.offered_until, office.time_zone))
    else:
        state = words._("Is being offered")
    return KeptLine(
        when=words.when(one.starts_at, office.time_zone),
        office=words.pick(office.name),
        service=words.pick(service.name) if service else "",
        state=state,
    )


ENDPOINTS = [page("GET", "/{language}/waitlist/", show, SIGNED_IN, "The earlier-time list in figures", Forbidden)]
