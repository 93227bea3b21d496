"""The import format (samples/README.md): a folder of CSV files and city.toml becomes a Draft, or every error at once. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from booking.catalogue.draft import (
    Draft,
    DraftCounter,
    DraftFee,
    DraftHours,
    DraftOffice,
    DraftPlace,
    DraftService,
    LineError,
)
from booking.catalogue.hours import local_day
from booking.catalogue.import_capacity import check_capacity, read_exception, read_pool, read_rhythm, read_rule
from booking.catalogue.import_checks import check, check_places
from booking.catalogue.import_city import read_city
from booking.catalogue.import_questions import check_questions, read_question
from booking.catalogue.import_reductions import COLUMNS as REDUCTION_COLUMNS
from booking.catalogue.import_reductions import check_reductions, read_reduction
from booking.catalogue.import_report import ImportRefused
from booking.catalogue.import_responsibility import check_responsibility, read_responsibility
from booking.catalogue.model import Channel
from booking.catalogue.rows import Row, read_rows
from booking.catalogue.words import fold
from payment.model import DEFAULT_PRODUCT, Capture

_LEIKA_KEY = re.compile(r"99[0-9]{12}")
_MAX_CENTS = 10_000_000
_MAX_NAME = 80

# file -> columns that must be there, columns that may be left out
COLUMNS: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "offices.csv": (
        ("key", "name_de", "street", "postcode", "place", "latitude", "longitude", "step_free", "source"),
        ("name_en", "directions_de", "directions_en"),
    ),
    "counters.csv": (("office", "key", "name_de", "channel", "groups"), ("name_en", "count", "resource", "is_told")),
    "hours.csv": (
        ("office", "counter", "weekdays", "opens", "closes"),
        ("valid_from", "valid_until", "every_weeks", "week_of_month", "kind"),
    ),
    "services.csv": (
        ("key", "name_de", "group", "source"),
        (
            *("leika_key", "name_en", "top", "duration_min", "channels", "search_words_de", "search_words_en"),
            *("documents_de", "documents_en", "summary_de", "summary_en"),
            *("most", "further_min", "counted_de", "counted_en", "is_group", "needs"),
            *("reconfirm_days", "reconfirm_hours", "reconfirm_releases", "most_per_person", "capture"),
            *("pay_at_till_hours", "pay_at_till_before_hours"),
        ),
    ),
    "fees.csv": (
        ("service", "amount_cents", "legal_basis_de", "source"),
        ("valid_from", "valid_until", "legal_basis_en", "product", "tax_percent", "currency"),
    ),
}
# Left out: what the city has of these stays as it is.
OPTIONAL: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "exceptions.csv": (("office", "day", "reason"), ("counter", "opens", "closes")),
    "rules.csv": (
        ("office", "service"),
        (
            *("duration_min", "buffer_min", "lead_min", "horizon_days", "channels"),
            *("public_percent", "staff_percent", "walk_in_percent", "release"),
        ),
    ),
    "pools.csv": (("office", "counter", "sold_by"), ()),
    "places.csv": (("name", "latitude", "longitude"), ()),
    "responsibility.csv": (
        ("service", "office", "counters"),
        ("letters", "postcodes", "kind", "kind_de", "kind_en"),
    ),
    "questions.csv": (
        ("service", "key", "text_de", "kind", "required", "kept_days"),
        ("text_en", "choices", "choices_de", "choices_en", "condition"),
    ),
    "reductions.csv": REDUCTION_COLUMNS,
}
NEEDED: Final = ("city.toml", *COLUMNS)
FILES: Final = (*NEEDED, *OPTIONAL)


def parse(files: Mapping[str, bytes], now: datetime) -> Draft:
    """From the content of the files; raises ImportRefused with all errors, in the order of files and lines.

    `now`: fees must be without gaps from today on.
    """
    errors = [LineError(name, 0, "", "missing_file", "This file is missing.") for name in NEEDED if name not in files]
    errors += [
        LineError(name, 0, "", "unknown_file", f"Unknown file. Known are: {', '.join(FILES)}.")
        for name in sorted(files)
        if name not in FILES
    ]
    city = read_city(files.get("city.toml", b""), errors) if "city.toml" in files else None

    def rows(name: str) -> list[Row]:
        return read_rows(name, files[name], *{**COLUMNS, **OPTIONAL}[name], errors) if name in files else []

    offices = [_office(row) for row in rows("offices.csv")]
    counters = [counter for row in rows("counters.csv") for counter in _counters(row)]
    hours = [line for row in rows("hours.csv") for line in _hours(row)]
    services = [_service(row) for row in rows("services.csv")]
    fees = [fee for row in rows("fees.csv") if (fee := _fee(row)) is not None]
    exceptions = [line for row in rows("exceptions.csv") if (line := read_exception(row)) is not None]
    rules = [rule for row in rows("rules.csv") if (rule := read_rule(row)) is not None]
    pools = [read_pool(row) for row in rows("pools.csv")]
    places = [_place(row) for row in rows("places.csv")]
    responsibility = [read_responsibility(row) for row in rows("responsibility.csv")]
    questions = [read_question(row) for row in rows("questions.csv")]
    reductions = [read_reduction(row) for row in rows("reductions.csv")]
    whole = frozenset(files) - {error.file for error in errors}
    today = now.date() if city is None else local_day(now, city.time_zone)
    errors += check(offices, counters, hours, services, fees, whole, today)
    errors += check_capacity(offices, counters, hours, services, exceptions, rules, pools, whole, today)
    errors += check_places(places)
    errors += check_responsibility(responsibility, counters, services, whole)
    errors += check_questions(questions, services, whole)
    errors += check_reductions(reductions, services, whole)
    if errors or city is None:
        order = {name: place for place, name in enumerate(FILES)}
        raise ImportRefused(sorted(errors, key=lambda error: (order.get(error.file, len(order)), error.line)))
    return Draft(
        city=city,
        offices=tuple(offices),
        counters=tuple(counters),
        hours=tuple(hours),
        services=tuple(services),
        fees=tuple(fees),
        exceptions=tuple(exceptions) if "exceptions.csv" in files else None,
        rules=tuple(rules) if "rules.csv" in files else None,
        pools=tuple(pools) if "pools.csv" in files else None,
        places=tuple(places) if "places.csv" in files else None,
        responsibility=tuple(responsibility) if "responsibility.csv" in files else None,
        questions=tuple(questions) if "questions.csv" in files else None,
        reductions=tuple(reductions) if "reductions.csv" in files else None,
    )


def _office(row: Row) -> DraftOffice:
    return DraftOffice(
        line=row.line,
        key=row.key("key"),
        name=row.both("name"),
        street=row.text("street"),
        postcode=row.text("postcode"),
        place=row.text("place"),
        latitude=row.number("latitude", -90, 90),
        longitude=row.number("longitude", -180, 180),
        is_step_free=row.yes_no("step_free"),
        directions=row.both("directions", german=False),
        source=row.text("source"),
    )


def _place(row: Row) -> DraftPlace:
    name = row.text("name")
    if name and (not fold(name) or len(name) > _MAX_NAME):
        row.wrong("name", "bad_name", f"'{name}': letters or digits, at most {_MAX_NAME}.")
    return DraftPlace(
        line=row.line,
        name=name,
        latitude=row.number("latitude", -90, 90),
        longitude=row.number("longitude", -180, 180),
    )


def _counters(row: Row) -> list[DraftCounter]:
    """One line is `count` counters alike: desk-1, desk-2, ...; {n} in a name is the number."""
    resource = row.key("resource") if row.optional("resource") else None
    office, kind, name, groups = (
        row.key("office"),
        row.key("key"),
        row.both("name"),
        frozenset((row.optional("groups") if resource else row.text("groups")).split()),
    )
    if resource and groups:
        row.wrong("groups", "resource_with_groups", "A resource serves nobody by itself: this stays empty.")
    channels = row.channels("channel")
    if len(channels) != 1:
        row.wrong("channel", "one_channel", "A counter has exactly one channel.")
    count = 1 if not row.optional("count") else row.whole("count", 1, 200) or 0
    is_told = bool(row.optional("is_told")) and row.yes_no("is_told")
    return [
        DraftCounter(
            line=row.line,
            office=office,
            kind=kind,
            key=f"{kind}-{number}",
            name={language: text.replace("{n}", str(number)) for language, text in name.items()},
            channel=channels[0] if channels else Channel.ONSITE,
            groups=groups,
            resource=resource,
            is_told=is_told,
        )
        for number in range(1, count + 1)
    ]


def _hours(row: Row) -> list[DraftHours]:
    office = row.key("office")
    counter = "*" if row.optional("counter") == "*" else row.key("counter")
    weekdays, opens, closes = row.weekdays("weekdays"), row.clock("opens"), row.clock("closes")
    valid_from, valid_until = row.day("valid_from"), row.day("valid_until")
    if valid_from and valid_until and valid_until < valid_from:
        row.wrong("valid_until", "ends_before_start", "The last day comes before the first.")
    every_weeks, week_of_month, is_break = read_rhythm(row, valid_from)
    if opens is None or closes is None:
        return []
    if closes <= opens:
        row.wrong("closes", "closes_before_opening", "This is not after the time of opening.")
        return []
    return [
        DraftHours(
            line=row.line,
            office=office,
            counter=counter,
            weekday=weekday,
            opens=opens,
            closes=closes,
            valid_from=valid_from,
            valid_until=valid_until,
            every_weeks=every_weeks,
            week_of_month=week_of_month,
            is_break=is_break,
        )
        for weekday in weekdays
    ]


def _service(row: Row) -> DraftService:
    leika_key = row.optional("leika_key") or None
    if leika_key and not _LEIKA_KEY.fullmatch(leika_key):
        row.wrong("leika_key", "bad_leika_key", f"'{leika_key}': a LeiKa key has 14 digits, the first two are 99.")
    duration_min, channels = row.whole("duration_min", 5, 480), row.channels("channels")
    if duration_min is not None and duration_min % 5:
        row.wrong("duration_min", "bad_duration", f"'{duration_min}': in steps of five minutes.")
    most, is_group = row.whole("most", 1, 20) or 1, bool(row.optional("is_group")) and row.yes_no("is_group")
    if is_group and most > 1:
        row.wrong("most", "group_one_place", "In a group everybody has a place of their own: this is 1, or empty.")
    further_min = row.whole("further_min", 0, 480)
    if further_min is not None and further_min % 5:
        row.wrong("further_min", "bad_duration", f"'{further_min}': in steps of five minutes.")
    if channels and not row.optional("duration_min"):
        row.wrong("duration_min", "bookable_without_duration", "A service with channels needs its duration.")
    return DraftService(
        line=row.line,
        key=row.key("key"),
        leika_key=leika_key,
        name=row.both("name"),
        summary=row.both("summary", german=False),
        group=row.key("group"),
        top=row.whole("top", 1, 1000),
        duration_min=duration_min,
        channels=channels,
        search_words=row.lists("search_words"),
        documents=row.lists("documents"),
        source=row.text("source"),
        most=most,
        further_min=further_min,
        counted=row.both("counted", german=False),
        is_group=is_group,
        needs=tuple(dict.fromkeys(row.optional("needs").split())),
        most_per_person=row.whole("most_per_person", 1, 20),
        reconfirm=_reconfirm(row),
        capture=_capture(row),
        pay_at_till=_pay_at_till(row),
    )


def _capture(row: Row) -> Capture:
    value = row.optional("capture") or Capture.AUTOMATIC
    if value not in (Capture.AUTOMATIC, Capture.MANUAL):
        row.wrong("capture", "bad_capture", f"'{value}' is neither automatic nor manual.")
        return Capture.AUTOMATIC
    return Capture(value)


def _reconfirm(row: Row) -> tuple[int, int, bool] | None:
    """All three columns, or none."""
    days, hours = row.whole("reconfirm_days", 1, 60), row.whole("reconfirm_hours", 1, 60 * 24)
    if not any(row.optional(f"reconfirm_{part}") for part in ("days", "hours", "releases")):
        return None
    releases = row.yes_no("reconfirm_releases")
    if days is None or hours is None or hours > days * 24 - 12:
        row.wrong(
            "reconfirm_hours", "reconfirm_too_short", "Between the question and the deadline are less than 12 hours."
        )
        return None
    return days, hours, releases


_MOST_HOURS = 720  # as the schema has it (service_pay_at_till)


def _pay_at_till(row: Row) -> tuple[int, int] | None:
    """Both columns, or none."""
    columns = ("pay_at_till_hours", "pay_at_till_before_hours")
    hours, before = (row.whole(column, 1, _MOST_HOURS) for column in columns)
    if not any(row.optional(column) for column in columns):
        return None
    for column in columns:
        if not row.optional(column):
            row.wrong(column, "pay_at_till_half", "How long, and how long before the appointment: both cells, or none.")
    return (hours, before) if hours is not None and before is not None else None


_PRODUCT = re.compile(r"[a-z0-9_.-]{1,40}")  # as the schema has it (fee_product)


def _fee(row: Row) -> DraftFee | None:
    amount_cents = row.whole("amount_cents", 0, _MAX_CENTS)
    if not row.optional("amount_cents"):
        row.wrong("amount_cents", "missing", "This cell is empty. A service without a fee has 0.")
    if not row.optional("legal_basis_de"):
        row.wrong(
            "legal_basis_de", "fee_without_legal_basis", "A fee needs the text of its legal basis, a fee of 0 too."
        )
    valid_from, valid_until = row.day("valid_from"), row.day("valid_until")
    if valid_from and valid_until and valid_until < valid_from:
        row.wrong("valid_until", "ends_before_start", "The last day comes before the first.")
        return None
    product, tax_percent = row.optional("product") or DEFAULT_PRODUCT, row.whole("tax_percent", 0, 100)
    if not _PRODUCT.fullmatch(product):
        row.wrong("product", "product_form", "Small letters, digits, dot, hyphen and underscore, at most 40.")
    if row.optional("currency") not in ("", "EUR"):  # as the schema has it (fee_in_euro)
        row.wrong(
            "currency", "other_currency", "Fees are in EUR: one city books in one currency, and that is the euro."
        )
    service, source = row.key("service"), row.text("source")
    return DraftFee(
        line=row.line,
        service=service,
        amount_cents=amount_cents or 0,
        legal_basis=row.both("legal_basis", german=False),
        valid_from=valid_from,
        valid_until=valid_until,
        product=product,
        tax_percent=tax_percent or 0,
        source=source,
    )
