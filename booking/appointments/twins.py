"""The same person and service twice: found where the contact is given, and limited where the service says so (docs/adr/0026).

Two requests of one person wait for each other, so the limit holds however many come at once.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from base.db import Connection
from base.errors import Conflict
from base.i18n import mark as _
from booking.appointments import store, twin_store
from booking.appointments.person_store import PersonRow


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


async def check(
    conn: Connection,
    service_ids: Collection[int],
    person: PersonRow,
    besides: Collection[UUID],
    now: datetime,
    *,
    asks_first: bool,
) -> None:
    """Of each service of the visit. `besides`: what this very case is, or is chosen instead of. With `asks_first` one booked appointment
    is enough to be asked.

    Raises LimitReached, AnotherBooked.
    """
    if person.name_hmac is None or (person.mailbox_hmac is None and person.mobile_hmac is None):
        return
    for service_id in sorted(service_ids):  # in one order, so that two visits do not wait for each other
        await store.lock_key(conn, person.name_hmac, service_id)
    found = await twin_store.living(conn, service_ids, person, besides, now)
    for service_id in service_ids:
        twins = [twin for twin in found if twin.service_id == service_id]
        if twins and twins[0].most is not None and len(twins) >= twins[0].most:
            raise LimitReached([twin.id for twin in twins])
    if asks_first and any(twin.is_booked for twin in found):
        raise AnotherBooked(list(dict.fromkeys(twin.id for twin in found)))
