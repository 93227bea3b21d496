"""Pages for administrators: which services are guarded, who books for many, and how many were refused."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time, timedelta

from aiohttp import web
from pydantic import ValidationError

from base.errors import Invalid, Malformed, NotFound
from base.i18n import mark as _
from base.i18n import zone
from base.web import STAFF, can, form, path_number
from base.web.answers import by_field
from base.web.endpoint import page
from booking.catalogue.endpoints import CATALOGUE
from booking.guard.model import PER_CONTACT, PER_NETWORK, Allowance, Guarded
from booking.guard.rules_endpoints import RULES, AllowIn, GuardIn
from frontend.citizen.need_wording import zone_name
from frontend.citizen.rendering import key_of, new_key, see, words_of
from frontend.citizen.views import Row, ShownError
from frontend.citizen.words import Words
from frontend.guard.views import AllowanceLine, GuardPage, ServiceLine, ServicePage
from frontend.staff.frame import staff_frame, staff_page
from frontend.staff.typed import read_day

_WHO, _FOUND = can("guard.change"), 20
_LIMITS = ("per_network", "per_contact")
_FIELDS = (*_LIMITS, "name", "reason", "quota", "expires_at")
_NO_DAY = _("Enter the last day")
_WHY = {
    "pass_needed": _("Came without a pass, or with a used one"),
    "proof_wrong": _("Proof wrong or too late"),
    "code_wrong": _("Code wrong or too late"),
    "code_sent_too_often": _("Asked for codes too often"),
    "too_many_holds": _("Too many times from one network"),
    "network_unknown": _("Network unknown"),
    "allowance_unknown": _("Allowance unknown"),
    "allowance_over": _("Allowance over"),
    "quota_used_up": _("Allowance used up"),
}


async def show(request: web.Request) -> web.Response:
    """What is guarded; `q` finds any service."""
    words, q = words_of(request), request.query.get("q", "").strip()[:100]
    here = f"/{words.language}/guard"
    guarded, _allowances, refused = await request.app[RULES].overview()
    limits, times = {one.service_id: one for one in guarded}, {one.service_id: one.times for one in refused}
    named = {one.service_id: words.pick(one.name) for one in guarded}
    if q:
        hits = await request.app[CATALOGUE].search(q, words.language, _FOUND)
        named = {hit.service.id: words.pick(hit.service.name) for hit in hits}
    view = GuardPage(
        frame=staff_frame(request, words, words._("Guarded services")),
        q=q,
        action=f"{here}/",
        lines=tuple(
            ServiceLine(
                name=name,
                state=_limits(words, limits[ident]) if ident in limits else words._("Not guarded"),
                refused=sum(times.get(ident, {}).values()),
                url=f"{here}/services/{ident}",
            )
            for ident, name in named.items()
        ),
    )
    return staff_page(request, "guard/services", view)


async def show_service(request: web.Request) -> web.Response:
    return await _service(request)


async def guard(request: web.Request) -> web.Response:
    ident, fields = path_number(request, "service"), await form(request)
    try:
        given = GuardIn.model_validate({name: fields[name].strip() for name in _LIMITS if name in fields})
    except ValidationError as error:
        return await _service(request, by_field(error), fields)
    await request.app[RULES].guard(ident, given.per_network, given.per_contact, request[STAFF].account_id)
    return see(f"/{words_of(request).language}/guard/services/{ident}")


async def lift(request: web.Request) -> web.Response:
    ident = path_number(request, "service")
    await form(request)
    await request.app[RULES].lift(ident)
    return see(f"/{words_of(request).language}/guard/services/{ident}")


async def allow(request: web.Request) -> web.Response:
    words, ident, fields = words_of(request), path_number(request, "service"), await form(request)
    key, day = key_of(fields), read_day(fields.get("expires_at", ""))
    given = {name: fields.get(name, "") for name in ("name", "reason", "quota")}
    try:
        expires_at = datetime.combine(day + timedelta(days=1), time(), zone(zone_name(words))) if day else None
        read = AllowIn.model_validate({**given, "expires_at": expires_at})  # the whole of the last day
        token = await request.app[RULES].allow(ident, read.terms, request[STAFF].account_id, str(key))
    except ValidationError as error:
        return await _service(request, by_field(error) | ({} if day else {"expires_at": _NO_DAY}), fields)
    except Invalid as error:
        return await _service(request, {one.pointer.removeprefix("/"): one.message for one in error.errors}, fields)
    return await _service(request, link=f"{request.app[RULES].public_url}/{words.language}/allowance/{token}")


async def end(request: web.Request) -> web.Response:
    ident = path_number(request, "service")
    await form(request)
    await request.app[RULES].end(path_number(request, "allowance"), request[STAFF].account_id)
    return see(f"/{words_of(request).language}/guard/services/{ident}")


async def _service(
    request: web.Request,
    wrong: Mapping[str, str] | None = None,
    typed: Mapping[str, str] | None = None,
    *,
    link: str = "",
) -> web.Response:
    words, ident = words_of(request), path_number(request, "service")
    name = words.pick((await request.app[CATALOGUE].service(ident)).service.name)
    guarded, allowances, refused = await request.app[RULES].overview()
    limits = next((one for one in guarded if one.service_id == ident), None)
    times = next((one.times for one in refused if one.service_id == ident), {})
    messages = {field: words._(text) for field, text in (wrong or {}).items()}
    errors = tuple(ShownError(field=field, message=text) for field, text in messages.items())
    values = {
        "per_network": str(limits.per_network if limits else PER_NETWORK),
        "per_contact": str(limits.per_contact if limits else PER_CONTACT),
    }
    values |= {field: (typed or {})[field][:200] for field in _FIELDS if field in (typed or {})}
    here = f"/{words.language}/guard/services/{ident}"
    view = ServicePage(
        frame=staff_frame(request, words, words._("Guarded: {service}", service=name), errors=errors),
        is_guarded=limits is not None,
        action=here,
        lift_action=f"{here}/lift",
        allow_action=f"{here}/allowances",
        back_url=f"/{words.language}/guard/",
        request_key=new_key(),
        link=link,
        refused=tuple(
            Row(label=words._(_WHY.get(why, why)), value=str(times[why]))
            for why in sorted(times, key=lambda why: -times[why])
        ),
        allowances=tuple(_line(words, here, one) for one in allowances if one.service_id == ident),
        values=values,
        messages=messages,
    )
    return staff_page(request, "guard/service", view, status=422 if errors else 200)


def _line(words: Words, here: str, one: Allowance) -> AllowanceLine:
    if one.ended_at is not None:
        state = words._("Ended: {when}", when=words.near(one.ended_at, zone_name(words)))
    else:
        state = words._("Until {when}", when=words.near(one.expires_at, zone_name(words)))
    return AllowanceLine(
        name=one.name,
        reason=one.reason,
        used=words._("{used} of {quota}", used=one.used, quota=one.quota),
        state=state,
        end_action="" if one.is_over(words.now) else f"{here}/allowances/{one.id}/end",
    )


def _limits(words: Words, one: Guarded) -> str:
    return words._(
        "Guarded; in an hour from one network: {network}, appointments of one contact: {contact}",
        network=one.per_network,
        contact=one.per_contact,
    )


_SERVICE = "/{language}/guard/services/{service}"

ENDPOINTS = [
    page("GET", "/{language}/guard/", show, _WHO, "Guarded services", NotFound),
    page("GET", _SERVICE, show_service, _WHO, "A guarded service, its allowances and figures", NotFound),
    page("POST", _SERVICE, guard, _WHO, "Guard it, or change its limit", NotFound),
    page("POST", f"{_SERVICE}/lift", lift, _WHO, "Guard it no longer", NotFound),
    page("POST", f"{_SERVICE}/allowances", allow, _WHO, "Make an allowance", NotFound, Malformed),
    page("POST", f"{_SERVICE}/allowances/{{allowance}}/end", end, _WHO, "End an allowance", NotFound),
]
