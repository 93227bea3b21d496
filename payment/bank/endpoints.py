"""Bank files over HTTP, for a program of the city or of its bank."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel, Field

from base.errors import NotFound
from base.web import NO_STORE, STAFF, Endpoint, can, path_number, query, reply, upload
from payment.bank.model import StoredStatement
from payment.bank.refusing import REFUSALS
from payment.bank.usecases import MOST_BYTES, Bank

BANK: web.AppKey[Bank] = web.AppKey("BANK", Bank)
BANK_PERMISSION = "reconcile.work"
FILE = "file"
_WHO = can(BANK_PERMISSION)
_CENTS = "Cents of euros, negative what went out"


class StatementOut(BaseModel):
    id: int
    iban: str = Field(examples=["DE02120300000000202051"])
    year: int
    sequence: int
    from_on: date
    to_on: date
    opening_cents: int
    closing_cents: int
    entries: int
    follows: int | None = Field(
        description="The statement right before; null: none is there, or numbers between are missing"
    )

    @classmethod
    def of(cls, one: StoredStatement) -> StatementOut:
        return cls.model_validate(one, from_attributes=True)


class FileOut(BaseModel):
    id: UUID
    statements: list[StatementOut]


class StatementsOut(BaseModel):
    statements: list[StatementOut] = Field(description="By account and number")


class PaymentsQuery(BaseModel):
    q: str = Field("", max_length=200, description="Part of a name, an IBAN, a reference or the remittance text")


class PaymentOut(BaseModel):
    """An entry, or one payment of it where the bank splits a batch."""

    entry: int = Field(description="Place in the statement, from 1")
    position: int = Field(description="Place in the entry, from 1; 0: the entry itself")
    amount_cents: int = Field(description=_CENTS)
    is_reversal: bool
    booked_on: date
    value_on: date | None
    acct_svcr_ref: str = Field(description="The bank's reference")
    end_to_end_id: str
    name: str = Field(description="Of the other side")
    iban: str
    remittance: str
    return_reason: str = Field(description="Code of ISO 20022 of a payment that came back", examples=["AC04"])


class PaymentsOut(BaseModel):
    statement: StatementOut
    payments: list[PaymentOut] = Field(description="At most 500")


async def send(request: web.Request) -> web.Response:
    _fields, raw = await upload(request, FILE, MOST_BYTES)
    bank = request.app[BANK]
    stored = await bank.take("api", raw, request[STAFF].account_id)
    rows = [StatementOut.of(one) for one in await bank.of_file(stored.id)]
    return reply(FileOut(id=stored.id, statements=rows), status=201 if stored.is_new else 200, headers=NO_STORE)


async def show_all(request: web.Request) -> web.Response:
    found = await request.app[BANK].statements()
    rows = [StatementOut.of(one) for account in found.values() for one in account]
    return reply(StatementsOut(statements=rows), headers=NO_STORE)


async def show(request: web.Request) -> web.Response:
    bank, asked = request.app[BANK], query(request, PaymentsQuery).q
    one = await bank.statement(path_number(request, "statement"))
    rows = [PaymentOut.model_validate(each, from_attributes=True) for each in await bank.payments(one.id, asked)]
    return reply(PaymentsOut(statement=StatementOut.of(one), payments=rows), headers=NO_STORE)


ENDPOINTS = [
    Endpoint(
        method="POST",
        path="/api/bank/files",
        handler=send,
        who=_WHO,
        summary="Send a bank file (camt.053.001.02 or .08): stored whole or refused whole; the same bytes are stored once (200)",
        takes_file=FILE,
        gives={200: FileOut, 201: FileOut},
        refuses=REFUSALS,
    ),
    Endpoint(
        method="GET",
        path="/api/bank/statements",
        handler=show_all,
        who=_WHO,
        summary="All bank statements; `follows` shows the gaps",
        gives={200: StatementsOut},
    ),
    Endpoint(
        method="GET",
        path="/api/bank/statements/{statement}",
        handler=show,
        who=_WHO,
        summary="A bank statement with its payments",
        params={"statement": int},
        query=PaymentsQuery,
        gives={200: PaymentsOut},
        refuses=(NotFound,),
    ),
]
