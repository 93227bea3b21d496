"""Batches over HTTP, for a program of the treasury or of the finance department."""

from __future__ import annotations

from base64 import b64encode
from datetime import date, datetime
from hashlib import sha256

from aiohttp import web
from pydantic import BaseModel, Field

from base.errors import NotFound
from base.web import NO_STORE, STAFF, Endpoint, body, can, path_number, reply
from payment.exports.model import Batch, Dispatch, File
from payment.exports.usecases import Acknowledged, DayNotClosed, Exports, NotExportable, ReferenceWrong

EXPORTS: web.AppKey[Exports] = web.AppKey("EXPORTS", Exports)
MAY_READ, MAY_SEND, MAY_TAKE = can("finance.read"), can("export.send"), can("export.take")
MEDIA = {
    "totals-csv": "text/csv",
    "items-csv": "text/csv",
    "datev-extf": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "manifest": "application/json",
}
_BATCHES = "/api/finance/batches"
_ONE = f"{_BATCHES}/{{batch}}"


class BatchOut(BaseModel):
    number: int
    day: date
    made_at: datetime
    made_by: str
    manifest_sha256: str = Field(description="Hexadecimal")
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    reference: str | None = Field(None, description="The treasury's own number")

    @classmethod
    def of(cls, one: Batch) -> BatchOut:
        return cls(
            number=one.number,
            day=one.day,
            made_at=one.made_at,
            made_by=one.maker,
            manifest_sha256=one.manifest_sha256.hex(),
            acknowledged_at=one.acknowledged_at,
            acknowledged_by=one.acknowledger,
            reference=one.reference,
        )


class WaitingOut(BaseModel):
    day: date
    closed_at: datetime
    batch: int | None = Field(description="null: none is made yet")
    is_overdue: bool


class BatchesOut(BaseModel):
    waiting: list[WaitingOut] = Field(
        description="Closed days that the treasury has not acknowledged, the oldest first"
    )
    batches: list[BatchOut] = Field(description="The youngest first, at most 400")


class FileOut(BaseModel):
    format: str
    name: str
    rows: int
    sum_cents: int
    size_bytes: int
    sha256: str


class DispatchOut(BaseModel):
    batch: BatchOut
    files: list[FileOut]

    @classmethod
    def of(cls, one: Dispatch) -> DispatchOut:
        files = [
            FileOut(
                format=file.format,
                name=file.name,
                rows=file.rows,
                sum_cents=file.sum_cents,
                size_bytes=file.size_bytes,
                sha256=file.sha256.hex(),
            )
            for file in one.files
        ]
        return cls(batch=BatchOut.of(one.batch), files=files)


class MakeIn(BaseModel, extra="forbid"):
    day: date = Field(examples=["2026-12-01"])


class AcknowledgeIn(BaseModel, extra="forbid"):
    reference: str = Field(max_length=200, examples=["HKR 2026/4711"])


def sent(file: File) -> web.Response:
    """To the byte, with its digest (RFC 9530)."""
    digest = b64encode(sha256(file.content).digest()).decode()
    headers = {
        "Content-Disposition": f'attachment; filename="{file.name}"',
        "Repr-Digest": f"sha-256=:{digest}:",
        **NO_STORE,
    }
    return web.Response(body=file.content, content_type=MEDIA[file.format], headers=headers)


async def show_all(request: web.Request) -> web.Response:
    waiting, made = await request.app[EXPORTS].batches()
    shown = [WaitingOut.model_validate(one, from_attributes=True) for one in waiting]
    return reply(BatchesOut(waiting=shown, batches=[BatchOut.of(one) for one in made]), headers=NO_STORE)


async def make(request: web.Request) -> web.Response:
    exports, asked = request.app[EXPORTS], await body(request, MakeIn)
    made = await exports.make(asked.day, by=request[STAFF].account_id)
    found = await exports.dispatch(made.number)
    where = {"Location": f"{_BATCHES}/{made.number}", **NO_STORE}
    return reply(DispatchOut.of(found), status=201, headers=where)


async def show(request: web.Request) -> web.Response:
    found = await request.app[EXPORTS].dispatch(path_number(request, "batch"))
    return reply(DispatchOut.of(found), headers=NO_STORE)


async def fetch(request: web.Request) -> web.Response:
    number, form = path_number(request, "batch"), request.match_info["format"]
    return sent(await request.app[EXPORTS].file(number, form, by=request[STAFF].account_id))


async def acknowledge(request: web.Request) -> web.Response:
    number, asked = path_number(request, "batch"), await body(request, AcknowledgeIn)
    exports, by = request.app[EXPORTS], request[STAFF].account_id
    await exports.acknowledge(number, by=by, reference=asked.reference)
    return reply(DispatchOut.of(await exports.dispatch(number)), headers=NO_STORE)


ENDPOINTS = [
    Endpoint(
        method="GET",
        path=_BATCHES,
        handler=show_all,
        who=MAY_READ,
        summary="Batches for the treasury, and closed days that it has not acknowledged",
        gives={200: BatchesOut},
    ),
    Endpoint(
        method="POST",
        path=_BATCHES,
        handler=make,
        who=MAY_SEND,
        summary="Make the batch of a closed day; a day has one, so asking again gives the same",
        takes=MakeIn,
        gives={201: DispatchOut},
        refuses=(DayNotClosed, NotExportable),
    ),
    Endpoint(
        method="GET",
        path=_ONE,
        handler=show,
        who=MAY_READ,
        summary="A batch and its files",
        params={"batch": int},
        gives={200: DispatchOut},
        refuses=(NotFound,),
    ),
    Endpoint(
        method="GET",
        path=f"{_ONE}/files/{{format}}",
        handler=fetch,
        who=MAY_READ,
        summary="A file of a batch as it was made (totals-csv, items-csv, datev-extf, xlsx, manifest); written down who fetched it",
        params={"batch": int},
        gives={200: str},
        media="application/octet-stream",
        refuses=(NotFound,),
    ),
    Endpoint(
        method="POST",
        path=f"{_ONE}/acknowledgement",
        handler=acknowledge,
        who=MAY_TAKE,
        summary="Write down the treasury's own number of a batch: once",
        params={"batch": int},
        takes=AcknowledgeIn,
        gives={200: DispatchOut},
        refuses=(NotFound, Acknowledged, ReferenceWrong),
    ),
]
