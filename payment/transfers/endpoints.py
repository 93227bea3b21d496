"""Transfer orders over HTTP: for their payees, for assessors, for those who order and those who send."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated
from uuid import NAMESPACE_URL, UUID, uuid5

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from base.errors import Invalid, NotFound, Unauthenticated
from base.web import NO_STORE, STAFF, TRANSFER, Endpoint, body, can, path_id, path_number, query, reply
from base.web.repeating import KeyNeeded, idempotency_key
from payment.transfers.files import TransferFiles
from payment.transfers.model import Ground, Order, SentFile, Story, Waiver
from payment.transfers.refusals import (
    FileErased,
    NoPayingAccount,
    NotBarredYet,
    NothingToSend,
    OwnOrders,
    OwnWaiver,
    PaymentDisputed,
    SamePerson,
    TransferMovedOn,
    WaiverDecided,
    WaiverWaits,
)
from payment.transfers.states import OPEN, TransferStatus
from payment.transfers.usecases import Transfers

TRANSFERS: web.AppKey[Transfers] = web.AppKey("TRANSFERS", Transfers)
TRANSFER_FILES: web.AppKey[TransferFiles] = web.AppKey("TRANSFER_FILES", TransferFiles)
_OWN, _ALL, _ONE = "/api/refunds/{transfer}", "/api/transfers", "/api/transfers/{transfer}"
_FILES, _FILE = "/api/transfer-files", "/api/transfer-files/{file}"
_NOT_NOW = (NotFound, TransferMovedOn)


class AccountIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    holder: Annotated[str, Field(max_length=200, description="As it stands on the bank card")]
    iban: Annotated[
        str, Field(max_length=100, description="With or without blanks", examples=["DE02120300000000202051"])
    ]


class NoteIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    note: Annotated[str, Field(max_length=1000, description="Why; no personal data")]


class WaiverIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    ground: Ground = Field(
        description="waived: by its payee, in writing; barred: the period of limitation has passed (sections 195, 199 BGB)"
    )
    reason: Annotated[str, Field(max_length=1000, description="What was found; 5 to 500 characters")]
    evidence: Annotated[str, Field(max_length=1000, description="Where it is filed; 3 to 300 characters")]


class WaiverOut(BaseModel):
    id: UUID
    ground: Ground
    reason: str
    evidence: str
    requested_by: str
    requested_at: datetime
    status: str = Field(description="requested, approved or rejected")
    decided_by: str | None
    decided_at: datetime | None

    @classmethod
    def of(cls, one: Waiver) -> WaiverOut:
        return cls(
            id=one.id,
            ground=one.ground,
            reason=one.reason,
            evidence=one.evidence,
            requested_by=one.asker,
            requested_at=one.requested_at,
            status=one.status,
            decided_by=one.decider,
            decided_at=one.decided_at,
        )


class ListQuery(BaseModel):
    status: list[TransferStatus] = Field(default_factory=list, description="None: all that are open")


class RefundOut(BaseModel):
    """What the payee sees."""

    id: UUID
    status: TransferStatus
    amount_cents: int
    asked_at: datetime
    account_end: str | None = Field(description="The last four signs of the IBAN that is named")
    sent_at: datetime | None = Field(description="When the file for our bank was made")
    paid_at: datetime | None = Field(description="When our bank's statement showed it")
    is_disputed: bool = Field(description="The payer asks their bank for the money: nothing is transferred meanwhile")
    is_lost: bool = Field(description="The payer has it by a dispute, so it is not transferred any more")

    @classmethod
    def of(cls, one: Order) -> RefundOut:
        return cls(
            id=one.id,
            status=one.status,
            amount_cents=one.amount_cents,
            asked_at=one.created_at,
            account_end=one.iban_end,
            sent_at=one.sent_at,
            paid_at=one.paid_at,
            is_disputed=one.is_disputed,
            is_lost=one.is_lost,
        )


class TransferOut(RefundOut):
    payment: UUID
    refund: UUID
    purpose: str
    round: int = Field(description="How often its payee was asked for an account")
    assessed_at: datetime | None
    approved_at: datetime | None
    due_on: date | None
    budget_year: int | None
    file: int | None = Field(description="Number of the latest file that it is in")

    @classmethod
    def of(cls, one: Order) -> TransferOut:
        return cls(
            **RefundOut.of(one).model_dump(),
            payment=one.payment_id,
            refund=one.refund_id,
            purpose=one.purpose,
            round=one.round,
            assessed_at=one.assessed_at,
            approved_at=one.approved_at,
            due_on=one.due_on,
            budget_year=one.budget_year,
            file=one.file,
        )


class StepOut(BaseModel):
    event: str = Field(examples=["assess"])
    at: datetime
    by: str | None = Field(description="Null: the payee, or by rule")
    note: str | None
    record: dict[str, str] | None = Field(description="The ten fields of the payment order as they were approved")


class TransferStoryOut(TransferOut):
    holder: str | None = Field(description="Null where none is named, or it is erased")
    iban: str | None
    steps: list[StepOut]
    waivers: list[WaiverOut] = Field(description="That it is owed no more, as it was asked for; the youngest first")

    @classmethod
    def told(cls, story: Story) -> TransferStoryOut:
        account = story.account
        return cls(
            **TransferOut.of(story.order).model_dump(),
            holder=account.holder if account else None,
            iban=account.iban if account else None,
            steps=[
                StepOut(
                    event=one.event,
                    at=one.at,
                    by=story.names.get(one.by) if one.by is not None else None,
                    note=one.note,
                    record=dict(one.record) if one.record is not None else None,
                )
                for one in story.steps
            ],
            waivers=[WaiverOut.of(one) for one in story.waivers],
        )


class TransfersOut(BaseModel):
    transfers: list[TransferOut] = Field(description="At most 500, the longest waiting first")


class FileOut(BaseModel):
    number: int
    name: str
    made_at: datetime
    execute_on: date
    orders: int
    sum_cents: int
    sha256: str = Field(description="Of the file, in hexadecimal digits")
    is_readable: bool = Field(description="False once the bank data in it are erased")

    @classmethod
    def of(cls, one: SentFile) -> FileOut:
        return cls(
            number=one.number,
            name=one.name,
            made_at=one.made_at,
            execute_on=one.execute_on,
            orders=one.orders,
            sum_cents=one.sum_cents,
            sha256=one.sha256.hex(),
            is_readable=one.is_readable,
        )


class FilesOut(BaseModel):
    files: list[FileOut] = Field(description="The youngest first")


class DownloadOut(BaseModel):
    by: str
    at: datetime


class FileStoryOut(FileOut):
    transfers: list[TransferOut] = Field(description="In the order of the file, as they stand now")
    downloads: list[DownloadOut]


async def show_own(request: web.Request) -> web.Response:
    return reply(RefundOut.of(await request.app[TRANSFERS].get(path_id(request, "transfer"))), headers=NO_STORE)


async def give_own(request: web.Request) -> web.Response:
    given = await body(request, AccountIn)
    order = await request.app[TRANSFERS].give_account(
        path_id(request, "transfer"), holder=given.holder, iban=given.iban
    )
    return reply(RefundOut.of(order), headers=NO_STORE)


async def show_all(request: web.Request) -> web.Response:
    found = await request.app[TRANSFERS].listed(query(request, ListQuery).status or OPEN)
    return reply(TransfersOut(transfers=[TransferOut.of(one) for one in found]), headers=NO_STORE)


async def show(request: web.Request) -> web.Response:
    story = await request.app[TRANSFERS].story(path_id(request, "transfer"))
    return reply(TransferStoryOut.told(story), headers=NO_STORE)


async def give(request: web.Request) -> web.Response:
    given, by = await body(request, AccountIn), request[STAFF].account_id
    ident = path_id(request, "transfer")
    order = await request.app[TRANSFERS].give_account(ident, holder=given.holder, iban=given.iban, by=by)
    return reply(TransferOut.of(order), headers=NO_STORE)


async def assess(request: web.Request) -> web.Response:
    order = await request.app[TRANSFERS].assess(path_id(request, "transfer"), by=request[STAFF].account_id)
    return reply(TransferOut.of(order), headers=NO_STORE)


async def approve(request: web.Request) -> web.Response:
    order = await request.app[TRANSFERS].approve(path_id(request, "transfer"), by=request[STAFF].account_id)
    return reply(TransferOut.of(order), headers=NO_STORE)


async def ask_again(request: web.Request) -> web.Response:
    note, by = (await body(request, NoteIn)).note, request[STAFF].account_id
    order = await request.app[TRANSFERS].ask_again(path_id(request, "transfer"), by=by, note=note)
    return reply(TransferOut.of(order), headers=NO_STORE)


async def cancel(request: web.Request) -> web.Response:
    note, by = (await body(request, NoteIn)).note, request[STAFF].account_id
    order = await request.app[TRANSFERS].cancel(path_id(request, "transfer"), by=by, note=note)
    return reply(TransferOut.of(order), headers=NO_STORE)


async def send_back(request: web.Request) -> web.Response:
    note, by = (await body(request, NoteIn)).note, request[STAFF].account_id
    order = await request.app[TRANSFERS].returned_by_hand(path_id(request, "transfer"), by=by, note=note)
    return reply(TransferOut.of(order), headers=NO_STORE)


async def ask_waiver(request: web.Request) -> web.Response:
    wanted, ident = await body(request, WaiverIn), path_id(request, "transfer")
    order = await request.app[TRANSFERS].ask_waiver(
        ident,
        wanted.ground,
        reason=wanted.reason,
        evidence=wanted.evidence,
        by=request[STAFF].account_id,
        key=uuid5(ident, f"waiver {idempotency_key(request)}"),
    )
    return reply(TransferOut.of(order), headers=NO_STORE)


async def approve_waiver(request: web.Request) -> web.Response:
    ident, waiver = path_id(request, "transfer"), path_id(request, "waiver")
    order = await request.app[TRANSFERS].approve_waiver(ident, waiver, by=request[STAFF].account_id)
    return reply(TransferOut.of(order), headers=NO_STORE)


async def reject_waiver(request: web.Request) -> web.Response:
    ident, waiver = path_id(request, "transfer"), path_id(request, "waiver")
    order = await request.app[TRANSFERS].reject_waiver(ident, waiver, by=request[STAFF].account_id)
    return reply(TransferOut.of(order), headers=NO_STORE)


async def make_file(request: web.Request) -> web.Response:
    key = uuid5(NAMESPACE_URL, idempotency_key(request))
    made = await request.app[TRANSFER_FILES].make(by=request[STAFF].account_id, key=key)
    return reply(FileOut.of(made), status=201, headers=NO_STORE)


async def show_files(request: web.Request) -> web.Response:
    found = await request.app[TRANSFER_FILES].all()
    return reply(FilesOut(files=[FileOut.of(one) for one in found]), headers=NO_STORE)


async def show_file(request: web.Request) -> web.Response:
    file, orders, downloads = await request.app[TRANSFER_FILES].one(path_number(request, "file"))
    names = await request.app[TRANSFERS].names({one.by for one in downloads})
    told = FileStoryOut(
        **FileOut.of(file).model_dump(),
        transfers=[TransferOut.of(one) for one in orders],
        downloads=[DownloadOut(by=names.get(one.by, ""), at=one.at) for one in downloads],
    )
    return reply(told, headers=NO_STORE)


async def fetch_file(request: web.Request) -> web.Response:
    """Each fetch is written down."""
    number = path_number(request, "file")
    return sent(*await request.app[TRANSFER_FILES].fetch(number, by=request[STAFF].account_id))


def sent(file: SentFile, content: bytes) -> web.Response:
    headers = {**NO_STORE, "Content-Disposition": f'attachment; filename="{file.name}"'}
    return web.Response(body=content, content_type="application/xml", headers=headers)


def _step(
    path: str, handler: object, permission: str, summary: str, *refuses: type, takes: type | None = None
) -> Endpoint:
    return Endpoint(
        method="POST",
        path=f"{_ONE}/{path}",
        handler=handler,  # type: ignore[arg-type]
        who=can(permission),
        summary=summary,
        params={"transfer": UUID},
        takes=takes,
        gives={200: TransferOut},
        refuses=(*_NOT_NOW, *refuses),
    )


ENDPOINTS = [
    Endpoint(
        method="GET",
        path=_OWN,
        handler=show_own,
        who=TRANSFER,
        summary="How one's own refund by bank transfer stands",
        params={"transfer": UUID},
        gives={200: RefundOut},
        refuses=(NotFound, Unauthenticated),
    ),
    Endpoint(
        method="POST",
        path=f"{_OWN}/account",
        handler=give_own,
        who=TRANSFER,
        summary="Name the account that the refund goes to; the same again changes nothing",
        params={"transfer": UUID},
        takes=AccountIn,
        gives={200: RefundOut},
        refuses=(*_NOT_NOW, Unauthenticated, Invalid),
    ),
    Endpoint(
        method="GET",
        path=_ALL,
        handler=show_all,
        who=can("finance.read"),
        summary="Transfer orders",
        query=ListQuery,
        gives={200: TransfersOut},
    ),
    Endpoint(
        method="GET",
        path=_ONE,
        handler=show,
        who=can("finance.read"),
        summary="A transfer order with what happened to it",
        params={"transfer": UUID},
        gives={200: TransferStoryOut},
        refuses=(NotFound,),
    ),
    _step("account", give, "transfer.enter", "Enter the account for its payee", Invalid, takes=AccountIn),
    _step("assess", assess, "transfer.assess", "Say that it is correct in substance and sum"),
    _step(
        "approve",
        approve,
        "transfer.approve",
        "Order the payment: by another person",
        SamePerson,
        PaymentDisputed,
        NoPayingAccount,
    ),
    _step("ask-again", ask_again, "transfer.assess", "Ask its payee for another account", Invalid, takes=NoteIn),
    _step("cancel", cancel, "transfer.approve", "Cancel it: the refund is owed again", Invalid, takes=NoteIn),
    _step("returned", send_back, "transfer.send", "The bank has returned it", Invalid, takes=NoteIn),
    Endpoint(
        method="POST",
        path=f"{_ONE}/waivers",
        handler=ask_waiver,
        who=can("transfer.assess"),
        summary="Say that it is owed no more: waived in writing, or barred by limitation; another person approves",
        params={"transfer": UUID},
        takes=WaiverIn,
        headers={"Idempotency-Key": True},
        gives={200: TransferOut},
        refuses=(KeyNeeded, *_NOT_NOW, WaiverWaits, NotBarredYet, Invalid),
    ),
    Endpoint(
        method="POST",
        path=f"{_ONE}/waivers/{{waiver}}/approve",
        handler=approve_waiver,
        who=can("transfer.approve"),
        summary="Approve it: what was owed becomes income; by another person",
        params={"transfer": UUID, "waiver": UUID},
        gives={200: TransferOut},
        refuses=(*_NOT_NOW, OwnWaiver, WaiverDecided, PaymentDisputed),
    ),
    Endpoint(
        method="POST",
        path=f"{_ONE}/waivers/{{waiver}}/reject",
        handler=reject_waiver,
        who=can("transfer.approve"),
        summary="Reject it: it is still owed",
        params={"transfer": UUID, "waiver": UUID},
        gives={200: TransferOut},
        refuses=(*_NOT_NOW, WaiverDecided),
    ),
    Endpoint(
        method="POST",
        path=_FILES,
        handler=make_file,
        who=can("transfer.send"),
        summary="Make one file (pain.001.001.09) of all approved orders",
        headers={"Idempotency-Key": True},
        gives={201: FileOut},
        refuses=(KeyNeeded, NothingToSend, OwnOrders, NoPayingAccount),
    ),
    Endpoint(
        method="GET",
        path=_FILES,
        handler=show_files,
        who=can("finance.read"),
        summary="Files for the bank",
        gives={200: FilesOut},
    ),
    Endpoint(
        method="GET",
        path=_FILE,
        handler=show_file,
        who=can("finance.read"),
        summary="A file with its orders, and who fetched it",
        params={"file": int},
        gives={200: FileStoryOut},
        refuses=(NotFound,),
    ),
    Endpoint(
        method="GET",
        path=f"{_FILE}/content",
        handler=fetch_file,
        who=can("transfer.send"),
        summary="The file itself, always the same bytes",
        params={"file": int},
        gives={200: str},
        media="application/xml",
        refuses=(NotFound, FileErased),
    ),
]
