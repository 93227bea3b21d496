"""The same person and service twice: found where the contact is given, and limited where the service says so (docs/adr/0026).

Two requests of one person wait for each other, so the limit holds however many come at once.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from base.db import Connection, fetch_all
from base.errors import Conflict
from base.i18n import mark as _
from booking.appointments.store import PersonRow


class AnotherBooked(Conflict):
    """`twins` are for whoever shows a token of theirs, and never said to anybody else."""

    code = "another_booked"
    message = _("There is already a booked appointment for this service with the same name and contact.")

    def __init__(self, twins: Sequence[UUID] = ()) -> None:
        super().__init__()
        self.twins = tuple(twins)


class LimitReached(AnotherBooked):
    code = "limit_reached"
    message = _(
        "With this name and contact, as many appointments for this service are booked or reserved as are allowed."
    )


@dataclass(frozen=True, slots=True)
class _Twin:
    id: UUID
    is_booked: bool
    most: int | None


async def check(
    conn: Connection,
    service_id: int,
    person: PersonRow,
    besides: Collection[UUID],
    now: datetime,
    *,
    asks_first: bool,
) -> None:
    """`besides`: what this very case is, or is chosen instead of. With `asks_first` one booked appointment is enough to be asked.

    Raises LimitReached, AnotherBooked.
    """
    if person.name_hmac is None or (person.mailbox_hmac is None and person.mobile_hmac is None):
        return
    await conn.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended(encode($1::bytea, 'hex'), $2))", person.name_hmac, service_id
    )
    twins = await _living(conn, service_id, person, besides, now)
    most = twins[0].most if twins else None
    if most is not None and len(twins) >= most:
        raise LimitReached([twin.id for twin in twins])
    if asks_first and any(twin.is_booked for twin in twins):
        raise AnotherBooked([twin.id for twin in twins])


async def _living(
    conn: Connection, service_id: int, person: PersonRow, besides: Collection[UUID], now: datetime
) -> list[_Twin]:
    return await fetch_all(
        conn,
        _Twin,
        """
        SELECT a.id, a.status <> 'held' AS is_booked, s.most_per_person AS most
          FROM person p JOIN appointment a ON a.id = p.appointment_id JOIN service s ON s.id = a.service_id
         WHERE (p.email_hmac = $2 OR p.mailbox_hmac = $2 OR p.mobile_hmac = $3) AND p.name_hmac = $4
           AND a.service_id = $1 AND a.id <> ALL ($5)
           AND a.status IN ('held', 'expiring', 'confirmed')
           AND EXISTS (SELECT FROM claim c WHERE c.appointment_id = a.id AND c.status < 8 AND c.ends_at > $6
                          AND (c.status <> 1 OR c.hold_until > $6))
         ORDER BY a.created_at, a.id""",
        service_id,
        person.mailbox_hmac,
        person.mobile_hmac,
        person.name_hmac,
        list(besides),
        now,
    )


async def pairs_at(conn: Connection, office_id: int, now: datetime, limit: int) -> list[tuple[UUID, UUID]]:
    """Booked appointments of this office, each with another one of the same person and service, wherever that is."""
    rows = await conn.fetch(
        """
        SELECT DISTINCT a.id, b.id AS other
          FROM claim c JOIN appointment a ON a.id = c.appointment_id AND a.status = 'confirmed'
          JOIN person p ON p.appointment_id = a.id
          JOIN person q ON (q.email_hmac = p.email_hmac OR q.mobile_hmac = p.mobile_hmac) AND q.name_hmac = p.name_hmac
          JOIN appointment b ON b.id = q.appointment_id AND b.id <> a.id AND b.service_id = a.service_id AND b.status = 'confirmed'
          JOIN claim d ON d.appointment_id = b.id AND d.status = 2 AND d.ends_at > $2
         WHERE c.office_id = $1 AND c.kind = 0 AND c.status = 2 AND c.starts_at > $2 ORDER BY a.id, b.id LIMIT $3""",
        office_id,
        now,
        limit,
    )
    return [(row["id"], row["other"]) for row in rows]
