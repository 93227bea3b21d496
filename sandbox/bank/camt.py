"""A day's statement as camt.053.001.02 or .08 (ISO 20022; the German banks' guidelines, DFÜ-Abkommen Anlage 3). Pure.

Times are those of the day itself, so that the same day gives the same bytes.
"""

from datetime import date
from typing import Literal
from xml.etree import ElementTree as ET

from sandbox.bank.model import Line, Payment, Sheet

Version = Literal["02", "08"]


def written(sheet: Sheet, version: Version) -> bytes:
    root = ET.Element("Document", xmlns=f"urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}")
    message = ET.SubElement(root, "BkToCstmrStmt")
    header = ET.SubElement(message, "GrpHdr")
    _text(header, "MsgId", f"053D{sheet.day:%Y%m%d}{sheet.sequence:05}")
    _text(header, "CreDtTm", f"{sheet.day}T21:00:00")
    _statement(ET.SubElement(message, "Stmt"), sheet, version)
    ET.indent(root)
    text: bytes = ET.tostring(root, encoding="UTF-8", xml_declaration=True)
    return text + b"\n"


def _statement(parent: ET.Element, sheet: Sheet, version: Version) -> None:
    _text(parent, "Id", sheet.id)
    _text(parent, "ElctrncSeqNb", str(sheet.sequence))
    _text(parent, "CreDtTm", f"{sheet.day}T21:00:00")
    span = ET.SubElement(parent, "FrToDt")
    _text(span, "FrDtTm", f"{sheet.day}T00:00:00")
    _text(span, "ToDtTm", f"{sheet.day}T23:59:59")
    account = ET.SubElement(parent, "Acct")
    _text(account, "Id/IBAN", sheet.iban)
    _text(account, "Ccy", "EUR")
    _text(account, "Ownr/Nm", sheet.owner)
    _text(account, f"Svcr/FinInstnId/{'BIC' if version == '02' else 'BICFI'}", sheet.bic)
    _balance(parent, "OPBD", sheet.opening_cents, sheet.day)
    _balance(parent, "CLBD", sheet.stated_closing_cents, sheet.day)
    for line in sheet.lines:
        _entry(ET.SubElement(parent, "Ntry"), line, sheet.day, version)


def _balance(parent: ET.Element, code: str, cents: int, day: date) -> None:
    balance = ET.SubElement(parent, "Bal")
    _text(balance, "Tp/CdOrPrtry/Cd", code)
    _amount(balance, cents)
    _text(balance, "Dt/Dt", str(day))


def _entry(entry: ET.Element, line: Line, day: date, version: Version) -> None:
    booking = line.booking
    _amount(entry, booking.amount_cents)
    _text(entry, "Sts" if version == "02" else "Sts/Cd", "BOOK")
    _text(entry, "BookgDt/Dt", str(day))
    _text(entry, "ValDt/Dt", str(day))
    _text(entry, "AcctSvcrRef", line.reference)
    _code(entry, booking.payments)
    split = ET.SubElement(entry, "NtryDtls")
    if len(booking.payments) > 1:
        batch = ET.SubElement(split, "Btch")
        for name, value in (("MsgId", booking.message_id), ("PmtInfId", booking.payment_information_id)):
            if value:
                _text(batch, name, value)
        _text(batch, "NbOfTxs", str(len(booking.payments)))
        _text(batch, "TtlAmt", _euros(booking.amount_cents)).set("Ccy", "EUR")
        _text(batch, "CdtDbtInd", _sign(booking.amount_cents))
    for payment in booking.payments:
        _payment(ET.SubElement(split, "TxDtls"), payment, version)
    if booking.info:
        _text(entry, "AddtlNtryInf", booking.info)


def _code(parent: ET.Element, payments: tuple[Payment, ...]) -> None:
    """Domain code, and the German transaction code (Geschäftsvorfallcode)."""
    came = payments[0].amount_cents > 0
    came_back = bool(payments[0].return_reason)
    code = ET.SubElement(parent, "BkTxCd")
    _text(code, "Domn/Cd", "PMNT")
    family = ET.SubElement(code[0], "Fmly")
    _text(family, "Cd", "RCDT" if came and not came_back else "ICDT")
    _text(family, "SubFmlyCd", "RRTN" if came_back else "ESCT")
    number = "159" if came_back else "166" if came else "191" if len(payments) > 1 else "116"
    own = ET.SubElement(code, "Prtry")
    _text(own, "Cd", f"NTRF+{number}")
    _text(own, "Issr", "DK")


def _payment(parent: ET.Element, payment: Payment, version: Version) -> None:
    _text(parent, "Refs/EndToEndId", payment.end_to_end_id or "NOTPROVIDED")
    if version == "08":
        _amount(parent, payment.amount_cents)
    else:
        _text(parent, "AmtDtls/TxAmt/Amt", _euros(payment.amount_cents)).set("Ccy", "EUR")
    parties = ET.SubElement(parent, "RltdPties")
    came = payment.amount_cents > 0 and not payment.return_reason
    role = "Dbtr" if came else "Cdtr"
    if payment.name:
        _text(parties, f"{role}/Nm" if version == "02" else f"{role}/Pty/Nm", payment.name)
    if payment.iban:
        _text(parties, f"{role}Acct/Id/IBAN", payment.iban)
    if len(parties) == 0:
        parent.remove(parties)
    if payment.remittance:
        _text(parent, "RmtInf/Ustrd", payment.remittance[:140])
    if payment.return_reason:
        _text(parent, "RtrInf/Rsn/Cd", payment.return_reason)


def _amount(parent: ET.Element, cents: int) -> None:
    _text(parent, "Amt", _euros(cents)).set("Ccy", "EUR")
    _text(parent, "CdtDbtInd", _sign(cents))


def _euros(cents: int) -> str:
    return f"{abs(cents) // 100}.{abs(cents) % 100:02}"


def _sign(cents: int) -> str:
    return "DBIT" if cents < 0 else "CRDT"


def _text(parent: ET.Element, path: str, text: str) -> ET.Element:
    for name in path.split("/"):
        parent = ET.SubElement(parent, name)
    parent.text = text
    return parent
