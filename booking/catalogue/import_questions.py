"""questions.csv: what services ask besides who comes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from booking.catalogue.draft import DraftQuestion, DraftService, LineError
from booking.catalogue.questions import Choice, Kind
from booking.catalogue.rows import Row

_FILE = "questions.csv"


def read_question(row: Row) -> DraftQuestion:
    kind = row.text("kind")
    if kind and kind not in list(Kind):
        row.wrong("kind", "bad_choice", f"'{kind}': known are {', '.join(Kind)}.")
    keys, texts = row.optional("choices").split(), row.lists("choices")
    if (kind == Kind.CHOICE) != bool(keys):
        row.wrong("choices", "choices_of_choice", "The kind choice has choices, and no other has.")
    elif len(set(keys)) != len(keys):
        row.wrong("choices", "duplicate", "One of the choices is there twice.")
    for language in ("de", "en"):
        if len(texts.get(language, ())) != len(keys) and (language == "de" or language in texts):
            row.wrong(f"choices_{language}", "choices_differ", "There are not as many texts as choices.")
            texts = {}
    condition, _equals, value = row.optional("condition").partition("=")
    if row.optional("condition") and not (condition and value):
        row.wrong("condition", "bad_condition", "The key of an earlier question and its answer, like: permit=study")
    if not row.optional("kept_days"):
        row.wrong("kept_days", "missing", "This cell is empty.")
    return DraftQuestion(
        line=row.line,
        service=row.key("service"),
        key=row.key("key"),
        text=row.both("text"),
        kind=Kind(kind) if kind in list(Kind) else Kind.TEXT,
        choices=tuple(
            Choice(key, {language: of[place] for language, of in texts.items()})
            for place, key in enumerate(keys)
            if texts
        ),
        is_required=row.yes_no("required"),
        condition=(condition, value) if condition and value else None,
        kept_days=row.whole("kept_days", 1, 365) or 1,
    )


def check_questions(
    questions: Sequence[DraftQuestion], services: Sequence[DraftService], whole: frozenset[str]
) -> Iterable[LineError]:
    """A condition stands on an answer that an earlier question of the same service can have."""
    known = {service.key for service in services}
    before: dict[tuple[str, str], DraftQuestion] = {}
    for one in questions:
        if "services.csv" in whole and one.service not in known:
            yield LineError.unknown(_FILE, one.line, "service", one.service, "services.csv")
        earlier = before.get((one.service, one.condition[0])) if one.condition else None
        if one.condition and earlier is None:
            message = f"'{one.condition[0]}' is no earlier question of this service."
            yield LineError(_FILE, one.line, "condition", "unknown_reference", message)
        elif one.condition and earlier and one.condition[1] not in earlier.answers:
            message = f"'{one.condition[1]}' is no answer to choose in line {earlier.line}."
            yield LineError(_FILE, one.line, "condition", "unknown_reference", message)
        first = before.setdefault((one.service, one.key), one)
        if first is not one:
            yield LineError(_FILE, one.line, "key", "duplicate", f"'{one.key}' is already in line {first.line}.")
