"""Starting again near by: the wanted time is taken, or the reservation has run out. What was typed goes along."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from aiohttp import web

from booking.availability.endpoints import AVAILABILITY
from booking.availability.model import Slot
from booking.catalogue.model import Channel
from frontend.citizen.choosing import Wanted, Why, gone_page
from frontend.citizen.contact_form import ContactForm
from frontend.citizen.rendering import Time, details, new_key, page, words_of
from frontend.citizen.who import matter_of

_NEAREST = 3


async def again(
    request: web.Request,
    wanted: Wanted,
    office_id: int,
    starts_at: datetime,
    typed: ContactForm | None,
    why: Why,
    path: str = "",
) -> web.Response:
    """The three times nearest to the one that is gone, at the wanted offices first."""
    detail, *others = await details(request, wanted)
    offices = wanted.office_ids or [office.id for office in detail.offices.get(wanted.channel, ())]
    found = request.app[AVAILABILITY].nearest(
        wanted.service_id, wanted.channel, offices, starts_at, _NEAREST + 1, visit=wanted.visit
    )
    gone = Slot(office_id, starts_at, starts_at)
    nearest = [slot for slot in found if why is Why.RUN_OUT or not _same(slot, gone)][:_NEAREST]
    kept = typed.kept if typed else ()
    view = gone_page(
        words_of(request),
        detail,
        wanted,
        nearest,
        new_key(),
        why=why,
        gone=gone,
        kept=kept,
        path=path,
        others=others,
        matter=await matter_of(request, wanted),
    )
    return page(request, "times", view, status=409)


async def run_out(
    request: web.Request,
    kept: Time,
    typed: ContactForm | None = None,
    path: str = "",
    instead: UUID | None = None,
    moves: UUID | None = None,
) -> web.Response:
    """`path`: of this page without its language, where it can be asked for again; else the language switch sends the form once more."""
    wanted = Wanted(kept.service_id, Channel(kept.channel), (kept.office_id,), instead, moves, kept.visit)
    return await again(request, wanted, kept.office_id, kept.starts_at, typed, Why.RUN_OUT, path)


def _same(slot: Slot, gone: Slot) -> bool:
    """Memory may learn a little later than the database that it is taken."""
    return (slot.office_id, slot.starts_at) == (gone.office_id, gone.starts_at)
