"""A catalogue as a city hands it in: checked values, keys instead of ids, and the line that each came from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, time

from base.i18n import Text
from booking.catalogue.changes import Terms
from booking.catalogue.hours import Written
from booking.catalogue.model import Channel
from booking.catalogue.questions import Choice, Kind
from booking.catalogue.reductions import Per, ReductionKind
from booking.catalogue.responsibility import Lines
from payment.model import Capture


@dataclass(frozen=True, slots=True)
class LineError:
    """One thing that is wrong, where a person finds it. `line` 0 means the whole file."""

    file: str
    line: int
    column: str
    code: str
    message: str

    @classmethod
    def unknown(cls, file: str, line: int, column: str, value: str, where: str) -> LineError:
        return cls(file, line, column, "unknown_reference", f"'{value}' is not in {where}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftPolicy:
    key: str
    share_percent: int
    steps: tuple[tuple[int, int], ...]  # hours before the start, per cent; see refund_policy
    text: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftCity:
    name: Text
    time_zone: str
    holidays: str
    contact: Text
    languages: tuple[str, ...]
    refund_policies: tuple[DraftPolicy, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftOffice:
    line: int
    key: str
    name: Text
    street: str
    postcode: str
    place: str
    latitude: float
    longitude: float
    is_step_free: bool
    directions: Text
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftCounter:
    line: int
    office: str
    kind: str  # the key of its line in counters.csv
    key: str  # kind and number: "desk-2"
    name: Text
    channel: Channel
    groups: frozenset[str]  # none: a resource
    resource: str | None
    is_told: bool = False  # its name, to whoever has booked it

    def serves(self, service: DraftService) -> bool:
        return service.group in self.groups and self.channel in service.channels


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftHours(Written):
    line: int
    office: str
    counter: str  # a key of counters.csv, or "*": all counters of the office without lines of their own


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftException:
    """One day is different. Without times: closed."""

    line: int
    office: str
    counter: str  # "desk-2", or "": the whole office
    day: date
    opens: time | None
    closes: time | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftRule:
    line: int
    office: str
    service: str  # or "*": all that the office's counters serve and that have no line of their own
    terms: Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftPool:
    """Another office sells the time of these counters too."""

    line: int
    office: str
    counter: str  # a key of counters.csv
    sold_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftResponsibility:
    """Some counters of an office, and whom they serve with a service; others it has serve everybody."""

    line: int
    service: str
    office: str
    counters: tuple[str, ...]  # "desk-2"
    lines: Lines
    kind_name: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftPlace:
    line: int
    name: str  # a postcode or a district
    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftService:
    line: int
    key: str
    leika_key: str | None
    name: Text
    summary: Text
    group: str
    top: int | None
    duration_min: int | None
    channels: tuple[Channel, ...]
    search_words: dict[str, tuple[str, ...]]
    documents: dict[str, tuple[str, ...]]
    source: str
    most: int
    further_min: int | None
    counted: Text
    is_group: bool
    needs: tuple[str, ...]
    most_per_person: int | None  # living appointments at a time; None: no limit
    pay_at_till: tuple[int, int] | None = (
        None  # hours to pay at a till, and so many before the appointment at the latest
    )
    reconfirm: tuple[int, int, bool] | None = (
        None  # asked so many days before, answered until so many hours before, else released
    )
    capture: Capture = Capture.AUTOMATIC


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftFee:
    line: int
    service: str
    amount_cents: int
    legal_basis: Text
    valid_from: date | None
    valid_until: date | None  # the last day
    product: str  # the account of the budget
    tax_percent: int
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftQuestion:
    line: int
    service: str
    key: str
    text: Text
    kind: Kind
    choices: tuple[Choice, ...]
    is_required: bool
    condition: tuple[str, str] | None  # key of an earlier question of the service, and the answer to it
    kept_days: int

    @property
    def answers(self) -> tuple[str, ...]:
        return ("yes", "no") if self.kind is Kind.YESNO else tuple(choice.key for choice in self.choices)


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftReduction:
    """A line of reductions.csv."""

    line: int
    key: str
    name: Text
    kind: ReductionKind
    value: int
    per: Per
    rank: int
    services: tuple[str, ...]  # keys of services
    groups: tuple[str, ...]
    proof: Text
    legal_basis: Text
    valid_from: date | None
    valid_until: date | None  # the last day
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    city: DraftCity
    offices: tuple[DraftOffice, ...]
    counters: tuple[DraftCounter, ...]
    hours: tuple[DraftHours, ...]
    services: tuple[DraftService, ...]
    fees: tuple[DraftFee, ...]
    # None: the folder has no such file, so what the city has stays
    exceptions: tuple[DraftException, ...] | None = None
    rules: tuple[DraftRule, ...] | None = None
    pools: tuple[DraftPool, ...] | None = None
    places: tuple[DraftPlace, ...] | None = None
    responsibility: tuple[DraftResponsibility, ...] | None = None
    questions: tuple[DraftQuestion, ...] | None = None
    reductions: tuple[DraftReduction, ...] | None = None

    def rules_of(self) -> dict[tuple[str, str], DraftRule]:
        """By service and office, stars resolved."""
        found: dict[tuple[str, str], DraftRule] = {}
        for rule in self.rules or ():
            if rule.service == "*":
                here = [counter for counter in self.counters if counter.office == rule.office]
                for service in self.services:
                    if any(self.serves(counter, service) for counter in here):
                        found.setdefault((service.key, rule.office), rule)
            else:
                found[rule.service, rule.office] = rule
        return found

    def hours_of(self, counter: DraftCounter) -> list[DraftHours]:
        """Lines that name the counter's kind; without any, those for the whole office."""
        here = [line for line in self.hours if line.office == counter.office]
        return [line for line in here if line.counter == counter.kind] or [line for line in here if line.counter == "*"]

    def serves(self, counter: DraftCounter, service: DraftService) -> bool:
        return counter.serves(service)
