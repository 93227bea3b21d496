"""The files of one closed day, as a treasury's profile wants them, and their manifest. Pure, so a batch sent again is the same."""

from __future__ import annotations

from dataclasses import dataclass

from payment.exports import datev, delimited, manifest, sheet
from payment.exports.columns import ITEM_COLUMNS, TOTAL_COLUMNS
from payment.exports.datev import DatevFormat
from payment.exports.delimited import CsvFormat
from payment.exports.model import MONEY_KINDS, Day, File
from payment.exports.rows import items, postings, sum_of, totals

_USUAL = CsvFormat()


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """`datev`: None where the treasury does not want it."""

    items: CsvFormat = _USUAL
    totals: CsvFormat = _USUAL
    datev: DatevFormat | None = None

    def __post_init__(self) -> None:
        for form, table in ((self.items, ITEM_COLUMNS), (self.totals, TOTAL_COLUMNS)):
            if unknown := [key for key in form.columns if key not in table]:
                raise ValueError(f"no column {unknown[0]!r}: {', '.join(table)}")


def files(day: Day, profile: Profile) -> tuple[File, ...]:
    """The manifest last, which names the others. Raises DoesNotFit, AccountUnmapped: then there is no file at all."""
    listed, booked = items(day), postings(day)
    summed = totals(listed)
    net = sum_of(listed, *MONEY_KINDS)
    stem = f"{day.business_day:%Y%m%d}_{day.batch:06d}"
    made = [
        _file(
            f"Summen_{stem}.csv",
            "totals-csv",
            len(summed),
            net,
            delimited.written(TOTAL_COLUMNS, summed, profile.totals),
        ),
        _file(
            f"Einzelposten_{stem}.csv",
            "items-csv",
            len(listed),
            net,
            delimited.written(ITEM_COLUMNS, listed, profile.items),
        ),
    ]
    if profile.datev is not None:
        turned_over = sum(posting.cents for posting in booked)
        content = datev.written(day, booked, profile.datev)
        made.append(_file(datev.file_name(day), "datev-extf", len(booked), turned_over, content))
    made.append(_file(f"Tag_{stem}.xlsx", "xlsx", len(listed), net, sheet.written(day, summed, listed)))
    return (*made, _file(manifest.NAME, "manifest", len(made), net, manifest.written(day, listed, made)))


def _file(name: str, form: str, rows: int, sum_cents: int, content: bytes) -> File:
    return File(name=name, format=form, rows=rows, sum_cents=sum_cents, content=content)
