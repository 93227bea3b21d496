"""A refusal to staff, in their own frame: a clerk does not look for a service, and calls no citizens' line."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from base.errors import DomainError
from base.i18n import LANGUAGES
from base.web import STAFF, language_of
from base.web.problems import Unexpected
from frontend.citizen import errors as citizen
from frontend.citizen.rendering import words_in
from frontend.staff.areas import AREAS
from frontend.staff.frame import staff_frame, staff_page
from frontend.staff.views import StaffFrame

_OURS = frozenset({"staff", *(area.path.strip("/") for area in AREAS)})


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffErrorPage:
    frame: StaffFrame
    text: str


def error_page(request: web.Request, error: DomainError) -> web.Response:
    """For `app[ERROR_PAGE]`: by who has signed in, and by the address where nobody was asked."""
    _empty, first, *rest = request.rel_url.raw_path.split("/")
    is_ours = first in LANGUAGES and bool(rest) and rest[0] in _OURS
    if STAFF not in request and not is_ours:
        return citizen.error_page(request, error)
    words = words_in(request, language_of(request))
    text = citizen.text_of(words, error)
    if isinstance(error, Unexpected):  # not the page of an appointment
        text = words._(
            "Something went wrong on our side. Look whether it was done before you repeat it. Number of the error: {incident}",
            incident=error.fields["incident"],
        )
    view = StaffErrorPage(frame=staff_frame(request, words, citizen.title_of(words, error.status)), text=text)
    return staff_page(request, "staff/error", view, status=error.status)
