"""What availability and holds ask of the catalogue without awaiting: the version in memory, kept fresh by the change feed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from base.db import Connection
from base.money import Money
from booking.availability.model import Offer, OfficeOffer
from booking.catalogue.model import Channel
from booking.catalogue.snapshot import Snapshot
from booking.catalogue.usecases import Catalogue, CatalogueEmpty


class CatalogueOffers:
    """Offers by service and channel, built once per version of the catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._built_of: Snapshot | None = None
        self._offers: dict[tuple[int, str], Offer] = {}

    def offer(self, service_id: int, channel: str) -> Offer | None:
        known = self._catalogue.known
        if known is not self._built_of:
            self._built_of = known
            self._offers = {} if known is None else _offers(known)
        return self._offers.get((service_id, channel))

    def fee_on(self, service_id: int, day: date) -> Money:
        """The fee valid on this day; a service without one costs nothing."""
        known = self._catalogue.known
        fee = None if known is None else known.fee(service_id, day)
        return Money(0) if fee is None else fee.amount


class CatalogueSource:
    """A feed source: asks for the version; the snapshot is read again only when that has changed."""

    name = "catalogue"

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    async def start(self, conn: Connection) -> int:
        return (await self.poll(conn, 0))[0]

    async def poll(self, conn: Connection, watermark: int) -> tuple[int, frozenset[str]]:
        before = self._catalogue.known
        try:
            await self._catalogue.snapshot()
        except CatalogueEmpty:
            return watermark, frozenset()
        return watermark, frozenset() if self._catalogue.known is before else frozenset({"catalogue"})


def _offers(known: Snapshot) -> dict[tuple[int, str], Offer]:
    found: dict[tuple[int, str], Offer] = {}
    for service in known.services.values():
        for channel in service.channels:
            offices = _offices(known, service.id, channel)
            if offices and service.duration_min is not None:
                found[service.id, channel] = Offer(service.id, channel, service.duration_min, offices)
    return found


def _offices(known: Snapshot, service_id: int, channel: Channel) -> Mapping[int, OfficeOffer]:
    counters: dict[int, list[int]] = {}
    for counter in known.counters_of(service_id, channel):
        if counter.office_id in known.offices:
            counters.setdefault(counter.office_id, []).append(counter.id)
    return {
        office_id: OfficeOffer(office_id, known.offices[office_id].time_zone, tuple(sorted(found)))
        for office_id, found in counters.items()
    }
