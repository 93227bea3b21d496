"""What the pages of transfer orders show: frozen, every text ready to print."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from frontend.citizen.views import Tick
from frontend.finance.books_views import Table
from frontend.finance.views import Fact, Link
from frontend.staff.views import StaffFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPage:
    """`make_url`: where a file is made, for whoever may; `make_text`: of how much."""

    frame: StaffFrame
    links: tuple[Link, ...]
    tables: tuple[Table, ...]
    notice: str = ""
    back: Link | None = None
    facts: tuple[Fact, ...] = ()
    make_url: str = ""
    make_text: str = ""
    fetch_url: str = ""
    request_key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """A button, or with `asks` a form with one field for the reason."""

    name: str
    label: str
    url: str
    asks: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepLine:
    at: str
    what: str
    by: str
    note: str
    record: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPage:
    """`fields`: the ten of a payment order; `enter_url`: where staff enter the account for its payee; `waivers`: that it is owed no more,
    as it was asked for; `waive_url`: where that is asked for; `barred_from`: from when limitation is a ground."""

    frame: StaffFrame
    notice: str
    back: Link
    status: str
    is_waiting: bool
    facts: tuple[Fact, ...]
    fields: tuple[Fact, ...]
    steps: tuple[StepLine, ...]
    links: tuple[Link, ...]
    buttons: tuple[Action, ...]
    reasons: tuple[Action, ...]
    waivers: tuple[tuple[Fact, ...], ...]
    waive_url: str
    grounds: tuple[Tick, ...]
    barred_from: str
    hint: str
    enter_url: str
    request_key: str
    values: Mapping[str, str] = field(default_factory=dict)
    messages: Mapping[str, str] = field(default_factory=dict)
