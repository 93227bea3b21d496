"""One line of the endpoint table: it feeds the router, the access rule and OpenAPI."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from base.errors import DomainError

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Who:
    """Who may call: a permission and a scope, never a role.

    `parameter` names the id in the path: what the caller's token must belong to, or the office that the permission is needed for.
    """

    kind: str
    parameter: str = ""
    permission: str = ""


ANYONE = Who("anyone")
CASE = Who("case", "appointment")  # the token of this appointment
HOLD = Who("hold", "hold")  # the token of this hold
SIGNED_IN = Who("staff")  # whoever has signed in
ROOM = Who("room", "room")  # the join token of a seat in this room
REQUEST = Who("request", "request")  # the token of this request for an appointment given out by need
OVERVIEW = Who("overview", "overview")  # of a link to one's own cases, or of what it was exchanged for
INVITATION = Who("invitation", "invitation")  # the token of this invitation
CHARGE = Who("charge", "charge")  # the token of this further fee's payer
TRANSFER = Who("transfer", "transfer")  # the token of this transfer order's payee
VENDOR = Who("vendor")  # a callback signed by its sender; the handler checks the signature


def can(permission: str, parameter: str = "") -> Who:
    """Staff with this permission, for the office named in the path or for the whole city."""
    return Who("staff", parameter, permission)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    method: str
    path: str
    handler: Handler
    who: Who
    summary: str
    takes: type[Any] | None = None  # the JSON body
    takes_file: str = ""  # instead: the field of a multipart form that has a file
    query: type[Any] | None = None  # a pydantic model of the query
    params: Mapping[str, type] = field(default_factory=dict)  # types of path parameters, str where not named
    headers: Mapping[str, bool] = field(default_factory=dict)  # request headers: is it needed?
    gives: Mapping[int, Any] = field(default_factory=dict)  # status -> type, None for no body, str for text
    media: str = "application/json"
    refuses: tuple[type[DomainError], ...] = ()
    page: bool = False

    @property
    def name(self) -> str:
        return f"{self.handler.__module__.split('.')[-2]}.{self.handler.__name__}"


def page(
    method: str,
    path: str,
    handler: Handler,
    who: Who,
    summary: str,
    *refuses: type[DomainError],
    media: str = "text/html",
) -> Endpoint:
    """A line of a table of pages."""
    return Endpoint(
        method=method,
        path=path,
        handler=handler,
        who=who,
        summary=summary,
        refuses=refuses,
        media=media,
        page=True,
    )
