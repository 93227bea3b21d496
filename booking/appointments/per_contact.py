"""How many living appointments of a guarded service one mailbox or telephone may have (docs/adr/0040).

For who has passed the check as one of the public: staff, invitations and allowances book for many. Two requests of one contact wait for
each other.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from base.db import Connection, find_one
from base.errors import FieldError, Invalid
from base.i18n import mark as _
from booking.appointments.store import PersonRow


class ContactNeeded(Invalid):
    code = "contact_needed"
    message = _("For this service please give an e-mail address or a mobile number.")

    def __init__(self) -> None:
        super().__init__([FieldError("/contact/email", self.code, self.message)])


class ContactUsedUp(Invalid):
    code = "contact_used_up"
    message = _(
        "With this e-mail address or mobile number, as many appointments for this service are booked or reserved as are allowed. "
        "If you book for others, please ask us by telephone."
    )

    def __init__(self) -> None:
        super().__init__([FieldError("/contact/email", self.code, self.message)])


@dataclass(frozen=True, slots=True)
class _Limit:
    service_id: int
    per_contact: int


async def check(conn: Connection, hold_id: UUID, person: PersonRow, besides: Collection[UUID], now: datetime) -> None:
    """`besides`: what this very case is, or is chosen instead of. Raises ContactNeeded, ContactUsedUp."""
    limit = await _limit(conn, hold_id)
    if limit is None:
        return
    keys = sorted(key for key in (person.mailbox_hmac, person.mobile_hmac) if key is not None)
    if not keys:
        raise ContactNeeded
    for key in keys:
        await conn.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(encode($1::bytea, 'hex'), $2))", key, limit.service_id
        )
    if await _living(conn, limit.service_id, person, besides, now) >= limit.per_contact:
        raise ContactUsedUp


async def _limit(conn: Connection, hold_id: UUID) -> _Limit | None:
    return await find_one(
        conn,
        _Limit,
        """
        SELECT g.service_id, g.per_contact FROM guard_pass p JOIN guard g USING (service_id)
         WHERE p.hold_id = $1 AND p.way <> 'allowance'""",
        hold_id,
    )


async def _living(
    conn: Connection, service_id: int, person: PersonRow, besides: Collection[UUID], now: datetime
) -> int:
    count: int = await conn.fetchval(
        """
        SELECT count(DISTINCT a.id) FROM person p JOIN appointment a ON a.id = p.appointment_id JOIN claim c ON c.appointment_id = a.id
         WHERE (p.email_hmac = $2 OR p.mailbox_hmac = $2 OR p.mobile_hmac = $3) AND c.service_id = $1 AND a.id <> ALL ($4)
           AND a.status IN ('held', 'expiring', 'confirmed') AND c.status < 8 AND c.ends_at > $5
           AND (c.status <> 1 OR c.hold_until > $5)""",
        service_id,
        person.mailbox_hmac,
        person.mobile_hmac,
        list(besides),
        now,
    )
    return count
