"""A city in one statement each: offices, counters open on some days, services. Everything defaulted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from base.db import Connection
from booking.availability.model import Offer, OfficeOffer, Team
from booking.catalogue.model import Fee
from booking.catalogue.responsibility import Lines

BERLIN = ZoneInfo("Europe/Berlin")
TUESDAY = date(2026, 12, 1)


@dataclass(frozen=True, slots=True)
class City:
    """Answers as availability.Offers and as the fees of holds.Holds."""

    service_id: int
    offices: Mapping[int, tuple[int, ...]]
    duration_min: int
    fee_cents: int
    fee_id: int | None = 1
    channel: str = "onsite"
    rule: Mapping[str, Any] = field(default_factory=dict)  # what every office does differently
    terms: Mapping[str, Any] = field(default_factory=dict)  # of the service: most, further_min
    more: Mapping[int, Offer] = field(default_factory=dict)  # other services
    fees: Mapping[int, tuple[int, int]] = field(default_factory=dict)  # of these: id and cents

    @property
    def office(self) -> int:
        return min(self.offices)

    @property
    def counters(self) -> list[int]:
        return [counter for counters in self.offices.values() for counter in counters]

    @property
    def state(self) -> object:
        return self

    def offer(self, service_id: int, channel: str) -> Offer | None:
        if (service_id, channel) != (self.service_id, self.channel):
            return self.more.get(service_id)
        offices = {
            office: OfficeOffer(office, "Europe/Berlin", tuple(counters), **self.rule)
            for office, counters in self.offices.items()
        }
        return Offer(service_id, channel, self.duration_min, offices, **self.terms)

    def fee_on(self, service_id: int, day: date) -> Fee | None:
        fee_id, cents = self.fees.get(service_id, (self.fee_id or 0, self.fee_cents))
        return Fee(
            id=fee_id,
            service_id=service_id,
            amount_cents=cents,
            currency="EUR",
            legal_basis={"de": "§ 1"},
            valid_from=None,
            valid_until=None,
        )


async def make_city(
    conn: Connection,
    *,
    offices: int = 1,
    counters: int = 2,
    duration_min: int = 20,
    fee_cents: int = 0,
    days: Sequence[date] = (TUESDAY,),
    opens: int = 8,
    closes: int = 12,
) -> City:
    """Open from `opens` to `closes` o'clock, local time, on `days`; closed for ever else."""
    service_id = await conn.fetchval(
        """
        INSERT INTO service (key, name, channels, duration_min, source, documents)
        VALUES ('pass', '{"de": "Reisepass", "en": "Passport"}', '{onsite}', $1, 'test', '{"de": ["Foto"]}') RETURNING id""",
        duration_min,
    )
    fee_id = await conn.fetchval(
        """INSERT INTO fee (service_id, amount_cents, legal_basis) VALUES ($1, $2, '{"de": "§ 1"}') RETURNING id""",
        service_id,
        fee_cents,
    )
    await conn.execute(
        "INSERT INTO city (name, time_zone, holidays) VALUES ('{\"de\": \"Stuttgart\"}', 'Europe/Berlin', 'DE-BW')"
    )
    await conn.execute("INSERT INTO refund_policy (key, text) VALUES ('full', '{\"de\": \"alles\"}')")
    made: dict[int, tuple[int, ...]] = {}
    for n in range(offices):
        office_id = await conn.fetchval(
            """
            INSERT INTO office (key, name, street, postcode, place, latitude, longitude, is_step_free, time_zone)
            VALUES ($1, '{"de": "Bürgerbüro"}', 'Eberhardstr. 39', '70173', 'Stuttgart', 48.77, 9.18, true, 'Europe/Berlin')
            RETURNING id""",
            f"office-{n}",
        )
        found = []
        for k in range(counters):
            counter_id = await conn.fetchval(
                "INSERT INTO counter (office_id, key, channel) VALUES ($1, $2, 'onsite') RETURNING id",
                office_id,
                f"c{k}",
            )
            await conn.execute("INSERT INTO counter_service VALUES ($1, $2)", counter_id, service_id)
            await open_counter(conn, counter_id, days, opens, closes)
            found.append(counter_id)
        made[office_id] = tuple(found)
    return City(service_id, made, duration_min, fee_cents, fee_id)


async def add_service(
    conn: Connection, city: City, key: str, counters: Sequence[int], *, duration_min: int = 10, fee_cents: int = 0
) -> City:
    """Another service of the first office, at these of its counters."""
    service_id = await conn.fetchval(
        """INSERT INTO service (key, name, channels, duration_min, source)
           VALUES ($1, jsonb_build_object('de', $1::text), '{onsite}', $2, 'test') RETURNING id""",
        key,
        duration_min,
    )
    fee_id = await conn.fetchval(
        """INSERT INTO fee (service_id, amount_cents, legal_basis) VALUES ($1, $2, '{"de": "§ 1"}') RETURNING id""",
        service_id,
        fee_cents,
    )
    for counter_id in counters:
        await conn.execute("INSERT INTO counter_service VALUES ($1, $2)", counter_id, service_id)
    offer = Offer(
        service_id,
        city.channel,
        duration_min,
        {city.office: OfficeOffer(city.office, "Europe/Berlin", tuple(counters), **city.rule)},
    )
    return replace(city, more={**city.more, service_id: offer}, fees={**city.fees, service_id: (fee_id, fee_cents)})


def in_teams(city: City) -> City:
    """The counters by turns for the letters A to K, and L to Z."""
    lines = (Lines("a", "k"), Lines("l", "z"))
    teams = tuple(Team(counter, lines[n % 2]) for n, counter in enumerate(city.counters))
    return replace(city, rule={**city.rule, "teams": teams}, terms={**city.terms, "asks": ("letters",)})


async def open_counter(conn: Connection, counter_id: int, days: Sequence[date], opens: int, closes: int) -> None:
    for day in days:
        await conn.execute(
            "SELECT set_open($1, tstzrange($2, $3), tstzmultirange(tstzrange($4, $5)))",
            counter_id,
            at(day, 0),
            at(day + timedelta(days=1), 0),
            at(day, opens),
            at(day, closes),
        )


def at(day: date, hour: int, minute: int = 0) -> datetime:
    """A local time of Stuttgart as an instant."""
    return datetime.combine(day, time(hour, minute), BERLIN).astimezone(UTC)
