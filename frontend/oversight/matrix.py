"""Who may see and do what: the endpoint table against the roles as they are. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from base.i18n import mark as _
from base.web import Endpoint

# Callers that are no staff, by the kind of `Who`: what they show.
OTHERS: Mapping[str, str] = {
    "anyone": _("everybody"),
    "case": _("who holds the link of this appointment"),
    "hold": _("who reserved this time"),
    "room": _("who holds the link of this call"),
    "request": _("who holds the link of this request"),
    "overview": _("who holds the link to their appointments"),
    "invitation": _("who holds the link of this invitation"),
    "transfer": _("who holds the link of this refund"),
    "charge": _("who holds the link of this fee"),
    "vendor": _("a provider that signs"),
}
SIGNED_IN = _("all staff")


@dataclass(frozen=True, slots=True)
class Action:
    """A page or an action. `permission`: empty where none is needed; `kind`: of `Who`; `of_office`: only for the office in the path."""

    method: str
    path: str
    summary: str
    kind: str
    permission: str
    of_office: bool
    roles: tuple[str, ...]

    @property
    def area(self) -> str:
        """The first part of the path that says what it is about: `finance` of a page and of the API alike."""
        parts = [one for one in self.path.split("/") if one and one not in ("api", "{language}")]
        return parts[0] if parts else "/"

    def is_for(self, role: str) -> bool:
        """What a role may do because it has the permission, or because all staff may."""
        return role in self.roles or (self.kind == "staff" and not self.permission)

    @property
    def changes(self) -> bool:
        return self.method != "GET"


def actions(endpoints: Iterable[Endpoint], roles: Mapping[str, Iterable[str]]) -> tuple[Action, ...]:
    """`roles`: name and permissions. By path."""
    held = {name: frozenset(permissions) for name, permissions in roles.items()}
    return tuple(
        Action(
            method=one.method,
            path=one.path,
            summary=one.summary,
            kind=one.who.kind,
            permission=one.who.permission,
            of_office=bool(one.who.permission and one.who.parameter),
            roles=tuple(sorted(name for name, has in held.items() if one.who.permission in has))
            if one.who.permission
            else (),
        )
        for one in sorted(endpoints, key=lambda one: (one.path, one.method))
    )


def permissions_of(roles: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    return tuple(sorted({one for permissions in roles.values() for one in permissions}))


def markdown(found: Iterable[Action], roles: Mapping[str, Iterable[str]]) -> str:
    """The page `docs/access.md`: permissions by role, then pages and actions by permission."""
    found, names = list(found), sorted(roles)
    lines = ["| Permission | " + " | ".join(names) + " |", "|---|" + ":-:|" * len(names)]
    for permission in permissions_of(roles):
        marks = ["x" if permission in set(roles[name]) else "" for name in names]
        lines.append(f"| `{permission}` | " + " | ".join(marks) + " |")
    groups = [(f"`{one}`", one, "staff") for one in sorted({one.permission for one in found if one.permission})]
    groups += [("All staff", "", "staff")]
    groups += [(OTHERS[kind].capitalize(), "", kind) for kind in OTHERS]
    for heading, permission, kind in groups:
        some = [one for one in found if (one.permission, one.kind) == (permission, kind)]
        if some:
            scope = ", for their office" if all(one.of_office for one in some) else ""
            lines += ["", f"## {heading}{scope}", ""]
            lines += [f"- {one.method} `{one.path}`: {one.summary}" for one in some]
    return "\n".join(lines) + "\n"
