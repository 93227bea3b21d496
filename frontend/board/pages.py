"""The board in the waiting room: numbers and counters, for everybody (docs/adr/0012). Calls appear at once."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from base.errors import NotFound
from base.i18n import zone
from base.web import ANYONE, TEMPLATES, Endpoint, path_number
from base.web.live import Events, stream
from booking.catalogue.endpoints import CATALOGUE
from booking.catalogue.model import Office
from booking.queue.feed import topic
from booking.queue.model import Call
from frontend.citizen.rendering import words_in, words_of
from frontend.citizen.words import Words
from frontend.counter.day import number_text
from frontend.counter.keys import FRAGMENTS, QUEUE, QUEUE_SOURCE


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    number: str
    counter: str
    is_new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    lines: tuple[Line, ...]
    spoken: str  # the newest call as a sentence, for the live region
    call_id: str  # changes with every call and recall


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardPage:
    language: str
    title: str
    city: str
    live_url: str
    calls: Calls


async def show_board(request: web.Request) -> web.Response:
    words, office = words_of(request), await _office(request)
    view = BoardPage(
        language=words.language,
        title=words.pick(office.name),
        city=words.pick(words.city.name) if words.city else "",
        live_url=f"/{words.language}/board/{office.id}/live",
        calls=_calls(words, await request.app[QUEUE].board(office.id)),
    )
    text = request.app[TEMPLATES].render("board/board.html", words.language, page=view)
    return web.Response(text=text, content_type="text/html", headers={"Cache-Control": "no-store"})


async def live(request: web.Request) -> web.StreamResponse:
    words, office = words_of(request), await _office(request)

    async def events() -> Events:
        fresh = words_in(request, words.language)
        version = request.app[QUEUE_SOURCE].versions.get(office.id, 0)
        today = fresh.now.astimezone(
            zone(office.time_zone)
        ).date()  # its calls are over at midnight, and nothing has changed

        async def render() -> str:
            part = _calls(fresh, await request.app[QUEUE].board(office.id))
            return request.app[TEMPLATES].render("board/calls.html", words.language, part=part)

        key = ("board", office.id, words.language, today)
        return {"calls": await request.app[FRAGMENTS].get(key, version, render)}

    async def may_stay() -> bool:
        return True

    return await stream(request, topic(office.id), events, may_stay)


def _calls(words: Words, calls: list[Call]) -> Calls:
    lines = tuple(
        Line(number=number_text(call.number), counter=words.pick(call.counter), is_new=call.is_new) for call in calls
    )
    newest = next((n for n, call in enumerate(calls) if call.is_new), None)
    if newest is None:
        return Calls(lines=lines, spoken="", call_id="")
    line = lines[newest]
    spoken = words._("Number {number}: please go to {counter}", number=line.number, counter=line.counter)
    return Calls(lines=lines, spoken=spoken, call_id=f"{line.number}-{calls[newest].calls}")


async def _office(request: web.Request) -> Office:
    office = (await request.app[CATALOGUE].snapshot()).offices.get(path_number(request, "office"))
    if office is None:
        raise NotFound
    return office


_BOARD = "/{language}/board/{office}"
ENDPOINTS = [
    Endpoint(
        method="GET",
        path=_BOARD,
        handler=show_board,
        who=ANYONE,
        summary="Who is called where: numbers only",
        refuses=(NotFound,),
        media="text/html",
        page=True,
    ),
    Endpoint(
        method="GET",
        path=f"{_BOARD}/live",
        handler=live,
        who=ANYONE,
        summary="The same as events",
        refuses=(NotFound,),
        media="text/event-stream",
        page=True,
    ),
]
