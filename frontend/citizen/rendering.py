"""What all page handlers share: the reader's words, the finished page, the key of a form."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol
from uuid import UUID, uuid4

from aiohttp import web

from base.errors import Malformed, NotFound
from base.i18n import LANGUAGES, Text
from base.money import Money
from base.web import CLOCK, TEMPLATES, TRANSLATIONS
from booking.appointments.model import Case
from booking.availability.model import Visit
from booking.catalogue.endpoints import CATALOGUE
from booking.catalogue.model import Channel, ServiceDetail
from frontend.citizen.choosing import Wanted
from frontend.citizen.holding import Chosen
from frontend.citizen.views import Frame
from frontend.citizen.words import Words

# Holds and cases are their owner's: not even the browser's cache keeps them. The others are asked for anew each time.
PRIVATE, SHARED = "private, no-store", "no-cache"


class Page(Protocol):
    @property
    def frame(self) -> Frame: ...


class Time(Protocol):
    """A hold or a case: what has been chosen, by ids."""

    @property
    def service_id(self) -> int: ...
    @property
    def office_id(self) -> int: ...
    @property
    def channel(self) -> str: ...
    @property
    def starts_at(self) -> datetime: ...
    @property
    def ends_at(self) -> datetime: ...
    @property
    def fee(self) -> Money: ...
    @property
    def legal_basis(self) -> Text: ...
    @property
    def bases(self) -> tuple[Text, ...]: ...
    @property
    def visit(self) -> Visit: ...


def words_of(request: web.Request) -> Words:
    """Raises NotFound for a language that we do not speak: the first part of the path is then no language at all."""
    language = request.match_info["language"]
    if language not in LANGUAGES:
        raise NotFound
    return words_in(request, language)


def words_in(request: web.Request, language: str) -> Words:
    known = request.app[CATALOGUE].known
    here = request.rel_url.raw_path_qs if request.method == "GET" else ""
    return Words(request.app[TRANSLATIONS], language, request.app[CLOCK](), known.city if known else None, here)


def page(request: web.Request, template: str, view: Page, *, status: int = 200, cache: str = PRIVATE) -> web.Response:
    return web.Response(
        text=rendered(request, template, view),
        status=status,
        content_type="text/html",
        headers={"Cache-Control": cache},
    )


def rendered(request: web.Request, template: str, view: Page) -> str:
    return request.app[TEMPLATES].render(f"citizen/{template}.html", view.frame.language, page=view)


def see(url: str) -> web.Response:
    """303: after a POST the browser's reload and back button repeat nothing."""
    return web.Response(status=303, headers={"Location": url, "Cache-Control": PRIVATE})


def new_key() -> str:
    return str(uuid4())


def key_of(fields: Mapping[str, str]) -> UUID:
    """The hidden key, made when the form was shown. Raises Malformed: no page of ours leaves it out."""
    try:
        return UUID(fields.get("request_key", ""))
    except ValueError:
        raise Malformed from None


async def chosen(request: web.Request, time: Time) -> Chosen:
    """With the catalogue's texts; the fee and its legal basis are those of the hold, whatever the catalogue says today."""
    catalogue = request.app[CATALOGUE]
    service, office = await catalogue.booked(time.service_id, time.office_id)
    others = [(await catalogue.booked(item.service_id, time.office_id))[0] for item in time.visit.also]
    return Chosen(
        service=service,
        office=office,
        channel=Channel(time.channel),
        starts_at=time.starts_at,
        ends_at=time.ends_at,
        fee=time.fee,
        legal_basis=time.legal_basis,
        bases=time.bases,
        visit=time.visit,
        others=tuple(others),
        reductions=time.reductions if isinstance(time, Case) else (),
    )


async def details(request: web.Request, wanted: Wanted) -> list[ServiceDetail]:
    """Of all services of the visit. Raises NotFound."""
    return [await request.app[CATALOGUE].service(item.service_id) for item in wanted.items]
