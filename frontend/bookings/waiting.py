"""What the page of a case says of the earlier-time list, to staff who answer for somebody on the telephone."""

from __future__ import annotations

from aiohttp import web

from booking.appointments.model import AppointmentStatus, Case
from booking.waitlist.endpoints import WAITLIST
from frontend.bookings.views import WaitingPart
from frontend.citizen.waitlist_views import offered_rows
from frontend.citizen.words import Words


async def waiting_part(request: web.Request, words: Words, case: Case, here: str) -> WaitingPart | None:
    """`here`: the address of the case's page."""
    if case.status is not AppointmentStatus.CONFIRMED or case.is_erased:
        return None
    standing = await request.app[WAITLIST].standing(case.id)
    if standing.wish is None:
        return WaitingPart(text="", join_action=f"{here}/waitlist") if standing.may_join else None
    anywhere = words._("On the list, for any office.")
    return WaitingPart(
        text=words._("On the list, for chosen offices.") if standing.wish.offices else anywhere,
        leave_action=f"{here}/waitlist/leave",
        offered=await offered_rows(request, words, standing),
        answers=f"{here}/waitlist/offers/{standing.offer.id}" if standing.offer else "",
    )
