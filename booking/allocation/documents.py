"""Documents that somebody sends with a request by need, and that staff look at before they confirm it (docs/adr/0042)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID, uuid5

import asyncpg

from base.clock import Clock
from base.db import Database, violates
from base.errors import Conflict, DomainError, NotFound
from base.i18n import mark as _
from base.seal import Sealer
from booking.allocation import documents_store
from booking.allocation.documents_store import DocumentRow
from booking.allocation.kinds import Kind, kind_of
from booking.allocation.telling import context
from booking.allocation.usecases import NotAsking

MOST_BYTES = 5 * 1024 * 1024  # as the schema and the messages say
_DOCUMENTS = UUID("e6a5f3a2-0f6b-4d2c-9b6e-5b2f0e6f1c44")


class NoDocument(DomainError):
    code = "no_document"
    status = 422
    message = _("Choose a file: PDF, JPEG or PNG, at most 5 MB.")


class NotADocument(DomainError):
    code = "not_a_document"
    status = 422
    message = _("This file is neither PDF nor JPEG nor PNG, whatever its name says.")


class DocumentTooLarge(DomainError):
    code = "document_too_large"
    status = 422
    message = _("This file is larger than 5 MB. Please send a smaller one, for example a photo with less detail.")


class TooManyDocuments(Conflict):
    code = "too_many_documents"
    message = _("There are five documents already. Remove one before you send another.")


class Documents:
    def __init__(self, db: Database, sealer: Sealer, clock: Clock) -> None:
        self._db = db
        self._sealer = sealer
        self._clock = clock

    async def add(self, request_id: UUID, raw: bytes, key: UUID) -> UUID:
        """The same form sent again is the same document.

        Raises NoDocument, NotADocument, DocumentTooLarge, TooManyDocuments, NotAsking.
        """
        if not raw:
            raise NoDocument
        if len(raw) > MOST_BYTES:
            raise DocumentTooLarge
        kind = kind_of(raw)
        if kind is None:
            raise NotADocument
        ident = uuid5(_DOCUMENTS, f"{request_id}:{key}")
        row = DocumentRow(id=ident, request_id=request_id, kind=kind, size_bytes=len(raw), sent_at=self._clock())
        sealed = self._sealer.seal_bytes(raw, context("document", ident))
        try:
            async with self._db.transaction() as conn:
                await documents_store.insert_document(conn, row, sealed)
        except asyncpg.PostgresError as error:
            if violates(error, "allocation_document_most"):
                raise TooManyDocuments from None
            if violates(error, "allocation_document_of_open"):
                raise NotAsking from None
            raise
        return ident

    async def of(self, request_ids: Collection[UUID]) -> Mapping[UUID, tuple[DocumentRow, ...]]:
        """By request, in the order in which they were sent."""
        async with self._db.connection() as conn:
            rows = await documents_store.documents(conn, request_ids)
        return {ident: tuple(row for row in rows if row.request_id == ident) for ident in request_ids}

    async def content(self, ident: UUID) -> tuple[Kind, bytes]:
        """For staff who confirm requests. Raises NotFound."""
        async with self._db.connection() as conn:
            row = await documents_store.find_document(conn, ident)
            sealed = await documents_store.content(conn, ident)
        if row is None or sealed is None:
            raise NotFound
        return row.kind, self._sealer.open_bytes(sealed, context("document", ident))

    async def remove(self, request_id: UUID, ident: UUID) -> None:
        """By whoever sent it. Twice is no mistake."""
        async with self._db.transaction() as conn:
            await documents_store.remove_document(conn, request_id, ident)
