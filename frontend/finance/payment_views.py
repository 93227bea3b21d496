"""What the page of one payment shows: frozen, every text ready to print."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from frontend.finance.books_views import Table
from frontend.finance.views import DisputeLine, EntryLine, Fact, Link, ShownDifference
from frontend.staff.views import StaffFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundLine:
    at: str
    reason: str
    amount: str
    status: str
    there: str
    people: str
    failure: str
    kind: str  # of its badge
    again: str = ""  # when it is tried anew by itself
    is_request: bool = False
    approve_url: str = ""
    reject_url: str = ""
    hint: str = ""  # why it cannot be approved here
    is_by_rule: bool = False  # large: a rejection needs a reason, and it may be asked for anew
    again_url: str = ""
    steps: tuple[str, ...] = ()  # what people have done about it


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentPage:
    frame: StaffFrame
    notice: str  # a refusal
    facts: tuple[Fact, ...]
    provider_facts: tuple[Fact, ...]
    is_silent: bool
    appointment: tuple[Fact, ...]  # its number leads there for whoever may see it
    further: tuple[Fact, ...]  # of a further fee: what it was asked for
    others: tuple[Link, ...]  # further payments of the same appointment
    differences: tuple[ShownDifference, ...]
    refunds: tuple[RefundLine, ...]
    disputes: tuple[DisputeLine, ...]
    entries: tuple[EntryLine, ...]
    told: tuple[Fact, ...]  # by the provider's messages
    way: tuple[Table, ...]  # transfers, payouts, the treasury
    trail: tuple[Link, ...]
    day: Link
    settle_url: str
    request_url: str  # "" where nothing can be asked for, or by whom it may not
    refundable: str
    request_key: str
    values: Mapping[str, str] = field(default_factory=dict)
    messages: Mapping[str, str] = field(default_factory=dict)
