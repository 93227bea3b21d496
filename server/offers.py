"""What availability and holds ask of the catalogue without awaiting: the version in memory, kept fresh by the change feed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

from base.db import Connection
from booking.availability.model import Offer, OfficeOffer, Team
from booking.catalogue.model import Channel, Counter, Fee, Office, ServiceRule
from booking.catalogue.responsibility import Lines, asked
from booking.catalogue.snapshot import Snapshot
from booking.catalogue.usecases import Catalogue


class CatalogueOffers:
    """Offers by service and channel, built once per version of the catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._built_of: Snapshot | None = None
        self._offers: dict[tuple[int, str], Offer] = {}
        self._priced: tuple[object, date] = (None, date.min)
        self._fees: dict[int, Fee | None] = {}  # by service, valid today

    @property
    def state(self) -> object:
        return self._catalogue.known

    def offer(self, service_id: int, channel: str) -> Offer | None:
        """None also where no version of the fee holds today: then nobody can say what it would cost."""
        known = self._catalogue.known
        if known is not self._built_of:
            self._built_of = known
            self._offers = {} if known is None else _offers(known)
        if known is None or self.fee_on(service_id, self._catalogue.today(known)) is None:
            return None
        return self._offers.get((service_id, channel))

    def fee_on(self, service_id: int, day: date) -> Fee | None:
        """The version valid on this day; 0 cents is a version too."""
        known = self._catalogue.known
        if known is None:
            return None
        if self._priced[0] is not known or self._priced[1] != day:
            self._priced, self._fees = (known, day), {}
        if service_id not in self._fees:
            self._fees[service_id] = known.fee(service_id, day)
        return self._fees[service_id]


class CatalogueSource:
    """A feed source: asks for the version; the snapshot is read again only when that has changed.

    On the feed's own connection: a second one might never come while the feed holds the last one of the pool.
    """

    name = "catalogue"

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    async def start(self, conn: Connection) -> int:
        return (await self.poll(conn, 0))[0]

    async def poll(self, conn: Connection, watermark: int) -> tuple[int, frozenset[str]]:
        before = self._catalogue.known
        await self._catalogue.refresh(conn)
        return watermark, frozenset() if self._catalogue.known is before else frozenset({"catalogue"})


def _offers(known: Snapshot) -> dict[tuple[int, str], Offer]:
    found: dict[tuple[int, str], Offer] = {}
    for service in known.services.values():
        for channel in service.channels:
            offices = _offices(known, service.id, channel)
            if offices and service.duration_min is not None:
                found[service.id, channel] = Offer(
                    service.id,
                    channel,
                    service.duration_min,
                    offices,
                    most=service.most,
                    further_min=service.further_min,
                    is_group=service.is_group,
                    needs_more=bool(service.needs),
                    asks=asked(team.covers for office in offices.values() for team in office.teams),
                )
    return found


def _offices(known: Snapshot, service_id: int, channel: Channel) -> Mapping[int, OfficeOffer]:
    """Where all is that the service needs."""
    needs = known.services[service_id].needs
    return {
        office_id: replace(
            _office(known.offices[office_id], counters, known.rules.get((service_id, office_id))),
            resources=tuple(known.resources[office_id, kind] for kind in needs),
            teams=_teams(known, service_id, counters),
        )
        for office_id, counters in known.places(service_id, channel).items()
        if all((office_id, kind) in known.resources for kind in needs)
    }


def _teams(known: Snapshot, service_id: int, counters: Sequence[Counter]) -> tuple[Team, ...]:
    here = {counter.id for counter in counters}
    return tuple(
        Team(row.counter_id, Lines(row.first, row.last, frozenset(row.postcodes), row.kind))
        for row in known.responsibility.get(service_id, ())
        if row.counter_id in here
    )


def _office(office: Office, counters: Sequence[Counter], rule: ServiceRule | None) -> OfficeOffer:
    return OfficeOffer(
        office_id=office.id,
        time_zone=office.time_zone,
        counters=tuple(sorted(counter.id for counter in counters)),
        duration_min=rule.duration_min if rule else None,
        buffer_min=(rule.buffer_min or 0) if rule else 0,
        lead_min=rule.lead_min if rule else None,
        horizon_days=rule.horizon_days if rule else None,
        pools=tuple(sorted({counter.office_id for counter in counters} - {office.id})),
    )
