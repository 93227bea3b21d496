"""Writes camt.053 as banks do, in both versions: what a test reads back."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any
from xml.sax.saxutils import escape

from payment.bank.camt import euros
from payment.bank.model import BankEntry, Detail, Party, Statement

OURS = "DE02120300000000202051"  # an example of the Bundesbank's documents, not an account
THEIRS = "DE89370400440532013000"  # the example of the IBAN registry


def detail(cents: int, **fields: Any) -> Detail:
    return Detail(**{"line": 0, "amount_cents": cents, **fields})


def entry(cents: int, **fields: Any) -> BankEntry:
    day = date(2026, 12, 1)
    return BankEntry(**{
        "line": 0, "amount_cents": cents, "is_reversal": False, "booked_on": day, "value_on": day, **fields
    })  # fmt: skip


def statement(*entries: BankEntry, opening: int = 100_000, **fields: Any) -> Statement:
    made: dict[str, Any] = {
        "line": 0,
        "opening_line": 0,
        "iban": OURS,
        "statement_id": "STMT-1",
        "sequence": 1,
        "from_on": date(2026, 12, 1),
        "to_on": date(2026, 12, 1),
        "opening_cents": opening,
        "closing_cents": opening + sum(one.amount_cents for one in entries),
        "entries": entries,
    }
    return Statement(**{**made, **fields})


def written(*statements: Statement, version: str = "08", opening_code: str = "OPBD", encoding: str = "UTF-8") -> bytes:
    lines = [
        f'<?xml version="1.0" encoding="{encoding}"?>',
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}">',
        "<BkToCstmrStmt>",
        "<GrpHdr><MsgId>M-1</MsgId><CreDtTm>2026-12-02T05:00:00+01:00</CreDtTm></GrpHdr>",
    ]
    for one in statements:
        lines += _statement(one, version, opening_code)
    return "\n".join([*lines, "</BkToCstmrStmt>", "</Document>", ""]).encode(encoding)


def _statement(one: Statement, version: str, opening_code: str) -> list[str]:
    return [
        "<Stmt>",
        f"<Id>{escape(one.statement_id)}</Id>",
        f"<ElctrncSeqNb>{one.sequence}</ElctrncSeqNb>",
        "<CreDtTm>2026-12-02T05:00:00+01:00</CreDtTm>",
        f"<FrToDt><FrDtTm>{one.from_on}T00:00:00+01:00</FrDtTm><ToDtTm>{one.to_on}T23:59:59+01:00</ToDtTm></FrToDt>",
        f"<Acct><Id><IBAN>{one.iban}</IBAN></Id><Ccy>EUR</Ccy></Acct>",
        _balance(opening_code, one.opening_cents, one.from_on),
        _balance("CLBD", one.closing_cents, one.to_on),
        *(line for each in one.entries for line in _entry(each, version)),
        "</Stmt>",
    ]


def _money(cents: int) -> str:
    return f'<Amt Ccy="EUR">{euros(abs(cents))}</Amt>' + _way(cents)


def _way(cents: int) -> str:
    return f"<CdtDbtInd>{'DBIT' if cents < 0 else 'CRDT'}</CdtDbtInd>"


def _balance(code: str, cents: int, day: date) -> str:
    return f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>{_money(cents)}<Dt><Dt>{day}</Dt></Dt></Bal>"


def _text(name: str, text: str) -> str:
    return f"<{name}>{escape(text)}</{name}>" if text else ""


def _entry(one: BankEntry, version: str) -> list[str]:
    is_batch = len(one.details) > 1 or one.msg_id or one.pmt_inf_id
    batch = _text("MsgId", one.msg_id) + _text("PmtInfId", one.pmt_inf_id)
    if one.details:
        batch += f"<NbOfTxs>{len(one.details)}</NbOfTxs>"
    details = "".join(_detail(each, version, is_old_sum=one.amount_cents < 0) for each in one.details)
    return [
        "<Ntry>",
        _text("NtryRef", one.entry_ref) + _money(one.amount_cents),
        "<RvslInd>true</RvslInd>" if one.is_reversal else "",
        "<Sts>BOOK</Sts>" if version == "02" else "<Sts><Cd>BOOK</Cd></Sts>",
        f"<BookgDt><Dt>{one.booked_on}</Dt></BookgDt>",
        f"<ValDt><Dt>{one.value_on}</Dt></ValDt>" if one.value_on else "",
        _text("AcctSvcrRef", one.acct_svcr_ref),
        f"<NtryDtls>{f'<Btch>{batch}</Btch>' if is_batch else ''}{details}</NtryDtls>" if is_batch or details else "",
        _text("AddtlNtryInf", one.info),
        "</Ntry>",
    ]


def _detail(one: Detail, version: str, *, is_old_sum: bool) -> str:
    refs = (
        _text("MsgId", one.msg_id)
        + _text("AcctSvcrRef", one.acct_svcr_ref)
        + _text("PmtInfId", one.pmt_inf_id)
        + _text("EndToEndId", one.end_to_end_id)
    )
    amount = _money(one.amount_cents)
    if version == "02":  # no direction of its own there
        assert (one.amount_cents < 0) == is_old_sum or not one.amount_cents
        amount = f'<AmtDtls><TxAmt><Amt Ccy="EUR">{euros(abs(one.amount_cents))}</Amt></TxAmt></AmtDtls>'
    parties = _party("Dbtr", one.debtor, version) + _party("Cdtr", one.creditor, version)
    structured = f"<Strd><CdtrRefInf><Ref>{escape(one.creditor_reference)}</Ref></CdtrRefInf></Strd>"
    remittance = _text("Ustrd", one.remittance) + (structured if one.creditor_reference else "")
    return (
        f"<TxDtls><Refs>{refs}</Refs>{amount}"
        + (f"<RltdPties>{parties}</RltdPties>" if parties else "")
        + (f"<RmtInf>{remittance}</RmtInf>" if remittance else "")
        + (f"<RtrInf><Rsn><Cd>{escape(one.return_reason)}</Cd></Rsn></RtrInf>" if one.return_reason else "")
        + "</TxDtls>"
    )


def _party(role: str, one: Party, version: str) -> str:
    name = _text("Nm", one.name)
    named = f"<{role}>{name if version == '02' else f'<Pty>{name}</Pty>'}</{role}>" if name else ""
    return named + (f"<{role}Acct><Id><IBAN>{one.iban}</IBAN></Id></{role}Acct>" if one.iban else "")


def unplaced(one: Statement) -> Statement:
    """Without the lines, to compare with what was written."""
    entries = tuple(
        replace(each, line=0, details=tuple(replace(part, line=0) for part in each.details)) for each in one.entries
    )
    return replace(one, line=0, opening_line=0, entries=entries)
