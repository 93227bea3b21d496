"""The caller's token: a bearer header on the API, a cookie on pages. And the language of the answer."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from aiohttp import web

from base.config import Settings
from base.i18n import DEFAULT_LANGUAGE, LANGUAGES, best_language

Kind = Literal["case", "hold"]


def bearer(request: web.Request, kind: str, ident: UUID) -> str | None:
    """The token shown for this case or hold: `Authorization: Bearer` first, else its cookie."""
    header = request.headers.get("Authorization", "")
    if header[:7].lower() == "bearer ":
        return header[7:].strip()
    return request.cookies.get(_cookie(kind, ident))


def set_token_cookie(response: web.StreamResponse, settings: Settings, kind: Kind, ident: UUID, token: str) -> None:
    """For the browser's session only; scripts never see it."""
    response.set_cookie(_cookie(kind, ident), token, path="/", httponly=True, samesite="Lax", secure=settings.is_https)


def clear_token_cookie(response: web.StreamResponse, settings: Settings, kind: Kind, ident: UUID) -> None:
    response.del_cookie(_cookie(kind, ident), path="/", httponly=True, samesite="Lax", secure=settings.is_https)


def _cookie(kind: str, ident: UUID) -> str:
    return f"{kind}-{ident}"


def language_of(request: web.Request) -> str:
    """The first part of a page's path, else the best of Accept-Language."""
    wanted = request.match_info.get("language") or request.path.split("/", 2)[1]
    if wanted in LANGUAGES:
        return wanted
    return best_language(request.headers.get("Accept-Language", ""), DEFAULT_LANGUAGE)
