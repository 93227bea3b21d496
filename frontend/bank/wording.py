"""Statements, gaps, entries and refusals in words."""

from __future__ import annotations

import re
from datetime import date

from base.i18n import format_date
from base.i18n import mark as _
from frontend.bank.views import Account, PaymentLine, RefusedLine, StatementLine
from frontend.citizen.words import Words
from frontend.finance.shared import zone_of
from frontend.finance.wording import cents
from payment.bank.chain import Gap, gap
from payment.bank.model import FoundPayment, Refusal, StoredStatement
from payment.bank.refusing import REFUSALS, BankFileRefused

_CLASSES = {one.code: one for one in REFUSALS}
_AMOUNT = re.compile(r"[0-9]{1,3}(\.[0-9]{3})*,[0-9]{2}|[0-9]{1,11}[.,][0-9]{2}", re.ASCII)


def spaced(iban: str) -> str:
    return " ".join(iban[n : n + 4] for n in range(0, len(iban), 4))


def asked_cents(text: str) -> int | None:
    """What was typed, where it is an amount: 1.234,50 or 1234,50 or 1234.50."""
    return int(re.sub("[.,]", "", text)) if _AMOUNT.fullmatch(text) else None


def refusal(words: Words, refused: BankFileRefused) -> str:
    return words._(refused.message, **refused.fields)


def refused_line(words: Words, one: Refusal) -> RefusedLine:
    kind = _CLASSES.get(one.code, BankFileRefused)
    text = words._(kind.message, **one.fields)
    return RefusedLine(at=words.when(one.refused_at, str(zone_of(words))), name=one.name, text=text)


def account(words: Words, iban: str, rows: list[StoredStatement]) -> Account:
    """The youngest first, as people look for it."""
    lines: list[StatementLine] = []
    before: StoredStatement | None = None
    for one in rows:
        missing = gap(before, one) if before is not None else None
        lines.append(_line(words, one, missing))
        before = one
    return Account(iban=spaced(iban), lines=tuple(reversed(lines)))


def _line(words: Words, one: StoredStatement, missing: Gap | None) -> StatementLine:
    return StatementLine(
        label=number(words, one),
        url=f"/{words.language}/bank/statements/{one.id}",
        days=days(words, one),
        opening=cents(words, one.opening_cents, "EUR"),
        entries=str(one.entries),
        closing=cents(words, one.closing_cents, "EUR"),
        missing="" if missing is None else _missing(words, missing, one.year),
    )


def _missing(words: Words, missing: Gap, year: int) -> str:
    if missing.first is None:
        return words._(
            _("Missing: statements up to {last} of {year}, and perhaps of the year before"),
            last=missing.last,
            year=year,
        )
    if missing.first == missing.last:
        return words._(_("Missing: statement {first} of {year}"), first=missing.first, year=year)
    return words._(
        _("Missing: statements {first} to {last} of {year}"), first=missing.first, last=missing.last, year=year
    )


def number(words: Words, one: StoredStatement) -> str:
    return words._(_("Statement {number} of {year}"), number=one.sequence, year=one.year)


def day(words: Words, one: date) -> str:
    """With its year: statements are kept for many."""
    return format_date(one, words.language, style="medium")


def days(words: Words, one: StoredStatement) -> str:
    first, last = day(words, one.from_on), day(words, one.to_on)
    return first if first == last else f"{first} – {last}"


def payment(words: Words, one: FoundPayment) -> PaymentLine:
    notes = [one.remittance]
    if one.is_reversal:
        notes.append(words._(_("Reversal")))
    if one.return_reason:
        notes.append(words._(_("Returned: {code}"), code=one.return_reason))
    return PaymentLine(
        booked=day(words, one.booked_on),
        who=one.name,
        iban=spaced(one.iban),
        text=" · ".join(note for note in notes if note),
        reference=one.end_to_end_id or one.acct_svcr_ref,
        amount=cents(words, one.amount_cents, "EUR"),
    )
