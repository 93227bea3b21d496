"""Documents of a request by need, over HTTP: sent and removed with the link's token, read by staff who confirm requests."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid5

from aiohttp import web
from pydantic import BaseModel

from base.errors import NotFound, Unauthenticated
from base.web import NO_STORE, REQUEST, Endpoint, can, path_id, reply, upload
from base.web.repeating import KeyNeeded, idempotency_key
from booking.allocation.documents import (
    MOST_BYTES,
    Documents,
    DocumentTooLarge,
    NoDocument,
    NotADocument,
    TooManyDocuments,
)
from booking.allocation.usecases import NotAsking

DOCUMENTS: web.AppKey[Documents] = web.AppKey("DOCUMENTS", Documents)
FILE = "file"
# What is somewhat too large is read to its end, so that it can be said on the page; what is far too large is cut off (413).
MOST_BODY_BYTES = 2 * MOST_BYTES
_KEYS = UUID("41f0f4c1-9a2c-4c55-8d70-6b0d8f1f6a0e")
_DOCUMENTS = "/api/allocation/requests/{request}/documents"


class DocumentOut(BaseModel):
    id: UUID
    kind: str
    size_bytes: int
    sent_at: datetime


class DocumentsOut(BaseModel):
    documents: list[DocumentOut]


async def show_documents(request: web.Request) -> web.Response:
    return await _reply(request)


async def send_document(request: web.Request) -> web.Response:
    key = uuid5(_KEYS, idempotency_key(request))
    _fields, raw = await upload(request, FILE, MOST_BODY_BYTES)
    await request.app[DOCUMENTS].add(path_id(request, "request"), raw, key)
    return await _reply(request, 201)


async def remove_document(request: web.Request) -> web.Response:
    await request.app[DOCUMENTS].remove(path_id(request, "request"), path_id(request, "document"))
    return await _reply(request)


async def read_document(request: web.Request) -> web.Response:
    """To be kept as a file, never shown by the browser within our pages."""
    ident = path_id(request, "document")
    kind, raw = await request.app[DOCUMENTS].content(ident)
    name = f'attachment; filename="nachweis-{str(ident)[:8]}.{kind}"'
    headers = {"Content-Disposition": name, "X-Content-Type-Options": "nosniff", **NO_STORE}
    return web.Response(body=raw, content_type=kind.media, headers=headers)


async def _reply(request: web.Request, status: int = 200) -> web.Response:
    ident = path_id(request, "request")
    rows = (await request.app[DOCUMENTS].of([ident]))[ident]
    found = [DocumentOut(id=one.id, kind=one.kind, size_bytes=one.size_bytes, sent_at=one.sent_at) for one in rows]
    return reply(DocumentsOut(documents=found), status=status, headers=NO_STORE)


ENDPOINTS = [
    Endpoint(
        method="GET",
        path=_DOCUMENTS,
        handler=show_documents,
        who=REQUEST,
        summary="The documents of a request, without their content",
        params={"request": UUID},
        gives={200: DocumentsOut},
        refuses=(Unauthenticated,),
    ),
    Endpoint(
        method="POST",
        path=_DOCUMENTS,
        handler=send_document,
        who=REQUEST,
        summary="Send a document (PDF, JPEG or PNG, at most 5 MB) with a request; staff look at it before they confirm",
        params={"request": UUID},
        takes_file=FILE,
        headers={"Idempotency-Key": True},
        gives={201: DocumentsOut},
        refuses=(
            KeyNeeded,
            Unauthenticated,
            NoDocument,
            NotADocument,
            DocumentTooLarge,
            TooManyDocuments,
            NotAsking,
        ),
    ),
    Endpoint(
        method="POST",
        path=f"{_DOCUMENTS}/{{document}}/remove",
        handler=remove_document,
        who=REQUEST,
        summary="Remove a document that was sent with a request; may be repeated",
        params={"request": UUID, "document": UUID},
        gives={200: DocumentsOut},
        refuses=(Unauthenticated,),
    ),
    Endpoint(
        method="GET",
        path="/api/allocation/documents/{document}",
        handler=read_document,
        who=can("allocation.check"),
        summary="A document, for staff who confirm requests; as an attachment",
        params={"document": UUID},
        gives={200: str},
        media="application/octet-stream",
        refuses=(NotFound,),
    ),
]
