"""What was asked and answered, besides who comes: one function, one statement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from base.db import Connection, fetch_all
from booking.catalogue.questions import Question


@dataclass(frozen=True, slots=True)
class AnswerRow:
    question: Question
    sealed: bytes


async def asked_for(conn: Connection, service_ids: Sequence[int]) -> list[Question]:
    """In the order of the services and of asking."""
    return await fetch_all(
        conn,
        Question,
        """
        SELECT id, service_id, key, text, kind, choices, is_required, condition_key, condition_value, kept_days
          FROM question WHERE is_active AND service_id = ANY ($1::int[]) ORDER BY array_position($1::int[], service_id), place
        """,
        service_ids,
    )


async def remove(conn: Connection, appointment_id: UUID) -> None:
    await conn.execute("DELETE FROM question_answer WHERE appointment_id = $1", appointment_id)


async def add(conn: Connection, appointment_id: UUID, questions: Sequence[int], sealed: Sequence[bytes]) -> None:
    """Kept as long as the question says now."""
    await conn.execute(
        """
        INSERT INTO question_answer (appointment_id, question_id, sealed, kept_days)
        SELECT $1, q.id, new.sealed, q.kept_days FROM unnest($2::int[], $3::bytea[]) AS new (id, sealed) JOIN question q ON q.id = new.id
        """,
        appointment_id,
        questions,
        sealed,
    )


async def answers(conn: Connection, appointment_id: UUID) -> list[AnswerRow]:
    return await fetch_all(
        conn,
        AnswerRow,
        """
        SELECT jsonb_build_object('id', q.id, 'service_id', q.service_id, 'key', q.key, 'text', q.text, 'kind', q.kind,
                 'choices', q.choices, 'is_required', q.is_required, 'condition_key', q.condition_key,
                 'condition_value', q.condition_value, 'kept_days', a.kept_days) AS question, a.sealed
          FROM question_answer a JOIN question q ON q.id = a.question_id WHERE a.appointment_id = $1 ORDER BY q.service_id, q.place
        """,
        appointment_id,
    )


async def forget_over(conn: Connection, now: datetime) -> int:
    """Counted from the end of the last time that the case has, or had where it has none any more."""
    done = await conn.execute(
        """
        DELETE FROM question_answer a
         WHERE (SELECT coalesce(max(c.ends_at) FILTER (WHERE c.status < 8), max(c.ends_at)) FROM claim c
                 WHERE c.appointment_id = a.appointment_id) + make_interval(days => a.kept_days) <= $1
        """,
        now,
    )
    return int(done.split()[-1])
