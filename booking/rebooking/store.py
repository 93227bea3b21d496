"""Closings, rebookings and the times held for them. One function, one statement."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from base.db import Connection, fetch_all, find_one
from booking.rebooking.model import (
    OPEN,
    Affected,
    Because,
    Closing,
    Entry,
    Offered,
    Plan,
    Rebooking,
    RebookingStatus,
    Taken,
)

# Who has begun is being served, and who has been served is not affected.
_IN_THE_WAY = """
      FROM claim c JOIN counter k ON k.id = c.counter_id LEFT JOIN appointment a ON a.id = c.appointment_id
     WHERE c.counter_id = ANY ($1) AND c.kind = 0 AND c.status < 8 AND c.starts_at > $4
       AND (c.occupied && tstzrange($2, $3) OR c.extra && tstzrange($2, $3))
       AND coalesce(a.status, 'held') NOT IN ('finished', 'no_show')"""
_REBOOKING = """
    SELECT r.id, r.closing_id, x.office_id, r.appointment_id, a.number, r.status, r.because, r.answer_until, a.service_id,
           s.name AS service, a.channel, coalesce(c.sold_by, c.office_id) AS sold_by, coalesce(d.starts_at, c.starts_at) AS starts_at,
           x.reason, a.fee_id, a.fee_cents,
           t.times, t.now_at, nk.name AS now_counter, o.name AS now_office,
           coalesce(p.email IS NOT NULL, false) AS has_email, coalesce(p.mobile IS NOT NULL, false) AS has_mobile
      FROM rebooking r JOIN closing x ON x.id = r.closing_id JOIN claim c ON c.id = r.claim_id LEFT JOIN claim d ON d.id = c.lead_id
      JOIN counter k ON k.id = c.counter_id
      JOIN appointment a ON a.id = r.appointment_id JOIN service s ON s.id = a.service_id JOIN office o ON o.id = a.office_id
      LEFT JOIN person p ON p.appointment_id = a.id
      LEFT JOIN LATERAL (SELECT greatest(sum(l.quantity), count(*))::int AS times, min(l.starts_at) AS now_at
                           FROM claim l WHERE l.appointment_id = a.id AND l.status < 8) t ON true
      LEFT JOIN LATERAL (SELECT lk.name FROM claim l JOIN counter lk ON lk.id = l.counter_id
                          WHERE l.appointment_id = a.id AND l.status < 8  -- what it has instead of what was closed
                          ORDER BY l.service_id <> c.service_id, lk.resource IS DISTINCT FROM k.resource, l.starts_at, l.id
                          LIMIT 1) nk ON true"""
_OPEN = str(tuple(sorted(status.value for status in OPEN)))  # as SQL writes a list
_CLOSING = f"""
    SELECT x.id, x.office_id, x.counter_id, k.name AS counter, lower(x.during) AS starts_at, upper(x.during) AS ends_at, x.reason,
           x.if_silent, x.answer_hours, u.name AS made_by, x.made_at, count(r.id)::int AS affected,
           (count(r.id) FILTER (WHERE r.status IN {_OPEN}))::int AS unsettled
      FROM closing x JOIN account u ON u.id = x.made_by LEFT JOIN counter k ON k.id = x.counter_id
      LEFT JOIN rebooking r ON r.closing_id = x.id"""  # noqa: S608
_BY_CLOSING = "GROUP BY x.id, k.name, u.name"


async def counters_of(conn: Connection, office_id: int, counter_id: int | None) -> list[int]:
    return await fetch_all(
        conn,
        int,
        "SELECT id FROM counter WHERE office_id = $1 AND is_active AND ($2::int IS NULL OR id = $2) ORDER BY id",
        office_id,
        counter_id,
    )


async def affected(conn: Connection, counters: Sequence[int], plan: Plan, now: datetime) -> list[Affected]:
    """With the times that are just being reserved. A visit counts once, however much of it is closed."""
    return await fetch_all(
        conn,
        Affected,
        f"""
        SELECT a.id AS appointment_id, a.number, f.counter, s.name AS service, coalesce(a.channel, f.channel) AS channel, f.starts_at,
               coalesce(p.email IS NOT NULL, false) AS has_email, coalesce(p.mobile IS NOT NULL, false) AS has_mobile,
               coalesce(a.status = 'confirmed', false) AS is_booked,
               EXISTS (SELECT FROM ticket t WHERE t.appointment_id = a.id AND t.status <> 'left') AS is_here
          FROM (SELECT DISTINCT ON (coalesce(c.lead_id, c.id))
                       c.id, c.appointment_id, c.service_id, k.name AS counter, k.channel, c.starts_at
                {_IN_THE_WAY} ORDER BY coalesce(c.lead_id, c.id), c.quantity = 0, c.starts_at, c.id) f
          JOIN service s ON s.id = f.service_id LEFT JOIN appointment a ON a.id = f.appointment_id
          LEFT JOIN person p ON p.appointment_id = a.id ORDER BY f.starts_at, f.id""",  # noqa: S608
        counters,
        plan.starts_at,
        plan.ends_at,
        now,
    )


async def waiting(conn: Connection, office_id: int, now: datetime, starts_at: datetime) -> int:
    """In the queue with and without appointment; nobody where the closing begins on a later day."""
    count: int = await conn.fetchval(
        """
        SELECT count(*) FROM ticket t JOIN office o ON o.id = t.office_id
         WHERE t.office_id = $1 AND t.status IN ('waiting', 'called', 'serving') AND t.day = ($2 AT TIME ZONE o.time_zone)::date
           AND t.day = ($3 AT TIME ZONE o.time_zone)::date""",
        office_id,
        now,
        starts_at,
    )
    return count


async def close_leaving(conn: Connection, counters: Sequence[int], plan: Plan, by: int) -> int:
    """Closed with the commit; who is in it stays until they have another time. The id of the logged override.

    Refused by claim_no_overlap where a hold commits meanwhile: once more."""
    override: int = await conn.fetchval(
        "SELECT o_override FROM close_leaving($1, tstzrange($2, $3), $4, $5)",
        counters,
        plan.starts_at,
        plan.ends_at,
        plan.reason,
        by,
    )
    return override


async def insert_closing(
    conn: Connection, ident: UUID, plan: Plan, counters: Sequence[int], override: int, by: int, now: datetime
) -> None:
    await conn.execute(
        """
        INSERT INTO closing (id, office_id, counter_id, counters, during, reason, if_silent, answer_hours, override_id, made_by, made_at)
        VALUES ($1, $2, $3, $4, tstzrange($5, $6), $7, $8, $9, $10, $11, $12)""",
        ident,
        plan.office_id,
        plan.counter_id,
        counters,
        plan.starts_at,
        plan.ends_at,
        plan.reason,
        plan.if_silent.value,
        plan.answer_hours,
        override,
        by,
        now,
    )


async def taken(conn: Connection, appointment_ids: Collection[UUID]) -> list[Taken]:
    """All that these cases have, of each first where its people are served, in their order."""
    return await fetch_all(
        conn,
        Taken,
        """
        SELECT appointment_id, service_id, quantity, fee_id, counter_id, starts_at, ends_at, buffer_min,
               override_id IS NOT NULL AS is_closed
          FROM claim WHERE appointment_id = ANY ($1) AND status < 8 ORDER BY appointment_id, quantity = 0, starts_at, id""",
        list(appointment_ids),
    )


async def leave_as_a_whole(conn: Connection, row: Rebooking) -> None:
    """What is not closed of the visit leaves with the rest, so that it can be taken again in this transaction and by nobody else."""
    await conn.execute(
        """
        UPDATE claim c SET override_id = x.override_id FROM closing x
         WHERE x.id = $2 AND c.appointment_id = $1 AND c.status < 8 AND c.override_id IS NULL""",
        row.appointment_id,
        row.closing_id,
    )


async def insert_rebookings(conn: Connection, ident: UUID, counters: Sequence[int], plan: Plan, now: datetime) -> None:
    """Of those who are booked and not here yet. Whoever is being asked already because of another closing is not asked twice."""
    await conn.execute(
        f"""
        INSERT INTO rebooking (closing_id, appointment_id, claim_id)
        SELECT $5, a.id, c.id {_IN_THE_WAY} AND a.status = 'confirmed'
           AND NOT EXISTS (SELECT FROM ticket t WHERE t.appointment_id = a.id AND t.status <> 'left')
         ORDER BY c.starts_at, c.quantity = 0, c.id
        ON CONFLICT DO NOTHING""",  # noqa: S608
        counters,
        plan.starts_at,
        plan.ends_at,
        now,
        ident,
    )


async def free_bare_holds(conn: Connection, counters: Sequence[int], plan: Plan) -> None:
    """Nobody is to fill in a form for a time that is closed; of a visit that is closed in part, all goes by its first claim."""
    await conn.execute(
        """
        UPDATE claim SET status = 9, hold_until = NULL WHERE status = 1 AND appointment_id IS NULL AND id IN (
          SELECT coalesce(lead_id, id) FROM claim
           WHERE counter_id = ANY ($1) AND extra && tstzrange($2, $3) AND kind = 0 AND status = 1 AND appointment_id IS NULL)""",
        counters,
        plan.starts_at,
        plan.ends_at,
    )


async def find_closing(conn: Connection, ident: UUID) -> Closing | None:
    return await find_one(conn, Closing, f"{_CLOSING} WHERE x.id = $1 {_BY_CLOSING}", ident)


async def find_same(conn: Connection, ident: UUID, plan: Plan) -> UUID | None:
    """Itself, or the first that says the same: it began earlier where a part of it is over by now. To be asked with the city locked."""
    return await find_one(
        conn,
        UUID,
        """
        SELECT x.id FROM closing x
         WHERE x.id = $1 OR x.office_id = $2 AND x.counter_id IS NOT DISTINCT FROM $3 AND x.reason = $6 AND x.if_silent = $7
           AND x.answer_hours = $8 AND upper(x.during) = $5 AND x.during @> $4::timestamptz
           AND NOT EXISTS (  -- open again
             SELECT FROM unnest(x.counters) k WHERE NOT coalesce(
               (SELECT range_agg(c.occupied) FROM claim c WHERE c.counter_id = k AND c.kind > 0 AND c.occupied && tstzrange($4, $5))
               @> tstzrange($4, $5), false))
           AND NOT EXISTS (  -- by the overbook lane
             SELECT FROM claim c JOIN appointment a ON a.id = c.appointment_id
              WHERE c.counter_id = ANY (x.counters) AND c.kind = 0 AND c.status < 8 AND c.occupied && tstzrange($4, $5)
                AND a.status = 'confirmed' AND a.created_at > x.made_at)
         ORDER BY x.id <> $1, x.made_at LIMIT 1""",
        ident,
        plan.office_id,
        plan.counter_id,
        plan.starts_at,
        plan.ends_at,
        plan.reason,
        plan.if_silent.value,
        plan.answer_hours,
    )


async def closings(conn: Connection, office_id: int) -> list[Closing]:
    sql = f"{_CLOSING} WHERE x.office_id = $1 {_BY_CLOSING} ORDER BY x.made_at DESC LIMIT 50"
    return await fetch_all(conn, Closing, sql, office_id)


async def rebookings(conn: Connection, closing_id: UUID) -> list[Rebooking]:
    return await fetch_all(
        conn, Rebooking, f"{_REBOOKING} WHERE r.closing_id = $1 ORDER BY c.starts_at, r.id", closing_id
    )


async def find_rebooking(conn: Connection, ident: UUID) -> Rebooking | None:
    return await find_one(conn, Rebooking, f"{_REBOOKING} WHERE r.id = $1", ident)


async def find_entry(conn: Connection, entry: Entry) -> Rebooking | None:
    return await find_one(
        conn,
        Rebooking,
        f"{_REBOOKING} WHERE x.office_id = $1 AND r.closing_id = $2 AND r.appointment_id = $3",
        entry.office_id,
        entry.closing_id,
        entry.appointment_id,
    )


async def latest_of(conn: Connection, appointment_id: UUID) -> Rebooking | None:
    """The open one, else the last."""
    return await find_one(
        conn,
        Rebooking,
        f"""
        {_REBOOKING} WHERE r.appointment_id = $1
         ORDER BY r.status IN {_OPEN} DESC, x.made_at DESC LIMIT 1""",
        appointment_id,
    )


async def is_open(conn: Connection, appointment_id: UUID) -> bool:
    found: bool = await conn.fetchval(
        f"""
        SELECT EXISTS (SELECT FROM rebooking WHERE appointment_id = $1
                          AND status IN {_OPEN})""",  # noqa: S608
        appointment_id,
    )
    return found


async def offered(conn: Connection, rebooking_ids: Collection[UUID]) -> list[Offered]:
    """Of the offer made last."""
    return await fetch_all(
        conn,
        Offered,
        """
        SELECT o.rebooking_id, o.n, o.hold_id, coalesce(c.sold_by, c.office_id) AS office_id, c.starts_at,
               c.status = 1 AND c.appointment_id IS NULL AS is_held
          FROM rebooking_offer o JOIN claim c ON c.request_key = o.hold_id
         WHERE o.rebooking_id = ANY ($1) AND o.is_last ORDER BY o.rebooking_id, o.n""",
        list(rebooking_ids),
    )


async def due(conn: Connection, limit: int) -> list[Rebooking]:
    """Least recently tried first, of these who comes first."""
    sql = f"{_REBOOKING} WHERE r.status = 'due' ORDER BY r.tried_at NULLS FIRST, c.starts_at LIMIT $1"
    return await fetch_all(conn, Rebooking, sql, limit)


async def unanswered(conn: Connection, now: datetime, limit: int) -> list[Rebooking]:
    sql = f"{_REBOOKING} WHERE r.status = 'offered' AND r.answer_until <= $1 ORDER BY r.tried_at NULLS FIRST, r.answer_until LIMIT $2"
    return await fetch_all(conn, Rebooking, sql, now, limit)


async def mark_tried(conn: Connection, ident: UUID, now: datetime) -> None:
    await conn.execute("UPDATE rebooking SET tried_at = $2 WHERE id = $1", ident, now)


async def move(
    conn: Connection, ident: UUID, source: RebookingStatus, to: RebookingStatus, because: Because | None = None
) -> bool:
    """Compare-and-set; with the case locked, as everything that decides about it."""
    done = await conn.execute(
        "UPDATE rebooking SET status = $3, because = $4 WHERE id = $1 AND status = $2",
        ident,
        source.value,
        to.value,
        because,
    )
    return done == "UPDATE 1"


async def offer(conn: Connection, ident: UUID, holds: Sequence[UUID], until: datetime) -> None:
    """These times, the best first, instead of what was offered before."""
    await conn.execute("UPDATE rebooking_offer SET is_last = false WHERE rebooking_id = $1 AND is_last", ident)
    await conn.executemany(
        "INSERT INTO rebooking_offer (hold_id, rebooking_id, n) VALUES ($1, $2, $3)",
        [(hold, ident, n) for n, hold in enumerate(holds, 1)],
    )
    await conn.execute("UPDATE rebooking SET status = 'offered', answer_until = $2 WHERE id = $1", ident, until)


async def keep_until(conn: Connection, holds: Sequence[UUID], until: datetime) -> None:
    await conn.execute("UPDATE claim SET hold_until = $2 WHERE request_key = ANY ($1)", list(holds), until)


async def came(conn: Connection, limit: int) -> list[Rebooking]:
    """Open ones of cases that were served, or are here, although their counter is closed."""
    return await fetch_all(
        conn,
        Rebooking,
        f"""
        {_REBOOKING} WHERE r.status IN {_OPEN}
           AND (a.status IN ('finished', 'no_show')
                OR EXISTS (SELECT FROM ticket t WHERE t.appointment_id = a.id AND t.status <> 'left'))
         ORDER BY r.tried_at NULLS FIRST, r.id LIMIT $1""",
        limit,
    )


async def lost(conn: Connection, now: datetime, limit: int) -> list[Rebooking]:
    """Whose offered times are all gone before the answer was due, because their counters were closed too."""
    return await fetch_all(
        conn,
        Rebooking,
        f"""
        {_REBOOKING} WHERE r.status = 'offered' AND r.answer_until > $1
           AND NOT EXISTS (SELECT FROM rebooking_offer h JOIN claim l ON l.request_key = h.hold_id
                            WHERE h.rebooking_id = r.id AND h.is_last AND l.status < 8)
         ORDER BY r.tried_at NULLS FIRST, r.id LIMIT $2""",
        now,
        limit,
    )


async def stands_untold(conn: Connection, limit: int) -> list[Rebooking]:
    """Whose time is open again after they were asked for another, and who have not been told."""
    sql = f"{_REBOOKING} WHERE r.status = 'stands' AND r.answer_until IS NOT NULL ORDER BY r.tried_at NULLS FIRST, r.id LIMIT $1"
    return await fetch_all(conn, Rebooking, sql, limit)


async def end_asking(conn: Connection, ident: UUID) -> bool:
    """Nothing is waited for any more. False: said before."""
    done = await conn.execute(
        "UPDATE rebooking SET answer_until = NULL WHERE id = $1 AND status = 'stands' AND answer_until IS NOT NULL",
        ident,
    )
    return done == "UPDATE 1"
