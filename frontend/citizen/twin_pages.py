"""Somebody has booked this service already: keep that, move it, or book anyway where the service allows it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from aiohttp import web

from base.web import set_token_cookie, token_cookies
from booking.appointments.endpoints import APPOINTMENTS
from booking.appointments.twins import AnotherBooked, LimitReached
from booking.holds.model import Hold
from frontend.citizen.contact_form import ContactForm
from frontend.citizen.frame import frame
from frontend.citizen.overview_pages import HERE
from frontend.citizen.rendering import new_key, page, words_of
from frontend.citizen.views import Frame
from frontend.citizen.words import Words


@dataclass(frozen=True, slots=True, kw_only=True)
class TwinPage:
    frame: Frame
    text: str
    keep_action: str
    own_url: str  # the page of that appointment, for whoever has shown its link here; else empty
    ask_url: str  # where its link is sent anew
    anyway_action: str  # empty: not allowed
    hidden: tuple[tuple[str, str], ...]
    request_key: str


async def twin_found(
    request: web.Request, hold: Hold, typed: ContactForm, refusal: AnotherBooked, instead: UUID | None
) -> web.Response:
    words = words_of(request)
    hidden = (*typed.kept, *((("instead", str(instead)),) if instead else ()))
    is_limit = isinstance(refusal, LimitReached)
    view = twin_page(words, hold.id, words._(refusal.message), await _own(request, refusal), hidden, is_limit=is_limit)
    response = page(request, "twin", view, status=refusal.status)
    if hold.appointment_id is None:
        set_token_cookie(request, response, "hold", hold.id, hold.token)
    return response


def twin_page(
    words: Words, hold_id: UUID, text: str, own: UUID | None, hidden: tuple[tuple[str, str], ...], *, is_limit: bool
) -> TwinPage:
    path, key = f"/holds/{hold_id}", new_key()
    here = f"/{words.language}{path}"
    return TwinPage(
        frame=frame(words, words._("You have an appointment already"), path, back_url=here, resend=hidden, key=key),
        text=text,
        keep_action=f"{here}/keep-the-other",
        own_url=f"/{words.language}/appointments/{own}" if own else "",
        ask_url=f"/{words.language}{HERE}",
        anyway_action="" if is_limit else here,
        hidden=(*hidden, ("anyway", "1")),
        request_key=key,
    )


async def _own(request: web.Request, refusal: AnotherBooked) -> UUID | None:
    """Name and contact are no proof: only whoever has come by its link before is led to it."""
    for ident, token in token_cookies(request, "case").items():
        if ident in refusal.twins and await request.app[APPOINTMENTS].authorise(ident, token):
            return ident
    return None
