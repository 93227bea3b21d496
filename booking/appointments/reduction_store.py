"""SQL of reductions that are claimed for cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from base.db import Connection, fetch_all, find_one
from booking.appointments.model import ProofOutcome, Reduced
from booking.appointments.move_store import columns
from booking.catalogue.reductions import Charge, Claimed, Per, Reduction, ReductionKind, Saving, saved


@dataclass(frozen=True, slots=True)
class PricedRow:
    """What a hold or a case costs without any reduction, and the local day on which its time was taken."""

    day: date
    charges: tuple[Charge, ...]
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRow:
    """A claim with the version of its rule that was stored with it."""

    id: int
    key: str
    name: dict[str, str]
    kind: ReductionKind
    value: int
    per: Per
    rank: int
    services: frozenset[int]
    proof: dict[str, str]
    legal_basis: dict[str, str]
    persons: int
    outcome: ProofOutcome | None

    @property
    def claimed(self) -> Claimed:
        rule = Reduction(
            id=self.id,
            key=self.key,
            name=self.name,
            kind=self.kind,
            value=self.value,
            per=self.per,
            rank=self.rank,
            services=self.services,
            proof=self.proof,
            legal_basis=self.legal_basis,
        )
        return Claimed(rule, self.persons)


_PRICED = """
    SELECT (min(c.created_at) AT TIME ZONE min(o.time_zone))::date AS day, coalesce(min(f.currency), 'EUR') AS currency,
           coalesce(jsonb_agg(jsonb_build_object('service_id', c.service_id, 'quantity', c.quantity, 'each_cents', f.amount_cents,
                              'product', f.product, 'tax_percent', f.tax_percent) ORDER BY c.starts_at, c.id)
             FILTER (WHERE c.quantity > 0), '[]') AS charges
      FROM claim c JOIN fee f ON f.id = c.fee_id JOIN office o ON o.id = c.office_id"""
_RULE = "r.id, r.key, r.name, r.kind, r.value, r.per, r.rank, r.services, r.proof, r.legal_basis"


async def priced_case(conn: Connection, appointment_id: UUID) -> PricedRow | None:
    """By its living time."""
    sql = f"{_PRICED} WHERE c.appointment_id = $1 AND c.status < 8 HAVING count(*) > 0"
    return await find_one(conn, PricedRow, sql, appointment_id)


async def priced_hold(conn: Connection, hold_id: UUID) -> PricedRow | None:
    """With all parts of its visit."""
    sql = f"""{_PRICED} JOIN claim lead ON lead.request_key = $1
         WHERE c.id = lead.id OR c.lead_id = CASE WHEN lead.parts > 1 THEN lead.id END HAVING count(*) > 0"""
    return await find_one(conn, PricedRow, sql, hold_id)


async def rules(conn: Connection, service_ids: Sequence[int], day: date) -> list[Reduction]:
    """Those that hold on the day, for any of these services."""
    sql = (
        f"SELECT {_RULE} FROM reduction r WHERE r.valid @> $2::date AND r.services && $1::int[] ORDER BY r.rank, r.key"  # noqa: S608
    )
    return await fetch_all(conn, Reduction, sql, service_ids, day)


async def claims(conn: Connection, appointment_id: UUID) -> list[ClaimRow]:
    return await fetch_all(
        conn,
        ClaimRow,
        f"""
        SELECT {_RULE}, d.persons, d.outcome FROM reduction_claim d JOIN reduction r ON r.id = d.reduction_id
         WHERE d.appointment_id = $1 ORDER BY r.rank, r.key""",  # noqa: S608
        appointment_id,
    )


async def reduced(conn: Connection, appointment_id: UUID) -> list[Reduced]:
    """As the counter shows them: those that take something off."""
    return await fetch_all(
        conn,
        Reduced,
        """
        SELECT r.key, r.name, r.proof, r.legal_basis, d.persons, d.outcome, d.reason, sum(x.cents)::int AS cents
          FROM reduction_claim d JOIN reduction r ON r.id = d.reduction_id
          JOIN reduction_part x ON x.appointment_id = d.appointment_id AND x.reduction_id = d.reduction_id
         WHERE d.appointment_id = $1 GROUP BY r.id, d.persons, d.outcome, d.reason ORDER BY r.rank, r.key""",
        appointment_id,
    )


async def savings(conn: Connection, appointment_id: UUID) -> list[Saving]:
    sql = "SELECT reduction_id, service_id, units, cents FROM reduction_part WHERE appointment_id = $1 ORDER BY 1, 2"
    return await fetch_all(conn, Saving, sql, appointment_id)


async def remove(conn: Connection, appointment_id: UUID) -> None:
    """What they take off goes with them."""
    await conn.execute("DELETE FROM reduction_claim WHERE appointment_id = $1", appointment_id)


async def put(
    conn: Connection, appointment_id: UUID, claimed: Sequence[Claimed], off: Sequence[Saving], now: datetime
) -> None:
    """In one statement with the price; constraints at commit hold claim, parts and price together."""
    await conn.execute(
        """
        WITH claimed AS (
          INSERT INTO reduction_claim (appointment_id, reduction_id, persons, claimed_at)
          SELECT $1, u.id, u.persons, $2 FROM unnest($3::int[], $4::int[]) AS u (id, persons)
        ), parts AS (
          INSERT INTO reduction_part (appointment_id, reduction_id, service_id, units, cents)
          SELECT $1, * FROM unnest($5::int[], $6::int[], $7::int[], $8::int[])
        )
        UPDATE appointment SET fee_cents = fee_cents + reduction_cents - $9, reduction_cents = $9 WHERE id = $1""",
        appointment_id,
        now,
        [one.reduction.id for one in claimed],
        [one.persons for one in claimed],
        *columns(off),
        saved(off),
    )


async def decide(
    conn: Connection,
    appointment_id: UUID,
    key: str,
    outcome: ProofOutcome,
    reason: str | None,
    account_id: int,
    now: datetime,
) -> bool:
    """False: the case has no such claim."""
    done = await conn.execute(
        """
        UPDATE reduction_claim d SET outcome = $3, reason = $4, decided_by = $5, decided_at = $6
          FROM reduction r WHERE r.id = d.reduction_id AND d.appointment_id = $1 AND r.key = $2""",
        appointment_id,
        key,
        outcome.value,
        reason,
        account_id,
        now,
    )
    return done == "UPDATE 1"
