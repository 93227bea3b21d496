"""CSV as a treasury's program wants it: delimiter, decimal sign, encoding, quoting, which columns in which order, or fixed widths. Pure."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from payment.exports.cells import amount, german_day, guarded
from payment.exports.columns import Cents, Column, Row, Value

QUOTING = {"minimal": csv.QUOTE_MINIMAL, "all": csv.QUOTE_ALL, "text": csv.QUOTE_NONNUMERIC, "none": csv.QUOTE_NONE}
ENCODINGS = ("cp1252", "utf-8", "utf-8-sig")


class DoesNotFit(ValueError):
    """A value does not go into the format: longer than its fixed column, or with a delimiter that may not be quoted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvFormat:
    """`columns`: keys, in order; all where none is named. `widths`, in characters: a file of fixed columns without a delimiter; texts left,
    numbers right, padded with blanks. Raises ValueError for what cannot be written."""

    delimiter: str = ";"
    decimal: str = ","
    encoding: str = "cp1252"
    quoting: str = "minimal"
    has_heading: bool = True
    columns: tuple[str, ...] = ()
    widths: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if len(self.delimiter) != 1 or self.delimiter in "\"'\r\n=+-@" or self.delimiter.isalnum():
            raise ValueError(f"no delimiter: {self.delimiter!r}")
        if self.decimal not in (",", "."):
            raise ValueError(f"no decimal sign: {self.decimal!r}")
        if self.decimal == self.delimiter and self.quoting == "none" and not self.widths:
            raise ValueError("the decimal sign would part the amounts")
        if self.encoding not in ENCODINGS or self.quoting not in QUOTING:
            raise ValueError(f"unknown: {self.encoding!r} or {self.quoting!r}")
        if self.widths and (len(self.widths) != len(self.columns) or min(self.widths) < 1):
            raise ValueError("fixed columns: a width for each column that is named")


def written(table: Mapping[str, Column[Row]], rows: Iterable[Row], form: CsvFormat) -> bytes:
    """Lines end with CR LF. What the encoding has no sign for becomes a question mark. Raises DoesNotFit, KeyError for a column."""
    chosen = [table[key] for key in form.columns or table]
    lines: list[list[str | _Number]] = []
    if form.has_heading:
        lines.append([guarded(column.heading) for column in chosen])
    lines += [[_cell(column.value(row), form.decimal) for column in chosen] for row in rows]
    text = _fixed(lines, form.widths) if form.widths else _delimited(lines, form)
    start = codecs.BOM_UTF8 if form.encoding == "utf-8-sig" else b""
    return start + text.encode("cp1252" if form.encoding == "cp1252" else "utf-8", errors="replace")


@dataclass(frozen=True, slots=True)
class _Number:
    """Written as its text says."""

    text: str

    def __str__(self) -> str:
        return self.text

    def __float__(self) -> float:
        """That it has one tells csv that this is a number, not to be quoted by QUOTE_NONNUMERIC."""
        return float(self.text.replace(",", "."))


def _cell(value: Value, decimal: str) -> str | _Number:
    if isinstance(value, Cents):
        return _Number(amount(value.cents, decimal))
    if isinstance(value, int):
        return _Number(str(value))
    return german_day(value) if isinstance(value, date) else guarded(value)


def _delimited(lines: Iterable[Iterable[str | _Number]], form: CsvFormat) -> str:
    out = io.StringIO(newline="")
    try:
        csv.writer(out, delimiter=form.delimiter, quoting=QUOTING[form.quoting], lineterminator="\r\n").writerows(lines)  # type: ignore[arg-type]
    except csv.Error as exc:
        raise DoesNotFit(str(exc)) from exc
    return out.getvalue()


def _fixed(lines: Iterable[Iterable[str | _Number]], widths: tuple[int, ...]) -> str:
    out = []
    for line in lines:
        for cell, width in zip(line, widths, strict=True):
            text = str(cell)
            if len(text) > width:
                raise DoesNotFit(f"{text!r} is longer than {width}")
            out.append(text.rjust(width) if isinstance(cell, _Number) else text.ljust(width))
        out.append("\r\n")
    return "".join(out)
