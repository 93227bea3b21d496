"""Wishes, kept times and offers. Rank: the longest on the list first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter

from base.db import Connection, fetch_all, find_one
from booking.waitlist.model import OFFERS_MOST, Figures, Kept, Offer, OfferStatus, Window, Wish
from booking.waitlist.turns import Candidate, KeptTime

_WINDOWS = TypeAdapter(tuple[Window, ...])
# Whoever waits: their case is booked, at one time.
_WAITING = """
    waitlist_wish w JOIN appointment a ON a.id = w.appointment_id AND a.status = 'confirmed'
    JOIN LATERAL (SELECT min(starts_at) AS starts_at FROM claim WHERE appointment_id = a.id AND status < 8
                  HAVING count(*) = 1) own ON true"""


@dataclass(frozen=True, slots=True)
class _WishRow:
    offices: tuple[int, ...]
    windows: tuple[Window, ...]


@dataclass(frozen=True, slots=True)
class _CandidateRow:
    appointment_id: UUID
    offices: tuple[int, ...]
    windows: tuple[Window, ...]
    contact_hmac: bytes
    offers: int


async def put_wish(conn: Connection, appointment_id: UUID, wish: Wish, contact_hmac: bytes, now: datetime) -> None:
    """A changed wish keeps its rank."""
    await conn.execute(
        """
        INSERT INTO waitlist_wish (appointment_id, offices, windows, contact_hmac, made_at) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (appointment_id) DO UPDATE SET (offices, windows, contact_hmac)
          = (excluded.offices, excluded.windows, excluded.contact_hmac)""",
        appointment_id,
        list(wish.offices),
        _stored(wish.windows),
        contact_hmac,
        now,
    )


async def find_wish(conn: Connection, appointment_id: UUID) -> Wish | None:
    sql = "SELECT offices, windows FROM waitlist_wish WHERE appointment_id = $1"
    row = await find_one(conn, _WishRow, sql, appointment_id)
    return None if row is None else Wish(offices=row.offices, windows=row.windows)


async def takes_one_time(conn: Connection, appointment_id: UUID) -> bool:
    """As whoever is offered something does (_WAITING); a second resource takes a time of its own."""
    sql = "SELECT count(*) = 1 FROM claim WHERE appointment_id = $1 AND status < 8"
    return bool(await conn.fetchval(sql, appointment_id))


async def delete_wish(conn: Connection, appointment_id: UUID) -> None:
    await conn.execute("DELETE FROM waitlist_wish WHERE appointment_id = $1", appointment_id)


async def offers_made(conn: Connection, appointment_id: UUID) -> int:
    count: int = await conn.fetchval("SELECT count(*) FROM waitlist_offer WHERE appointment_id = $1", appointment_id)
    return count


async def due(conn: Connection, now: datetime, limit: int) -> list[UUID]:
    """Kept times that are on offer to nobody, or to somebody who has not answered in time or waits no more."""
    return await fetch_all(
        conn,
        UUID,
        f"""
        SELECT s.hold_id FROM waitlist_slot s JOIN claim c ON c.request_key = s.hold_id
         WHERE s.status = 'kept'
           AND NOT EXISTS (SELECT FROM waitlist_offer o JOIN {_WAITING} ON w.appointment_id = o.appointment_id
                            WHERE o.hold_id = s.hold_id AND o.status = 'open' AND o.answer_until > $1 AND own.starts_at > c.starts_at)
         ORDER BY c.starts_at, s.hold_id LIMIT $2""",  # noqa: S608
        now,
        limit,
    )


async def lock_time(conn: Connection, hold_id: UUID) -> KeptTime | None:
    """None: no longer kept, or somebody is at it right now."""
    return await find_one(
        conn,
        KeptTime,
        """
        SELECT s.hold_id, coalesce(c.sold_by, c.office_id) AS office_id, c.service_id, k.channel, c.counter_id, c.starts_at,
               c.ends_at - c.buffer_min * interval '1 minute' AS ends_at, o.time_zone
          FROM claim c JOIN waitlist_slot s ON s.hold_id = c.request_key JOIN office o ON o.id = coalesce(c.sold_by, c.office_id)
          JOIN counter k ON k.id = c.counter_id
         WHERE c.request_key = $1 AND s.status = 'kept' AND c.status = 1 AND c.appointment_id IS NULL
           FOR UPDATE OF c, s SKIP LOCKED""",
        hold_id,
    )


async def lapse(conn: Connection, hold_id: UUID, now: datetime) -> None:
    """The offer of this time, where it is over or its person waits no more."""
    await conn.execute(
        f"""
        UPDATE waitlist_offer o SET status = 'lapsed', contact_hmac = NULL
         WHERE o.hold_id = $1 AND o.status = 'open'
           AND (o.answer_until <= $2
                OR NOT EXISTS (SELECT FROM {_WAITING} JOIN claim c ON c.request_key = o.hold_id
                                WHERE w.appointment_id = o.appointment_id AND own.starts_at > c.starts_at))""",  # noqa: S608
        hold_id,
        now,
    )


async def is_offered(conn: Connection, hold_id: UUID) -> bool:
    sql = "SELECT EXISTS (SELECT FROM waitlist_offer WHERE hold_id = $1 AND status = 'open')"
    return bool(await conn.fetchval(sql, hold_id))


async def candidates(conn: Connection, hold_id: UUID) -> list[Candidate]:
    """In rank order: who waits for such a service, would be earlier, has no other offer, and has neither seen nor left this time."""
    rows = await fetch_all(
        conn,
        _CandidateRow,
        f"""
        SELECT w.appointment_id, w.offices, w.windows, w.contact_hmac,
               (SELECT count(*) FROM waitlist_offer o WHERE o.appointment_id = a.id) AS offers
          FROM claim c JOIN counter k ON k.id = c.counter_id JOIN {_WAITING}
            ON a.service_id = c.service_id AND a.channel = k.channel AND own.starts_at > c.starts_at
         WHERE c.request_key = $1
           AND NOT EXISTS (SELECT FROM waitlist_offer o WHERE o.status = 'open'
                              AND (o.appointment_id = a.id OR o.contact_hmac = w.contact_hmac))
           AND NOT EXISTS (SELECT FROM waitlist_offer o WHERE o.hold_id = $1 AND o.appointment_id = a.id)
           AND NOT EXISTS (SELECT FROM claim l WHERE l.appointment_id = a.id AND l.counter_id = c.counter_id AND l.starts_at = c.starts_at)
           AND (SELECT count(*) FROM waitlist_offer o WHERE o.appointment_id = a.id) < $2
         ORDER BY w.made_at, w.appointment_id""",  # noqa: S608
        hold_id,
        OFFERS_MOST,
    )
    return [
        Candidate(
            appointment_id=row.appointment_id,
            wish=Wish(offices=row.offices, windows=row.windows),
            contact_hmac=row.contact_hmac,
            offers=row.offers,
        )
        for row in rows
    ]


async def insert_offer(
    conn: Connection, ident: UUID, hold_id: UUID, to: Candidate, now: datetime, until: datetime
) -> bool:
    """With the fee of the case, which is carried over. False: another time was offered to this person in this moment."""
    made = await conn.fetchval(
        """
        WITH made AS (
          INSERT INTO waitlist_offer (id, hold_id, appointment_id, number, contact_hmac, made_at, answer_until)
          VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING hold_id, appointment_id
        ), priced AS (
          UPDATE claim c SET fee_id = a.fee_id FROM made JOIN appointment a ON a.id = made.appointment_id
           WHERE c.request_key = made.hold_id AND a.fee_id IS NOT NULL
        )
        SELECT true FROM made""",
        ident,
        hold_id,
        to.appointment_id,
        to.offers + 1,
        to.contact_hmac,
        now,
        until,
    )
    return made is not None


async def find_offer(conn: Connection, appointment_id: UUID) -> Offer | None:
    """The open one."""
    return await find_one(
        conn,
        Offer,
        """
        SELECT o.id, o.hold_id, coalesce(c.sold_by, c.office_id) AS office_id, c.starts_at,
               c.ends_at - c.buffer_min * interval '1 minute' AS ends_at, o.answer_until
          FROM waitlist_offer o JOIN claim c ON c.request_key = o.hold_id WHERE o.appointment_id = $1 AND o.status = 'open'""",
        appointment_id,
    )


async def answered(conn: Connection, appointment_id: UUID, offer_id: UUID) -> OfferStatus | None:
    """What became of an offer to this case; None: there was none."""
    sql = "SELECT status FROM waitlist_offer WHERE id = $1 AND appointment_id = $2"
    return await find_one(conn, OfferStatus, sql, offer_id, appointment_id)


async def answer(conn: Connection, offer_id: UUID, status: OfferStatus) -> bool:
    """False: it was not open any more."""
    sql = "UPDATE waitlist_offer SET status = $2, contact_hmac = NULL WHERE id = $1 AND status = 'open'"
    return await conn.execute(sql, offer_id, status.value) == "UPDATE 1"


async def mark_taken(conn: Connection, hold_id: UUID) -> None:
    await conn.execute("UPDATE waitlist_slot SET status = 'taken' WHERE hold_id = $1", hold_id)


async def give_back(conn: Connection, hold_id: UUID, at: datetime) -> None:
    """From then on it is a hold that has run out, which the sweep frees like any other."""
    await conn.execute(
        """
        WITH decided AS (UPDATE waitlist_slot SET status = 'returned', back_at = $2 WHERE hold_id = $1 RETURNING hold_id)
        UPDATE claim SET hold_until = $2 WHERE request_key IN (SELECT hold_id FROM decided)""",
        hold_id,
        at,
    )


async def figures(conn: Connection, office_ids: Sequence[int]) -> list[Figures]:
    """Of each of these offices: times are counted where they are, who waits where their case is."""
    return await fetch_all(
        conn,
        Figures,
        f"""
        WITH waiting AS (
          SELECT a.office_id, count(*) AS n FROM {_WAITING} WHERE a.office_id = ANY ($1) GROUP BY 1
        ), times AS (
          SELECT coalesce(c.sold_by, c.office_id) AS office_id, count(DISTINCT s.hold_id) FILTER (WHERE s.status = 'kept') AS kept,
                 count(DISTINCT s.hold_id) FILTER (WHERE s.status = 'returned') AS returned,
                 count(*) FILTER (WHERE o.status = 'open') AS open, count(*) FILTER (WHERE o.status = 'accepted') AS accepted,
                 count(*) FILTER (WHERE o.status = 'declined') AS declined, count(*) FILTER (WHERE o.status = 'lapsed') AS lapsed
            FROM waitlist_slot s JOIN claim c ON c.request_key = s.hold_id LEFT JOIN waitlist_offer o USING (hold_id)
           WHERE coalesce(c.sold_by, c.office_id) = ANY ($1) GROUP BY 1
        )
        SELECT i AS office_id, coalesce(w.n, 0) AS waiting, coalesce(t.kept, 0) AS kept, coalesce(t.open, 0) AS open,
               coalesce(t.accepted, 0) AS accepted, coalesce(t.declined, 0) AS declined, coalesce(t.lapsed, 0) AS lapsed,
               coalesce(t.returned, 0) AS returned
          FROM unnest($1::int[]) AS i LEFT JOIN waiting w ON w.office_id = i LEFT JOIN times t ON t.office_id = i ORDER BY i""",  # noqa: S608
        list(office_ids),
    )


async def kept(conn: Connection, office_ids: Sequence[int]) -> list[Kept]:
    """What is not public at these offices now, the soonest first."""
    return await fetch_all(
        conn,
        Kept,
        """
        SELECT coalesce(c.sold_by, c.office_id) AS office_id, c.service_id, c.starts_at, o.answer_until AS offered_until, s.back_at
          FROM waitlist_slot s JOIN claim c ON c.request_key = s.hold_id
          LEFT JOIN waitlist_offer o ON o.hold_id = s.hold_id AND o.status = 'open'
         WHERE c.status = 1 AND c.appointment_id IS NULL AND coalesce(c.sold_by, c.office_id) = ANY ($1)
         ORDER BY c.starts_at, c.id LIMIT 200""",
        list(office_ids),
    )


def _stored(windows: Sequence[Window]) -> Any:
    return _WINDOWS.dump_python(tuple(windows), mode="json")
