"""Who may call, from where, and with which headers the answer goes out."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from base.config import Settings
from base.errors import Forbidden, NotFound, Unauthenticated
from base.web.answers import path_id, refuse_unstorable
from base.web.endpoint import Endpoint
from base.web.keys import ACCESS, ENDPOINT, SETTINGS
from base.web.staff import admit_staff, admit_to_seat
from base.web.tokens import bearer

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class CrossSite(Forbidden):
    """A browser sent this from another site (Sec-Fetch-Site, else Origin)."""

    code = "cross_site"
    message = "This was sent from another website. Please start on our own page."


@web.middleware
async def same_origin(request: web.Request, handler: Handler) -> web.StreamResponse:
    """CSRF without tokens: browsers say where a request comes from; what says nothing is no browser and has no cookies to abuse."""
    if request.method not in _SAFE_METHODS:
        site = request.headers.get("Sec-Fetch-Site")
        origin = request.headers.get("Origin")
        if site is not None:
            if site not in ("same-origin", "none"):
                raise CrossSite
        elif origin is not None and origin != request.app[SETTINGS].public_url:
            raise CrossSite
    return await handler(request)


class Access:
    """A middleware that refuses by the endpoint's `who`. A route without an endpoint is not reachable."""

    def __init__(self, endpoints: Mapping[tuple[str, str], Endpoint]) -> None:
        self._endpoints = endpoints

    def middleware(self) -> object:
        @web.middleware
        async def access(request: web.Request, handler: Handler) -> web.StreamResponse:
            resource = request.match_info.route.resource
            if resource is None:
                return await handler(request)  # aiohttp's own 404 or 405
            method = "GET" if request.method == "HEAD" else request.method
            endpoint = self._endpoints.get((method, resource.canonical))
            if endpoint is None:
                if resource.canonical.startswith("/static"):
                    return await handler(request)
                raise NotFound
            request[ENDPOINT] = endpoint
            if "%" in request.raw_path or not request.raw_path.isascii():  # nothing else brings what cannot be stored
                refuse_unstorable([*request.match_info.values(), *request.query.keys(), *request.query.values()])
            await self._check(request, endpoint)
            return await handler(request)

        return access

    async def _check(self, request: web.Request, endpoint: Endpoint) -> None:
        kind = endpoint.who.kind
        if kind in ("anyone", "vendor"):
            return
        if kind == "staff":
            await admit_staff(request, endpoint)
            return
        if kind not in request.app[ACCESS]:
            raise Forbidden
        ident = path_id(request, endpoint.who.parameter)
        token = bearer(request, kind, ident)
        if token is None or not await request.app[ACCESS][kind](ident, token):
            raise Unauthenticated  # the same answer for a wrong token and for an unknown id
        if kind == "room":
            await admit_to_seat(request, endpoint, ident, token)


def security_headers(settings: Settings) -> Mapping[str, str]:
    """Strict: no inline, no third party, except that a form may lead to the payment provider."""
    pay = " ".join((*settings.stripe_pay_origins, *settings.xbezahl_pay_origins))
    headers = {
        "Content-Security-Policy": (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
            f"connect-src 'self'; form-action 'self' {pay}; base-uri 'none'; frame-ancestors 'none'"
        ),
        "X-Content-Type-Options": "nosniff",
        # Not "no-referrer": then browsers send `Origin: null` with our own forms, and no site can be told from another.
        "Referrer-Policy": "same-origin",
        "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=()",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    if urlsplit(settings.public_url).scheme == "https":
        headers["Strict-Transport-Security"] = "max-age=63072000; includeSubDomains"
    return headers
