"""What staff have chosen on the page of times, read from an address or a form. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from urllib.parse import urlencode

from multidict import MultiMapping

from booking.appointments.model import Case
from booking.availability.endpoints import MOST_OTHERS, read_item, who_of
from booking.availability.model import ANYBODY, Item, Visit, Who
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
    also: tuple[Item, ...] = ()  # other services of the same visit
    is_less: bool = False  # than was chosen: more of it do not fit into one visit
    who: Who = ANYBODY  # for whom, where somebody has said so

    @property
    def visit(self) -> Visit:
        """What is moved stays what it is. For anybody: staff see the times of all teams and know who may help out."""
        return replace(self.moving.visit, who=ANYBODY) if self.moving else Visit(self.quantity, self.also)

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
            *(("also", str(item)) for item in self.also),
            ("channel", self.channel.value),
            ("day", self.day.isoformat()),
            *who_pairs(self.who),
            *moves,
        )

    def query(self, day: date) -> str:
        return urlencode([*(pair for pair in self.pairs() if pair[0] != "day"), ("day", day.isoformat())])


def asked_in(
    fields: MultiMapping[str], services: Mapping[int, frozenset[Channel]], most: Mapping[int, int], today: date
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
    chosen = _chosen(fields, service, services)
    (_first, quantity), *others = chosen.items() if service is not None else [(0, 1)]
    items = tuple(Item(ident, min(n, most[ident])) for ident, n in others[:MOST_OTHERS])
    who = who_of(*(fields.get(name, "")[:100] for name in ("letters", "postcode", "kind")))
    return Asked(
        service,
        channel,
        min(max(day, today), today + _AHEAD),
        quantity=min(quantity, most.get(service, 1) if service is not None else 1),
        also=items,
        is_less=any(n > most[ident] for ident, n in chosen.items()),
        who=who,
    )


def _chosen(fields: MultiMapping[str], first: int | None, services: Collection[int]) -> dict[int, int]:
    """How often each service, in their order. One that is chosen twice is two of it."""
    if first is None:
        return {}
    number = fields.get("quantity", "")
    found = {first: max(int(number), 1) if number.isascii() and number.isdigit() and len(number) < 3 else 1}
    for item in filter(None, map(read_item, fields.getall("also", []))):
        if item.service_id in services:
            found[item.service_id] = found.get(item.service_id, 0) + item.quantity
    return found
