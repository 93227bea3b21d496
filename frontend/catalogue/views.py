"""What the pages of the catalogue's files show: frozen, every text ready to print."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from frontend.citizen.views import Row
from frontend.staff.views import StaffFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOfCatalogue:
    name: str
    meaning: str
    columns: str  # with commas between them; empty: it is no table
    more_columns: str  # those that may be left out


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongLine:
    place: str  # "fees.csv, Zeile 3, Spalte amount_cents"
    said: str
    detail: str  # what exactly, as the command line says it; empty: nothing to add


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadPage:
    frame: StaffFrame
    action: str
    request_key: str
    needed: tuple[FileOfCatalogue, ...]
    optional: tuple[FileOfCatalogue, ...]
    wrong: tuple[WrongLine, ...]
    messages: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeLine:
    label: str  # "Neu", or the field
    key: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KindOfChanges:
    title: str  # "Leistungen: 12 Änderungen"
    lines: tuple[ChangeLine, ...]
    more: str  # "Und 300 weitere."
    is_open: bool
    note: str = ""  # what holds of all of them


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedPage:
    frame: StaffFrame
    back_url: str
    told: str  # that it is applied; empty before
    problem: str
    rows: tuple[Row, ...]
    kinds: tuple[KindOfChanges, ...]
    in_the_way: tuple[str, ...]
    action: str  # empty: cannot be applied
    digest: str
    request_key: str
    until: str
