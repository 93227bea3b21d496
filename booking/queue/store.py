"""Tickets. A step is one compare-and-set; the order of turns is in one statement."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from base.db import Connection, fetch_all, find_one
from booking.queue.expecting import Registered
from booking.queue.model import Booked, Call, Step, Ticket, TicketStatus

_TICKET = """t.id, t.day, t.number, t.appointment_id, t.service_id, t.channel, t.status, t.counter_id, t.due_at, t.arrived_at,
             t.called_at, t.calls"""


@dataclass(frozen=True, slots=True)
class Expected:
    """What check-in asks of an appointment. The office is the counter's: another one may have sold its time."""

    id: UUID
    office_id: int
    service_id: int
    channel: str
    status: str
    starts_at: datetime
    day: date


async def expected(conn: Connection, appointment_id: UUID) -> Expected | None:
    return await find_one(
        conn,
        Expected,
        """
        SELECT a.id, t.office_id, a.service_id, a.channel, a.status, t.starts_at,
               (t.starts_at AT TIME ZONE o.time_zone)::date AS day
          FROM appointment a
          JOIN LATERAL (SELECT starts_at, office_id FROM claim WHERE appointment_id = a.id AND status < 8
                         ORDER BY starts_at, id LIMIT 1) t ON true
          JOIN office o ON o.id = t.office_id
         WHERE a.id = $1""",
        appointment_id,
    )


async def registered(conn: Connection, *, appointment_id: UUID | None = None, number: str = "") -> Registered | None:
    """Of any office; the time is that which is kept, else that which was."""
    return await find_one(
        conn,
        Registered,
        """
        SELECT a.id, coalesce(t.office_id, a.office_id) AS office_id, a.status,
               (coalesce(t.kept, t.was, a.created_at) AT TIME ZONE o.time_zone)::date AS day
          FROM appointment a JOIN office o ON o.id = a.office_id
          CROSS JOIN LATERAL (SELECT min(starts_at) FILTER (WHERE status < 8) AS kept, max(starts_at) AS was,
                                     min(office_id) FILTER (WHERE status < 8) AS office_id  -- where the counter is
                                FROM claim WHERE appointment_id = a.id) t
         WHERE a.id = $1 OR ($1::uuid IS NULL AND a.number = $2)""",
        appointment_id,
        number,
    )


async def show_again(conn: Connection, appointment_id: UUID) -> None:
    """Nothing changes but what the counter may do with the ticket: its page is told by the feed."""
    await conn.execute(
        "UPDATE ticket SET changed_at = changed_at WHERE appointment_id = $1 AND status IN ('called', 'serving')",
        appointment_id,
    )


async def booked(conn: Connection, office_id: int, day: date) -> list[Booked]:
    """What was confirmed for this day, whatever became of it."""
    return await fetch_all(
        conn,
        Booked,
        """
        SELECT a.id, a.number, a.status, a.service_id, a.channel, min(c.starts_at) AS starts_at,
               (SELECT r.status FROM reconfirm r WHERE r.appointment_id = a.id AND r.starts_at = min(c.starts_at)) AS reconfirm,
               jsonb_agg(jsonb_build_object('item', jsonb_build_object('service_id', c.service_id, 'quantity', c.quantity),
                         'counter_id', c.counter_id, 'starts_at', c.starts_at) ORDER BY c.starts_at, c.id)
                 FILTER (WHERE c.quantity > 0) AS stops,
               array_remove(array_agg(DISTINCT CASE c.quantity WHEN 0 THEN c.counter_id END), NULL) AS resources
          FROM claim c JOIN appointment a ON a.id = c.appointment_id JOIN office o ON o.id = c.office_id
         WHERE c.office_id = $1 AND c.kind = 0 AND c.status IN (2, 9)
           AND c.starts_at >= ($2::date)::timestamp AT TIME ZONE o.time_zone
           AND c.starts_at < ($2::date + 1)::timestamp AT TIME ZONE o.time_zone
           AND a.status IN ('confirmed', 'finished', 'no_show', 'cancelled')
         GROUP BY a.id ORDER BY min(c.starts_at), a.number""",
        office_id,
        day,
    )


async def next_number(conn: Connection, office_id: int, day: date) -> int:
    found: int = await conn.fetchval(
        """INSERT INTO ticket_number AS n (office_id, day, last) VALUES ($1, $2, 1)
           ON CONFLICT (office_id, day) DO UPDATE SET last = n.last + 1 RETURNING last""",
        office_id,
        day,
    )
    return found


async def insert_ticket(
    conn: Connection, ticket: Ticket, office_id: int, day: date, request_key: UUID | None, now: datetime
) -> bool:
    """False: this appointment or this request has its ticket already."""
    return (
        await conn.fetchval(
            """
            INSERT INTO ticket (id, office_id, day, number, appointment_id, service_id, channel, due_at, arrived_at,
                                request_key, changed_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING RETURNING true""",
            ticket.id,
            office_id,
            day,
            ticket.number,
            ticket.appointment_id,
            ticket.service_id,
            ticket.channel,
            ticket.due_at,
            ticket.arrived_at,
            request_key,
            now,
        )
        is True
    )


async def ticket_of(conn: Connection, appointment_id: UUID) -> Ticket | None:
    return await find_one(conn, Ticket, f"SELECT {_TICKET} FROM ticket t WHERE appointment_id = $1", appointment_id)  # noqa: S608


async def ticket_of_request(conn: Connection, office_id: int, request_key: UUID) -> Ticket | None:
    return await find_one(
        conn,
        Ticket,
        f"SELECT {_TICKET} FROM ticket t WHERE office_id = $1 AND request_key = $2",  # noqa: S608
        office_id,
        request_key,
    )


async def find_ticket(conn: Connection, office_id: int, ticket_id: UUID) -> Ticket | None:
    return await find_one(
        conn,
        Ticket,
        f"SELECT {_TICKET} FROM ticket t WHERE office_id = $1 AND id = $2",  # noqa: S608
        office_id,
        ticket_id,
    )


async def tickets(conn: Connection, office_id: int, day: date) -> list[Ticket]:
    """Of this day, and what was left open on a former one: its counter calls nobody else before that is finished."""
    return await fetch_all(
        conn,
        Ticket,
        f"SELECT {_TICKET} FROM ticket t "  # noqa: S608
        "WHERE office_id = $1 AND (day = $2 OR (day < $2 AND status IN ('called', 'serving'))) "
        "ORDER BY day, due_at IS NULL, coalesce(due_at, arrived_at), number",
        office_id,
        day,
    )


async def open_at(conn: Connection, counter_id: int) -> Ticket | None:
    return await find_one(
        conn,
        Ticket,
        f"SELECT {_TICKET} FROM ticket t WHERE counter_id = $1 AND status IN ('called', 'serving')",  # noqa: S608
        counter_id,
    )


async def call_next(conn: Connection, office_id: int, day: date, counter_id: int, now: datetime) -> Ticket | None:
    """Whose turn it is, of those whom this counter can serve: first appointments, then walk-ins, as `Ticket.turn` says.

    Rows that another counter is just calling are skipped, not waited for; so are cases that somebody is just changing (cancelling,
    mostly). The share of the case keeps it as it is until the call is written: cancelling then sees the call.
    """
    return await find_one(
        conn,
        Ticket,
        f"""
        WITH booked AS MATERIALIZED (
          SELECT w.id FROM ticket w
            JOIN counter c ON c.id = $3 AND c.channel = w.channel
            JOIN counter_service s ON s.counter_id = c.id AND s.service_id = w.service_id
            JOIN appointment a ON a.id = w.appointment_id AND a.status = 'confirmed'
           WHERE w.office_id = $1 AND w.day = $2 AND w.status = 'waiting'
           ORDER BY w.due_at, w.number
           LIMIT 1 FOR SHARE OF a SKIP LOCKED FOR UPDATE OF w SKIP LOCKED
        ), walk_in AS MATERIALIZED (
          SELECT w.id FROM ticket w
            JOIN counter c ON c.id = $3 AND c.channel = w.channel
            JOIN counter_service s ON s.counter_id = c.id AND s.service_id = w.service_id
           WHERE w.office_id = $1 AND w.day = $2 AND w.status = 'waiting' AND w.appointment_id IS NULL
             AND NOT EXISTS (SELECT FROM booked)
           ORDER BY w.arrived_at, w.number
           LIMIT 1 FOR UPDATE OF w SKIP LOCKED
        ), turn AS (SELECT id FROM booked UNION ALL SELECT id FROM walk_in)
        UPDATE ticket t SET status = 'called', counter_id = $3, called_at = $4, calls = calls + 1, changed_at = $4
          FROM turn WHERE t.id = turn.id AND t.status = 'waiting' RETURNING {_TICKET}""",  # noqa: S608
        office_id,
        day,
        counter_id,
        now,
    )


async def move(
    conn: Connection,
    ticket_id: UUID,
    froms: Collection[TicketStatus],
    to: TicketStatus,
    counter_id: int | None,
    now: datetime,
) -> bool:
    """Compare-and-set of status and counter; a ticket that waits or has left is at none."""
    return (
        await conn.fetchval(
            """UPDATE ticket SET status = $3, changed_at = $5
                WHERE id = $1 AND status = ANY ($2) AND counter_id IS NOT DISTINCT FROM $4 RETURNING true""",
            ticket_id,
            [one.value for one in froms],
            to.value,
            counter_id,
            now,
        )
        is True
    )


async def send_on(conn: Connection, ticket_id: UUID, counter_id: int, now: datetime) -> bool:
    """Waits for the next counter of the visit, for its service and at its time (`Booked.after`)."""
    return (
        await conn.fetchval(
            """
            UPDATE ticket t SET status = 'waiting', counter_id = NULL, service_id = n.service_id, due_at = n.starts_at, changed_at = $3
              FROM (SELECT DISTINCT ON (w.id) w.id, c.service_id, c.starts_at
                      FROM ticket w JOIN claim h ON h.appointment_id = w.appointment_id AND h.status = 2 AND h.starts_at = w.due_at
                      JOIN claim c ON c.appointment_id = w.appointment_id AND c.status = 2 AND c.starts_at > w.due_at
                       AND c.counter_id <> h.counter_id
                     WHERE w.id = $1 AND h.quantity > 0 AND c.quantity > 0 ORDER BY w.id, c.starts_at) n
             WHERE t.id = n.id AND t.status = 'serving' AND t.counter_id = $2 RETURNING true""",
            ticket_id,
            counter_id,
            now,
        )
        is True
    )


async def come_back(conn: Connection, ticket_id: UUID, now: datetime, kept_since: datetime) -> bool:
    """Who has left waits again, from now on; who was gone for a moment only (a lost connection) as if they had stayed."""
    return (
        await conn.fetchval(
            """UPDATE ticket SET status = 'waiting', changed_at = $2,
                                 arrived_at = CASE WHEN changed_at < $3 THEN $2 ELSE arrived_at END
                WHERE id = $1 AND status = 'left' RETURNING true""",
            ticket_id,
            now,
            kept_since,
        )
        is True
    )


async def is_called(conn: Connection, appointment_id: UUID) -> bool:
    """Or being served."""
    found: bool = await conn.fetchval(
        "SELECT EXISTS (SELECT FROM ticket WHERE appointment_id = $1 AND status IN ('called', 'serving'))",
        appointment_id,
    )
    return found


async def has_ticket(conn: Connection, appointment_id: UUID) -> bool:
    """Whatever has become of it, unless its person has left: a case has one ticket at most."""
    sql = "SELECT EXISTS (SELECT FROM ticket WHERE appointment_id = $1 AND status <> 'left')"
    found: bool = await conn.fetchval(sql, appointment_id)
    return found


async def let_go(conn: Connection, appointment_id: UUID) -> None:
    """The ticket of who has left is for a time that the case has no more: it stays in its day without an appointment."""
    sql = "UPDATE ticket SET appointment_id = NULL, due_at = NULL WHERE appointment_id = $1 AND status = 'left'"
    await conn.execute(sql, appointment_id)


async def recall(conn: Connection, ticket_id: UUID, counter_id: int, now: datetime) -> bool:
    return (
        await conn.fetchval(
            """UPDATE ticket SET calls = calls + 1, called_at = $3, changed_at = $3
                WHERE id = $1 AND status = 'called' AND counter_id = $2 RETURNING true""",
            ticket_id,
            counter_id,
            now,
        )
        is True
    )


async def leave_open(conn: Connection, ticket_id: UUID, reason: str, note: str | None, by: int, now: datetime) -> None:
    """That a fee of this visit stays open, if one is."""
    await conn.execute(
        """INSERT INTO open_fee (ticket_id, reason, note, left_by, left_at)
            SELECT id, $2, $3, $4, $5 FROM ticket WHERE id = $1 AND fee_is_open(id, appointment_id) ON CONFLICT DO NOTHING""",
        ticket_id,
        reason,
        note,
        by,
        now,
    )


async def calls(conn: Connection, office_id: int, day: date) -> list[Call]:
    """The board's lines, newest call first. Video and telephone are called another way."""
    return await fetch_all(
        conn,
        Call,
        """SELECT t.number, c.name AS counter, t.status = 'called' AS is_new, t.calls FROM ticket t
             JOIN counter c ON c.id = t.counter_id
            WHERE t.office_id = $1 AND t.day = $2 AND t.status IN ('called', 'serving') AND t.channel = 'onsite'
            ORDER BY t.status = 'called' DESC, t.called_at DESC, t.number DESC""",
        office_id,
        day,
    )


async def offers(conn: Connection, office_id: int, service_id: int) -> bool:
    """Whether a counter of the office serves walk-ins with this."""
    found: bool = await conn.fetchval(
        """SELECT EXISTS (SELECT FROM counter c JOIN counter_service s ON s.counter_id = c.id
            WHERE c.office_id = $1 AND c.channel = 'onsite' AND c.is_active AND s.service_id = $2)""",
        office_id,
        service_id,
    )
    return found


async def watermark(conn: Connection) -> int:
    found: int = await conn.fetchval("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
    return found


async def changed(conn: Connection, since: int) -> tuple[int, set[tuple[str, int, int]]]:
    """(row, office, transaction) of tickets, appointments, further fees, messages that were given up and who works where, touched at or
    above a watermark, and the next watermark."""
    rows = await conn.fetch(
        """
        WITH now AS (SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS next,
                            pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS last)
        SELECT now.next, f.id, f.office_id, f.xid FROM now LEFT JOIN (
          SELECT id, office_id, xid FROM ticket WHERE xid >= $1
          UNION ALL SELECT a.id, c.office_id, a.xid FROM appointment a JOIN claim c ON c.appointment_id = a.id WHERE a.xid >= $1
          UNION ALL SELECT m.id, c.office_id, m.fate_xid FROM message m JOIN claim c ON c.appointment_id = m.reference
                     WHERE m.fate_xid >= $1
          UNION ALL SELECT id, office_id, xid FROM charge WHERE xid >= $1
          UNION ALL SELECT NULL, office_id, staffed_xid FROM counter WHERE staffed_xid >= $1) f ON f.xid < now.last""",
        since,
    )
    return rows[0]["next"], {(str(r["id"]), r["office_id"], r["xid"]) for r in rows if r["xid"] is not None}


async def steps_of(conn: Connection, appointment_id: UUID) -> list[Step]:
    sql = """
        SELECT false AS of_ticket, status, at FROM appointment_history WHERE appointment_id = $1 UNION ALL
        SELECT true, h.status, h.at FROM ticket_history h JOIN ticket t ON t.id = h.ticket_id WHERE t.appointment_id = $1
         ORDER BY at, of_ticket"""
    return await fetch_all(conn, Step, sql, appointment_id)
