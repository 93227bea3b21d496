"""Handlers of a change: what is typed, what it would do and whose appointments it meets, and then the deed."""

from __future__ import annotations

from aiohttp import web
from multidict import MultiMapping

from base.errors import DomainError, Malformed
from base.web import STAFF, form
from booking.catalogue.changes import Change, DayOver, Entry, HoursInTheWay, HoursMoved, Preview
from booking.catalogue.hours_changes import subject_of
from booking.catalogue.hours_endpoints import HOURS
from booking.catalogue.series_text import rule_of, write_series
from frontend.citizen.rendering import see
from frontend.citizen.views import ShownError, Tick
from frontend.hours.overview import Scene, office_response, scene_of
from frontend.hours.reading import FieldWrong, pairs, read_change
from frontend.hours.rules import here_of, rule_response, shares_response
from frontend.hours.views import PreviewPage, SeriesPage
from frontend.hours.wording import refusal
from frontend.staff.frame import staff_frame, staff_page


async def show_series(request: web.Request) -> web.Response:
    """Of one counter; those that are like it are chosen with it."""
    scene, series = await scene_of(request), {}
    for ident, rules in scene.hours.series.items():
        series[ident] = write_series([rule_of(rule) for rule in rules], scene.words.language)
    text = series.get(request.query.get("counter", ""))
    alike = [ident for ident, one in series.items() if one == text]
    return _series_response(request, scene, alike, text or "")


async def preview(request: web.Request) -> web.Response:
    """Or, from the button of a preview, what was typed once more."""
    fields = await form(request)
    if "edit" in fields:
        return await _form_again(request, await scene_of(request), fields)
    return await _change(request, is_to_save=False)


async def save(request: web.Request) -> web.Response:
    return await _change(request, is_to_save=True)


async def _change(request: web.Request, *, is_to_save: bool) -> web.Response:
    """Whatever stands in the way is shown on the form it came from, or as a preview that cannot be saved."""
    scene, fields = await scene_of(request), await form(request)
    hours, words = request.app[HOURS], scene.words
    has_moved = False
    try:
        change = read_change(fields, here_of(scene))
        if is_to_save:
            try:
                await hours.save(scene.office.id, change, request[STAFF].account_id, fields.get("seen"))
                return see(f"{scene.base}?saved=1")
            except (HoursInTheWay, HoursMoved) as error:  # not what the preview has shown: it is shown anew
                has_moved = isinstance(error, HoursMoved)
        found = await hours.preview(scene.office.id, change)
        return _preview_response(request, scene, fields, change, found, has_moved=has_moved)
    except FieldWrong as error:
        return await _form_again(request, scene, fields, (error.field, words._(error.sentence)))
    except Malformed:
        raise
    except DomainError as error:
        where = {"series": "series", "rule": "services", "shares": "public_percent"}.get(
            fields.get("kind", ""), "spans"
        )
        where = "day" if isinstance(error, DayOver) else where
        return await _form_again(request, scene, fields, (where, refusal(scene, error)))


async def _form_again(
    request: web.Request, scene: Scene, fields: MultiMapping[str], problem: tuple[str, str] | None = None
) -> web.Response:
    if fields.get("kind") == "series":
        return _series_response(request, scene, fields.getall("counters", []), fields.get("series", ""), problem)
    values = {name: value for name, value in pairs(fields) if name != "kind"}
    if fields.get("kind") == "shares":
        return shares_response(request, scene, fields.get("service", ""), values, problem)
    if fields.get("kind") == "rule":
        chosen, channels = fields.getall("services", []), fields.getall("channels", [])
        return rule_response(request, scene, chosen, values, channels, problem)
    return await office_response(request, scene, problem=problem, values=values)


def _series_response(
    request: web.Request, scene: Scene, chosen: list[str], text: str, problem: tuple[str, str] | None = None
) -> web.Response:
    errors = (ShownError(field=problem[0], message=problem[1]),) if problem else ()
    view = SeriesPage(
        frame=staff_frame(request, scene.words, scene.words._("Change the hours"), errors=errors),
        counters=tuple(
            Tick(value=str(ident), label=scene.name(ident), is_chosen=str(ident) in chosen)
            for ident in scene.hours.counters
        ),
        action=f"{scene.base}/preview",
        back_url=scene.base,
        values={"series": text},
        messages={error.field: error.message for error in errors},
    )
    return staff_page(request, "hours/series", view, status=422 if problem else 200)


def _preview_response(
    request: web.Request, scene: Scene, fields: MultiMapping[str], change: Change, found: Preview, *, has_moved: bool
) -> web.Response:
    words, staff = scene.words, request[STAFF]
    kind, subject = subject_of(change)
    entry = Entry(id=0, at=words.now, by=staff.name, kind=kind, subject=subject, before=found.before, after=found.after)
    language, zone = words.language, scene.office.time_zone
    view = PreviewPage(
        frame=staff_frame(request, words, words._("What would change")),
        sentence=scene.sentence(entry, request),
        is_change=found.before != found.after,
        has_moved=has_moved,
        closing_url=f"/{language}/closings/{scene.office.id}",
        affected=tuple(
            (
                words._(
                    "{when}, {counter}: {number}",
                    when=words.when(one.starts_at, zone),
                    counter=scene.name(one.counter_id),
                    number=one.number or words._("somebody is just booking"),
                ),
                f"/{language}/bookings/{scene.office.id}/cases/{one.appointment_id}" if one.appointment_id else "",
            )
            for one in found.affected
        ),
        hidden=(*pairs(fields), ("seen", found.seen)),
        save_action=f"{scene.base}/save",
        edit_action="" if "back" in fields or fields.get("kind") == "closure" else f"{scene.base}/preview",
        back_url=scene.base,
    )
    return staff_page(request, "hours/preview", view, status=409 if found.affected or has_moved else 200)
