"""A change of hours as the forms send it; every field is written back, so that a preview can be saved or corrected. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time

from multidict import MultiMapping
from pydantic import ValidationError

from base.errors import DomainError, Malformed
from base.i18n import mark as _
from base.web.answers import field_errors
from booking.catalogue.changes import (
    Change,
    ClosureChange,
    Data,
    ExceptionChange,
    RuleChange,
    SeriesChange,
    SharesWrong,
    Terms,
)
from booking.catalogue.hours_endpoints import TermsIn
from booking.catalogue.series_text import read_series
from booking.catalogue.shares import Plan

_SPAN = re.compile(r"([0-9]{1,2}):([0-9]{2})\s*[-–]\s*([0-9]{1,2}):([0-9]{2})")
NUMBERS = (
    "duration_min",
    "buffer_min",
    "lead_min",
    "horizon_days",
)
SHARES = ("public_percent", "staff_percent", "walk_in_percent")
_PERCENT = _("Enter a whole number from 0 to 100")
_FITTING = {
    "duration_min": _("Enter minutes from 5 to 480, in steps of five"),
    "buffer_min": _("Enter minutes from 0 to 240, in steps of five"),
    "lead_min": _("Enter minutes from 0 to 86400"),
    "horizon_days": _("Enter days from 1 to 366"),
    **dict.fromkeys(SHARES, _PERCENT),
    "release_plan": _("A part has 1 to 100 %, 0 to 365 days before, a time of day, and up to 1440 minutes later"),
}
_PART = re.compile(r"([0-9]{1,3}) ?%? +([0-9]{1,3}) +([0-9]{1,2}:[0-9]{2})(?: +([0-9]{1,4}))?")
FIELDS = (
    *("kind", "counters", "series", "day", "counter", "spans", "reason", "back", "starts_at", "ends_at"),
    *("services", *NUMBERS, "channels", "service", *SHARES, "release"),
)


class FieldWrong(DomainError):
    """`field`: its name, on the form it came from."""

    code = "field_wrong"
    status = 422

    def __init__(self, name: str, message: str) -> None:
        self.field = name
        self.sentence = message
        super().__init__()


def pairs(given: MultiMapping[str]) -> tuple[tuple[str, str], ...]:
    """What makes the change, as hidden fields."""
    return tuple((name, value) for name in FIELDS for value in given.getall(name, []))


@dataclass(frozen=True, slots=True)
class Here:
    """What a change of this office can be about."""

    counters: Collection[int]
    services: Collection[int]
    rules: Data = field(default_factory=dict, hash=False)  # that stand, by service
    together: Mapping[int, Collection[int]] = field(
        default_factory=dict, hash=False
    )  # a service -> those that share its counters


def read_change(given: MultiMapping[str], here: Here) -> Change:
    """Raises FieldWrong, SeriesUnreadable; Malformed for what no page of ours sends."""
    counters = here.counters
    match given.get("kind"):
        case "series":
            return _series(given, counters)
        case "exception":
            return _exception(given, counters)
        case "closure":  # lifted here; closing is done where those affected get new times
            ends = [_instant(given.get(name, "")) for name in ("starts_at", "ends_at")]
            return ClosureChange(_place(given, counters), ends[0], ends[1], is_lifted=True)
        case "rule":
            return _rule(given, here)
        case "shares":
            return _shared(given, here)
    raise Malformed


def _series(given: MultiMapping[str], counters: Collection[int]) -> SeriesChange:
    chosen = tuple(dict.fromkeys(_counter(text, counters) for text in given.getall("counters", [])))
    if not chosen:
        raise FieldWrong("counters", _("Choose at least one counter"))
    return SeriesChange(chosen, read_series(given.get("series", "")))


def _rule(given: MultiMapping[str], here: Here) -> RuleChange:
    """For all services that are chosen the same; `back`: as everywhere. How time is shared out stays."""
    chosen = dict.fromkeys(_counter(text, here.services) for text in given.getall("services", []))
    if not chosen:
        raise FieldWrong("services", _("Choose at least one service"))
    terms = Terms() if given.get("back") else _terms(given)
    return RuleChange({one: _or_none(replace(terms, plan=_standing(here, one).plan)) for one in chosen})


def _shared(given: MultiMapping[str], here: Here) -> RuleChange:
    """How the time of counters is shared out and released: for every service that they have in common; all else stays."""
    asked = _counter(given.get("service", ""), here.together)
    plan = None if given.get("back") else _plan(given)
    return RuleChange({one: _or_none(replace(_standing(here, one), plan=plan)) for one in here.together[asked]})


def _standing(here: Here, service: int) -> Terms:
    rule = here.rules.get(str(service)) or {}
    said = {name: rule[name] for name in TermsIn.model_fields if rule.get(name) is not None}
    return TermsIn.model_validate(said).terms()


def _or_none(terms: Terms) -> Terms | None:
    return None if terms == Terms() else terms


def _terms(given: MultiMapping[str]) -> Terms:
    """Empty: as everywhere."""
    typed: dict[str, object] = {name: given[name].strip() for name in NUMBERS if given.get(name, "").strip()}
    if given.getall("channels", []):
        typed["channels"] = given.getall("channels")
    return _read(typed)


def _plan(given: MultiMapping[str]) -> Plan | None:
    """Empty: everything for everybody, at once."""
    typed: dict[str, object] = {name: given[name].strip() for name in SHARES if given.get(name, "").strip()}
    if typed:
        typed = {**dict.fromkeys(SHARES, 0), **typed}
    typed["release_plan"] = [_part(line.strip()) for line in given.get("release", "").splitlines() if line.strip()]
    return _read(typed).plan


def _read(typed: Mapping[str, object]) -> Terms:
    try:
        return TermsIn.model_validate(typed).terms()
    except ValidationError as error:
        name = field_errors(error)[0].pointer.split("/")[1]
        if name == "channels":
            raise Malformed from None
        raise FieldWrong("release" if name == "release_plan" else name, _FITTING[name]) from None
    except SharesWrong:
        raise FieldWrong("public_percent", SharesWrong.message) from None


def _part(line: str) -> dict[str, object]:
    found = _PART.fullmatch(line)
    if found is None:
        raise FieldWrong("release", _("Write each part like: 50 % 14 08:00"))
    percent, days, at, jitter = found.groups()
    return {"percent": percent, "days_before": days, "at": at.zfill(5), "jitter_min": jitter or 0}


def _exception(given: MultiMapping[str], counters: Collection[int]) -> ExceptionChange:
    day, place = _day(given.get("day", "")), _place(given, counters)
    if given.get("back"):
        return ExceptionChange(day, place, None)
    spans = _spans(given.get("spans", ""))
    reason = given.get("reason", "").strip()[:300]
    if not reason:
        raise FieldWrong("reason", _("Say why: it stands in the history"))
    return ExceptionChange(day, place, spans, reason)


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        raise FieldWrong("day", _("Choose a day")) from None
    if not 2000 <= day.year < 2200:
        raise FieldWrong("day", _("Choose a day"))
    return day


def _spans(text: str) -> tuple[tuple[time, time], ...]:
    """Empty: closed all day."""
    found = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        span = _SPAN.fullmatch(part)
        try:
            if span is None:
                raise ValueError(part)
            opens, opens_min, closes, closes_min = map(int, span.groups())
            if opens_min % 5 or closes_min % 5:
                raise ValueError(part)
            found.append((time(opens, opens_min), time(closes, closes_min)))
        except ValueError:
            raise FieldWrong("spans", _("Write the times like 08:00–12:00, 13:00–15:00")) from None
    if len(found) > 20:
        raise FieldWrong("spans", _("Write the times like 08:00–12:00, 13:00–15:00"))
    return tuple(found)


def _place(given: MultiMapping[str], counters: Collection[int]) -> int | None:
    text = given.get("counter", "")
    return _counter(text, counters) if text else None


def _counter(text: str, counters: Collection[int]) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) in counters):
        raise Malformed
    return int(text)


def _instant(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Malformed from None
    if moment.tzinfo is None or not 2000 <= moment.year < 2200:
        raise Malformed
    return moment.astimezone(UTC)
