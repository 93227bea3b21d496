"""One CSV file as rows that know their line. Reads every cell it can and notes every one it cannot."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from datetime import date, time

from booking.catalogue.draft import LineError
from booking.catalogue.model import Channel

WEEKDAYS = {"mo": 1, "tu": 2, "we": 3, "th": 4, "fr": 5, "sa": 6, "su": 7}
_KEY = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][05])")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MAX_KEY = 80


def decoded(file: str, raw: bytes, errors: list[LineError]) -> str | None:
    """The text, with or without a byte order mark; names the line of the first byte that is not UTF-8."""
    try:
        if b"\0" in raw:  # PostgreSQL has no such character
            raise UnicodeDecodeError("utf-8", raw, raw.index(b"\0"), raw.index(b"\0") + 1, "zero byte")
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        errors.append(LineError(file, line, "", "encoding", "This line is not UTF-8. Save the file as CSV UTF-8."))
        return None


def read_rows(
    file: str, raw: bytes, required: tuple[str, ...], optional: tuple[str, ...], errors: list[LineError]
) -> list[Row]:
    """Unknown and missing columns and ragged lines are errors; the rows that fit are read nevertheless."""
    text = decoded(file, raw, errors)
    if text is None:
        return []
    lines = _lines(file, text, errors)
    line, header = next(lines, (1, []))
    known = (*required, *optional)
    header = [name.strip() for name in header]
    for name in header:
        if name not in known:
            message = f"Unknown column. Known are: {', '.join(known)}."
            errors.append(LineError(file, line, name, "unknown_column", message))
        elif header.count(name) > 1:
            errors.append(LineError(file, line, name, "duplicate_column", "This column is there twice."))
    missing = [name for name in required if name not in header]
    errors += [LineError(file, line, name, "missing_column", "This column is missing.") for name in missing]
    if missing:
        return []  # every line would be wrong for the same reason
    found = []
    for line, cells in lines:
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            wrong = f"{len(cells)} cells, but {len(header)} columns. A cell with a comma needs quotation marks."
            errors.append(LineError(file, line, "", "ragged_line", wrong))
            continue
        found.append(Row(file, line, dict(zip(header, (cell.strip() for cell in cells), strict=True)), errors))
    return found


def _lines(file: str, text: str, errors: list[LineError]) -> Iterator[tuple[int, list[str]]]:
    """Separated by commas, or by semicolons as spreadsheets save them where the comma is in numbers."""
    first = text.split("\n", 1)[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;", key=first.count), strict=True)
    while True:
        line = reader.line_num + 1
        try:
            yield line, next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            errors.append(LineError(file, line, "", "broken_csv", f"The quotation marks do not fit ({error})."))
            return


class Row:
    """One line. Each method reads one cell; a wrong cell is noted and stands for a harmless value."""

    def __init__(self, file: str, line: int, cells: dict[str, str], errors: list[LineError]) -> None:
        self.line = line
        self._file = file
        self._cells = cells
        self._errors = errors

    def wrong(self, column: str, code: str, message: str) -> None:
        self._errors.append(LineError(self._file, self.line, column, code, message))

    def optional(self, column: str) -> str:
        return self._cells.get(column, "")

    def text(self, column: str) -> str:
        found = self.optional(column)
        if not found:
            self.wrong(column, "missing", "This cell is empty.")
        return found

    def key(self, column: str) -> str:
        found = self.text(column)
        if found and (not _KEY.fullmatch(found) or len(found) > _MAX_KEY):
            self.wrong(column, "bad_key", f"'{found}': small letters, digits and hyphens, at most {_MAX_KEY}.")
        return found

    def both(self, stem: str, *, german: bool = True) -> dict[str, str]:
        """The columns stem_de and stem_en. German must be there where the text is needed, and where English is."""
        needed = german or bool(self.optional(f"{stem}_en"))
        read = {"de": self.text(f"{stem}_de") if needed else self.optional(f"{stem}_de")}
        read["en"] = self.optional(f"{stem}_en")
        return {language: text for language, text in read.items() if text}

    def lists(self, stem: str) -> dict[str, tuple[str, ...]]:
        """The columns stem_de and stem_en, entries with | between them."""
        read = {language: self.optional(f"{stem}_{language}") for language in ("de", "en")}
        return {
            language: tuple(entry for part in cell.split("|") if (entry := part.strip()))
            for language, cell in read.items()
            if cell
        }

    def number(self, column: str, low: float, high: float) -> float:
        found = self.text(column)
        try:
            value = float(found) if found else low
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            self.wrong(column, "bad_number", f"'{found}': a number between {low:g} and {high:g}, with a point.")
            return low
        return value

    def whole(self, column: str, low: int, high: int) -> int | None:
        """A whole number, or None for an empty cell."""
        found = self.optional(column)
        if not found:
            return None
        if not (found.isascii() and found.isdigit() and len(found) < 12 and low <= int(found) <= high):
            self.wrong(column, "bad_number", f"'{found}': a whole number between {low} and {high}.")
            return None
        return int(found)

    def yes_no(self, column: str) -> bool:
        found = self.text(column)
        if found not in ("", "yes", "no"):
            self.wrong(column, "bad_choice", f"'{found}': yes or no.")
        return found == "yes"

    def channels(self, column: str) -> tuple[Channel, ...]:
        words = self.optional(column).split()
        wrong = [word for word in words if word not in list(Channel)]
        if wrong:
            self.wrong(column, "unknown_channel", f"'{' '.join(wrong)}': known are {', '.join(Channel)}.")
        return tuple(channel for channel in Channel if channel in words)

    def clock(self, column: str) -> time | None:
        found = self.text(column)
        fits = _TIME.fullmatch(found)
        if found and not fits:
            self.wrong(column, "bad_time", f"'{found}': 24 hours, like 08:30, in steps of five minutes.")
        return time(int(fits[1]), int(fits[2])) if fits else None

    def day(self, column: str) -> date | None:
        """A day, or None for an empty cell: no bound."""
        found = self.optional(column)
        if not found:
            return None
        try:
            if _DATE.fullmatch(found):
                return date.fromisoformat(found)
        except ValueError:
            pass  # like 2026-02-30
        self.wrong(column, "bad_date", f"'{found}': a day of the calendar, like 2026-12-31.")
        return None

    def weekdays(self, column: str) -> list[int]:
        words = self.text(column).lower().split()
        wrong = [word for word in words if word not in WEEKDAYS]
        if wrong:
            self.wrong(column, "bad_weekday", f"'{' '.join(wrong)}': known are {' '.join(WEEKDAYS)}.")
        return [WEEKDAYS[word] for word in dict.fromkeys(words) if word in WEEKDAYS]
