"""The nouns of the catalogue, as people read them. Frozen: one copy in memory serves every request."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from base.i18n import Text
from base.money import Money
from booking.catalogue.questions import Question
from booking.catalogue.reductions import Reduction
from payment.model import Capture


class Channel(StrEnum):
    """How a citizen meets the city."""

    ONSITE = "onsite"
    VIDEO = "video"
    PHONE = "phone"


@dataclass(frozen=True, slots=True, kw_only=True)
class City:
    name: Text
    time_zone: str
    holidays: str  # "DE-BW"
    contact: Text
    languages: tuple[str, ...]
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    id: int
    key: str
    name: Text
    street: str
    postcode: str
    place: str
    latitude: float
    longitude: float
    is_step_free: bool
    directions: Text
    time_zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A point that people name: a postcode or a district."""

    name: str
    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    """A lane of capacity that takes one appointment at a time: a desk, or one lane of a video or telephone pool."""

    id: int
    office_id: int
    key: str
    name: Text
    channel: Channel
    service_ids: frozenset[int]
    sold_by: frozenset[int] = frozenset()  # other offices that offer its time too
    resource: str | None = None  # its kind, where nobody comes to it: a room, an interpreter


@dataclass(frozen=True, slots=True)
class Responsibility:
    """Whom a counter serves with a service; see booking.catalogue.responsibility. Empty: anybody."""

    service_id: int
    counter_id: int
    first: str
    last: str
    postcodes: tuple[str, ...]
    kind: str
    kind_name: Text = field(hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRule:
    """What an office does differently with a service; None: as the service or the city says."""

    service_id: int
    office_id: int
    duration_min: int | None
    buffer_min: int | None
    lead_min: int | None
    horizon_days: int | None
    channels: tuple[Channel, ...] | None

    def allows(self, channel: Channel) -> bool:
        return self.channels is None or channel in self.channels


@dataclass(frozen=True, slots=True, kw_only=True)
class Fee:
    """One version of a fee. A withdrawn version has an empty validity and is never current."""

    id: int
    service_id: int
    amount_cents: int
    currency: str
    legal_basis: Text
    valid_from: date | None
    valid_until: date | None  # the last day

    @property
    def amount(self) -> Money:
        return Money(self.amount_cents, self.currency)

    def holds_on(self, day: date) -> bool:
        return (self.valid_from is None or self.valid_from <= day) and (
            self.valid_until is None or day <= self.valid_until
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service (Leistung). Without channels it is for information only and cannot be booked."""

    id: int
    key: str
    leika_key: str | None
    name: Text
    summary: Text
    search_words: dict[str, tuple[str, ...]] = field(hash=False)
    documents: dict[str, tuple[str, ...]] = field(hash=False)
    channels: tuple[Channel, ...]
    duration_min: int | None
    topic: str
    top: int | None
    source: str
    most: int = 1  # how often in one visit
    further_min: int | None = None  # what each one after the first takes; None: as long as the first
    counted: Text = field(default_factory=dict)  # what is counted: "Vehicles"; empty: just how many
    is_group: bool = False  # each of its counters is a place of the group that meets
    needs: tuple[str, ...] = ()  # kinds of resources, one of each
    capture: Capture = Capture.AUTOMATIC  # MANUAL: its fee is reserved first and taken after the visit

    def minutes_for(self, quantity: int) -> int:
        once = self.duration_min or 0
        return once + (quantity - 1) * (once if self.further_min is None else self.further_min)

    @property
    def is_bookable(self) -> bool:
        return bool(self.channels)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceHit:
    service: Service
    fee: Fee | None  # the version valid today


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceDetail:
    service: Service
    fee: Fee | None
    offices: dict[Channel, tuple[Office, ...]] = field(hash=False)
    questions: tuple[Question, ...] = field(default=(), hash=False)
    reductions: tuple[Reduction, ...] = field(default=(), hash=False)  # that take something off today's fee, by rank

    @property
    def reduced(self) -> tuple[tuple[Reduction, int], ...]:
        """Each with the cents that the service costs then, once."""
        cents = self.fee.amount_cents if self.fee else 0
        return tuple((one, cents - one.off(cents)) for one in self.reductions)
