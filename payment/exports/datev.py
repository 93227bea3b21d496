"""DATEV-Format "EXTF", Buchungsstapel: header version 700, category 21, format version 13 (developer.datev.de, "Buchungsstapel"). Pure.

cp1252, semicolons, decimal comma, lines end with CR LF; texts in quotation marks, numbers without. 31 fields of a header, 125 headings, and
a line of 125 fields for each booking, of which those are filled that a booking of the ledger has.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from payment.exports.cells import amount, guarded
from payment.exports.columns import POSTING_WORDS
from payment.exports.model import Day, Posting

_INFO = [f"Beleginfo - {what} {n}" for n in range(1, 9) for what in ("Art", "Inhalt")]
_MORE = [
    f"Zusatzinformation{what} {n}" for n in range(1, 21) for what in (" - Art", "- Inhalt")
]  # as DATEV spells them
COLUMNS = (
    *(
        "Umsatz (ohne Soll/Haben-Kz)",
        "Soll/Haben-Kennzeichen",
        "WKZ Umsatz",
        "Kurs",
        "Basis-Umsatz",
        "WKZ Basis-Umsatz",
    ),
    *("Konto", "Gegenkonto (ohne BU-Schlüssel)", "BU-Schlüssel", "Belegdatum", "Belegfeld 1", "Belegfeld 2", "Skonto"),
    *("Buchungstext", "Postensperre", "Diverse Adressnummer", "Geschäftspartnerbank", "Sachverhalt", "Zinssperre"),
    *(
        "Beleglink",
        *_INFO,
        "KOST1 - Kostenstelle",
        "KOST2 - Kostenstelle",
        "Kost-Menge",
        "EU-Land u. UStID (Bestimmung)",
    ),
    *("EU-Steuersatz (Bestimmung)", "Abw. Versteuerungsart", "Sachverhalt L+L", "Funktionsergänzung L+L"),
    *("BU 49 Hauptfunktionstyp", "BU 49 Hauptfunktionsnummer", "BU 49 Funktionsergänzung", *_MORE, "Stück", "Gewicht"),
    *("Zahlweise", "Forderungsart", "Veranlagungsjahr", "Zugeordnete Fälligkeit", "Skontotyp", "Auftragsnummer"),
    *("Buchungstyp", "USt-Schlüssel (Anzahlungen)", "EU-Land (Anzahlungen)", "Sachverhalt L+L (Anzahlungen)"),
    *("EU-Steuersatz (Anzahlungen)", "Erlöskonto (Anzahlungen)", "Herkunft-Kz", "Buchungs GUID", "KOST-Datum"),
    *("SEPA-Mandatsreferenz", "Skontosperre", "Gesellschaftername", "Beteiligtennummer", "Identifikationsnummer"),
    *("Zeichnernummer", "Postensperre bis", "Bezeichnung SoBil-Sachverhalt", "Kennzeichen SoBil-Buchung"),
    *(
        "Festschreibung",
        "Leistungsdatum",
        "Datum Zuord. Steuerperiode",
        "Fälligkeit",
        "Generalumkehr (GU)",
        "Steuersatz",
    ),
    *("Land", "Abrechnungsreferenz", "BVV-Position", "EU-Land u. UStID (Ursprung)", "EU-Steuersatz (Ursprung)"),
    "Abw. Skontokonto",
)
_PLACE = {name: n for n, name in enumerate(COLUMNS)}
_MOST_CENTS = 10**12 - 1  # ten digits before the comma


class AccountUnmapped(ValueError):
    """An account of the ledger has no number in the treasury's chart of accounts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatevFormat:
    """`consultant`, `client`: the numbers under which DATEV knows the city; `account_length`: of its chart. `accounts`: from the ledger's
    names to the chart's numbers. `chart`: such as "03", empty for an own one. `is_locked`: the batch may not be changed after it is read
    in (Festschreibung). Raises ValueError for numbers that DATEV refuses."""

    consultant: int
    client: int
    accounts: Mapping[str, int]
    account_length: int = 4
    fiscal_year_month: int = 1
    chart: str = ""
    is_locked: bool = True

    def __post_init__(self) -> None:
        if not (1001 <= self.consultant <= 9_999_999 and 1 <= self.client <= 99_999):
            raise ValueError(f"no numbers of DATEV: {self.consultant}, {self.client}")
        if not (4 <= self.account_length <= 8 and 1 <= self.fiscal_year_month <= 12):
            raise ValueError("an account has 4 to 8 digits, a year 12 months")
        if wrong := [name for name, number in self.accounts.items() if not 1 <= number < 10**self.account_length]:
            raise ValueError(f"not of {self.account_length} digits: {', '.join(sorted(wrong))}")

    def number_of(self, account: str) -> str:
        """Raises AccountUnmapped."""
        if account not in self.accounts:
            raise AccountUnmapped(account)
        return f"{self.accounts[account]:0{self.account_length}d}"


def written(day: Day, postings: Iterable[Posting], form: DatevFormat) -> bytes:
    """Raises AccountUnmapped. What cp1252 has no sign for becomes a question mark."""
    lines = [_header(day, form), list(COLUMNS), *(_line(day, posting, form) for posting in postings)]
    return "".join(f"{';'.join(line)}\r\n" for line in lines).encode("cp1252", errors="replace")


def file_name(day: Day) -> str:
    return f"EXTF_Buchungsstapel_{day.business_day:%Y%m%d}_{day.batch:06d}.csv"


def _header(day: Day, form: DatevFormat) -> list[str]:
    made = f"{day.closed_at:%Y%m%d%H%M%S}{day.closed_at.microsecond // 1000:03d}"
    on = f"{day.business_day:%Y%m%d}"
    version = ["700", "21", _text("Buchungsstapel"), "13", made, "", _text(""), _text(""), _text("")]
    whose = [str(form.consultant), str(form.client), f"{_year_begins(day.business_day, form.fiscal_year_month):%Y%m%d}"]
    what = [str(form.account_length), on, on, _text(f"Tagesabschluss {day.batch}", 30), _text(""), "1", "0"]
    money = [
        str(int(form.is_locked)),
        _text(day.currency),
        "",
        _text(""),
        "",
        "",
        _text(form.chart, 2),
        "",
        "",
        _text(""),
    ]
    return [_text("EXTF"), *version, *whose, *what, *money, _text(f"Stapel {day.batch}", 16)]


def _year_begins(day: date, month: int) -> date:
    return date(day.year if day.month >= month else day.year - 1, month, 1)


def _line(day: Day, posting: Posting, form: DatevFormat) -> list[str]:
    if not 0 < posting.cents <= _MOST_CENTS:
        raise ValueError(f"no amount of a booking: {posting.cents}")
    named = f" {posting.kassenzeichen}" if posting.kassenzeichen else ""
    filled = {
        "Umsatz (ohne Soll/Haben-Kz)": amount(posting.cents),
        "Soll/Haben-Kennzeichen": _text("S"),  # `Konto` is debited
        "WKZ Umsatz": _text(day.currency),
        "Konto": form.number_of(posting.debit),
        "Gegenkonto (ohne BU-Schlüssel)": form.number_of(posting.credit),
        "Belegdatum": f"{day.business_day:%d%m}",
        "Belegfeld 1": _text(posting.voucher, 36),
        "Buchungstext": _text(f"{POSTING_WORDS.get(posting.kind, posting.kind)}{named}", 60),
        "Festschreibung": str(int(form.is_locked)),
    }
    if posting.kassenzeichen:
        filled |= {"Beleginfo - Art 1": _text("Kassenzeichen"), "Beleginfo - Inhalt 1": _text(posting.kassenzeichen)}
    line = [""] * len(COLUMNS)
    for name, cell in filled.items():
        line[_PLACE[name]] = cell
    return line


def _text(text: str, length: int = 210) -> str:
    return '"' + guarded(text)[:length].replace('"', '""') + '"'
