"""The check before a time of a guarded service is reserved: the browser proves work, or a code that was sent is typed in.

It stands between the click on a time and the reservation, in the same form: whatever was chosen and typed goes along.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from aiohttp import web
from multidict import MultiMapping

from base.errors import Malformed, NotFound
from base.i18n import mark as _
from base.web import SETTINGS, clear_token_cookie, set_token_cookie, token_cookies
from base.web.staff import address_of, proven_address
from booking.appointments.unasked import CodeWrong, SentTooOften
from booking.guard.endpoints import GUARD
from booking.guard.usecases import AllowanceUnknown, ProofWrong
from booking.holds.endpoints import HOLDS
from booking.holds.model import Entry
from booking.holds.refusals import AllowanceOver, QuotaUsedUp
from frontend.citizen.choosing import Wanted
from frontend.citizen.guard_views import Fields, check_page, code_page
from frontend.citizen.need_wording import zone_name
from frontend.citizen.one_contact import FIELDS, read_one
from frontend.citizen.rendering import key_of, new_key, page, see, words_of

_OURS = frozenset({"altcha", "code_email", "code_mobile", "send", "code", "code_id", "sent_to", "sent_until"})
_ALLOWANCE = "allowance"
_ONE_NEEDED = _("Enter an e-mail address or a mobile number")
_ONLY_ONE = _("Enter only one of both: we send one code")


async def check(
    request: web.Request, fields: MultiMapping[str], wanted: Wanted
) -> tuple[Entry | None, web.Response | None]:
    """With what the visitor comes to the reservation; or the page that has to be answered first."""
    guard = request.app[GUARD]
    guarded = guard.of(item.service_id for item in wanted.items)
    if guarded is None:
        return None, None
    entry = request.app[HOLDS].entry
    if "send" in fields:
        return None, await _send(request, fields, wanted, guarded)
    try:
        if "code_id" in fields:
            made = await guard.by_code(guarded, _ident(fields["code_id"]), fields.get("code", "")[:20])
        elif fields.get("altcha"):
            made = await guard.by_proof(guarded, fields["altcha"])
        elif token := request.cookies.get(_ALLOWANCE, ""):
            made = await guard.by_allowance(guarded, token, str(key_of(fields)))
        else:
            return entry(proven_address(request), await _kept(request, guarded)), None
    except CodeWrong as refusal:
        return None, _ask_code(request, fields, wanted, words_of(request)._(refusal.message))
    except ProofWrong as refusal:
        return None, ask(request, fields, wanted, problem=words_of(request)._(refusal.message), status=422)
    except (AllowanceOver, QuotaUsedUp) as refusal:
        return None, ask(request, fields, wanted, problem=words_of(request)._(refusal.message))
    except AllowanceUnknown:  # of another service
        return entry(proven_address(request), await _kept(request, guarded)), None
    return entry(proven_address(request), made.id), None


async def arrive(request: web.Request) -> web.Response:
    """By the link of an allowance: this browser reserves with it for the rest of its session."""
    words, token = words_of(request), request.match_info["token"]
    service_id = await request.app[GUARD].service_of(token)
    if service_id is None:
        raise NotFound
    response = see(f"/{words.language}/services/{service_id}")
    is_https = request.app[SETTINGS].is_https
    response.set_cookie(_ALLOWANCE, token, path="/", httponly=True, samesite="Lax", secure=is_https)
    return response


def ask(
    request: web.Request,
    fields: MultiMapping[str],
    wanted: Wanted,
    *,
    values: Mapping[str, str] | None = None,
    messages: Mapping[str, str] | None = None,
    problem: str = "",
    status: int = 200,
) -> web.Response:
    """The page of the check, with a new task for the browser."""
    guard, words = request.app[GUARD], words_of(request)
    guarded = guard.of(item.service_id for item in wanted.items)
    view = check_page(
        words,
        wanted.path,
        _choice(fields),
        json.dumps(guard.challenge(guarded or wanted.service_id)),
        can_text=guard.can_text,
        values=values,
        messages=messages,
        problem=problem,
    )
    return page(request, "check_first", view, status=status)


def keep(request: web.Request, response: web.StreamResponse, entry: Entry | None, *, is_used: bool) -> None:
    """A pass that was not used is good for another time: whoever was too slow is not checked again."""
    if entry is None or entry.pass_id is None:
        return
    if is_used:
        clear_token_cookie(request, response, "pass", entry.pass_id)
    else:
        set_token_cookie(request, response, "pass", entry.pass_id, "1")


async def _kept(request: web.Request, service_id: int) -> UUID | None:
    for ident in token_cookies(request, "pass"):
        if await request.app[GUARD].is_good(ident, service_id):
            return ident
    return None


async def _send(request: web.Request, fields: MultiMapping[str], wanted: Wanted, service_id: int) -> web.Response:
    guard, words = request.app[GUARD], words_of(request)
    typed = {name: fields.get(f"code_{name}", "").strip()[:200] for name in FIELDS}
    values = {f"code_{name}": text for name, text in typed.items()}
    asked, wrong = read_one(typed, words.language, none=_ONE_NEEDED, both=_ONLY_ONE)
    if asked is None:
        messages = {f"code_{name}": words._(text) for name, text in wrong.items()}
        return ask(request, fields, wanted, values=values, messages=messages, status=422)
    try:
        sent = await guard.send_code(
            service_id,
            asked.address,
            words.language,
            str(key_of(fields)),
            address_of(request),
            is_mobile=asked.mobile is not None,
        )
    except SentTooOften as refusal:
        return ask(request, fields, wanted, values=values, problem=words._(refusal.message), status=refusal.status)
    known = (("code_id", str(sent.id)), ("sent_to", asked.address), ("sent_until", sent.good_until.isoformat()))
    return _show_code(request, _choice(fields) + known, wanted)


def _ask_code(request: web.Request, fields: MultiMapping[str], wanted: Wanted, wrong: str) -> web.Response:
    known = tuple((name, fields.get(name, "")) for name in ("code_id", "sent_to", "sent_until"))
    return _show_code(request, _choice(fields) + known, wanted, typed=fields.get("code", "")[:20], wrong=wrong)


def _show_code(
    request: web.Request, fields: Fields, wanted: Wanted, *, typed: str = "", wrong: str = ""
) -> web.Response:
    words, known = words_of(request), dict(fields)
    try:
        until = words.clock(datetime.fromisoformat(known["sent_until"]), zone_name(words))
    except (ValueError, OverflowError):
        raise Malformed from None
    view = code_page(
        words,
        wanted.path,
        fields,
        tuple((name, new_key() if name == "request_key" else value) for name, value in fields if name not in _OURS),
        sent_to=known["sent_to"],
        until=until,
        typed=typed,
        wrong=wrong,
    )
    return page(request, "check_code", view, status=422 if wrong else 200)


def _choice(fields: MultiMapping[str]) -> Fields:
    return tuple((name, value) for name, value in fields.items() if name not in _OURS)


def _ident(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Malformed from None
