"""What no single cell shows: duplicate keys, unknown references, overlaps, services that nobody could serve. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from itertools import combinations
from typing import Protocol, TypeVar

from booking.catalogue.draft import (
    DraftCounter,
    DraftFee,
    DraftHours,
    DraftOffice,
    DraftPlace,
    DraftService,
    LineError,
)
from booking.catalogue.words import fold


class _Lined(Protocol):
    @property
    def line(self) -> int: ...


class _Dated(_Lined, Protocol):
    @property
    def valid_from(self) -> date | None: ...
    @property
    def valid_until(self) -> date | None: ...


Lined = TypeVar("Lined", bound=_Lined)


def check(
    offices: Sequence[DraftOffice],
    counters: Sequence[DraftCounter],
    hours: Sequence[DraftHours],
    services: Sequence[DraftService],
    fees: Sequence[DraftFee],
    whole: frozenset[str],
    today: date,
) -> list[LineError]:
    """`whole`: files without an error so far. What is missing in another one may only be unreadable, so it is no error yet."""
    errors = [
        *_twice("offices.csv", "key", offices, lambda office: office.key),
        *_twice("counters.csv", "key", _once_per_line(counters), lambda counter: f"{counter.office} {counter.kind}"),
        *_twice("services.csv", "key", services, lambda service: service.key),
        *_twice("services.csv", "top", [s for s in services if s.top], lambda service: str(service.top)),
        *_fees_overlap(fees),
    ]
    if "offices.csv" in whole:
        errors += _unknown_offices(offices, counters, hours)
    if "counters.csv" in whole:
        errors += _unknown_counters(counters, hours)
        errors += _without_counters(counters, services)
        errors += _without_resources(counters, services)
    if "hours.csv" in whole:
        errors += _without_hours(counters, hours)
    if "services.csv" in whole:
        errors += _unknown_services(counters, services, fees)
    if "fees.csv" in whole:
        errors += _without_fee(services, fees)
        errors += _fee_gaps(services, fees, today)
    return errors


def check_places(places: Sequence[DraftPlace]) -> list[LineError]:
    """Alike as people type them is the same: "Sued" and "Süd"."""
    return _twice("places.csv", "name", places, lambda place: fold(place.name))


def _once_per_line(rows: Iterable[Lined]) -> list[Lined]:
    return list({row.line: row for row in rows}.values())


def _twice(file: str, column: str, rows: Iterable[Lined], key: Callable[[Lined], str]) -> list[LineError]:
    first: dict[str, int] = {}
    errors = []
    for row in rows:
        before = first.setdefault(key(row), row.line)
        if before != row.line and key(row).strip():
            message = f"'{key(row)}' is already in line {before}."
            errors.append(LineError(file, row.line, column, "duplicate", message))
    return errors


def _unknown_offices(
    offices: Sequence[DraftOffice], counters: Sequence[DraftCounter], hours: Sequence[DraftHours]
) -> list[LineError]:
    known = {office.key for office in offices}
    named = [("counters.csv", row.line, row.office) for row in _once_per_line(counters)]
    named += [("hours.csv", row.line, row.office) for row in _once_per_line(hours)]
    return [
        LineError.unknown(file, line, "office", office, "offices.csv")
        for file, line, office in named
        if office not in known
    ]


def _unknown_counters(counters: Sequence[DraftCounter], hours: Sequence[DraftHours]) -> list[LineError]:
    known = {(counter.office, counter.kind) for counter in counters}
    return [
        LineError.unknown("hours.csv", row.line, "counter", row.counter, "counters.csv for this office")
        for row in _once_per_line(hours)
        if row.counter != "*" and (row.office, row.counter) not in known
    ]


def _unknown_services(
    counters: Sequence[DraftCounter], services: Sequence[DraftService], fees: Sequence[DraftFee]
) -> list[LineError]:
    groups, keys = {service.group for service in services}, {service.key for service in services}
    errors = [
        LineError.unknown("counters.csv", counter.line, "groups", group, "column group of services.csv")
        for counter in _once_per_line(counters)
        for group in sorted(counter.groups - groups)
    ]
    errors += [
        LineError.unknown("fees.csv", fee.line, "service", fee.service, "services.csv")
        for fee in fees
        if fee.service not in keys
    ]
    return errors


def _without_hours(counters: Sequence[DraftCounter], hours: Sequence[DraftHours]) -> list[LineError]:
    lines = {(row.office, row.counter) for row in hours}
    return [
        LineError("counters.csv", row.line, "key", "counter_without_hours", f"'{row.kind}' has no line in hours.csv.")
        for row in _once_per_line(counters)
        if not {(row.office, row.kind), (row.office, "*")} & lines
    ]


def _without_resources(counters: Sequence[DraftCounter], services: Sequence[DraftService]) -> list[LineError]:
    """Somewhere a counter of its group and all that it needs are at one office."""
    having: dict[str, set[str]] = {}
    for counter in counters:
        if counter.resource:
            having.setdefault(counter.office, set()).add(counter.resource)
    serving = [(counter.office, counter.groups) for counter in counters]
    return [
        LineError(
            "services.csv",
            service.line,
            "needs",
            "unknown_reference",
            f"No office that serves the group '{service.group}' has all of: {', '.join(service.needs)}.",
        )
        for service in services
        if service.needs
        and service.channels
        and not any(
            service.group in groups and set(service.needs) <= having.get(office, set()) for office, groups in serving
        )
    ]


def _without_counters(counters: Sequence[DraftCounter], services: Sequence[DraftService]) -> list[LineError]:
    served = {(group, counter.channel) for counter in counters for group in counter.groups}
    return [
        LineError(
            "services.csv",
            service.line,
            "channels",
            "bookable_without_counters",
            f"No counter serves the group '{service.group}' by {channel}.",
        )
        for service in services
        for channel in service.channels
        if (service.group, channel) not in served
    ]


def _without_fee(services: Sequence[DraftService], fees: Sequence[DraftFee]) -> list[LineError]:
    with_fee = {fee.service for fee in fees}
    message = "A service with channels needs a line in fees.csv; without a fee the amount is 0."
    return [
        LineError("services.csv", service.line, "key", "bookable_without_fee", message)
        for service in services
        if service.channels and service.key not in with_fee
    ]


def _fee_gaps(services: Sequence[DraftService], fees: Sequence[DraftFee], today: date) -> list[LineError]:
    """What can be booked has a fee on every day from today on: a day without one is a day on which nobody can book it."""
    bookable = {service.key for service in services if service.channels}
    errors = []
    for versions in _by(fees, lambda fee: fee.service):
        if versions[0].service not in bookable:
            continue
        covered = today  # the first day that no version has been found for yet
        for fee in sorted(versions, key=lambda fee: fee.valid_from or date.min):
            if covered < (fee.valid_from or date.min):
                message = f"No fee of '{fee.service}' holds from {covered} until the day before this one begins."
                errors.append(LineError("fees.csv", fee.line, "valid_from", "fee_gap", message))
            covered = max(covered, _day_after(fee.valid_until))
        if covered < date.max:
            last = max(versions, key=lambda fee: fee.valid_until or date.max)
            message = f"From {covered} on no fee of '{last.service}' holds, but it can be booked. Without a fee there is a line with 0."
            errors.append(LineError("fees.csv", last.line, "valid_until", "fee_gap", message))
    return errors


def _day_after(day: date | None) -> date:
    return date.max if day is None or day == date.max else day + timedelta(days=1)


def _fees_overlap(fees: Sequence[DraftFee]) -> list[LineError]:
    return [
        LineError("fees.csv", later.line, "valid_from", "overlap", f"Line {earlier.line} holds on some of these days.")
        for versions in _by(fees, lambda fee: fee.service)
        for earlier, later in combinations(versions, 2)
        if same_days(earlier, later)
    ]


def _by(rows: Iterable[Lined], key: Callable[[Lined], object]) -> Iterable[list[Lined]]:
    groups: dict[object, list[Lined]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups.values()


def same_days(one: _Dated, other: _Dated) -> bool:
    return (one.valid_from or date.min) <= (other.valid_until or date.max) and (other.valid_from or date.min) <= (
        one.valid_until or date.max
    )
