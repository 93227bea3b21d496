"""Handler of the matrix: which role has which permission, and what each page and action asks for."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from base.i18n import mark as _
from base.web import IDENTITY, Endpoint
from frontend.citizen.rendering import words_of
from frontend.citizen.words import Words
from frontend.finance.books_views import BooksPage, Column, Table
from frontend.finance.views import Link
from frontend.oversight.matrix import OTHERS, SIGNED_IN, Action, actions, permissions_of
from frontend.oversight.terms import oversight_url
from frontend.staff.areas import PERMISSIONS
from frontend.staff.frame import staff_frame, staff_page

# Roles that come with the product; a city may have its own, which are shown by their names.
ROLES: Mapping[str, str] = {
    "admin": _("Administration"),
    "allocation": _("Allocation by need"),
    "assessor": _("Assessing"),
    "auditor": _("Audit"),
    "cashier": _("Cashier"),
    "clerk": _("Clerk"),
    "finance": _("Finance"),
    "kiosk": _("Kiosk"),
    "supervisor": _("Supervision"),
    "treasury": _("Treasury"),
}
ENDPOINT_TABLE: web.AppKey[tuple[Endpoint, ...]] = web.AppKey("ENDPOINT_TABLE", tuple[Endpoint, ...])


async def show_access(request: web.Request) -> web.Response:
    words = words_of(request)
    roles = await request.app[IDENTITY].roles()
    names, table = sorted(roles), request.app[ENDPOINT_TABLE]
    view = BooksPage(
        frame=staff_frame(request, words, words._("Who may see and do what")),
        back=Link(label=words._("How long records are kept"), url=oversight_url(words)),
        intro=(
            words._(
                "Made from the roles as they are and from the table by which the server itself decides; so it is never behind them."
            ),
        ),
        tables=(
            Table(
                heading=words._("Permissions by role"),
                columns=(Column(words._("Permission")), *(Column(words._(ROLES.get(name, name))) for name in names)),
                rows=tuple(
                    (
                        Link(label=words._(PERMISSIONS[one]) if one in PERMISSIONS else one),
                        *(Link(label=words._("yes") if one in roles[name] else "–") for name in names),
                    )
                    for one in permissions_of(roles)
                ),
            ),
            Table(
                heading=words._("Pages and actions"),
                columns=(
                    Column(words._("Address")),
                    Column(words._("What for")),
                    Column(words._("Needed")),
                    Column(words._("Roles")),
                ),
                rows=tuple(_row(words, one) for one in actions(table, roles)),
            ),
        ),
    )
    return staff_page(request, "finance/books", view)


def _row(words: Words, one: Action) -> tuple[Link, ...]:
    if one.kind != "staff":
        needed = words._(OTHERS[one.kind])
    elif not one.permission:
        needed = words._(SIGNED_IN)
    else:
        needed = words._(PERMISSIONS[one.permission]) if one.permission in PERMISSIONS else one.permission
        if one.of_office:
            needed = words._("{permission} (for this office)", permission=needed)
    return (
        Link(label=f"{one.method} {one.path}"),
        Link(label=words._("changes something") if one.changes else words._("shows")),
        Link(label=needed),
        Link(label=", ".join(words._(ROLES.get(name, name)) for name in one.roles) or "–"),
    )
