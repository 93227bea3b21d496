"""What whoever asked is told by mail, in the transaction of what is told of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from uuid import UUID

from base.clock import Clock
from base.db import Connection
from base.i18n import pick
from base.seal import Sealer
from booking.allocation.store import Marked, RequestRow
from booking.appointments.contact import Contact
from notifications.usecases import Notifications


class Teller:
    def __init__(self, notifications: Notifications, sealer: Sealer, clock: Clock, public_url: str) -> None:
        self._notifications = notifications
        self._sealer = sealer
        self._clock = clock
        self._public_url = public_url

    async def link(self, conn: Connection, row: RequestRow, marked: Marked) -> None:
        """With which the request counts."""
        await self._mail(conn, "allocation_request", row, marked, f"requests/{row.id}/link/{self.token(row.id)}")

    async def ended(self, conn: Connection, row: RequestRow, marked: Marked) -> None:
        """The service can be booked like any other: where."""
        await self._mail(conn, "allocation_ended", row, marked, f"services/{row.service_id}")

    async def waits(self, conn: Connection, row: RequestRow, marked: Marked, next_on: date | None) -> None:
        """A run had nothing for this request, which stays in the list."""
        path = f"requests/{row.id}/link/{self.token(row.id)}"
        more = {"next_on": next_on.isoformat()} if next_on else {}
        await self._mail(conn, "allocation_waits", row, marked, path, more)

    def contact_of(self, row: RequestRow) -> Contact:
        return open_contact(self._sealer, row)

    def token(self, ident: UUID) -> str:
        return self._sealer.mac(f"allocation-request:{ident}")

    async def _mail(
        self,
        conn: Connection,
        template: str,
        row: RequestRow,
        marked: Marked,
        path: str,
        more: Mapping[str, str] | None = None,
    ) -> None:
        email = self.contact_of(row).email
        if email is None:
            return
        fields = {
            "city": pick(marked.city, row.language),
            "service": pick(marked.name, row.language),
            "number": row.public_id,
            "manage_url": f"{self._public_url}/{row.language}/{path}",
            **(more or {}),
        }
        await self._notifications.enqueue(
            conn,
            key=f"{template}:{row.id}",
            reference=row.id,
            template=template,
            channel="email",
            language=row.language,
            recipient=email,
            fields=fields,
            due_at=self._clock(),
        )


def open_contact(sealer: Sealer, row: RequestRow) -> Contact:
    return Contact.stored(json.loads(sealer.open(row.contact, context("contact", row.id))))


def context(field: str, ident: UUID) -> str:
    """What a sealed field is bound to."""
    return f"allocation.{field}:{ident}"
