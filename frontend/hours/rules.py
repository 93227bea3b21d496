"""Handlers of what an office does differently with a service: how long, how soon, for whom, and when it is released."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from base.errors import NotFound
from base.i18n import pick
from booking.catalogue.changes import Data, Entry
from booking.catalogue.model import Channel
from booking.catalogue.words import by_name, fold
from frontend.allocation.marking import marking_url
from frontend.citizen.rendering import words_of
from frontend.citizen.views import ShownError, Tick
from frontend.hours.overview import Scene, scene_of
from frontend.hours.reading import NUMBERS, SHARES, Here
from frontend.hours.views import RuleLine, RulePage, RulesPage, SharesPage
from frontend.staff.frame import staff_frame, staff_page


def offered(scene: Scene) -> dict[int, str]:
    """The services that counters of the office have, or that it shares, by name; also what its rule lets nobody book."""
    known, here = scene.known, scene.office.id
    ids = {
        service
        for (service, _channel), counters in known.counters.items()
        if any(here == one.office_id or here in one.sold_by for one in counters)
    }
    return by_name({ident: pick(known.services[ident].name, scene.words.language) for ident in ids})


def together(scene: Scene) -> dict[int, frozenset[int]]:
    """Services that have counters of the office in common, also by way of others: they share its time out alike."""
    groups: dict[int, set[int]] = {}
    for counters in scene.known.counters.values():
        for counter in counters:
            if counter.office_id == scene.office.id:
                met = set(counter.service_ids & scene.known.services.keys())
                met.update(*(groups[one] for one in met & groups.keys()))
                groups.update(dict.fromkeys(met, met))
    return {ident: frozenset(group) for ident, group in groups.items()}


def here_of(scene: Scene) -> Here:
    return Here(scene.hours.counters, offered(scene), scene.hours.rules, together(scene))


async def show_rules(request: web.Request) -> web.Response:
    """All of them; `q` leaves those whose name has these words."""
    scene, words = await scene_of(request), words_of(request)
    q = request.query.get("q", "").strip()[:100]
    wanted = fold(q).split()
    lines = tuple(
        RuleLine(
            name=name,
            terms=_in_words(request, scene, ident),
            url=f"{scene.base}/rules/edit?service={ident}",
        )
        for ident, name in offered(scene).items()
        if all(word in fold(name) for word in wanted)
    )
    title = words._("Rules: {office}", office=words.pick(scene.office.name))
    view = RulesPage(
        frame=staff_frame(request, words, title), q=q, action=f"{scene.base}/rules", lines=lines, back_url=scene.base
    )
    return staff_page(request, "hours/rules", view)


async def show_rule(request: web.Request) -> web.Response:
    scene, ident = await scene_of(request), request.query.get("service", "")
    return rule_response(request, scene, [ident], _typed(scene.hours.rules.get(ident)))


async def show_shares(request: web.Request) -> web.Response:
    """`service`: one of those that share the time of their counters."""
    scene, ident = await scene_of(request), request.query.get("service", "")
    return shares_response(request, scene, ident, _typed_shares(scene.hours.rules.get(ident)))


def shares_response(
    request: web.Request, scene: Scene, ident: str, values: Mapping[str, str], problem: tuple[str, str] | None = None
) -> web.Response:
    groups, words = together(scene), scene.words
    group = groups.get(int(ident)) if ident.isascii() and ident.isdigit() and len(ident) < 10 else None
    if group is None:
        raise NotFound
    names = offered(scene)
    errors = (ShownError(field=problem[0], message=problem[1]),) if problem else ()
    view = SharesPage(
        frame=staff_frame(request, words, words._("Shares and release"), errors=errors),
        service=ident,
        count=words.ngettext("{n} service", "{n} services", len(group)),
        services=tuple(name for one, name in names.items() if one in group),
        action=f"{scene.base}/preview",
        back_url=f"{scene.base}/rules",
        values=values,
        messages={error.field: error.message for error in errors},
    )
    return staff_page(request, "hours/shares", view, status=422 if problem else 200)


def rule_response(
    request: web.Request,
    scene: Scene,
    chosen: list[str],
    values: Mapping[str, str],
    channels: list[str] | None = None,
    problem: tuple[str, str] | None = None,
) -> web.Response:
    words, names = scene.words, offered(scene)
    title, need_url = words._("Rule for services"), ""
    if len(chosen) == 1 and chosen[0] in map(str, names):
        title = words._("Rule: {service}", service=names[int(chosen[0])])
        need_url = marking_url(request, words, int(chosen[0]))
    errors = (ShownError(field=problem[0], message=problem[1]),) if problem else ()
    if channels is None:
        first = chosen[0] if chosen else ""
        channels = (scene.hours.rules.get(first) or {}).get("channels") or []
    view = RulePage(
        frame=staff_frame(request, words, title, errors=errors),
        services=tuple(
            Tick(value=str(ident), label=name, is_chosen=str(ident) in chosen) for ident, name in names.items()
        ),
        channels=tuple(Tick(value=one.value, label=words.channel(one), is_chosen=one in channels) for one in Channel),
        action=f"{scene.base}/preview",
        back_url=f"{scene.base}/rules",
        need_url=need_url,
        shares_url=f"{scene.base}/shares?service={chosen[0]}"
        if len(chosen) == 1 and chosen[0] in map(str, together(scene))
        else "",
        values=values,
        messages={error.field: error.message for error in errors},
    )
    return staff_page(request, "hours/rule", view, status=422 if problem else 200)


def _in_words(request: web.Request, scene: Scene, ident: int) -> str:
    """The sentence of a change from nothing to what holds, which says it all."""
    terms = scene.hours.rules.get(str(ident))
    if terms is None:
        return ""
    subject: Data = {"services": [ident]}
    entry = Entry(id=0, at=scene.words.now, by="", kind="rule", subject=subject, before={}, after={str(ident): terms})
    return scene.terms(entry, request)


def _typed(terms: Data | None) -> dict[str, str]:
    """As it would have been typed."""
    return {name: str(terms[name]) for name in NUMBERS if terms.get(name) is not None} if terms else {}


def _typed_shares(terms: Data | None) -> dict[str, str]:
    """Shares only where they say something."""
    if terms is None:
        return {}
    values = {name: str(terms[name]) for name in SHARES if terms.get(name) is not None}
    if values.get("public_percent") == "100":
        values = {}
    parts = terms.get("release_plan") or []
    values["release"] = "\n".join(
        f"{part['percent']} % {part['days_before']} {part['at']}"
        + (f" {part['jitter_min']}" if part["jitter_min"] else "")
        for part in parts
    )
    return values
