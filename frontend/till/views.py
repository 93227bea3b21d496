"""What the cashier's pages show: frozen, every text ready to print."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from frontend.finance.books_views import Table
from frontend.finance.views import Fact, Link
from frontend.receipts.views import Sheet
from frontend.staff.views import StaffFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """`values` and `messages` by the name of a field."""

    action: str
    request_key: str
    values: Mapping[str, str] = field(default_factory=dict)
    messages: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficePage:
    frame: StaffFrame
    tills: Table
    drawers: Table
    set_up: Form | None  # None: who may not


@dataclass(frozen=True, slots=True, kw_only=True)
class Begins:
    """A fee of which no payment was begun."""

    text: str
    form: Form


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskPage:
    """One till. `open_form`: its drawer is closed; else what is looked for, and the drawer."""

    frame: StaffFrame
    back: Link
    notice: str
    facts: tuple[Fact, ...]
    open_form: Form | None
    search_url: str
    asked: str
    found: Table | None
    begins: tuple[Begins, ...]
    drawer: Link | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Giving:
    """Money to be given back."""

    amount: str
    form: Form
    transfer: Form


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlikely:
    """An amount handed over that is asked about, and what would be given back of it."""

    cents: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TakePage:
    """One payment at a till. `done`: what was just or once done, said large (the change)."""

    frame: StaffFrame
    back: Link
    notice: str
    done: tuple[str, ...]
    facts: tuple[Fact, ...]
    cash: Form | None
    unlikely: Unlikely | None
    terminal: Form | None
    switch: Form | None
    givings: tuple[Giving, ...]
    receipt_url: str
    visit: Link | None = None  # all fees of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A note or coin to be counted."""

    name: str
    label: str
    value: str
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawerPage:
    """The protocol of a drawer; `close`: while it is open, and for who may close it."""

    frame: StaffFrame
    back: Link
    notice: str
    facts: tuple[Fact, ...]
    moves: Table
    close: Form | None
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TillReceiptPage:
    frame: StaffFrame
    back: Link
    sheet: Sheet
    pdf_url: str
    languages: tuple[Link, ...]  # in which the payer can have it; the one that is shown leads nowhere
