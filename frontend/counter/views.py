"""What the counter's templates show: frozen, every text ready to print."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from frontend.citizen.views import Row
from frontend.staff.views import StaffFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One person of the day: waiting, called, or expected."""

    key: str
    number: str  # of the ticket, else of the appointment
    time: str
    name: str
    service: str
    channel: str
    note: str = ""  # "Schalter 3", "since 10:12", "cancelled"
    kind: str = "info"
    action_url: str = ""
    action: str = ""
    action_hidden: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Lists:
    """The part that is the same for all clerks of an office with the same permissions."""

    waiting: tuple[Line, ...]
    called: tuple[Line, ...]
    expected: tuple[Line, ...]
    over: tuple[Line, ...]
    waiting_text: str  # "3 people are waiting": spoken when it changes


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    url: str
    label: str
    kind: str = "secondary"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A reduction that the person at the counter has claimed, and what the clerk has noted about its proof."""

    key: str
    label: str
    proof: str
    state: str
    kind: str = "warning"  # danger: not shown, success: shown
    is_open: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Further:
    """A further fee of whoever is at the counter. `code`: a drawing of the link to pay, while it is to be paid."""

    key: str
    label: str
    state: str
    kind: str
    withdraw_url: str = ""
    link: str = ""
    code: str = ""
    send_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """Into a form that was refused. `at`: the id of its part of the page, which stays open; `values` by the name of a field."""

    at: str = ""
    values: Mapping[str, str] = field(default_factory=dict)

    def of(self, at: str, name: str, otherwise: str = "") -> str:
        return self.values.get(name, otherwise) if self.at == at else otherwise


@dataclass(frozen=True, slots=True, kw_only=True)
class Mine:
    """The clerk's own counter: choose one, call the next, or the present person with the next actions."""

    choices: tuple[tuple[str, str, bool], ...] = ()  # (id, name, somebody else works there)
    choose_url: str = ""
    counter: str = ""
    leave_url: str = ""
    number: str = ""
    rows: tuple[Row, ...] = ()
    state: str = ""
    steps: tuple[Step, ...] = ()
    proofs: tuple[Proof, ...] = ()
    proof_url: str = ""
    proof_due: str = ""  # what is to be paid because of those that were not shown
    proof_due_url: str = ""  # where that is asked for
    owed: str = ""  # of a booking that is not paid
    unpaid_url: str = ""  # where the visit ends although a fee is open
    reasons: tuple[tuple[str, str], ...] = ()  # why it does
    further: tuple[Further, ...] = ()
    further_url: str = ""  # where another one is asked for; empty: not now, or not by this clerk
    prices: tuple[tuple[str, str], ...] = ()  # of the price list: (id, name and amount)
    request_key: str = ""
    typed: Typed = Typed()
    missed: tuple[Step, ...] = ()  # called here, did not come, and may be here after all
    free_url: str = ""
    taken: tuple[tuple[str, str], ...] = ()  # counters that may be freed: (id, name)


@dataclass(frozen=True, slots=True, kw_only=True)
class DayPage:
    frame: StaffFrame
    office: str
    date: str
    board_url: str
    live_url: str
    lists: Lists
    mine: Mine
    check_in_url: str
    walk_in_url: str
    services: tuple[tuple[str, str], ...]
    request_key: str
    notice: str = ""
    notice_kind: str = "danger"
    is_answer: bool = False  # to a form: the notice is not of a moment
    number: str = ""  # what was typed
