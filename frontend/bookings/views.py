"""What the pages of bookings by staff show: frozen, every text ready to print."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from frontend.citizen.views import PartOfDay, Questions, ReductionsPart, Row, Tick
from frontend.staff.views import NavLink, StaffFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class DayOfTimes:
    name: str
    parts: tuple[PartOfDay, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimesPage:
    """Search by number, choose service and days, take a time; below, the lane for what is taken or closed."""

    frame: StaffFrame
    office: str
    action: str
    find_action: str
    duplicates_url: str
    refunds: tuple[NavLink, ...]  # that wait for an account, for who may enter one
    services: tuple[Tick, ...]
    channels: tuple[Tick, ...]
    numbers: tuple[Tick, ...]
    also: tuple[tuple[Tick, ...], ...] = ()  # a list for each other service of the visit, and one for the next
    less: str = ""  # that not so many fit into one visit
    nothing: str = ""  # why there are no times
    values: Mapping[str, str]  # day, number, starts_at, reason
    hidden: tuple[tuple[str, str], ...]
    request_key: str
    hold_action: str
    moving: str = ""  # "K7F-3QM": the case that gets the time
    days: tuple[DayOfTimes, ...] = ()
    is_asked: bool = False  # a service was chosen, so that no days mean no times
    asks: tuple[str, ...] = ()  # what decides who is responsible for it
    kinds: tuple[Tick, ...] = ()
    others: frozenset[str] = frozenset()  # values of times at which only another team is free
    whose: str = ""  # what that means
    earlier_url: str = ""
    later_url: str = ""
    override_action: str = ""  # empty: not for this reader
    counters: tuple[Tick, ...] = ()
    messages: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactPage:
    frame: StaffFrame
    rows: tuple[Row, ...]
    reserved: str
    action: str
    release_action: str
    button: str
    request_key: str
    needs_number: bool
    pays_by_link: bool
    needs: tuple[Tick, ...]
    languages: tuple[Tick, ...]
    opens_post: bool
    questions: Questions | None
    values: Mapping[str, str]
    messages: Mapping[str, str] = field(default_factory=dict)
    reductions: ReductionsPart | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingPart:
    """The earlier-time list: the way onto it, or that the person waits, and what is on offer."""

    text: str
    join_action: str = ""
    leave_action: str = ""
    offered: tuple[Row, ...] = ()
    answers: str = ""  # this address and "accept" or "decline"


@dataclass(frozen=True, slots=True, kw_only=True)
class CasePage:
    frame: StaffFrame
    notice_kind: str
    notice_title: str
    notice: str
    rows: tuple[Row, ...]
    person: tuple[Row, ...]  # empty: not for this reader, or erased
    move_url: str
    cancel_action: str
    cancellation: str  # what of the fee comes back, empty where none was paid
    cancel_hidden: tuple[tuple[str, str], ...]
    book_url: str
    is_told: bool  # by mail or text, when it is cancelled
    waiting: WaitingPart | None = None
    till_action: str = ""  # to be paid at a till until a deadline
    till_text: str = ""
    refunds_url: str = ""  # empty: nothing was given back, and nothing is to be


@dataclass(frozen=True, slots=True, kw_only=True)
class TwinLine:
    number: str
    when: str
    office: str
    url: str  # empty: of another office


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicate:
    service: str
    lines: tuple[TwinLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DuplicatesPage:
    frame: StaffFrame
    office: str
    book_url: str
    duplicates: tuple[Duplicate, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedPage:
    """A request by need, entered for somebody."""

    frame: StaffFrame
    rule: tuple[str, ...]
    action: str
    back_url: str
    request_key: str
    values: Mapping[str, str]
    messages: Mapping[str, str]
    languages: tuple[Tick, ...]
    offices: tuple[Tick, ...]
    times: tuple[Tick, ...]
    asks: tuple[str, ...]  # what decides who is responsible
    kinds: tuple[Tick, ...]
    opens_post: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestPage:
    frame: StaffFrame
    notice: str
    rows: tuple[Row, ...]
    person: tuple[Row, ...]  # empty: not for this reader
    explained: tuple[str, ...]
    case_url: str
    withdraw_action: str
    back_url: str
