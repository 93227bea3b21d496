"""What a service asks besides who comes: as fields of the form, and the answers as they are read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from aiohttp import web

from booking.appointments.model import Answer
from booking.catalogue.endpoints import CATALOGUE
from booking.catalogue.questions import Kind, Question
from booking.holds.model import Hold
from frontend.citizen.contact_form import field_of
from frontend.citizen.views import QuestionField, Questions, Row, ShownError, Tick
from frontend.citizen.words import Words


async def asked_for(request: web.Request, hold: Hold) -> tuple[Question, ...]:
    return await request.app[CATALOGUE].questions(hold.visit.services(hold.service_id))


def question_fields(words: Words, questions: Sequence[Question]) -> Questions | None:
    if not questions:
        return None
    by_key = {(one.service_id, one.key): one for one in questions}
    kept = max(one.kept_days for one in questions)
    return Questions(
        hint=words.ngettext(
            "We delete these answers one day after the appointment at the latest.",
            "We delete these answers {n} days after the appointment at the latest.",
            kept,
        ),
        fields=tuple(
            QuestionField(
                name=field_of(one.id),
                kind=one.kind,
                label=words.pick(one.text),
                hint=_condition(words, one, by_key.get((one.service_id, one.condition_key or ""))),
                is_optional=not one.is_required,
                choices=tuple(Tick(value=key, label=_said(words, one, key), is_chosen=False) for key in one.answers),
            )
            for one in questions
        ),
    )


def summary(messages: Mapping[str, str], questions: Questions | None) -> tuple[ShownError, ...]:
    """What is wrong, for the head of the form. Of a question with the question: several say the same else."""
    asked = {one.name: one.label for one in questions.fields} if questions else {}
    return tuple(
        ShownError(field=name, message=f"{asked[name]} {message}" if name in asked else message)
        for name, message in messages.items()
    )


def answer_rows(words: Words, answers: Iterable[Answer]) -> tuple[Row, ...]:
    return tuple(
        Row(label=words.pick(one.question.text), value=_said(words, one.question, one.value)) for one in answers
    )


def _condition(words: Words, question: Question, earlier: Question | None) -> str:
    if earlier is None or question.condition_value is None:
        return ""
    return words._(
        "Only if you answer “{answer}” to the question “{question}”",
        answer=_said(words, earlier, question.condition_value),
        question=words.pick(earlier.text),
    )


def _said(words: Words, question: Question, value: str) -> str:
    """A choice that is offered no more is shown by its key."""
    if question.kind is Kind.YESNO:
        return {"yes": words._("Yes"), "no": words._("No")}.get(value, value)
    if question.kind is Kind.DATE:
        return words.day(date.fromisoformat(value))
    return next((words.pick(choice.text) for choice in question.choices if choice.key == value), value)
