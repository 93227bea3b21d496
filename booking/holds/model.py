"""A hold: a time that is kept for somebody for a quarter of an hour."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter

from base.i18n import Text
from base.money import Money
from booking.availability.book import instant_of
from booking.availability.model import (
    ANYBODY,
    JUST_ONE,
    Audience,
    ClaimStatus,
    Item,
    Offer,
    OfficeOffer,
    Part,
    Visit,
    Who,
)
from booking.catalogue.model import Fee

FeeOn = Callable[[int, date], Fee | None]  # (service, day) -> the version valid on that day


class HoldStatus(StrEnum):
    HELD = "held"
    USED = "used"  # it belongs to a case that is alive
    OVER = "over"  # expired, released or cancelled

    @classmethod
    def of(cls, claim: ClaimStatus, appointment_id: UUID | None) -> HoldStatus:
        if not claim.occupies:
            return cls.OVER
        return cls.HELD if appointment_id is None and claim is ClaimStatus.HELD else cls.USED


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """`token` proves it; whoever repeats the request that made it gets the same one."""

    id: UUID
    token: str = field(repr=False)
    service_id: int
    channel: str
    office_id: int
    starts_at: datetime
    ends_at: datetime
    expires_at: datetime
    fee: Money
    legal_basis: Text = field(default_factory=dict, hash=False)  # of the fee's version
    status: HoldStatus = HoldStatus.HELD
    appointment_id: UUID | None = None
    items: tuple[Item, ...] = ()  # of a visit that is for more than its service once
    bases: tuple[Text, ...] = field(default=(), hash=False)  # the legal basis of each, where there are several
    who: Who = field(default=ANYBODY, repr=False)  # as far as its service asks that

    @property
    def visit(self) -> Visit:
        visit = Visit(self.items[0].quantity, self.items[1:]) if self.items else JUST_ONE
        return replace(visit, who=self.who)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """With what somebody of the public comes to a guarded service."""

    pass_id: UUID | None = None
    network: bytes | None = None  # HMAC; None: unknown

    def told(self) -> list[str | None]:
        """As JSON, for another process of ours."""
        return [self.pass_id.hex if self.pass_id else None, self.network.hex() if self.network else None]

    @classmethod
    def understood(cls, said: Sequence[str | None]) -> Entry:
        pass_id, network = said
        return cls(pass_id=UUID(pass_id) if pass_id else None, network=bytes.fromhex(network) if network else None)


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody asks to be held. `key` is the request's, for this very visit; `ident` follows from what stands before it."""

    service_id: int
    channel: str
    office_id: int
    starts_at: datetime
    key: str
    ident: UUID
    audience: Audience = Audience.PUBLIC
    visit: Visit = JUST_ONE
    entry: Entry | None = None  # None: the service is not guarded, as far as this process knows

    def told(self) -> Mapping[str, Any]:
        """As JSON, for another process of ours: one of the public, for themselves."""
        said = {"service": self.service_id, "channel": self.channel, "office": self.office_id, "key": self.key}
        said["starts_at"] = self.starts_at.isoformat()
        return said if self.entry is None else {**said, "entry": self.entry.told()}

    @classmethod
    def understood(cls, said: Mapping[str, Any]) -> Asked:
        service_id, channel, office_id, key = (said[name] for name in ("service", "channel", "office", "key"))
        starts_at = datetime.fromisoformat(said["starts_at"])
        ident = hold_id(key, service_id, channel, office_id, starts_at)
        entry = Entry.understood(said["entry"]) if "entry" in said else None
        return cls(service_id, channel, office_id, starts_at, key, ident, entry=entry)

    def ident_of(self, generation: int) -> UUID:
        """Of the hold that is made once those before it are over."""
        if not generation:
            return self.ident
        return hold_id(self.key, self.service_id, self.channel, self.office_id, self.starts_at, generation)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One candidate of one request, as it is sent to the database."""

    hold_id: UUID
    service_id: int
    fee_id: int  # the version that the citizen is shown, and pays
    counter_id: int
    starts_at: datetime
    ends_at: datetime  # with the buffer
    quantity: int = 1
    buffer_min: int = 0
    office_id: int | None = None  # that was chosen; None: the counter's own
    entry: Entry | None = None  # None: the service is not guarded, as far as this process knows
    who: bytes | None = None  # sealed (booking.holds.said); None: nothing was said

    @classmethod
    def at(
        cls,
        offer: Offer,
        office: OfficeOffer,
        fee_id: int,
        counter_id: int,
        starts_at: datetime,
        ident: UUID,
        entry: Entry | None = None,
        who: bytes | None = None,
    ) -> Wanted:
        return cls(
            hold_id=ident,
            service_id=offer.service_id,
            fee_id=fee_id,
            counter_id=counter_id,
            starts_at=starts_at,
            ends_at=starts_at + timedelta(minutes=offer.taken_at(office)),
            buffer_min=office.buffer_min,
            office_id=office.office_id,
            entry=entry,
            who=who,
        )

    @classmethod
    def part(cls, part: Part, office: OfficeOffer, fee_id: int, ident: UUID, who: bytes | None = None) -> Wanted:
        return cls(
            hold_id=ident,
            service_id=part.item.service_id,
            fee_id=fee_id,
            counter_id=part.counter_id,
            starts_at=instant_of(part.first),
            ends_at=instant_of(part.last),
            quantity=part.item.quantity,
            buffer_min=part.buffer_min,
            office_id=office.office_id,
            who=who,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """What staff ask for although a counter's time is taken or closed, why, and who."""

    service_id: int
    channel: str
    office_id: int
    counter_id: int
    starts_at: datetime
    reason: str
    by: int


def visit_key(key: str, visit: Visit) -> str:
    """The same key for another visit is another request."""
    if visit == JUST_ONE:
        return key
    who = visit.who
    said = f"\0{who.letters}\0{who.postcode}\0{who.kind}" if who != ANYBODY else ""
    return f"{key}\0{visit.quantity}\0{','.join(map(str, visit.also))}{said}"


def hold_id(key: str, service_id: int, channel: str, office_id: int, starts_at: datetime, generation: int = 0) -> UUID:
    """The same request finds its own row. Another time under the same key is another hold, and so is the same time once the first
    hold is over (the back button sends an old form again): its next generation."""
    parts = (key, service_id, channel, office_id, int(starts_at.timestamp()), generation)
    return UUID(bytes=hashlib.sha256("\0".join(map(str, parts)).encode()).digest()[:16])


def token_text(ident: UUID) -> str:
    """What the token is the HMAC of."""
    return f"hold:{ident}"


def told(hold: Hold) -> Mapping[str, Any]:
    """As JSON, for another process of ours. Without the token, which it can make itself."""
    return {"hold": _HOLD.dump_python(replace(hold, token=""), mode="json")}


def understood(made: object) -> Hold:
    return _HOLD.validate_python(made)


_HOLD = TypeAdapter(Hold)
