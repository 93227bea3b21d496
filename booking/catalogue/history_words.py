"""A line of the history as a sentence in the reader's language, made from what was stored as data. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from base.i18n import Text, Translations, format_date, format_time, format_weekday, pick
from base.i18n import mark as _
from booking.catalogue.changes import Data, Entry
from booking.catalogue.series_text import runs_of

_TERMS: Mapping[str, str] = {
    "duration_min": _("duration {value} min"),
    "buffer_min": _("buffer {value} min"),
    "lead_min": _("lead time {value} min"),
    "horizon_days": _("bookable {value} days ahead"),
    "public_percent": _("{value} % for everybody"),
    "staff_percent": _("{value} % for staff"),
    "walk_in_percent": _("{value} % for people without an appointment"),
}
_CHANNELS: Mapping[str, str] = {"onsite": _("on site"), "video": _("by video"), "phone": _("by telephone")}

_MOST_NAMED = 8  # in one sentence


class HistoryWords:
    """`counters` and `services` are the names that stand today; what has no name any more keeps its number."""

    def __init__(
        self,
        translations: Translations,
        language: str,
        time_zone: str,
        counters: Mapping[int, Text],
        services: Mapping[int, Text],
    ) -> None:
        self._translations = translations
        self._language = language
        self._zone = time_zone
        self._counters = counters
        self._services = services

    def sentence(self, entry: Entry) -> str:
        if entry.kind == "series":
            return self._series(entry)
        if entry.kind == "exception":
            return self._exception(entry)
        if entry.kind == "closure":
            return self._closure(entry)
        return self._rule(entry)

    def _series(self, entry: Entry) -> str:
        return self._(
            _("Hours of {counters}: {after}. Before: {before}."),
            counters=self._named(self._counters, entry.subject["counters"]),
            after=self._rules_of(entry.after),
            before=self._rules_of(entry.before),
        )

    def _exception(self, entry: Entry) -> str:
        place, day = self._place(entry), format_date(date.fromisoformat(entry.subject["day"]), self._language)
        if entry.after is None:
            text = self._(_("{place}, {day}: the ordinary hours hold again."), day=day, place=place)
        else:
            text = self._(_("{place}, {day}: {hours}."), day=day, place=place, hours=self._hours_of(entry.after))
        if entry.before is None:
            return text
        return self._(_("{sentence} Before: {before}."), sentence=text, before=self._hours_of(entry.before))

    def _hours_of(self, one: Data) -> str:
        """Of a single day."""
        if not one["spans"]:
            return self._(_("closed ({reason})"), reason=one["reason"])
        times = ", ".join(f"{opens}–{closes}" for opens, closes in one["spans"])
        return self._(_("open {times} ({reason})"), times=times, reason=one["reason"])

    def _closure(self, entry: Entry) -> str:
        first, last = (self._moment(entry.subject[end]) for end in ("starts_at", "ends_at"))
        if entry.after is None:
            message = _("{place} is no longer closed from {first} to {last}.")
            return self._(message, place=self._place(entry), first=first, last=last)
        message = _("{place} is closed from {first} to {last} ({reason}).")
        text = self._(message, place=self._place(entry), first=first, last=last, reason=entry.after["reason"])
        if entry.before is None:
            return text
        return self._(_("{sentence} Before: {before}."), sentence=text, before=entry.before["reason"])

    def _rule(self, entry: Entry) -> str:
        before, after = entry.before or {}, entry.after or {}
        changed = [one for one in entry.subject["services"] if before.get(str(one)) != after.get(str(one))]
        return self._(
            _("Rule for {services}: {after}. Before: {before}."),
            services=self._named(self._services, changed),
            after=self._terms_of(after, changed),
            before=self._terms_of(before, changed),
        )

    def terms(self, entry: Entry) -> str:
        """Of a rule: what holds after it."""
        return self._terms_of(entry.after or {}, entry.subject["services"])

    def _rules_of(self, series: Data | None) -> str:
        """Counters that are changed together mostly were alike before; else each set is there once."""
        sets = list(dict.fromkeys("; ".join(self._alike(rules)) for rules in (series or {}).values()))
        return " / ".join(one or self._(_("no hours")) for one in sets) or self._(_("no hours"))

    def _alike(self, rules: list[Data]) -> list[str]:
        """Days that are alike stand together."""
        days: dict[tuple[tuple[str, Any], ...], list[int]] = {}
        for rule in rules:
            days.setdefault(tuple(sorted((key, rule[key]) for key in rule if key != "weekday")), []).append(
                rule["weekday"]
            )
        return [self._rule_text(dict(rule), self._days(sorted(found))) for rule, found in days.items()]

    def _days(self, days: list[int]) -> str:
        ends = [
            [format_weekday(day, self._language) for day in dict.fromkeys((run[0], run[-1]))] for run in runs_of(days)
        ]
        return ", ".join("–".join(end) for end in ends)

    def _rule_text(self, rule: Data, days: str) -> str:
        text = f"{days} {rule['opens']}–{rule['closes']}"
        if rule["kind"] == "break":
            text = self._(_("break {hours}"), hours=text)
        if rule["every_weeks"] > 1:
            text = self._(_("{hours} every {n} weeks"), hours=text, n=rule["every_weeks"])
        if rule["week_of_month"] == -1:
            text = self._(_("{hours}, the last of the month only"), hours=text)
        elif rule["week_of_month"]:
            text = self._(_("{hours}, no. {n} of the month only"), hours=text, n=rule["week_of_month"])
        if rule["valid_from"]:
            text = self._(_("{hours} from {day}"), hours=text, day=self._day(rule["valid_from"]))
        if rule["valid_until"]:
            text = self._(_("{hours} until {day}"), hours=text, day=self._day(rule["valid_until"]))
        return text

    def _terms_of(self, rules: Data, services: list[int]) -> str:
        sets = dict.fromkeys(self._terms_text(rules.get(str(one)) or {}) for one in services)
        return " / ".join(sets)

    def _terms_text(self, terms: Data) -> str:
        found = [self._(text, value=terms[name]) for name, text in _TERMS.items() if _says(name, terms.get(name))]
        if terms.get("channels"):
            found.append(", ".join(self._(_CHANNELS[channel]) for channel in terms["channels"]))
        for part in terms.get("release_plan") or ():
            message = _("{percent} % released {days} days before at {time}")
            text = self._(message, percent=part["percent"], days=part["days_before"], time=part["at"])
            late = part.get("jitter_min")
            found.append(self._(_("{part}, up to {n} min later"), part=text, n=late) if late else text)
        return "; ".join(found) or self._(_("as everywhere"))

    def _place(self, entry: Entry) -> str:
        counter = entry.subject["counter"]
        return self._(_("The whole office")) if counter is None else self._named(self._counters, [counter])

    def _named(self, names: Mapping[int, Text], ids: list[int]) -> str:
        shown = ids if len(ids) <= _MOST_NAMED else ids[: _MOST_NAMED - 1]
        text = ", ".join(pick(names.get(ident), self._language) or f"#{ident}" for ident in shown)
        more = len(ids) - len(shown)
        return self._(_("{names} and {n} more"), names=text, n=more) if more else text

    def _moment(self, iso: str) -> str:
        moment = datetime.fromisoformat(iso)
        day = format_date(moment, self._language, self._zone, "medium")
        return f"{day}, {format_time(moment, self._language, self._zone)}"

    def _day(self, iso: str) -> str:
        return format_date(date.fromisoformat(iso), self._language, style="medium")

    def _(self, message: str, **fields: object) -> str:
        return self._translations.gettext(self._language, message, **fields)


def _says(name: str, value: int | None) -> bool:
    """A share of nothing is no news."""
    return value is not None and not (value == 0 and name.endswith("_percent"))
