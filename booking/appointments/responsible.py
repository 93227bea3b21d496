"""For whom a case is, where that decides which counters are responsible: read for every road that gives it another time."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

from base.db import Connection
from base.errors import Conflict
from base.i18n import mark as _
from base.seal import Sealer
from booking.appointments import who_store
from booking.appointments.who_store import BookedRow
from booking.availability.model import ANYBODY, Offers
from booking.availability.responsible import Served
from booking.holds.said import open_who


class NotResponsible(Conflict):
    code = "not_responsible"
    message = _(
        "Another team is responsible for this appointment's person. Please choose one of the times that are offered for it."
    )


async def served(conn: Connection, sealer: Sealer, appointment_ids: Collection[UUID]) -> Mapping[UUID, Served]:
    """Of each of them, whether its time is still its own or not."""
    rows = {row.appointment_id: row for row in await who_store.booked(conn, appointment_ids)}
    return {ident: _served(sealer, rows[ident]) if ident in rows else Served() for ident in appointment_ids}


def _served(sealer: Sealer, row: BookedRow) -> Served:
    return Served(open_who(sealer, row.hold_id, row.sealed) if row.hold_id else ANYBODY, tuple(row.counters))


async def check(conn: Connection, sealer: Sealer, offers: Offers, appointment_id: UUID, hold_id: UUID) -> None:
    """Whether the counters of this hold may serve the case: what its person has not said before, they have said for the hold.
    Raises NotResponsible."""
    parts = await who_store.parts(conn, hold_id)
    them = (await served(conn, sealer, [appointment_id]))[appointment_id]
    for part in parts:
        who = them.who.completed(open_who(sealer, hold_id, part.sealed))
        offer = offers.offer(part.service_id, part.channel)
        if offer is not None and not Served(who, them.counters).may_be_served(offer, part.counter_id):
            raise NotResponsible
