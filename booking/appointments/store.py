"""Cases and their time. Amounts stay in cents here; texts of the catalogue come as they are stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from base.db import Connection, fetch_all, find_one, get_one
from base.money import Money
from booking.appointments.model import AppointmentStatus, Brief, CaseState, Placed, Reduced, Standing
from booking.appointments.policy import ALL_BACK, Terms
from booking.availability.model import ClaimStatus, Item
from booking.catalogue.reductions import Charge, Saving, saved
from payment.model import Capture, Line


@dataclass(frozen=True, slots=True)
class HoldClaim:
    """A hold at the contact step, with what is frozen from it."""

    id: int
    status: ClaimStatus
    starts_at: datetime
    hold_until: datetime | None
    appointment_id: UUID | None
    service_id: int
    office_id: int
    channel: str
    fee_id: int
    items: tuple[Item, ...]  # in their order
    charges: tuple[Charge, ...]  # what each costs
    moves: UUID | None  # the case that gets it once the difference is paid
    savings: tuple[Saving, ...] = ()  # of the reductions of the case that it is for

    def is_held_at(self, now: datetime) -> bool:
        """Kept for its person, and not over yet."""
        return self.status is ClaimStatus.HELD and self.hold_until is not None and now < self.hold_until

    @property
    def fee_cents(self) -> int:
        """What all parts of the visit cost together, without what is taken off."""
        return sum(one.cents for one in self.charges) - saved(self.savings)

    @property
    def lines(self) -> tuple[Line, ...]:
        """Of the fee; without names."""
        off = Counter[int]()
        for one in self.savings:
            off[one.service_id] += one.cents
        left = [(one, one.cents - off[one.service_id]) for one in self.charges]
        return tuple(_line(one, cents) for one, cents in left if cents)


def _line(one: Charge, cents: int) -> Line:
    return Line(product=one.product, amount_cents=cents, quantity=one.quantity, tax_percent=one.tax_percent)


@dataclass(frozen=True, slots=True)
class NewAppointment:
    id: UUID
    number: str
    office_id: int
    service_id: int
    channel: str
    language: str
    fee_id: int
    fee_cents: int
    token_sha256: bytes
    token_sealed: bytes
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ItemRow:
    """A part of a visit."""

    service_id: int
    quantity: int
    name: dict[str, str]
    documents: dict[str, list[str]]
    starts_at: datetime
    legal_basis: dict[str, str] | None

    @property
    def item(self) -> Item:
        return Item(self.service_id, self.quantity)


@dataclass(frozen=True, slots=True)
class CaseRow:
    id: UUID
    number: str
    status: AppointmentStatus
    service_id: int
    office_id: int
    channel: str
    language: str
    starts_at: datetime
    ends_at: datetime
    time_zone: str
    hold_until: datetime | None
    fee_cents: int
    pays_at_till: bool
    reduction_cents: int
    reductions: tuple[Reduced, ...]
    currency: str
    legal_basis: dict[str, str]
    share_percent: int
    step_hours: list[int]
    step_percent: list[int]
    refund_most_percent: int
    is_displaced: bool
    refund_policy: dict[str, str]
    sequence: int
    moves: int
    token_sealed: bytes
    created_at: datetime
    erased_at: datetime | None
    invitation_id: UUID | None
    items: tuple[ItemRow, ...]  # of the visit, in their order
    # what a mail says about the place
    office: dict[str, str]
    street: str
    postcode: str
    place: str
    directions: dict[str, str]
    city: dict[str, str]

    @property
    def is_single(self) -> bool:
        """One service, once."""
        return len(self.items) == 1 and self.items[0].quantity == 1


@dataclass(frozen=True, slots=True)
class PlaceRow:
    """What a mail says of an office."""

    name: dict[str, str]
    street: str
    postcode: str
    place: str
    directions: dict[str, str]


async def find_place(conn: Connection, office_id: int) -> PlaceRow | None:
    sql = "SELECT name, street, postcode, place, directions FROM office WHERE id = $1"
    return await find_one(conn, PlaceRow, sql, office_id)


async def case_of_hold(conn: Connection, hold_id: UUID) -> UUID | None:
    return await find_one(
        conn, UUID, "SELECT appointment_id FROM claim WHERE request_key = $1 AND appointment_id IS NOT NULL", hold_id
    )


async def lock_hold(conn: Connection, hold_id: UUID) -> HoldClaim | None:
    """With the version of the fee that was frozen with it: it is never derived again."""
    return await find_one(
        conn,
        HoldClaim,
        """
        SELECT c.id, c.status, c.starts_at, c.hold_until, c.appointment_id, c.service_id,
               coalesce(c.sold_by, c.office_id) AS office_id, k.channel,
               c.fee_id, v.items, v.charges, c.moves
          FROM claim c JOIN counter k ON k.id = c.counter_id
          CROSS JOIN LATERAL (
            SELECT jsonb_agg(jsonb_build_object('service_id', p.service_id, 'quantity', p.quantity) ORDER BY p.starts_at, p.id)
                     FILTER (WHERE p.quantity > 0) AS items,
                   coalesce(jsonb_agg(jsonb_build_object('service_id', p.service_id, 'quantity', p.quantity, 'each_cents', f.amount_cents,
                                                         'product', f.product, 'tax_percent', f.tax_percent) ORDER BY p.starts_at, p.id)
                     FILTER (WHERE p.quantity > 0), '[]') AS charges
              FROM claim p JOIN fee f ON f.id = p.fee_id
             WHERE p.id = c.id OR p.lead_id = CASE WHEN c.parts > 1 THEN c.id END) v
         WHERE c.request_key = $1 FOR UPDATE OF c""",
        hold_id,
    )


async def insert_appointment(conn: Connection, new: NewAppointment) -> bool:
    """With the newest refund policy. False: the number is in use."""
    done = await conn.execute(
        """
        INSERT INTO appointment (id, number, office_id, service_id, channel, language, fee_id, fee_cents, refund_policy_id,
                                 token_sha256, token_sealed, created_at)
        SELECT $1, $2, $3, $4, $5, $6, $7, $8, (SELECT max(id) FROM refund_policy), $9, $10, $11
        ON CONFLICT (number) DO NOTHING""",
        new.id,
        new.number,
        new.office_id,
        new.service_id,
        new.channel,
        new.language,
        new.fee_id,
        new.fee_cents,
        new.token_sha256,
        new.token_sealed,
        new.created_at,
    )
    return done == "INSERT 0 1"


async def lock_key(conn: Connection, key: bytes, service_id: int) -> None:
    """Until the transaction ends nobody else books this service with the same name or contact. `key`: its HMAC."""
    await conn.execute("SELECT pg_advisory_xact_lock(hashtextextended(encode($1::bytea, 'hex'), $2))", key, service_id)


async def touch(conn: Connection, appointment_id: UUID) -> None:
    """Its trigger marks it as changed, so that screens look at it again; nothing where this transaction has changed it."""
    sql = "UPDATE appointment SET sequence = sequence WHERE id = $1 AND xid <> pg_current_xact_id()::text::bigint"
    await conn.execute(sql, appointment_id)


async def set_language(conn: Connection, appointment_id: UUID, language: str) -> None:
    await conn.execute(
        "UPDATE appointment SET language = $2 WHERE id = $1 AND language <> $2", appointment_id, language
    )


async def link_claim(conn: Connection, claim_id: int, appointment_id: UUID) -> None:
    await conn.execute("UPDATE claim SET appointment_id = $2 WHERE id = $1", claim_id, appointment_id)


async def keep_until(conn: Connection, claim_id: int, until: datetime) -> None:
    await conn.execute("UPDATE claim SET hold_until = $2 WHERE id = $1", claim_id, until)


async def token_of(conn: Connection, appointment_id: UUID) -> bytes | None:
    return await find_one(conn, bytes, "SELECT token_sha256 FROM appointment WHERE id = $1", appointment_id)


async def find_by_token(conn: Connection, token_sha256: bytes) -> UUID | None:
    return await find_one(conn, UUID, "SELECT id FROM appointment WHERE token_sha256 = $1", token_sha256)


async def find_office(conn: Connection, appointment_id: UUID) -> int | None:
    """Where the counter is, which is not always the office that was chosen."""
    return await find_one(
        conn,
        int,
        """
        SELECT coalesce((SELECT c.office_id FROM claim c WHERE c.appointment_id = a.id AND c.status < 8 ORDER BY c.starts_at LIMIT 1),
                        a.office_id)
          FROM appointment a WHERE a.id = $1""",
        appointment_id,
    )


async def placed(conn: Connection, appointment_id: UUID) -> list[Placed]:
    """In the order of the visit; nothing of a case that has no time any more."""
    return await fetch_all(
        conn,
        Placed,
        """
        SELECT k.name, k.resource IS NOT NULL AS is_resource, k.is_told FROM claim c JOIN counter k ON k.id = c.counter_id
         WHERE c.appointment_id = $1 AND c.status < 8 GROUP BY k.id ORDER BY k.resource NULLS FIRST, min(c.starts_at), k.id""",
        appointment_id,
    )


async def find_case(conn: Connection, appointment_id: UUID) -> CaseRow | None:
    """The time is the case's living one, else the last it had."""
    return await find_one(
        conn,
        CaseRow,
        """
        SELECT a.id, a.number, a.status, a.service_id, a.office_id, a.channel, a.language, t.starts_at, t.ends_at,
               o.time_zone, t.hold_until, a.fee_cents, a.pays_at_till, a.reduction_cents, coalesce(f.currency, 'EUR') AS currency,
               (SELECT coalesce(jsonb_agg(jsonb_build_object('key', r.key, 'name', r.name, 'proof', r.proof, 'legal_basis', r.legal_basis,
                         'persons', d.persons, 'outcome', d.outcome, 'reason', d.reason, 'cents',
                         (SELECT coalesce(sum(x.cents), 0) FROM reduction_part x
                           WHERE x.appointment_id = a.id AND x.reduction_id = r.id)) ORDER BY r.rank, r.key), '[]')
                  FROM reduction_claim d JOIN reduction r ON r.id = d.reduction_id WHERE d.appointment_id = a.id) AS reductions,
               coalesce(f.legal_basis, '{}') AS legal_basis, p.share_percent, p.step_hours, p.step_percent, a.refund_most_percent,
               p.text AS refund_policy,
               a.sequence, (SELECT count(*) FROM appointment_history h WHERE h.appointment_id = a.id AND h.status = 'moved') AS moves,
               a.token_sealed, a.created_at, a.erased_at, a.invitation_id,
               t.items, t.is_displaced, o.name AS office, o.street, o.postcode, o.place, o.directions,
               (SELECT name FROM city) AS city
          FROM appointment a
          JOIN office o ON o.id = a.office_id
          JOIN refund_policy p ON p.id = a.refund_policy_id
          LEFT JOIN fee f ON f.id = a.fee_id
          JOIN LATERAL (SELECT min(c.starts_at) AS starts_at, max(c.ends_at - c.buffer_min * interval '1 minute') AS ends_at,
                               min(c.hold_until) AS hold_until,
                               jsonb_agg(jsonb_build_object('service_id', i.id, 'quantity', c.quantity, 'name', i.name,
                                         'documents', i.documents, 'starts_at', c.starts_at,
                                         'legal_basis', g.legal_basis) ORDER BY c.starts_at, c.id)
                                 FILTER (WHERE c.quantity > 0) AS items,
                               bool_or(c.status < 8 AND v.kind IS NOT DISTINCT FROM 3) AS is_displaced
                          FROM claim c JOIN service i ON i.id = c.service_id LEFT JOIN override v ON v.id = c.override_id
                          LEFT JOIN fee g ON g.id = c.fee_id
                         WHERE c.appointment_id = a.id AND c.status <> 10) t ON true
         WHERE a.id = $1""",
        appointment_id,
    )


async def briefs(conn: Connection, ids: Collection[UUID]) -> list[Brief]:
    """The time is the case's living one, else the last it had."""
    return await fetch_all(
        conn,
        Brief,
        """
        SELECT a.id, a.number, a.status, s.name AS service, o.name AS office, t.starts_at, o.time_zone, a.office_id
          FROM appointment a
          JOIN office o ON o.id = a.office_id
          JOIN service s ON s.id = a.service_id
          JOIN LATERAL (SELECT min(c.starts_at) AS starts_at FROM claim c WHERE c.appointment_id = a.id AND c.status <> 10
                         GROUP BY c.status < 8 ORDER BY c.status < 8 DESC LIMIT 1) t ON true
         WHERE a.id = ANY ($1)""",
        list(ids),
    )


async def find_by_number(conn: Connection, number: str) -> UUID | None:
    return await find_one(conn, UUID, "SELECT id FROM appointment WHERE number = $1", number)


async def lock_appointment(conn: Connection, appointment_id: UUID) -> bool:
    """NO KEY: two of us exclude each other, but a ticket may still point at the case meanwhile."""
    sql = "SELECT true FROM appointment WHERE id = $1 FOR NO KEY UPDATE"
    return await conn.fetchval(sql, appointment_id) is not None


def _lines(found: Sequence[Mapping[str, Any]], cents: int) -> tuple[Line, ...]:
    """None where they are not what was frozen with the case."""
    lines = tuple(Line(**one) for one in found)
    return lines if sum(line.amount_cents for line in lines) == cents else ()


async def get_standing(conn: Connection, appointment_id: UUID) -> Standing:
    """Raises NotFound."""
    return await get_one(conn, Standing, "SELECT status, language FROM appointment WHERE id = $1", appointment_id)


async def find_state(conn: Connection, appointment_id: UUID) -> CaseState | None:
    row = await conn.fetchrow(
        """
        SELECT a.id, a.number, a.status, a.language, a.fee_cents, a.pays_at_till, coalesce(f.currency, 'EUR') AS currency,
               p.share_percent, p.step_hours, p.step_percent, a.refund_most_percent, t.starts_at, t.hold_until, t.is_displaced,
               o.time_zone,
               (SELECT coalesce(jsonb_agg(jsonb_build_object(
                         'product', f.product, 'amount_cents', f.amount_cents * c.quantity - off.cents, 'quantity', c.quantity,
                         'tax_percent', f.tax_percent, 'reduced_cents', off.cents, 'reduction', off.names,
                         'label', coalesce(s.name ->> a.language, s.name ->> 'de')) ORDER BY c.starts_at, c.id), '[]')
                  FROM claim c JOIN fee f ON f.id = c.fee_id JOIN service s ON s.id = c.service_id
                  CROSS JOIN LATERAL (
                    SELECT coalesce(sum(x.cents), 0)::int AS cents,
                           coalesce(string_agg(coalesce(r.name ->> a.language, r.name ->> 'de'), ', ' ORDER BY r.rank, r.key), '') AS names
                      FROM reduction_part x JOIN reduction r ON r.id = x.reduction_id
                     WHERE x.appointment_id = a.id AND x.service_id = c.service_id) off
                 WHERE c.appointment_id = a.id AND c.status < 8 AND c.quantity > 0 AND f.amount_cents * c.quantity > off.cents) AS lines,
               EXISTS (SELECT FROM claim c JOIN service s ON s.id = c.service_id
                        WHERE c.appointment_id = a.id AND c.status < 8 AND s.capture = 'manual') AS by_hand,
               ARRAY(SELECT c.request_key FROM claim c WHERE c.moves = a.id AND c.appointment_id = a.id ORDER BY c.id DESC) AS paid_moves,
               (SELECT c.request_key FROM claim c WHERE c.moves = a.id AND c.status = 3 AND c.appointment_id IS NULL) AS waiting
          FROM appointment a
          JOIN refund_policy p ON p.id = a.refund_policy_id
          JOIN office o ON o.id = a.office_id
          LEFT JOIN fee f ON f.id = a.fee_id
          JOIN LATERAL (SELECT min(c.starts_at) AS starts_at, min(c.hold_until) AS hold_until,
                               bool_or(c.status < 8 AND v.kind IS NOT DISTINCT FROM 3) AS is_displaced
                          FROM claim c LEFT JOIN override v ON v.id = c.override_id
                         WHERE c.appointment_id = a.id AND c.status <> 10
                         GROUP BY c.status < 8 ORDER BY c.status < 8 DESC LIMIT 1) t ON true
         WHERE a.id = $1""",
        appointment_id,
    )
    if row is None:
        return None
    return CaseState(
        id=row["id"],
        number=row["number"],
        status=AppointmentStatus(row["status"]),
        language=row["language"],
        starts_at=row["starts_at"],
        hold_until=row["hold_until"],
        fee=Money(row["fee_cents"], row["currency"]),
        terms=ALL_BACK
        if row["is_displaced"]
        else Terms.of(row["share_percent"], row["step_hours"], row["step_percent"], row["refund_most_percent"]),
        is_displaced=row["is_displaced"],
        paid_moves=tuple(row["paid_moves"]),
        waiting=row["waiting"],
        time_zone=row["time_zone"],
        pays_at_till=row["pays_at_till"],
        lines=_lines(row["lines"], row["fee_cents"]),
        capture=Capture.MANUAL if row["by_hand"] else Capture.AUTOMATIC,
    )


async def move(
    conn: Connection,
    appointment_id: UUID,
    sources: Collection[AppointmentStatus],
    to: AppointmentStatus,
    claim_status: ClaimStatus,
    *,
    at_till: bool = False,
) -> bool:
    """The case and its time in one statement. Only held and expiring time has an end of hold: the index of due holds stays small."""
    moved: bool = await conn.fetchval(
        """
        WITH moved AS (
          UPDATE appointment SET status = $3, sequence = sequence + 1, pays_at_till = pays_at_till OR $5
           WHERE id = $1 AND status = ANY ($2) RETURNING id
        ), timed AS (
          UPDATE claim SET status = $4::smallint, hold_until = CASE WHEN $4::smallint IN (1, 3) THEN hold_until END
           WHERE appointment_id IN (SELECT id FROM moved) AND status < 8
        )
        SELECT EXISTS (SELECT FROM moved)""",
        appointment_id,
        [status.value for status in sources],
        to.value,
        int(claim_status),
        at_till,
    )
    return moved


async def owe_at_till(conn: Connection, appointment_id: UUID) -> None:
    await conn.execute("UPDATE appointment SET pays_at_till = true WHERE id = $1", appointment_id)


async def take_again(conn: Connection, appointment_id: UUID) -> bool:
    """What has run out is booked with all the time it had. Raises ExclusionViolationError where any part of it is somebody else's."""
    taken: bool = await conn.fetchval(
        """
        WITH taken AS (
          UPDATE appointment SET status = 'confirmed', sequence = sequence + 1
           WHERE id = $1 AND status = 'expired' AND erased_at IS NULL RETURNING id
        ), timed AS (
          UPDATE claim SET status = 2 WHERE appointment_id IN (SELECT id FROM taken) AND status = 8
        )
        SELECT EXISTS (SELECT FROM taken)""",
        appointment_id,
    )
    return taken


async def due(conn: Connection, now: datetime, tried_before: datetime, limit: int) -> list[UUID]:
    """Cases, and dearer times that wait for one (by the hold's id). Below infinity rather than not null: a range leads the planner
    to the small index of due holds."""
    return await fetch_all(
        conn,
        UUID,
        """
        SELECT coalesce(c.appointment_id, c.request_key) AS id
          FROM claim c JOIN appointment a ON a.id = coalesce(c.appointment_id, c.moves)
         WHERE c.hold_until < 'infinity'
           AND (c.hold_until <= $1 OR c.status = 3 AND (c.appointment_id IS NOT NULL OR a.status <> 'confirmed'))
           AND (a.fence_tried_at IS NULL OR a.fence_tried_at <= $2)
         GROUP BY 1, a.fence_tried_at ORDER BY a.fence_tried_at NULLS FIRST, min(c.hold_until), 1 LIMIT $3""",
        now,
        tried_before,
        limit,
    )


async def mark_tried(conn: Connection, appointment_id: UUID, now: datetime) -> None:
    """The id of a case, or of a hold that waits for one."""
    await conn.execute(
        """
        UPDATE appointment SET fence_tried_at = $2
         WHERE id IN ($1, (SELECT moves FROM claim WHERE request_key = $1))""",
        appointment_id,
        now,
    )


async def expire_bare(conn: Connection, now: datetime, limit: int) -> int:
    """Rows that somebody is working on are left to the next sweep."""
    rows = await conn.fetch(
        """
        UPDATE claim SET status = 8, hold_until = NULL
         WHERE status = 1 AND appointment_id IS NULL AND id = ANY (ARRAY(
           SELECT id FROM claim WHERE hold_until <= $1 AND status = 1 AND appointment_id IS NULL
            ORDER BY hold_until LIMIT $2 FOR UPDATE SKIP LOCKED))
        RETURNING id""",
        now,
        limit,
    )
    return len(rows)
