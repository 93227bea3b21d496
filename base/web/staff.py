"""Staff at the edge: the cookie of a session, the guard for `can(...)`, and the way to the sign-in page and back."""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import urlencode
from uuid import UUID

from aiohttp import web

from base.errors import Forbidden, Unauthenticated
from base.i18n import LANGUAGES
from base.identity.model import Principal
from base.web.answers import path_number
from base.web.endpoint import Endpoint
from base.web.keys import IDENTITY, SEAT_CHECK, SETTINGS, STAFF
from base.web.tokens import clear_token_cookie, language_of, token_cookies

SIGN_IN_PAGE = "/{language}/staff/sign-in"
_PATH_OF_OURS = re.compile(rf"/(?:{'|'.join(LANGUAGES)})(?:/[\w.~%-]+)*/?(?:\?[\w.~%=&+:,-]*)?", re.ASCII)
_LONGEST_PATH = 500


class NotSignedIn(Unauthenticated):
    code = "not_signed_in"
    message = "Please sign in."


async def admit_staff(request: web.Request, endpoint: Endpoint) -> None:
    """Leaves the Principal in request[STAFF]. Nobody signed in: a page leads to the sign-in page, all else is 401. Not allowed: 403."""
    who = endpoint.who
    office_id = path_number(request, who.parameter) if who.parameter else None
    await _admit(request, endpoint, who.permission, office_id)


async def admit_to_seat(request: web.Request, endpoint: Endpoint, room_id: UUID, token: str) -> None:
    """A clerk's link alone opens nothing: who finds it in a browser or a log is not at the counter."""
    needed = await request.app[SEAT_CHECK](room_id, token)
    if needed is not None:
        await _admit(request, endpoint, needed.permission, needed.office_id)


async def may_sit(request: web.Request, room_id: UUID, token: str) -> bool:
    """Whether who came in by `admit_to_seat` may stay."""
    needed = await request.app[SEAT_CHECK](room_id, token)
    if needed is None:
        return True
    staff = await watch_staff(request)
    return staff is not None and staff.may(needed.permission, needed.office_id)


async def _admit(request: web.Request, endpoint: Endpoint, permission: str, office_id: int | None) -> None:
    # What an open page reconnects by itself is no use: it would keep the session for ever.
    comes_by_itself = endpoint.media == "text/event-stream" or 101 in endpoint.gives
    staff = await (watch_staff(request) if comes_by_itself else find_staff(request))
    if staff is None:
        if endpoint.page and "text/event-stream" not in request.headers.get("Accept", ""):
            raise web.HTTPSeeOther(_sign_in_url(request))
        raise NotSignedIn
    request[STAFF] = staff  # also for who is refused: the page that says so is in their frame
    if permission and not staff.may(permission, office_id):
        raise Forbidden


async def find_staff(request: web.Request) -> Principal | None:
    """Whose session the cookie shows now; counts as use of it."""
    token = session_cookie(request)
    return None if token is None else await request.app[IDENTITY].find(token)


async def watch_staff(request: web.Request) -> Principal | None:
    """The same for what stays open by itself and asks again: sessions end, also of idleness, and roles are taken away."""
    token = session_cookie(request)
    return None if token is None else await request.app[IDENTITY].peek(token)


def session_cookie(request: web.Request) -> str | None:
    return request.cookies.get(_name(request))


def set_session_cookie(request: web.Request, response: web.StreamResponse, token: str) -> None:
    """Goes with the browser's session; when it ends is decided by the server."""
    secure = request.app[SETTINGS].is_https
    response.set_cookie(_name(request), token, path="/", httponly=True, samesite="Lax", secure=secure)


def clear_session_cookie(request: web.Request, response: web.StreamResponse) -> None:
    """With the seats in calls that came with it."""
    for room_id in token_cookies(request, "room"):
        clear_token_cookie(request, response, "room", room_id)
    secure = request.app[SETTINGS].is_https
    response.del_cookie(_name(request), path="/", httponly=True, samesite="Lax", secure=secure)


def safe_next(text: str) -> str | None:
    """A path of a page of ours, or None: whoever sends a link to the sign-in page does not decide where it leads."""
    if len(text) > _LONGEST_PATH or not _PATH_OF_OURS.fullmatch(text):
        return None
    return text


def address_of(request: web.Request) -> str:
    """Where the caller sits. X-Forwarded-For is believed as far as our own proxies wrote it."""
    return proven_address(request) or request.remote or ""


def proven_address(request: web.Request) -> str | None:
    """The same, but None where our proxies should have said it and did not: then everybody would seem to sit where they stand.

    What is no address (a port behind it, a word) counts as not said: as text it would be a network of its own at each try.
    """
    hops = request.app[SETTINGS].proxy_hops
    if not hops:
        return request.remote or None
    said = [part.strip() for part in ",".join(request.headers.getall("X-Forwarded-For", [])).split(",")]
    return said[-hops] if len(said) >= hops and _is_address(said[-hops]) else None


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _sign_in_url(request: web.Request) -> str:
    """What answered a POST cannot be shown again by its address: that nothing of it is kept is said (`over`)."""
    url = SIGN_IN_PAGE.format(language=language_of(request))
    if request.method != "GET":
        return f"{url}?over=1"
    wanted = safe_next(request.rel_url.raw_path_qs)
    return f"{url}?{urlencode({'next': wanted})}" if wanted else url


def _name(request: web.Request) -> str:
    return "__Host-staff" if request.app[SETTINGS].is_https else "staff"
