"""The caller's token: a bearer header on the API, a cookie on pages. And the language of the answer."""

from __future__ import annotations

import re
from typing import Literal
from uuid import UUID

from aiohttp import web

from base.i18n import DEFAULT_LANGUAGE, LANGUAGES, best_language
from base.web.keys import SETTINGS

Kind = Literal["case", "hold", "invitation", "overview", "room", "request", "pass", "transfer", "charge"]
_MOST = 8  # of each kind: a server reads no more than 8 KB of headers
_GRACE_MINUTES = 5  # a form that comes a little late is still known as its owner's
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def bearer(request: web.Request, kind: str, ident: UUID) -> str | None:
    """The token shown for this case or hold: `Authorization: Bearer` first, else its cookie."""
    header = request.headers.get("Authorization", "")
    if header[:7].lower() == "bearer ":
        return header[7:].strip()
    return request.cookies.get(_cookie(kind, ident))


def set_token_cookie(request: web.Request, response: web.StreamResponse, kind: Kind, ident: UUID, token: str) -> None:
    """Scripts never see it. A hold's goes by itself, a case's with the browser's session; of each kind only the newest stay."""
    settings = request.app[SETTINGS]
    others = [other for other in token_cookies(request, kind) if other != ident]  # browsers send the oldest first
    for surplus in others[: max(0, len(others) - _MOST + 1)]:
        clear_token_cookie(request, response, kind, surplus)
    response.set_cookie(
        _cookie(kind, ident),
        token,
        max_age=(settings.hold_minutes + _GRACE_MINUTES) * 60 if kind in ("hold", "pass") else None,
        path="/",
        httponly=True,
        samesite="Lax",
        secure=settings.is_https,
    )


def clear_token_cookie(request: web.Request, response: web.StreamResponse, kind: Kind, ident: UUID) -> None:
    is_https = request.app[SETTINGS].is_https
    response.del_cookie(_cookie(kind, ident), path="/", httponly=True, samesite="Lax", secure=is_https)


def token_cookies(request: web.Request, kind: Kind) -> dict[UUID, str]:
    """The tokens that the browser keeps, in the order in which it sends them."""
    found = {}
    for name, token in request.cookies.items():
        before, _, ident = name.partition("-")
        if before == kind and _UUID.fullmatch(ident):
            found[UUID(ident)] = token
    return found


def _cookie(kind: str, ident: UUID) -> str:
    return f"{kind}-{ident}"


def language_of(request: web.Request) -> str:
    """The first part of a page's path, else the best of Accept-Language."""
    wanted = request.match_info.get("language") or request.path.split("/", 2)[1]
    if wanted in LANGUAGES:
        return wanted
    return best_language(request.headers.get("Accept-Language", ""), DEFAULT_LANGUAGE)
