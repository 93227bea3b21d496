"""Changes of the catalogue and wrong lines of its files, in the reader's words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from base.i18n import mark as _
from booking.catalogue.draft import LineError
from booking.catalogue.import_diff import Change
from booking.catalogue.import_format import COLUMNS, OPTIONAL
from booking.catalogue.import_report import Counts, InTheWay
from frontend.catalogue.views import ChangeLine, FileOfCatalogue, KindOfChanges, WrongLine
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
    "reduction": _("Reductions"),
    "place": _("Places"),
}
_FILES = {
    "city.toml": _("Name, time zone, holidays, languages and refund policies of the city"),
    "offices.csv": _("Offices with address and position"),
    "counters.csv": _(
        "Counters of each office, and which groups of services they serve; also rooms and other resources"
    ),
    "hours.csv": _("Opening hours and breaks as series"),
    "services.csv": _("Services with duration, channels, search words and documents"),
    "fees.csv": _("Fees in cents with their legal basis, from and until a day"),
    "exceptions.csv": _("Single days with other hours, or closed"),
    "rules.csv": _("What an office does differently with a service: duration, buffer, lead time, shares, release"),
    "pools.csv": _("Counters whose time other offices sell, too"),
    "places.csv": _("Postcodes and districts, to find what is near"),
    "responsibility.csv": _("Which counters serve whom: by first letters, postcode or kind"),
    "questions.csv": _("What a service asks, when, and how many days the answer is kept"),
    "reductions.csv": _("Who pays less or nothing, for which services, and what they have to bring"),
}
_COUNTED = {"offices": _("Offices"), "counters": _("Counters"), "services": _("Services"), "fees": _("Fees")}
_RESPONSIBILITY = "responsibility"
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
    "other_currency": _("Fees are in euros."),
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
    "product_form": _("A product account has small letters, digits, dots, hyphens and underscores, at most 40."),
    "bookable_without_fee": _("What can be booked needs a fee, if only of 0."),
    "bookable_without_counters": _("No counter serves what can be booked in this way."),
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
    "weeks_without_first_day": _("Weeks are counted from the first day, which is empty."),
    "two_rhythms": _("Either every so many weeks, or one week of each month."),
    "break_outside": _("This break lies outside of every opening."),
    "bad_release": _("A part of the release is like: 50% 14d 08:00 30m"),
    "shares_wrong": _("The shares, or the parts of the release, are not 100 % together."),
    "shares_differ": _("Services of one counter share its time out alike."),
    "service_too_long": _("A service takes longer than its counters are ever open at a time."),
    "bad_leika_key": _("A LeiKa key has 14 digits, the first two are 99."),
    "resource_with_groups": _("A resource serves nobody by itself: its groups stay empty."),
    "group_one_place": _("In a group everybody has a place of their own: this is 1, or empty."),
    "reconfirm_too_short": _("Between the question and the deadline are less than 12 hours."),
    "bad_capture": _("A fee is taken automatic or manual."),
    "capture_not_supported": _("The payment provider of this city cannot reserve money and take it later."),
    "pay_at_till_half": _("How long, and how long before the appointment: both cells, or none."),
    "reduction_kind": _("A reduction is a share in per cent, a fixed amount, or an exemption."),
    "reduction_per": _("A reduction is for a person or for the whole case."),
    "reduction_for_nothing": _("A reduction needs services or groups of services that it is for."),
    "exempt_with_value": _("Whoever is exempt pays nothing, so there is no value."),
    "refund_policy_changed": _("A refund policy in use never changes. Give the new terms a new key."),
    "refund_policy_order": _("The last refund policy must be the one in force, or a new one."),
}
# Whose sentence says it all; beside the others stands which value or line it is.
_PLAIN = {
    *("missing_file", "duplicate_file", "broken_zip", "encoding", "missing_column", "duplicate_column"),
    *("one_channel", "ends_before_start", "closes_before_opening", "bookable_without_duration", "choices_of_choice"),
    *("choices_differ", "weeks_without_first_day", "two_rhythms", "break_outside", "resource_with_groups"),
    *("group_one_place", "reconfirm_too_short", "pay_at_till_half", "fee_without_legal_basis", "product_form"),
    *("reduction_for_nothing", "exempt_with_value"),
}
_NOT_VALID = _("This is not valid.")


def files(words: Words, names: Iterable[str]) -> tuple[FileOfCatalogue, ...]:
    found = []
    for name in names:
        columns, more = {**COLUMNS, **OPTIONAL}.get(name, ((), ()))
        found.append(
            FileOfCatalogue(
                name=name,
                meaning=words._(_FILES[name]),
                columns=", ".join(columns),
                more_columns=", ".join(more),
            )
        )
    return tuple(found)


def wrong_line(words: Words, one: LineError) -> WrongLine:
    place = [one.file]
    if one.line:
        place.append(words._("line {n}", n=one.line))
    if one.column:
        place.append(words._("column {name}", name=one.column))
    said = words._(_WRONG.get(one.code, _NOT_VALID))
    return WrongLine(place=", ".join(place), said=said, detail="" if one.code in _PLAIN else one.message)


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
        note=words._("A counter of the service that no line names serves everybody.")
        if kind == _RESPONSIBILITY
        else "",
    )


def _line(words: Words, one: Change) -> ChangeLine:
    label = words._(_SIGNS[one.sign]) if one.sign in _SIGNS else one.field
    if one.kind == _RESPONSIBILITY and one.sign not in _SIGNS:
        before, after = (_served(words, text) for text in (one.before, one.after))
        return ChangeLine(label=words._("serves"), key=one.key, before=before, after=after)
    return ChangeLine(label=label, key=one.key, before=one.before, after=one.after)


def _served(words: Words, text: str) -> str:
    """ "letters a-k; postcodes 70173; kind first", and further lines behind commas: whom a counter serves, in words."""
    return words._(" or ").join(
        ", ".join(_said_of(words, part) for part in line.split("; ")) for line in text.split(", ")
    )


def _said_of(words: Words, part: str) -> str:
    what, _space, value = part.partition(" ")
    if what == "letters":
        first, _dash, last = value.partition("-")
        if first == last:
            return words._("surnames with {first}", first=first.capitalize())
        return words._("surnames from {first} to {last}", first=first.capitalize(), last=last.capitalize())
    if what == "postcodes":
        return words._("postcode {codes}", codes=value)
    return words._("matter “{kind}”", kind=value) if what == "kind" else part


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
