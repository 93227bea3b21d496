"""What services need of their counters, and where they differ in sharing them out."""

from __future__ import annotations

from dataclasses import dataclass

from base.db import Connection, fetch_all


@dataclass(frozen=True, slots=True)
class Need:
    """The time that a service takes at an office, and the counters that serve it there."""

    office_id: int
    service: str
    minutes: int
    counter_ids: list[int]


@dataclass(frozen=True, slots=True)
class Differing:
    """A counter with two services that share its time out differently."""

    counter_id: int
    counter: str
    first: str
    second: str


async def needs(conn: Connection, office_id: int | None) -> list[Need]:
    return await fetch_all(
        conn,
        Need,
        """
        SELECT c.office_id, s.key AS service, coalesce(r.duration_min, s.duration_min) + coalesce(r.buffer_min, 0) AS minutes,
               array_agg(c.id ORDER BY c.id) AS counter_ids
          FROM counter c JOIN counter_service cs ON cs.counter_id = c.id JOIN service s ON s.id = cs.service_id
          LEFT JOIN service_office r ON r.service_id = s.id AND r.office_id = c.office_id
         WHERE c.is_active AND s.is_active AND s.duration_min IS NOT NULL AND ($1::int IS NULL OR c.office_id = $1)
         GROUP BY c.office_id, s.key, minutes ORDER BY c.office_id, s.key
        """,
        office_id,
    )


async def differing(conn: Connection, office_id: int | None) -> list[Differing]:
    """Counters whose services do not share its time out alike; a service without a rule leaves everything to everybody at once."""
    return await fetch_all(
        conn,
        Differing,
        """
        WITH terms AS (
          SELECT c.id AS counter_id, o.key || '/' || c.key AS counter, s.key AS service,
                 (coalesce(r.public_percent, 100), coalesce(r.staff_percent, 0), coalesce(r.walk_in_percent, 0),
                  coalesce(r.release_plan, '[]'))::text AS terms
            FROM counter c JOIN office o ON o.id = c.office_id JOIN counter_service cs ON cs.counter_id = c.id
            JOIN service s ON s.id = cs.service_id LEFT JOIN service_office r ON r.service_id = s.id AND r.office_id = c.office_id
           WHERE c.is_active AND s.is_active AND s.duration_min IS NOT NULL AND ($1::int IS NULL OR c.office_id = $1))
        SELECT counter_id, counter, (array_agg(service ORDER BY terms, service))[1] AS first,
               (array_agg(service ORDER BY terms DESC, service))[1] AS second
          FROM terms GROUP BY counter_id, counter HAVING count(DISTINCT terms) > 1 ORDER BY counter_id
        """,
        office_id,
    )
