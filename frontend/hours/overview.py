"""Handlers of the overview: all that holds at an office, and what was changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from aiohttp import web

from base.errors import NotFound
from base.i18n import Text, pick
from base.web import TRANSLATIONS, path_number
from booking.catalogue.changes import Data, Entry, OfficeHours
from booking.catalogue.endpoints import CATALOGUE
from booking.catalogue.history_words import HistoryWords
from booking.catalogue.hours_endpoints import HOURS
from booking.catalogue.model import Office
from booking.catalogue.series_text import rule_of, write_series
from booking.catalogue.snapshot import Snapshot
from frontend.citizen.rendering import words_of
from frontend.citizen.views import Row, ShownError, Tick
from frontend.citizen.words import Words
from frontend.hours.views import CountersAlike, OfficePage, Single
from frontend.staff.frame import staff_frame, staff_page
from frontend.staff.offices import choose_office

_ENTRIES = 20


@dataclass(frozen=True, slots=True)
class Scene:
    words: Words
    office: Office
    known: Snapshot
    hours: OfficeHours

    @property
    def base(self) -> str:
        return f"/{self.words.language}/hours/{self.office.id}"

    def name(self, counter_id: int) -> str:
        return pick(self.hours.counters.get(counter_id), self.words.language) or f"#{counter_id}"

    def place(self, counter_id: int | None) -> str:
        return self.words._("The whole office") if counter_id is None else self.name(counter_id)

    def sentence(self, entry: Entry, request: web.Request) -> str:
        return self._history(request).sentence(entry)

    def terms(self, entry: Entry, request: web.Request) -> str:
        return self._history(request).terms(entry)

    def _history(self, request: web.Request) -> HistoryWords:
        names: Mapping[int, Text] = {
            ident: service.name for ident, service in {**self.known.withdrawn_services, **self.known.services}.items()
        }
        zone, counters = self.office.time_zone, self.hours.counters
        return HistoryWords(request.app[TRANSLATIONS], self.words.language, zone, counters, names)


async def scene_of(request: web.Request) -> Scene:
    known = await request.app[CATALOGUE].snapshot()
    office = known.offices.get(path_number(request, "office"))
    if office is None:
        raise NotFound
    return Scene(words_of(request), office, known, await request.app[HOURS].hours(office.id))


async def offices(request: web.Request) -> web.Response:
    return await choose_office(request, "hours.change", "/hours/", words_of(request)._("Whose hours?"))


async def show(request: web.Request) -> web.Response:
    return await office_response(request, await scene_of(request))


async def office_response(
    request: web.Request,
    scene: Scene,
    *,
    problem: tuple[str, str] | None = None,
    values: Mapping[str, str] | None = None,
) -> web.Response:
    """`problem`: the id of the field and what is wrong with it."""
    words, below = scene.words, request.query.get("below", "")
    entries = await request.app[HOURS].history(
        scene.office.id, int(below) if below.isascii() and below.isdigit() and len(below) < 19 else None, _ENTRIES
    )
    errors = (ShownError(field=problem[0], message=problem[1]),) if problem else ()
    title = words._("Hours: {office}", office=words.pick(scene.office.name))
    view = OfficePage(
        frame=staff_frame(request, words, title, errors=errors),
        counters=_alike(scene),
        days=tuple(_day(scene, one) for one in scene.hours.exceptions),
        closures=tuple(_closure(scene, one) for one in scene.hours.closures),
        places=tuple(
            Tick(value="" if ident is None else str(ident), label=scene.place(ident), is_chosen=False)
            for ident in (None, *scene.hours.counters)
        ),
        history=tuple(
            Row(label=f"{words.when(one.at, scene.office.time_zone)} · {one.by}", value=scene.sentence(one, request))
            for one in entries
        ),
        older_url=f"{scene.base}?below={entries[-1].id}#history" if len(entries) == _ENTRIES else "",
        is_saved=not errors and "saved" in request.query,
        preview_action=f"{scene.base}/preview",
        rules_url=f"{scene.base}/rules",
        values=values or {},
        messages={error.field: error.message for error in errors},
    )
    return staff_page(request, "hours/office", view, status=422 if problem else 200)


def _alike(scene: Scene) -> tuple[CountersAlike, ...]:
    """Counters with the same series stand together."""
    groups: dict[str, list[int]] = {}
    for ident, rules in scene.hours.series.items():
        text = write_series([rule_of(rule) for rule in rules], scene.words.language)
        groups.setdefault(text, []).append(int(ident))
    return tuple(
        CountersAlike(
            names=", ".join(scene.name(ident) for ident in ids),
            lines=tuple(text.splitlines()),
            url=f"{scene.base}/series?counter={ids[0]}",
        )
        for text, ids in groups.items()
    )


def _day(scene: Scene, one: Data) -> Single:
    words, day = scene.words, date.fromisoformat(one["day"])
    times = ", ".join(f"{opens}–{closes}" for opens, closes in one["spans"]) or words._("closed")
    line = f"{words.day(day)} · {scene.place(one['counter'])} · {times} · {one['reason']}"
    return Single(line=line, hidden=(("kind", "exception"), ("day", one["day"]), *_counter(one), ("back", "1")))


def _closure(scene: Scene, one: Data) -> Single:
    words, zone = scene.words, scene.office.time_zone
    ends = [words.when(datetime.fromisoformat(one[end]), zone) for end in ("starts_at", "ends_at")]
    line = f"{ends[0]} – {ends[1]} · {scene.place(one['counter'])} · {one['reason']}"
    span = tuple((end, one[end]) for end in ("starts_at", "ends_at"))
    return Single(line=line, hidden=(("kind", "closure"), *_counter(one), *span))


def _counter(one: Data) -> tuple[tuple[str, str], ...]:
    return (("counter", str(one["counter"])),) if one["counter"] is not None else ()
