"""The question before times are shown where it decides who is responsible: letters of the surname, postcode, what it is about."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from aiohttp import web

from base.i18n import mark as _
from booking.availability.endpoints import AVAILABILITY
from booking.availability.model import ANYBODY
from booking.availability.offering import NobodyResponsible
from booking.catalogue.endpoints import CATALOGUE
from frontend.citizen.choosing import Wanted
from frontend.citizen.frame import TIME, frame
from frontend.citizen.rendering import SHARED, page, words_of
from frontend.citizen.views import Frame, ShownError, Tick
from frontend.citizen.words import Words

FIELDS = ("letters", "postcode", "kind")
NEEDED = {
    "letters": _("Enter the first letters of the surname, as in the passport"),
    "postcode": _("Enter the postcode of the place of residence"),
    "kind": _("Choose what it is about"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class WhoPage:
    frame: Frame
    action: str
    hidden: tuple[tuple[str, str], ...]
    asks: tuple[str, ...]
    kinds: tuple[Tick, ...]
    values: Mapping[str, str]
    messages: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""


async def ask_who(request: web.Request, wanted: Wanted) -> web.Response | None:
    """None: nothing is to be asked, or all was said. Raises what Availability.get_offer raises."""
    words, availability = words_of(request), request.app[AVAILABILITY]
    asked, anybody = (wanted.service_id, wanted.channel), replace(wanted.visit, who=ANYBODY)
    offer, _offices = availability.get_offer(*asked, wanted.office_ids or None, anybody)
    if not offer.asks:
        return None
    who = wanted.visit.who
    missing = [name for name in offer.asks if not getattr(who, name)]
    problem = ""
    if not missing:
        try:
            availability.get_offer(*asked, wanted.office_ids or None, wanted.visit)
        except NobodyResponsible as refusal:
            problem = words._(refusal.message)
        else:
            return None
    values = {name: request.query.get(name, "")[:100] for name in FIELDS}
    is_sent = any(name in request.query for name in FIELDS)
    wrong = {name: words._(NEEDED[name]) for name in missing} if is_sent else {}
    kinds = await kinds_of(request, [item.service_id for item in wanted.items], values["kind"])
    view = who_page(words, wanted, offer.asks, kinds, values, wrong, problem)
    return page(request, "who", view, status=422 if wrong or problem else 200, cache=SHARED)


async def kinds_of(request: web.Request, service_ids: Collection[int], chosen: str) -> tuple[Tick, ...]:
    """What a matter of these services may be about."""
    words, known = words_of(request), await request.app[CATALOGUE].snapshot()
    named = {
        row.kind: words.pick(row.kind_name)
        for service_id in service_ids
        for row in known.responsibility.get(service_id, ())
        if row.kind
    }
    return tuple(Tick(value=key, label=name, is_chosen=key == chosen) for key, name in named.items())


async def matter_of(request: web.Request, wanted: Wanted) -> str:
    """What was chosen, in words; empty: nothing was asked."""
    services = [item.service_id for item in wanted.items]
    return next((one.label for one in await kinds_of(request, services, wanted.visit.who.kind) if one.is_chosen), "")


def who_page(
    words: Words,
    wanted: Wanted,
    asks: Sequence[str],
    kinds: tuple[Tick, ...],
    values: Mapping[str, str],
    wrong: Mapping[str, str],
    problem: str = "",
) -> WhoPage:
    plain = replace(wanted, visit=replace(wanted.visit, who=ANYBODY))
    return WhoPage(
        frame=frame(
            words,
            words._("Who is it for?"),
            "/times",
            query=plain.pairs(),
            step=None if wanted.moves else TIME,
            errors=tuple(ShownError(field=name, message=text) for name, text in wrong.items()),
            back_url=f"/{words.language}/services/{wanted.service_id}",
        ),
        action=f"/{words.language}/times",
        hidden=plain.pairs(),
        asks=tuple(asks),
        kinds=kinds,
        values=values,
        messages=wrong,
        problem=problem,
    )
