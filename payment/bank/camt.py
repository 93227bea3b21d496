"""camt.053.001.02 and .08 (ISO 20022, Bank to Customer Statement, in the German banks' reading of it): bytes -> statements.

Pure. What is not understood is refused whole; elements that nothing here asks for are passed over. Opening balance and entries must
make the closing balance, and the payments of a batch must make its entry.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

from schwifty import IBAN
from schwifty.exceptions import SchwiftyException

from payment.bank.elements import Element, parsed
from payment.bank.model import BankEntry, Detail, Party, Statement
from payment.bank.refusing import (
    BatchNotTheSum,
    ElementMissing,
    NotBooked,
    NotTheNumber,
    NotTheSum,
    OtherCurrency,
    OtherFormat,
    ValueWrong,
)

FORMATS = frozenset(f"urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}" for version in ("02", "08"))
_AMOUNT = re.compile(r"[0-9]{1,13}(\.[0-9]{0,5})?", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)
_ZONE = re.compile(r"(Z|[+-][0-9]{2}:[0-9]{2})$", re.ASCII)
_SIGNS = {"CRDT": 1, "DBIT": -1}
_TRUTHS = {"true": True, "1": True, "false": False, "0": False}
_YEARS = range(1990, 2200)
_NO_REFERENCE = frozenset({"NONREF", "NOTPROVIDED", "NOT PROVIDED"})  # what banks write where they have none
_SHOWN = 40  # characters of a wrong value


def read(raw: bytes) -> tuple[Statement, ...]:
    """Raises one of refusing.REFUSALS."""
    namespace, root = parsed(raw)
    if namespace not in FORMATS or root.name != "Document":
        raise OtherFormat(root.line, root.name)
    message = root.get("BkToCstmrStmt")
    found = message.all("Stmt")
    if not found:
        raise ElementMissing(message.line, message.name, missing="Stmt")
    return tuple(_statement(one) for one in found)


def euros(cents: int) -> str:
    """As the file would have it."""
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02d}"


def _statement(element: Element) -> Statement:
    opening, closing = _balances(element)
    opening_cents, closing_cents = _signed(opening), _signed(closing)
    opened_on, closed_on = _day(opening.get("Dt")), _day(closing.get("Dt"))
    entries = tuple(_entry(one) for one in element.all("Ntry"))
    made = opening_cents + sum(one.amount_cents for one in entries)
    if made != closing_cents:
        raise NotTheSum(closing.line, closing.name, sum=euros(made), stated=euros(closing_cents))
    spans = element.find("FrToDt")
    from_on = opened_on if spans is None else _moment(spans.get("FrDtTm"))
    to_on = closed_on if spans is None else _moment(spans.get("ToDtTm"))
    if to_on < from_on:
        raise ValueWrong(element.line, element.name, value=f"{from_on} – {to_on}")
    return Statement(
        line=element.line,
        opening_line=opening.line,
        iban=_own_iban(element.get("Acct/Id/IBAN")),
        statement_id=element.get("Id").text,
        sequence=_sequence(element),
        from_on=from_on,
        to_on=to_on,
        opening_cents=opening_cents,
        closing_cents=closing_cents,
        entries=entries,
    )


def _balances(element: Element) -> tuple[Element, Element]:
    """Opening: OPBD, or PRCD, which is the closing balance of the statement before. A statement in parts (ITBD) is not taken."""
    by_code: dict[str, Element] = {}
    for one in element.all("Bal"):
        code = one.get("Tp/CdOrPrtry").value("Cd")
        if code in by_code and code in ("OPBD", "PRCD", "CLBD"):
            raise ValueWrong(one.line, one.name, value=code)
        by_code[code] = one
    opening, closing = by_code.get("OPBD", by_code.get("PRCD")), by_code.get("CLBD")
    if opening is None or closing is None:
        raise ElementMissing(element.line, element.name, missing="Bal " + ("OPBD" if opening is None else "CLBD"))
    before = by_code.get("PRCD", opening)
    if _signed(before) != _signed(opening):
        raise NotTheSum(opening.line, opening.name, sum=euros(_signed(before)), stated=euros(_signed(opening)))
    return opening, closing


def _sequence(element: Element) -> int:
    found = element.find("ElctrncSeqNb") or element.find("LglSeqNb")
    if found is None:
        raise ElementMissing(element.line, element.name, missing="ElctrncSeqNb")
    return _number(found)


def _own_iban(element: Element) -> str:
    try:
        return str(IBAN(element.text).compact)
    except SchwiftyException:
        raise _wrong(element) from None


def _entry(element: Element) -> BankEntry:
    status = element.get("Sts")
    if (status.value("Cd") if status.children else status.text) != "BOOK":
        raise NotBooked(status.line, status.name)
    amount, splits = _signed(element), element.all("NtryDtls")
    batches = [one for split in splits if (one := split.find("Btch")) is not None]
    value = element.find("ValDt")
    only = batches[0] if len(batches) == 1 else None
    return BankEntry(
        line=element.line,
        amount_cents=amount,
        is_reversal=_truth(element.find("RvslInd")),
        booked_on=_day(element.get("BookgDt")),
        value_on=None if value is None else _day(value),
        acct_svcr_ref=_reference(element, "AcctSvcrRef"),
        entry_ref=_reference(element, "NtryRef"),
        msg_id="" if only is None else _reference(only, "MsgId"),
        pmt_inf_id="" if only is None else _reference(only, "PmtInfId"),
        info=element.value("AddtlNtryInf"),
        details=_details(element, amount, splits),
    )


def _details(entry: Element, entry_cents: int, splits: Sequence[Element]) -> tuple[Detail, ...]:
    """Every payment of a batch has its amount; one that is alone may leave it to the entry."""
    sign = -1 if entry.get("CdtDbtInd").text == "DBIT" else 1
    is_alone = sum(len(split.all("TxDtls")) for split in splits) == 1
    found: list[Detail] = []
    for split in splits:
        payments = split.all("TxDtls")
        here = [_detail(one, sign, entry_cents if is_alone else None) for one in payments]
        batch = split.find("Btch")
        if batch is not None and here:
            _check_batch(batch, here)
        found += here
    total = sum(one.amount_cents for one in found)
    if found and total != entry_cents:
        raise BatchNotTheSum(entry.line, entry.name, sum=euros(total), stated=euros(entry_cents))
    return tuple(found)


def _check_batch(batch: Element, details: Sequence[Detail]) -> None:
    number, total = batch.find("NbOfTxs"), batch.find("TtlAmt")
    if number is not None and _number(number) != len(details):
        raise NotTheNumber(number.line, number.name, found=len(details), stated=_number(number))
    made = abs(sum(one.amount_cents for one in details))
    if total is not None and _cents(total) != made:
        raise BatchNotTheSum(total.line, total.name, sum=euros(made), stated=euros(_cents(total)))


def _detail(element: Element, sign: int, alone_cents: int | None) -> Detail:
    parties = element.find("RltdPties")
    return Detail(
        line=element.line,
        amount_cents=_part(element, sign, alone_cents),
        acct_svcr_ref=_reference(element, "Refs/AcctSvcrRef"),
        end_to_end_id=_reference(element, "Refs/EndToEndId"),
        msg_id=_reference(element, "Refs/MsgId"),
        pmt_inf_id=_reference(element, "Refs/PmtInfId"),
        debtor=_party(parties, "Dbtr"),
        creditor=_party(parties, "Cdtr"),
        remittance=_remittance(element),
        creditor_reference=_creditor_reference(element),
        return_reason=element.value("RtrInf/Rsn/Cd"),
    )


def _part(element: Element, sign: int, alone_cents: int | None) -> int:
    amount = element.find("Amt") or element.find("AmtDtls/TxAmt/Amt")
    if amount is None:
        if alone_cents is None:
            raise ElementMissing(element.line, element.name, missing="Amt")
        return alone_cents
    own = element.find("CdtDbtInd")
    return _cents(amount) * (sign if own is None else _sign(own))


def _party(parties: Element | None, role: str) -> Party:
    """.02: Dbtr/Nm; .08: Dbtr/Pty/Nm."""
    if parties is None:
        return Party()
    name = parties.value(f"{role}/Pty/Nm") or parties.value(f"{role}/Nm")
    return Party(name=name, iban="".join(parties.value(f"{role}Acct/Id/IBAN").split()))


def _remittance(element: Element) -> str:
    info = element.find("RmtInf")
    return "" if info is None else " ".join(one.text for one in info.all("Ustrd"))


def _creditor_reference(element: Element) -> str:
    info = element.find("RmtInf")
    refs = () if info is None else [one.value("CdtrRefInf/Ref") for one in info.all("Strd")]
    return next((one for one in refs if one), "")


def _reference(element: Element, path: str) -> str:
    text = element.value(path)
    return "" if text.upper() in _NO_REFERENCE else text


def _signed(element: Element) -> int:
    return _cents(element.get("Amt")) * _sign(element.get("CdtDbtInd"))


def _sign(element: Element) -> int:
    found = _SIGNS.get(element.text)
    if found is None:
        raise _wrong(element)
    return found


def _cents(amount: Element) -> int:
    currency = amount.attributes.get("Ccy", "")
    if currency != "EUR":
        raise OtherCurrency(amount.line, amount.name, value=currency[:_SHOWN])
    if not _AMOUNT.fullmatch(amount.text):
        raise _wrong(amount)
    cents = Decimal(amount.text) * 100
    if cents != int(cents):
        raise _wrong(amount)
    return int(cents)


def _number(element: Element) -> int:
    if not _NUMBER.fullmatch(element.text):
        raise _wrong(element)
    return int(element.text)


def _truth(element: Element | None) -> bool:
    if element is None:
        return False
    if element.text not in _TRUTHS:
        raise _wrong(element)
    return _TRUTHS[element.text]


def _day(element: Element) -> date:
    """Of a choice of Dt and DtTm; the day is the one that the bank writes, in whatever zone."""
    moment = element.find("DtTm")
    if moment is not None:
        return _moment(moment)
    plain = element if not element.children else element.get("Dt")
    try:
        return _possible(date.fromisoformat(_ZONE.sub("", plain.text)))
    except ValueError:
        raise _wrong(plain) from None


def _moment(element: Element) -> date:
    try:
        return _possible(datetime.fromisoformat(element.text).date())
    except ValueError:
        raise _wrong(element) from None


def _possible(day: date) -> date:
    if day.year not in _YEARS:
        raise ValueError(day)
    return day


def _wrong(element: Element) -> ValueWrong:
    return ValueWrong(element.line, element.name, value=element.text[:_SHOWN])
