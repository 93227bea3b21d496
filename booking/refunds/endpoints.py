"""Refunds of an office's cases over HTTP, and letters that ask for the account."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel, Field

from base.errors import Invalid, NotFound
from base.web import NO_STORE, STAFF, Endpoint, body, can, path_id, path_number, reply, text_reply
from base.web.repeating import KeyNeeded, idempotency_key
from booking.refunds.letters import RefundLetters
from booking.refunds.model import LetterRun
from booking.refunds.usecases import NoLetterWaits, Refunds
from payment.model import RefundStatus
from payment.transfers.endpoints import AccountIn, RefundOut
from payment.transfers.refusals import TransferMovedOn

REFUNDS: web.AppKey[Refunds] = web.AppKey("REFUNDS", Refunds)
REFUND_LETTERS: web.AppKey[RefundLetters] = web.AppKey("REFUND_LETTERS", RefundLetters)
_OFFICE = "/api/offices/{office}"
_CASE = f"{_OFFICE}/cases/{{appointment}}/refunds"
_RUNS = f"{_OFFICE}/refund-prints"
_PDF = "application/pdf"


class GivenBackOut(BaseModel):
    amount_cents: int
    status: RefundStatus


class CaseRefundsOut(BaseModel):
    refunds: list[GivenBackOut]
    transfers: list[RefundOut] = Field(description="Those that go by bank transfer, the oldest first")
    can_tell: bool = Field(description="A message reaches the person")
    can_write: bool = Field(description="A letter does")


class LetterRunOut(BaseModel):
    id: UUID
    made_at: datetime
    letters: int

    @classmethod
    def of(cls, run: LetterRun) -> LetterRunOut:
        return cls(id=run.id, made_at=run.made_at, letters=run.letters)


class LetterRunsOut(BaseModel):
    waiting: int
    runs: list[LetterRunOut]


class LettersMadeOut(BaseModel):
    id: UUID


def _ids(request: web.Request) -> tuple[int, UUID, UUID]:
    return path_number(request, "office"), path_id(request, "appointment"), path_id(request, "transfer")


async def show(request: web.Request) -> web.Response:
    found = await request.app[REFUNDS].of_case(path_number(request, "office"), path_id(request, "appointment"))
    told = CaseRefundsOut(
        refunds=[GivenBackOut(amount_cents=one.amount_cents, status=one.status) for one in found.case.refunds],
        transfers=[RefundOut.of(one) for one in found.orders],
        can_tell=found.can_tell,
        can_write=found.can_write,
    )
    return reply(told, headers=NO_STORE)


async def enter(request: web.Request) -> web.Response:
    given, by = await body(request, AccountIn), request[STAFF].account_id
    order = await request.app[REFUNDS].enter(*_ids(request), holder=given.holder, iban=given.iban, by=by)
    return reply(RefundOut.of(order), headers=NO_STORE)


async def remind(request: web.Request) -> web.Response:
    order = await request.app[REFUNDS].remind(*_ids(request), by=request[STAFF].account_id)
    return reply(RefundOut.of(order), headers=NO_STORE)


async def list_runs(request: web.Request) -> web.Response:
    found = await request.app[REFUNDS].letter_runs(path_number(request, "office"))
    told = LetterRunsOut(waiting=found.waiting, runs=[LetterRunOut.of(run) for run in found.runs])
    return reply(told, headers=NO_STORE)


async def print_waiting(request: web.Request) -> web.Response:
    key, office = idempotency_key(request), path_number(request, "office")
    ident = await request.app[REFUND_LETTERS].print_all(office, by=request[STAFF].account_id, key=key)
    headers = {"Location": f"/api/offices/{office}/refund-prints/{ident}/letters.pdf", **NO_STORE}
    return reply(LettersMadeOut(id=ident), status=201, headers=headers)


async def run_file(request: web.Request) -> web.Response:
    ident = path_id(request, "print")
    made = await request.app[REFUND_LETTERS].file(path_number(request, "office"), ident)
    name = f'attachment; filename="refund-letters-{str(ident)[:8]}.pdf"'
    return text_reply(made, _PDF, {"Content-Disposition": name, **NO_STORE})


_READS, _ENTERS = can("hold.staff", "office"), can("transfer.enter", "office")
_ONE = {"office": int, "appointment": UUID, "transfer": UUID}

ENDPOINTS = [
    Endpoint(
        method="GET",
        path=_CASE,
        handler=show,
        who=_READS,
        summary="How the refunds of a case of the office stand",
        params={"office": int, "appointment": UUID},
        gives={200: CaseRefundsOut},
        refuses=(NotFound,),
    ),
    Endpoint(
        method="POST",
        path=f"{_CASE}/{{transfer}}/account",
        handler=enter,
        who=_ENTERS,
        summary="Enter the account that its payee has told; the same again changes nothing",
        params=_ONE,
        takes=AccountIn,
        gives={200: RefundOut},
        refuses=(NotFound, TransferMovedOn, Invalid),
    ),
    Endpoint(
        method="POST",
        path=f"{_CASE}/{{transfer}}/remind",
        handler=remind,
        who=_READS,
        summary="Send its payee the link again; twice within ten minutes it is one message",
        params=_ONE,
        gives={200: RefundOut},
        refuses=(NotFound, TransferMovedOn),
    ),
    Endpoint(
        method="GET",
        path=_RUNS,
        handler=list_runs,
        who=_ENTERS,
        summary="How many letters that ask for an account wait, and what was printed together",
        params={"office": int},
        gives={200: LetterRunsOut},
    ),
    Endpoint(
        method="POST",
        path=_RUNS,
        handler=print_waiting,
        who=_ENTERS,
        summary="Take all letters that wait, up to 200, as one print run: they count as printed, as their PDF was made",
        params={"office": int},
        headers={"Idempotency-Key": True},
        gives={201: LettersMadeOut},
        refuses=(KeyNeeded, NoLetterWaits),
    ),
    Endpoint(
        method="GET",
        path=f"{_RUNS}/{{print}}/letters.pdf",
        handler=run_file,
        who=_ENTERS,
        summary="The letters of a run in one file, as often as needed",
        params={"office": int, "print": UUID},
        gives={200: str},
        media=_PDF,
        refuses=(NotFound,),
    ),
]
