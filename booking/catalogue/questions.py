"""What a service asks besides who comes, and whether the answers fit. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from base.i18n import Text
from base.i18n import mark as _

MOST_LETTERS = 500
_MOST_DIGITS = 9
_NOT_PRINTED = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})

_MISSING = _("Please answer this question.")
_TOO_LONG = _("Please use at most 500 characters.")
_CONTROL = _("This has characters that cannot be printed.")
_CHOICE = _("Please choose one of the answers.")
_DATE = _("Enter a day, for example 2026-12-31")
_NUMBER = _("Enter a whole number, for example 3")


class Kind(StrEnum):
    TEXT = "text"
    CHOICE = "choice"
    DATE = "date"  # as 2026-12-31
    NUMBER = "number"  # whole, not below zero
    YESNO = "yesno"  # yes or no


@dataclass(frozen=True, slots=True)
class Choice:
    key: str
    text: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    id: int
    service_id: int
    key: str
    text: Text
    kind: Kind
    choices: tuple[Choice, ...]
    is_required: bool
    condition_key: str | None  # asked only of whoever gave `condition_value` to this question of the same service
    condition_value: str | None
    kept_days: int  # after the appointment

    @property
    def condition(self) -> tuple[str, str] | None:
        """Key of the earlier question, and the answer to it."""
        return (
            None
            if self.condition_key is None or self.condition_value is None
            else (self.condition_key, self.condition_value)
        )

    @property
    def answers(self) -> tuple[str, ...]:
        """What may be chosen; empty: it is typed."""
        return ("yes", "no") if self.kind is Kind.YESNO else tuple(choice.key for choice in self.choices)


def check(questions: Sequence[Question], given: Mapping[int, str]) -> tuple[dict[int, str], dict[int, str]]:
    """The answers by question, and what is wrong by question as an English msgid. What is not asked of this person is left out.

    A condition stands on a question before it.
    """
    answers: dict[int, str] = {}
    wrong: dict[int, str] = {}
    said: dict[tuple[int, str], str] = {}
    for question in questions:
        if question.condition and said.get((question.service_id, question.condition[0])) != question.condition[1]:
            continue
        value = " ".join(unicodedata.normalize("NFC", given.get(question.id, "")).split())
        message = _fault(question, value)
        if message:
            wrong[question.id] = message
        elif value:
            answers[question.id] = said[question.service_id, question.key] = value
    return answers, wrong


def _fault(question: Question, value: str) -> str:
    if not value:
        return _MISSING if question.is_required else ""
    if question.answers:
        return "" if value in question.answers else _CHOICE
    if question.kind is Kind.DATE:
        return "" if _is_day(value) else _DATE
    if question.kind is Kind.NUMBER:
        return "" if value.isascii() and value.isdigit() and len(value) <= _MOST_DIGITS else _NUMBER
    if len(value) > MOST_LETTERS:
        return _TOO_LONG
    return _CONTROL if any(unicodedata.category(letter) in _NOT_PRINTED for letter in value) else ""


def _is_day(value: str) -> bool:
    try:
        return date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False
