"""The catalogue's files over HTTP: for whoever may import it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from base.errors import Invalid, NotFound
from base.web import STAFF, Endpoint, body, can, path_id, reply
from booking.catalogue.import_report import ImportRefused
from booking.catalogue.unpacking import MOST_BYTES
from booking.catalogue.uploads import CatalogueChanged, OtherFiles, Uploads
from booking.catalogue.uploads_store import Upload

UPLOADS: web.AppKey[Uploads] = web.AppKey("UPLOADS", Uploads)
IMPORT_PERMISSION = "catalogue.import"
_WHO, _ONE = can(IMPORT_PERMISSION), "/api/catalogue/uploads/{upload}"


class UploadIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    files: dict[Annotated[str, StringConstraints(max_length=100)], str] = Field(
        description="The whole catalogue: name of a file -> its text", examples=[{"offices.csv": "key,name_de,…"}]
    )


class ApplyIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    digest: str = Field(description="Of what was looked at", pattern="^[0-9a-f]{64}$")


class CountsOut(BaseModel):
    total: int = Field(description="In the files")
    added: int
    changed: int
    withdrawn: int


class ChangeOut(BaseModel):
    sign: Literal["+", "-", "~"] = Field(description="Added, withdrawn, or one of its fields changed")
    kind: str = Field(examples=["service"])
    key: str
    field: str = Field(description="Empty where the whole thing is added or withdrawn")
    before: str
    after: str


class InTheWayOut(BaseModel):
    """A counter that would be closed while it has appointments."""

    counter: str = Field(examples=["rathaus/desk-1"])
    times: list[str] = Field(description="The first ones, by the office's clock")
    more: int


class UploadOut(BaseModel):
    id: UUID
    digest: str
    counts: dict[str, CountsOut]
    changes: list[ChangeOut]
    in_the_way: list[InTheWayOut] = Field(description="As long as these are there, it cannot be applied")
    made_at: datetime
    expires_at: datetime
    applied_at: datetime | None

    @classmethod
    def of(cls, one: Upload) -> UploadOut:
        report = one.report
        return cls(
            id=one.id,
            digest=one.digest.hex(),
            counts={
                name: CountsOut.model_validate(counts, from_attributes=True) for name, counts in report.counts.items()
            },
            changes=[ChangeOut.model_validate(change, from_attributes=True) for change in report.changes],
            in_the_way=[InTheWayOut.model_validate(other, from_attributes=True) for other in report.in_the_way],
            made_at=one.made_at,
            expires_at=one.expires_at,
            applied_at=one.applied_at,
        )


async def compare(request: web.Request) -> web.Response:
    given = await body(request, UploadIn, MOST_BYTES)
    files = {name: text.encode() for name, text in given.files.items()}
    made = await request.app[UPLOADS].compare(files, request[STAFF].account_id)
    return reply(UploadOut.of(made), status=201)


async def show(request: web.Request) -> web.Response:
    return reply(UploadOut.of(await request.app[UPLOADS].get(path_id(request, "upload"))))


async def apply(request: web.Request) -> web.Response:
    given = await body(request, ApplyIn)
    ident, digest = path_id(request, "upload"), bytes.fromhex(given.digest)
    return reply(UploadOut.of(await request.app[UPLOADS].apply(ident, digest, request[STAFF].account_id)))


ENDPOINTS = [
    Endpoint(
        method="POST",
        path="/api/catalogue/uploads",
        handler=compare,
        who=_WHO,
        summary="Send the catalogue's files: they are checked and compared, and nothing changes yet",
        takes=UploadIn,
        gives={201: UploadOut},
        refuses=(ImportRefused, Invalid),
    ),
    Endpoint(
        method="GET",
        path=_ONE,
        handler=show,
        who=_WHO,
        summary="What these files would change, or have changed",
        params={"upload": UUID},
        gives={200: UploadOut},
        refuses=(NotFound,),
    ),
    Endpoint(
        method="POST",
        path=f"{_ONE}/apply",
        handler=apply,
        who=_WHO,
        summary="Let them be the catalogue, all or nothing",
        params={"upload": UUID},
        takes=ApplyIn,
        gives={200: UploadOut},
        refuses=(OtherFiles, CatalogueChanged, ImportRefused, NotFound, Invalid),
    ),
]
