"""How many living appointments of a guarded service one mailbox or telephone may have (docs/adr/0040).

For who has passed the check as one of the public: staff, invitations and allowances book for many. Two requests of one contact wait for
each other.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from base.db import Connection
from base.errors import FieldError, Invalid
from base.i18n import mark as _
from booking.appointments import per_contact_store, store
from booking.appointments.person_store import PersonRow


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


async def check(conn: Connection, hold_id: UUID, person: PersonRow, besides: Collection[UUID], now: datetime) -> None:
    """`besides`: what this very case is, or is chosen instead of. Raises ContactNeeded, ContactUsedUp."""
    limit = await per_contact_store.find_limit(conn, hold_id)
    if limit is None:
        return
    keys = sorted(key for key in (person.mailbox_hmac, person.mobile_hmac) if key is not None)
    if not keys:
        raise ContactNeeded
    for key in keys:
        await store.lock_key(conn, key, limit.service_id)
    if await per_contact_store.count_living(conn, limit.service_id, person, besides, now) >= limit.per_contact:
        raise ContactUsedUp
