"""What staff have chosen on the page of times, read from an address or a form. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from urllib.parse import urlencode

from booking.appointments.model import Case
from booking.availability.endpoints import who_of
from booking.availability.model import ANYBODY, Visit, Who
from booking.catalogue.model import Channel
from frontend.citizen.choosing import who_pairs
from frontend.citizen.need_wording import read_date

_AHEAD = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Asked:
    """`service_id` None: not chosen yet. `moving`: the case that is to get the time."""

    service_id: int | None
    channel: Channel
    day: date
    moving: Case | None = None
    quantity: int = 1
    who: Who = ANYBODY  # for whom, where somebody has said so

    @property
    def visit(self) -> Visit:
        """What is moved stays what it is. For anybody: staff see the times of all teams and know who may help out."""
        return replace(self.moving.visit, who=ANYBODY) if self.moving else Visit(self.quantity)

    @property
    def services(self) -> tuple[int, ...]:
        return () if self.service_id is None else self.visit.services(self.service_id)

    def pairs(self) -> tuple[tuple[str, str], ...]:
        """As hidden fields."""
        service = (("service", str(self.service_id)),) if self.service_id is not None else ()
        moves = (("moves", str(self.moving.id)),) if self.moving else ()
        number = (("quantity", str(self.quantity)),) if self.quantity > 1 else ()
        return (
            *service,
            *number,
            ("channel", self.channel.value),
            ("day", self.day.isoformat()),
            *who_pairs(self.who),
            *moves,
        )

    def query(self, day: date) -> str:
        return urlencode([*(pair for pair in self.pairs() if pair[0] != "day"), ("day", day.isoformat())])


def asked_in(
    fields: Mapping[str, str], services: Mapping[int, frozenset[Channel]], most: Mapping[int, int], today: date
) -> Asked:
    """Days that are over, or further ahead than anybody plans, become the nearest that is not; and more of a service than there may
    be in one visit (`most`) as many as there may be."""
    typed = fields.get("service", "")
    service = int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 10 and int(typed) in services else None
    wanted = fields.get("channel", "")
    channel = Channel(wanted) if wanted in list(Channel) else Channel.ONSITE
    if service is not None and wanted == "" and channel not in services[service]:
        channel = min(services[service])
    day = read_date(fields.get("day", "")) or today
    number = fields.get("quantity", "")
    quantity = int(number) if number.isascii() and number.isdigit() and len(number) < 3 else 1
    quantity = min(max(quantity, 1), most.get(service, 1) if service is not None else 1)
    who = who_of(*(fields.get(name, "")[:100] for name in ("letters", "postcode", "kind")))
    return Asked(service, channel, min(max(day, today), today + _AHEAD), quantity=quantity, who=who)
