"""The reductions of a case whose time changes: computed anew for the new fee, by the versions of the rules that were stored with it."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from base.db import Connection
from booking.appointments import reduction_store
from booking.appointments.move_store import WaitingRow
from booking.appointments.store import HoldClaim
from booking.catalogue.reductions import best, saved


async def reduced(conn: Connection, appointment_id: UUID, hold: HoldClaim) -> HoldClaim:
    """The time of the hold as this case pays for it."""
    claims = await reduction_store.claims(conn, appointment_id)
    return replace(hold, savings=best(hold.charges, [one.claimed for one in claims])) if claims else hold


async def waiting(conn: Connection, row: WaitingRow | None) -> WaitingRow | None:
    """The same of a dearer time that waits for the case."""
    claims = await reduction_store.claims(conn, row.case_id) if row is not None else []
    if row is None or not claims:
        return row
    priced = await reduction_store.priced_hold(conn, row.id)
    off = best(priced.charges, [one.claimed for one in claims]) if priced is not None else ()
    return replace(row, fee_cents=row.fee_cents - saved(off))
