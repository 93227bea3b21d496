"""The whole catalogue in memory, of one version: a few hundred services, read by every request, changed once a month."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from base.db import Connection
from booking.catalogue import store
from booking.catalogue.model import (
    Channel,
    City,
    Counter,
    Fee,
    Office,
    Place,
    Responsibility,
    Service,
    ServiceDetail,
    ServiceHit,
    ServiceRule,
)
from booking.catalogue.questions import Question
from booking.catalogue.reductions import Dated, Reduction
from booking.catalogue.words import fold


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All that is active. Counters stand here by service and channel, as availability asks for them.

    What was withdrawn stands apart: appointments made before still need its name and address.
    """

    city: City
    offices: Mapping[int, Office] = field(hash=False)
    services: Mapping[int, Service] = field(hash=False)
    counters: Mapping[tuple[int, Channel], tuple[Counter, ...]] = field(hash=False)
    fees: Mapping[int, tuple[Fee, ...]] = field(hash=False)
    rules: Mapping[tuple[int, int], ServiceRule] = field(hash=False)  # by service and office
    withdrawn_services: Mapping[int, Service] = field(hash=False)
    withdrawn_offices: Mapping[int, Office] = field(hash=False)
    resources: Mapping[tuple[int, str], tuple[int, ...]] = field(
        hash=False
    )  # counters by the office that has them and their kind
    responsibility: Mapping[int, tuple[Responsibility, ...]] = field(hash=False)  # by service
    questions: Mapping[int, tuple[Question, ...]] = field(hash=False)  # by service
    named_places: Mapping[str, Place] = field(hash=False)  # by the folded name
    reductions: tuple[Dated, ...] = field(hash=False)  # by rank
    ranked: tuple[Service, ...]  # what to show before anybody has typed: most asked for, then bookable, then by name

    def find_place(self, typed: str) -> Place | None:
        return self.named_places.get(fold(typed))

    def fee(self, service_id: int, day: date) -> Fee | None:
        return next((fee for fee in self.fees.get(service_id, ()) if fee.holds_on(day)), None)

    def asked_for(self, service_ids: Iterable[int]) -> tuple[Question, ...]:
        """What a visit for these services is asked, each once."""
        return tuple(one for service_id in dict.fromkeys(service_ids) for one in self.questions.get(service_id, ()))

    def hit(self, service: Service, day: date) -> ServiceHit:
        return ServiceHit(service=service, fee=self.fee(service.id, day))

    def detail(self, service: Service, day: date) -> ServiceDetail:
        return ServiceDetail(
            service=service,
            fee=self.fee(service.id, day),
            questions=self.questions.get(service.id, ()),
            reductions=self.reductions_of(service.id, day),
            offices={channel: self.offices_of(service.id, channel) for channel in service.channels},
        )

    def reductions_of(self, service_id: int, day: date) -> tuple[Reduction, ...]:
        fee = self.fee(service_id, day)
        found = (one.reduction for one in self.reductions if fee is not None and one.holds_on(day))
        return tuple(one for one in found if service_id in one.services and fee and one.off(fee.amount_cents))

    def counters_of(self, service_id: int, channel: Channel) -> tuple[Counter, ...]:
        return self.counters.get((service_id, channel), ())

    def offices_of(self, service_id: int, channel: Channel) -> tuple[Office, ...]:
        wanted = self.places(service_id, channel)
        return tuple(office for office in self.offices.values() if office.id in wanted)

    def places(self, service_id: int, channel: Channel) -> Mapping[int, tuple[Counter, ...]]:
        """The counters by the office that offers them: their own, and those that share them."""
        found: dict[int, list[Counter]] = {}
        for counter in self.counters_of(service_id, channel):
            for office_id in {counter.office_id, *counter.sold_by} & self.offices.keys():
                rule = self.rules.get((service_id, office_id))
                if rule is None or rule.allows(channel):
                    found.setdefault(office_id, []).append(counter)
        return {office_id: tuple(counters) for office_id, counters in found.items()}


async def load_snapshot(conn: Connection) -> Snapshot | None:
    """None before the first import. The caller's transaction shows one state to all statements."""
    city = await store.find_city(conn)
    if city is None:
        return None
    offices = {office.id: office for office in await store.offices(conn, is_active=True)}
    services = {service.id: service for service in await store.services(conn, is_active=True)}
    counters: dict[tuple[int, Channel], list[Counter]] = {}
    resources: dict[tuple[int, str], list[int]] = {}
    for counter in await store.active_counters(conn):
        if counter.resource is not None:
            resources.setdefault((counter.office_id, counter.resource), []).append(counter.id)
        for service_id in counter.service_ids & services.keys():
            counters.setdefault((service_id, counter.channel), []).append(counter)
    fees: dict[int, list[Fee]] = {}
    for fee in await store.living_fees(conn):
        fees.setdefault(fee.service_id, []).append(fee)
    responsibility: dict[int, list[Responsibility]] = {}
    for row in await store.responsibilities(conn):
        responsibility.setdefault(row.service_id, []).append(row)
    questions: dict[int, list[Question]] = {}
    for question in await store.questions(conn):
        questions.setdefault(question.service_id, []).append(question)
    return Snapshot(
        city=city,
        offices=offices,
        services=services,
        counters={key: tuple(found) for key, found in counters.items()},
        fees={service_id: tuple(versions) for service_id, versions in fees.items()},
        rules={(rule.service_id, rule.office_id): rule for rule in await store.service_rules(conn)},
        withdrawn_services={service.id: service for service in await store.services(conn, is_active=False)},
        withdrawn_offices={office.id: office for office in await store.offices(conn, is_active=False)},
        resources={key: tuple(found) for key, found in resources.items()},
        responsibility={service_id: tuple(rows) for service_id, rows in responsibility.items()},
        questions={service_id: tuple(found) for service_id, found in questions.items()},
        named_places={fold(place.name): place for place in await store.named_places(conn)},
        reductions=tuple(await store.reductions(conn)),
        ranked=_ranked(list(services.values())),
    )


def _ranked(services: Sequence[Service]) -> tuple[Service, ...]:
    last = len(services) + 1
    return tuple(sorted(services, key=lambda s: (s.top or last, not s.is_bookable, s.name.get("de", ""), s.id)))
