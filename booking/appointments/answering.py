"""What services ask besides who comes: checked against what is asked now, sealed answer by answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from base.db import Connection
from base.errors import FieldError, Invalid
from base.i18n import mark as _
from base.seal import Sealer
from booking.appointments import answer_store
from booking.appointments.model import Answer
from booking.catalogue.questions import check

_NOT_ASKED = _("This is not asked for this appointment.")


class AnswersWrong(Invalid):
    """Each wrong answer, by the id of its question."""

    def __init__(self, wrong: Mapping[int, str]) -> None:
        super().__init__([FieldError(f"/answers/{ident}", "answer", message) for ident, message in wrong.items()])


async def checked(conn: Connection, service_ids: Sequence[int], given: Mapping[int, str]) -> Mapping[int, str]:
    """Those that are asked of this person. Raises AnswersWrong."""
    questions = await answer_store.asked_for(conn, service_ids)
    answers, wrong = check(questions, given)
    wrong |= dict.fromkeys(given.keys() - {question.id for question in questions}, _NOT_ASKED)
    if wrong:
        raise AnswersWrong(wrong)
    return answers


async def keep(
    conn: Connection, sealer: Sealer, appointment_id: UUID, answers: Mapping[int, str], *, is_new: bool
) -> None:
    """In the place of those before, which a new case does not have."""
    if not is_new:
        await answer_store.remove(conn, appointment_id)
    if not answers:
        return
    sealed = [sealer.seal(value, _context(appointment_id, ident)) for ident, value in answers.items()]
    await answer_store.add(conn, appointment_id, list(answers), sealed)


async def read(conn: Connection, sealer: Sealer, appointment_id: UUID) -> tuple[Answer, ...]:
    rows = await answer_store.answers(conn, appointment_id)
    return tuple(
        Answer(row.question, sealer.open(row.sealed, _context(appointment_id, row.question.id))) for row in rows
    )


def _context(appointment_id: UUID, question_id: int) -> str:
    return f"question_answer.{question_id}:{appointment_id}"
