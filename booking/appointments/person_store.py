"""Who comes, sealed and to be looked up by HMACs, and their erasure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from base.db import Connection, fetch_all, find_one


@dataclass(frozen=True, slots=True)
class PersonRow:
    """Sealed field by field; the HMACs are for looking up."""

    name: bytes
    email: bytes | None
    mobile: bytes | None
    postal_address: bytes | None
    needs: bytes | None
    email_hmac: bytes | None
    mobile_hmac: bytes | None
    name_hmac: bytes | None = None  # None: written before there was one
    mailbox_hmac: bytes | None = None  # to compare by: of the address without what follows a plus


async def put_person(conn: Connection, appointment_id: UUID, person: PersonRow) -> None:
    await conn.execute(
        """
        INSERT INTO person (appointment_id, name, email, mobile, postal_address, needs, email_hmac, mobile_hmac, name_hmac, mailbox_hmac)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        ON CONFLICT (appointment_id) DO UPDATE
          SET (name, email, mobile, postal_address, needs, email_hmac, mobile_hmac, name_hmac, mailbox_hmac)
          = (excluded.name, excluded.email, excluded.mobile, excluded.postal_address, excluded.needs, excluded.email_hmac,
             excluded.mobile_hmac, excluded.name_hmac, excluded.mailbox_hmac)""",
        appointment_id,
        person.name,
        person.email,
        person.mobile,
        person.postal_address,
        person.needs,
        person.email_hmac,
        person.mobile_hmac,
        person.name_hmac,
        person.mailbox_hmac,
    )


async def find_person(conn: Connection, appointment_id: UUID, *, lock: bool = False) -> PersonRow | None:
    """With `lock` nobody erases the person before the transaction ends."""
    sql = """
        SELECT name, email, mobile, postal_address, needs, email_hmac, mobile_hmac, name_hmac, mailbox_hmac
          FROM person WHERE appointment_id = $1"""
    return await find_one(conn, PersonRow, f"{sql} FOR KEY SHARE" if lock else sql, appointment_id)


async def living_of(conn: Connection, contact_hmac: bytes, now: datetime, limit: int) -> list[UUID]:
    """Of one e-mail address or mobile number: what is booked, kept or still to be paid, the earliest first."""
    return await fetch_all(
        conn,
        UUID,
        """
        SELECT a.id FROM person p JOIN appointment a ON a.id = p.appointment_id JOIN claim c ON c.appointment_id = a.id
         WHERE (p.email_hmac = $1 OR p.mobile_hmac = $1) AND a.status IN ('held', 'expiring', 'confirmed')
           AND c.status < 8 AND c.ends_at > $2 AND (c.status <> 1 OR c.hold_until > $2)
         GROUP BY a.id ORDER BY min(c.starts_at), a.id LIMIT $3""",
        contact_hmac,
        now,
        limit,
    )


async def delete_person(conn: Connection, appointment_id: UUID) -> None:
    await conn.execute("DELETE FROM person WHERE appointment_id = $1", appointment_id)


async def mark_erased(conn: Connection, appointment_id: UUID, now: datetime, *, is_left: bool) -> None:
    """The sealed token goes too: the link still leads to the case, but no message will carry it."""
    await conn.execute(
        """
        UPDATE appointment SET erased_at = coalesce(erased_at, $2), erasure_left = $3, token_sealed = ''
         WHERE id = $1""",
        appointment_id,
        now,
        is_left,
    )


async def due_for_erasure(conn: Connection, before: datetime, limit: int) -> list[UUID]:
    """Over since then: what ended with its last status, what nobody closed with its time. And those of which a note is left."""
    return await fetch_all(
        conn,
        UUID,
        """
        (SELECT a.id FROM appointment a
          WHERE a.erased_at IS NULL AND a.created_at <= $1 AND a.status NOT IN ('held', 'expiring')
            AND CASE a.status
                WHEN 'confirmed' THEN (SELECT max(c.ends_at) FROM claim c WHERE c.appointment_id = a.id AND c.status < 8)
                ELSE (SELECT max(h.at) FROM appointment_history h WHERE h.appointment_id = a.id) END <= $1
          ORDER BY a.created_at LIMIT $2)
        UNION ALL SELECT id FROM appointment WHERE erasure_left""",
        before,
        limit,
    )


async def mobiles(conn: Connection, appointment_ids: Collection[UUID]) -> dict[UUID, bytes | None]:
    """Sealed, of those whose person is known."""
    rows = await conn.fetch(
        "SELECT appointment_id, mobile FROM person WHERE appointment_id = ANY ($1)", list(appointment_ids)
    )
    return {row["appointment_id"]: row["mobile"] for row in rows}


async def persons(conn: Connection, appointment_ids: Collection[UUID]) -> dict[UUID, PersonRow]:
    """Sealed."""
    rows = await conn.fetch(
        """
        SELECT appointment_id, name, email, mobile, postal_address, needs, email_hmac, mobile_hmac
          FROM person WHERE appointment_id = ANY ($1)""",
        list(appointment_ids),
    )
    return {row[0]: PersonRow(*row[1:]) for row in rows}


async def names(conn: Connection, appointment_ids: Collection[UUID]) -> dict[UUID, bytes]:
    """Sealed."""
    rows = await conn.fetch(
        "SELECT appointment_id, name FROM person WHERE appointment_id = ANY ($1)", list(appointment_ids)
    )
    return {row["appointment_id"]: row["name"] for row in rows}
