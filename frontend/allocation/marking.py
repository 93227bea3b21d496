"""Handlers for whoever may say which services are given out by need."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from aiohttp import web
from pydantic import ValidationError

from base.errors import DomainError
from base.i18n import mark as _
from base.web import STAFF, form, path_number
from base.web.answers import by_field
from booking.allocation.endpoints import ALLOCATION
from booking.allocation.marking import MomentPast, Standing
from booking.allocation.marking_endpoints import MARKING, MarkIn
from booking.allocation.marking_store import MarkRow
from booking.allocation.model import Rule
from booking.catalogue.endpoints import CATALOGUE
from frontend.allocation.views import MarkedLine, MarkedPage, MarkPage
from frontend.citizen.need_wording import zone_name
from frontend.citizen.rendering import see, words_of
from frontend.citizen.views import Row, ShownError
from frontend.citizen.words import Words
from frontend.staff.frame import staff_frame, staff_page
from frontend.staff.typed import read_moment

_FIELDS = ("class_days", "offer_hours", "rhythm_days", "from_at", "because")
_FOUND = 20
_NO_MOMENT = _("Enter a date with time, or leave it empty: from now on")


def marking_url(request: web.Request, words: Words, service_id: int) -> str:
    """Empty: not for this reader."""
    may = request[STAFF].may("allocation.mark")
    return f"/{words.language}/allocation/services/{service_id}" if may else ""


async def show_marked(request: web.Request) -> web.Response:
    """What is given out by need; `q` finds any service."""
    words, q = words_of(request), request.query.get("q", "").strip()[:100]
    here = f"/{words.language}/allocation/services"
    marked = {one.service_id: one for one in await request.app[ALLOCATION].services()}
    named = {ident: words.pick(one.name) for ident, one in marked.items()}
    if q:
        hits = await request.app[CATALOGUE].search(q, words.language, _FOUND)
        named = {hit.service.id: words.pick(hit.service.name) for hit in hits}
    on = {ident for ident, one in marked.items() if one.is_on}
    view = MarkedPage(
        frame=staff_frame(request, words, words._("Services given out by need")),
        q=q,
        action=here,
        back_url=f"/{words.language}/allocation/",
        lines=tuple(
            MarkedLine(
                name=name,
                state=words._("By need") if ident in on else words._("Booked like any other"),
                url=f"{here}/{ident}",
            )
            for ident, name in named.items()
        ),
    )
    return staff_page(request, "allocation/services", view)


async def show_service(request: web.Request) -> web.Response:
    return await _service(request)


async def mark(request: web.Request) -> web.Response:
    words, ident, fields = words_of(request), path_number(request, "service"), await form(request)
    read = _read(words, fields)
    if not isinstance(read, MarkIn):
        return await _service(request, read, fields)
    try:
        await request.app[MARKING].mark(ident, read.rule(), read.from_at, request[STAFF].account_id)
    except MomentPast as error:
        return await _service(request, {"from_at": error.message}, fields)
    return see(f"/{words.language}/allocation/services/{ident}")


async def unmark(request: web.Request) -> web.Response:
    words, ident, fields = words_of(request), path_number(request, "service"), await form(request)
    try:
        await request.app[MARKING].unmark(ident, fields.get("because", "")[:500], request[STAFF].account_id)
    except DomainError as error:
        if error.status == 404:
            raise
        return await _service(request, {"because": error.message}, fields)
    return see(f"/{words.language}/allocation/services/{ident}")


def _read(words: Words, fields: Mapping[str, str]) -> MarkIn | dict[str, str]:
    """As the API takes it, or a sentence for each wrong field."""
    typed = fields.get("from_at", "").strip()
    from_at = read_moment(typed, zone_name(words)) if typed else None
    given = {
        "class_days": fields.get("class_days", "").replace(",", " ").split()[:20],
        "offer_hours": fields.get("offer_hours", "").strip(),
        "rhythm_days": fields.get("rhythm_days", "").strip(),
        "from_at": from_at,
    }
    wrong = {"from_at": _NO_MOMENT} if typed and from_at is None else {}
    try:
        read = MarkIn.model_validate(given)
    except ValidationError as error:
        return by_field(error) | wrong
    return wrong or read


async def _service(
    request: web.Request, wrong: Mapping[str, str] | None = None, typed: Mapping[str, str] | None = None
) -> web.Response:
    words, ident = words_of(request), path_number(request, "service")
    standing = await request.app[MARKING].standing(ident)
    name = words.pick((await request.app[CATALOGUE].service(ident)).service.name)
    messages = {field: words._(text) for field, text in (wrong or {}).items()}
    errors = tuple(ShownError(field=field, message=text) for field, text in messages.items())
    values = _values(standing)
    if typed is not None:
        values |= {field: typed[field][:500] for field in _FIELDS if field in typed}
    here = f"/{words.language}/allocation/services"
    is_on = standing.rule is not None or standing.comes is not None
    view = MarkPage(
        frame=staff_frame(request, words, words._("By need: {service}", service=name), errors=errors),
        state=_state(words, standing),
        is_on=is_on,
        action=f"{here}/{ident}/mark",
        unmark_action=f"{here}/{ident}/unmark" if is_on else "",
        consequence=_consequence(words, standing),
        history=tuple(_said(words, row) for row in standing.history),
        back_url=here,
        values=values,
        messages=messages,
    )
    return staff_page(request, "allocation/service", view, status=422 if errors else 200)


def _values(standing: Standing) -> dict[str, str]:
    rule = (standing.comes.rule if standing.comes else None) or standing.rule or Rule()
    return {
        "class_days": ", ".join(map(str, rule.class_days)),
        "offer_hours": str(rule.offer_hours),
        "rhythm_days": str(rule.rhythm_days),
    }


def _state(words: Words, standing: Standing) -> str:
    now, comes = _rule(words, standing.rule), standing.comes
    if comes is None:
        return words._("Now: {rule}.", rule=now)
    then = _rule(words, comes.rule)
    return words._("Now: {rule}. From {when} on: {then}.", rule=now, when=_when(words, comes.from_at), then=then)


def _rule(words: Words, rule: Rule | None) -> str:
    if rule is None:
        return words._("booked like any other service")
    return words._(
        "given out by need (groups: up to {days} days, later; an offer is kept {hours} h; days between runs: {rhythm})",
        days=", ".join(map(str, rule.class_days)),
        hours=rule.offer_hours,
        rhythm=rule.rhythm_days,
    )


def _consequence(words: Words, standing: Standing) -> str:
    n = standing.open_requests
    if not n:
        return words._("No request is open.")
    return words.ngettext(
        "{n} open request ends. Whoever asked is told by e-mail that the appointments can be booked, or stands on the list of calls.",
        "{n} open requests end. Everybody who asked is told by e-mail that the appointments can be booked, or stands on the list of calls.",
        n,
    )


def _said(words: Words, row: MarkRow) -> Row:
    line = words._(
        "{who}: from {when} on {rule}", who=row.by, when=_when(words, row.from_at), rule=_rule(words, row.rule)
    )
    return Row(label=_when(words, row.at), value=line, lines=(row.because,) if row.because else ())


def _when(words: Words, moment: datetime) -> str:
    return words.when(moment, zone_name(words))
