"""Changes of the catalogue and wrong lines of its files, in the reader's words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from base.i18n import mark as _
from booking.catalogue.draft import LineError
from booking.catalogue.import_diff import Change
from booking.catalogue.import_report import Counts, InTheWay
from frontend.catalogue.views import ChangeLine, KindOfChanges, WrongLine
from frontend.citizen.views import Row
from frontend.citizen.words import Words

_LINES_MOST, _OPEN_MOST = 500, 20
_KINDS = {
    "city": _("City"),
    "office": _("Offices"),
    "counter": _("Counters"),
    "service": _("Services"),
    "fee": _("Fees"),
    "hours": _("Opening hours"),
    "exception": _("Single days"),
    "rule": _("Rules of services at offices"),
    "responsibility": _("Responsibility"),
    "question": _("Questions"),
    "place": _("Places"),
}
_COUNTED = {"offices": _("Offices"), "counters": _("Counters"), "services": _("Services"), "fees": _("Fees")}
_SIGNS = {"+": _("new"), "-": _("withdrawn")}
# By the codes of the importer; what it says in English of one cell stands beside it.
_WRONG = {
    "missing": _("Something is missing here."),
    "missing_file": _("This file is missing."),
    "missing_folder": _("This file is missing."),
    "unknown_file": _("This file is not known."),
    "duplicate_file": _("This file is there twice."),
    "broken_zip": _("This zip file cannot be read."),
    "too_large": _("This is too large."),
    "encoding": _("This line is not UTF-8. Save the file as CSV UTF-8."),
    "broken_csv": _("The quotation marks do not fit."),
    "broken_toml": _("This is not valid TOML."),
    "ragged_line": _("The line has more or fewer cells than there are columns."),
    "unknown_column": _("This column is not known."),
    "missing_column": _("This column is missing."),
    "duplicate_column": _("This column is there twice."),
    "duplicate": _("This is there twice."),
    "unknown_reference": _("What is named here is in no line of its file."),
    "bad_key": _("A key has small letters, digits and hyphens."),
    "bad_name": _("A name has letters or digits, at most 80."),
    "bad_number": _("This is not a number within its bounds."),
    "bad_choice": _("This is neither yes nor no."),
    "bad_time": _("This is not a time in steps of five minutes."),
    "bad_date": _("This is not a date."),
    "bad_weekday": _("This is not a weekday."),
    "bad_duration": _("A duration is in steps of five minutes."),
    "unknown_channel": _("This channel is not known."),
    "one_channel": _("A counter has exactly one channel."),
    "ends_before_start": _("The last day comes before the first."),
    "closes_before_opening": _("It closes before it opens."),
    "overlap": _("This overlaps with another line."),
    "fee_gap": _("On some days there is no fee."),
    "fee_without_legal_basis": _("A fee needs the text of its legal basis."),
    "bookable_without_fee": _("What can be booked needs a fee, if only of 0."),
    "bookable_without_duration": _("What can be booked needs a duration."),
    "counter_without_hours": _("This counter has no opening hours."),
    "bad_letters": _("These are not letters or ranges of letters."),
    "choices_of_choice": _("The kind choice has choices, and no other has."),
    "choices_differ": _("There are not as many texts as choices."),
    "bad_condition": _("A condition is the key of an earlier question and its answer."),
    "bad_postcode": _("These are not postcodes."),
    "says_nothing": _("This line says nothing about who is responsible."),
    "serves_not": _("A counter named here does not serve this."),
    "leaves_somebody": _("For somebody, nobody would be responsible."),
    "kind_differs": _("This kind is called otherwise in another line."),
    "closes_over_appointments": _("A counter would be closed while it has appointments."),
    "refund_policy_changed": _("A refund policy in use never changes. Give the new terms a new key."),
    "refund_policy_order": _("The last refund policy must be the one in force, or a new one."),
}
_NOT_VALID = _("This is not valid.")


def wrong_line(words: Words, one: LineError) -> WrongLine:
    place = [one.file]
    if one.line:
        place.append(words._("line {n}", n=one.line))
    if one.column:
        place.append(words._("column {name}", name=one.column))
    return WrongLine(place=", ".join(place), said=words._(_WRONG.get(one.code, _NOT_VALID)), detail=one.message)


def kinds(words: Words, changes: Sequence[Change]) -> tuple[KindOfChanges, ...]:
    """Of what the files have; the changes come sorted by kind."""
    return tuple(_kind(words, kind, tuple(found)) for kind, found in groupby(changes, lambda one: one.kind))


def _kind(words: Words, kind: str, changes: tuple[Change, ...]) -> KindOfChanges:
    more = len(changes) - _LINES_MOST
    count = words.ngettext("{n} change", "{n} changes", len(changes))
    return KindOfChanges(
        title=words._("{kind}: {count}", kind=words._(_KINDS[kind]), count=count),
        lines=tuple(_line(words, one) for one in changes[:_LINES_MOST]),
        more=words._("And {n} more.", n=more) if more > 0 else "",
        is_open=len(changes) <= _OPEN_MOST,
    )


def _line(words: Words, one: Change) -> ChangeLine:
    label = words._(_SIGNS[one.sign]) if one.sign in _SIGNS else one.field
    return ChangeLine(label=label, key=one.key, before=one.before, after=one.after)


def counts(words: Words, found: Mapping[str, Counts]) -> tuple[Row, ...]:
    return tuple(
        Row(
            label=words._(label),
            value=words._(
                "{total} in the files: {added} new, {changed} changed, {withdrawn} withdrawn",
                total=found[name].total,
                added=found[name].added,
                changed=found[name].changed,
                withdrawn=found[name].withdrawn,
            ),
        )
        for name, label in _COUNTED.items()
    )


def in_the_way(words: Words, found: Iterable[InTheWay]) -> tuple[str, ...]:
    lines = []
    for one in found:
        times = ", ".join(one.times)
        if one.more:
            times = words._("{times} and {n} more", times=times, n=one.more)
        lines.append(
            words._("{counter} would be closed while it has appointments: {times}", counter=one.counter, times=times)
        )
    return tuple(lines)
