"""A city for measuring: 60 offices of 10 counters, open for 90 days, one service of ten minutes."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

from base.db import Database

OFFICES = range(1, 61)
COUNTERS_EACH = 10
DAYS = 90


async def make_city(db: Database) -> int:
    """Returns the service's id."""
    now = datetime.now(UTC)
    midnight = datetime.combine(now.date(), time(), UTC)
    opened = (
        "{"
        + ",".join(
            f"[{midnight + timedelta(days=day, hours=7)},{midnight + timedelta(days=day, hours=16)})"
            for day in range(1, DAYS)
        )
        + "}"
    )
    window = f"[{midnight},{midnight + timedelta(days=DAYS)})"
    async with db.transaction() as conn:
        await conn.execute(
            "INSERT INTO city (name, time_zone, holidays) "
            "VALUES ('{\"de\": \"Messstadt\"}', 'Europe/Berlin', 'DE-BW') ON CONFLICT DO NOTHING"
        )
        await conn.execute(
            "INSERT INTO office (key, name, street, postcode, place, latitude, longitude, is_step_free, time_zone) "
            "SELECT 'office-' || n, '{\"de\": \"Amt\"}', 'Weg 1', '70173', 'Stuttgart', 48.8, 9.2, true, 'Europe/Berlin' "
            "FROM generate_series(1, $1) n",
            len(OFFICES),
        )
        await conn.execute(
            "INSERT INTO counter (office_id, key, channel) SELECT o.id, 'c' || n, 'onsite' FROM office o, generate_series(1, $1) n",
            COUNTERS_EACH,
        )
        service: int = await conn.fetchval(
            "INSERT INTO service (key, name, channels, duration_min, source) "
            "VALUES ('ten', '{\"de\": \"Zehn Minuten\"}', '{onsite}', 10, 'bench') RETURNING id"
        )
        await conn.execute("INSERT INTO fee (service_id, amount_cents) VALUES ($1, 0)", service)
        await conn.execute("INSERT INTO counter_service (counter_id, service_id) SELECT id, $1 FROM counter", service)
        await conn.execute(
            "SELECT set_open(id, $1::text::tstzrange, $2::text::tstzmultirange) FROM counter ORDER BY id",
            window,
            opened,
        )
    async with db.connection() as conn:
        await conn.execute("ANALYZE")
    return service
