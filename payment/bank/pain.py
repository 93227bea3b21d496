"""pain.001.001.09 (ISO 20022, Customer Credit Transfer Initiation) as the German banks take it: transfers -> bytes.

Pure, and the same bytes for the same order: nothing in it is made up while writing. Names and purposes are brought into the
characters that every SEPA bank takes; an IBAN is checked before (`checked_iban`).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from uuid import UUID
from xml.sax.saxutils import escape

from schwifty import IBAN
from schwifty.exceptions import SchwiftyException

from payment.bank.camt import euros

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"
MOST_CENTS = 99_999_999_999  # 999.999.999,99 €: the most of one SEPA transfer
_NAME, _PURPOSE = 70, 140  # characters at most
_ALLOWED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/-?:().,'+ ")
_LETTERS = {
    "ä": "ae",
    "ö": "oe",
    "ü": "ue",
    "Ä": "Ae",
    "Ö": "Oe",
    "Ü": "Ue",
    "ß": "ss",
    "ẞ": "SS",
    "&": "+",
    "_": "-",
    "–": "-",
    "—": "-",
    "’": "'",
    "‘": "'",
    "ø": "o",
    "Ø": "O",
    "ł": "l",
    "Ł": "L",
    "æ": "ae",
    "Æ": "Ae",
    "œ": "oe",
    "Œ": "Oe",
    "đ": "d",
    "Đ": "D",
    "ı": "i",
    "þ": "th",
    "Þ": "Th",
    "ð": "d",
}


class WrongIban(ValueError):
    """Of a wrong length, with a wrong check digit, or of a country without IBANs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Ours, which pays. `bic`: empty where the bank does not want it, as within SEPA."""

    name: str
    iban: str
    bic: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """`id`: of the order, from which its EndToEndId is made; it comes back on the bank statement."""

    id: UUID
    amount_cents: int
    name: str
    iban: str
    bic: str = ""
    purpose: str

    @property
    def end_to_end_id(self) -> str:
        return self.id.hex


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What two persons released, as one file. `on`: the day on which the bank is to pay."""

    id: UUID
    at: datetime
    on: date
    account: Account
    transfers: tuple[Transfer, ...]


def checked_iban(typed: str) -> str:
    """As a bank writes it, of whatever blanks and small letters it was typed with. Raises WrongIban."""
    try:
        return str(IBAN(typed, validate_bban=True).compact)
    except SchwiftyException:
        raise WrongIban(typed) from None


def plain(text: str, most: int) -> str:
    """In the characters of SEPA (EPC 217-08): umlauts written out, accents dropped, everything else a full stop.

    No `//`, and no `/` at an end.
    """
    spelled = "".join(_LETTERS.get(sign, sign) for sign in unicodedata.normalize("NFC", text))
    spelled = "".join(sign for sign in unicodedata.normalize("NFKD", spelled) if not unicodedata.combining(sign))
    kept = "".join(sign if sign in _ALLOWED else " " if sign.isspace() else "." for sign in spelled)
    kept = " ".join(kept.split())
    while "//" in kept:
        kept = kept.replace("//", "/")
    return kept.strip("/ ")[:most].strip("/ ")


def written(release: Release) -> bytes:
    """Raises ValueError of a release without transfers, of an amount that no bank takes, of one order twice, WrongIban."""
    _check(release)
    number, total = len(release.transfers), euros(sum(one.amount_cents for one in release.transfers))
    made_at = release.at.astimezone(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")
    ours = release.account
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<Document xmlns="{NAMESPACE}">',
        "  <CstmrCdtTrfInitn>",
        "    <GrpHdr>",
        f"      <MsgId>{release.id.hex}</MsgId>",
        f"      <CreDtTm>{made_at}</CreDtTm>",
        f"      <NbOfTxs>{number}</NbOfTxs>",
        f"      <CtrlSum>{total}</CtrlSum>",
        f"      <InitgPty><Nm>{_said(ours.name, _NAME)}</Nm></InitgPty>",
        "    </GrpHdr>",
        "    <PmtInf>",
        f"      <PmtInfId>{release.id.hex}</PmtInfId>",
        "      <PmtMtd>TRF</PmtMtd>",
        "      <BtchBookg>true</BtchBookg>",
        f"      <NbOfTxs>{number}</NbOfTxs>",
        f"      <CtrlSum>{total}</CtrlSum>",
        "      <PmtTpInf><SvcLvl><Cd>SEPA</Cd></SvcLvl></PmtTpInf>",
        f"      <ReqdExctnDt><Dt>{release.on.isoformat()}</Dt></ReqdExctnDt>",
        f"      <Dbtr><Nm>{_said(ours.name, _NAME)}</Nm></Dbtr>",
        f"      <DbtrAcct><Id><IBAN>{checked_iban(ours.iban)}</IBAN></Id></DbtrAcct>",
        f"      <DbtrAgt>{_agent(ours.bic) or '<FinInstnId><Othr><Id>NOTPROVIDED</Id></Othr></FinInstnId>'}</DbtrAgt>",
        "      <ChrgBr>SLEV</ChrgBr>",
        *(line for one in release.transfers for line in _transfer(one)),
        "    </PmtInf>",
        "  </CstmrCdtTrfInitn>",
        "</Document>",
    ]
    return "".join(f"{line}\n" for line in lines).encode("ascii")


def _check(release: Release) -> None:
    if not release.transfers:
        raise ValueError("a release of nothing")
    if any(not 0 < one.amount_cents <= MOST_CENTS for one in release.transfers):
        raise ValueError("an amount that no bank takes")
    if len({one.id for one in release.transfers}) != len(release.transfers):
        raise ValueError("one order twice")


def _transfer(one: Transfer) -> Sequence[str]:
    agent = _agent(one.bic)
    return [
        "      <CdtTrfTxInf>",
        f"        <PmtId><EndToEndId>{one.end_to_end_id}</EndToEndId></PmtId>",
        f'        <Amt><InstdAmt Ccy="EUR">{euros(one.amount_cents)}</InstdAmt></Amt>',
        *([f"        <CdtrAgt>{agent}</CdtrAgt>"] if agent else []),
        f"        <Cdtr><Nm>{_said(one.name, _NAME)}</Nm></Cdtr>",
        f"        <CdtrAcct><Id><IBAN>{checked_iban(one.iban)}</IBAN></Id></CdtrAcct>",
        f"        <RmtInf><Ustrd>{_said(one.purpose, _PURPOSE)}</Ustrd></RmtInf>",
        "      </CdtTrfTxInf>",
    ]


def _agent(bic: str) -> str:
    return f"<FinInstnId><BICFI>{escape(bic)}</BICFI></FinInstnId>" if bic else ""


def _said(text: str, most: int) -> str:
    """Raises ValueError where nothing is left of it: the format wants a text."""
    kept = plain(text, most)
    if not kept:
        raise ValueError("a name or purpose without a letter")
    return escape(kept)
