"""What the pages of the books show: tables of ready texts, the same template for all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from frontend.citizen.views import Tick
from frontend.finance.charts import Chart
from frontend.finance.views import Fact, Link
from frontend.staff.views import StaffFrame


@dataclass(frozen=True, slots=True)
class Column:
    label: str
    is_number: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The first cell of a row is its heading."""

    heading: str
    columns: tuple[Column, ...] = ()
    rows: tuple[tuple[Link, ...], ...] = ()
    intro: tuple[str, ...] = ()
    empty: str = ""
    is_matrix: bool = False  # many narrow columns of yes or no
    has_sum: bool = False  # the last row is the sum of the others


@dataclass(frozen=True, slots=True, kw_only=True)
class DateField:
    name: str
    label: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """`options`: value and label; the first is what is shown where nothing was chosen."""

    name: str
    label: str
    options: tuple[tuple[str, str], ...]
    value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """`kind`: text, area, number, hidden or choice: then one of the `options`."""

    name: str
    label: str
    kind: str = "text"
    hint: str = ""
    options: tuple[Tick, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What somebody types and sends; `values` and `messages` by the field's name, after a refusal. Without fields it is a button."""

    action: str
    button: str
    heading: str = ""
    intro: tuple[str, ...] = ()
    fields: tuple[Field, ...] = ()
    key: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    messages: Mapping[str, str] = field(default_factory=dict)
    is_second: bool = False  # not what one mostly comes for


@dataclass(frozen=True, slots=True, kw_only=True)
class BooksPage:
    """`kept`: what the form of days sends along; `close`: the button that closes the next day, for whoever may."""

    frame: StaffFrame
    back: Link
    trail: tuple[Link, ...] = ()  # the levels above, where somebody came from a total; instead of `back`
    url: str = ""
    notice: str = ""
    tone: str = "danger"
    links: tuple[Link, ...] = ()
    fields: tuple[DateField, ...] = ()
    choices: tuple[Choice, ...] = ()
    kept: Mapping[str, str] = field(default_factory=dict)
    intro: tuple[str, ...] = ()
    close: Link | None = None
    tables: tuple[Table, ...] = ()
    facts: tuple[Fact, ...] = ()
    charts: tuple[Chart, ...] = ()
    forms: tuple[Form, ...] = ()
