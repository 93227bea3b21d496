"""Handler of the matrix: which role has which permission, and what each page and action asks for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from urllib.parse import urlencode

from aiohttp import web
from pydantic import BaseModel

from base.i18n import mark as _
from base.web import IDENTITY, Endpoint, query
from frontend.citizen.rendering import words_of
from frontend.citizen.words import Words
from frontend.finance.books_views import BooksPage, Choice, Column, Table
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
ALL = "*"
ENDPOINT_TABLE: web.AppKey[tuple[Endpoint, ...]] = web.AppKey("ENDPOINT_TABLE", tuple[Endpoint, ...])


class Asked(BaseModel):
    role: str = ""
    area: str = ""


async def show_access(request: web.Request) -> web.Response:
    """All permissions first; of the pages and actions how many there are, and those of an area or a role once it is chosen."""
    words, asked = words_of(request), query(request, Asked)
    roles = await request.app[IDENTITY].roles()
    names, table = sorted(roles), request.app[ENDPOINT_TABLE]
    found = actions(table, roles)
    role = asked.role if asked.role in roles else ""
    area = asked.area if asked.area in {one.area for one in found} or asked.area == ALL else ""
    some = [one for one in found if area in (ALL, "", one.area) and (not role or one.is_for(role))]
    view = BooksPage(
        frame=staff_frame(request, words, words._("Who may see and do what")),
        back=Link(label=words._("How long records are kept"), url=oversight_url(words)),
        url=f"{oversight_url(words)}access",
        choices=(
            Choice(
                name="role",
                label=words._("Role"),
                options=(("", words._("All roles")), *((one, words._(ROLES.get(one, one))) for one in names)),
                value=role,
            ),
            Choice(
                name="area",
                label=words._("Area"),
                options=(
                    ("", words._("Choose an area")),
                    (ALL, words._("All areas")),
                    *((one, one) for one in sorted({one.area for one in found})),
                ),
                value=area,
            ),
        ),
        intro=(
            words._(
                "Made from the roles as they are and from the table by which the server itself decides; so it is never behind them."
            ),
        ),
        tables=(
            *(() if area else (_permissions(words, roles, [role] if role else names),)),
            _pages(words, some) if area or role else _areas(words, found),
        ),
    )
    return staff_page(request, "finance/books", view)


def _permissions(words: Words, roles: Mapping[str, Collection[str]], names: Sequence[str]) -> Table:
    """Of all roles beside each other, or of one, and then only what it has."""
    held = [one for one in permissions_of(roles) if len(names) > 1 or one in roles[names[0]]]
    columns = [Column(words._(ROLES.get(name, name))) for name in names]
    return Table(
        heading=words._("Permissions by role"),
        columns=(Column(words._("Permission")), *columns),
        rows=tuple(
            (
                Link(label=words._(PERMISSIONS[one]) if one in PERMISSIONS else one),
                *(Link(label=words._("yes") if one in roles[name] else "") for name in names),
            )
            for one in held
        ),
        empty=words._("None."),
        is_matrix=len(names) > 1,
    )


def _areas(words: Words, found: Sequence[Action]) -> Table:
    counts = Counter(one.area for one in found)
    changing = Counter(one.area for one in found if one.changes)
    here = f"{oversight_url(words)}access"
    return Table(
        heading=words._("Pages and actions"),
        columns=(
            Column(words._("Area")),
            Column(words._("Addresses"), is_number=True),
            Column(words._("of which change something"), is_number=True),
        ),
        rows=tuple(
            (
                Link(label=area, url=f"{here}?{urlencode({'area': area})}"),
                Link(label=str(counts[area])),
                Link(label=str(changing[area])),
            )
            for area in sorted(counts)
        ),
    )


def _pages(words: Words, found: Sequence[Action]) -> Table:
    return Table(
        heading=words._("Pages and actions"),
        columns=(
            Column(words._("Address")),
            Column(words._("What for")),
            Column(words._("Needed")),
            Column(words._("Roles")),
        ),
        rows=tuple(_row(words, one) for one in found),
        empty=words._("None."),
    )


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
