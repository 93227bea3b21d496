"""Messages to people: written in the transaction of their fact, sent after it, at least once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter

from base.clock import Clock
from base.db import Connection, Database
from base.failpoint import point
from base.jobs import Queue, back_off
from base.seal import Sealer
from notifications.messages import Messages
from notifications.mime import ascii_domain, mail_bytes
from notifications.model import Channel, Contents, Message, Status, Template
from notifications.ports import MailSender, Outcome, Receipt
from notifications.store import erase_contents, insert_message, is_latest_dead

log = logging.getLogger(__name__)
message_claimed = point("message.claimed")
message_sent = point("message.sent")
message_marked = point("message.marked")

_AT_ONCE = 8  # connections to the mail server
_LEASE = timedelta(minutes=2)  # several times what one mail may take
_MESSAGE = TypeAdapter(Message)
MOST_ATTEMPTS = 77  # 1, 2, 4 … 32 minutes, then every hour: three days, as mail servers do (RFC 5321, 4.5.4.1)


def retry_at(now: datetime, attempts: int) -> datetime | None:
    """None: it was tried long enough."""
    if attempts >= MOST_ATTEMPTS:
        return None
    return now + back_off(attempts, first=timedelta(minutes=1), most=timedelta(hours=1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Notifications:
    db: Database
    sealer: Sealer
    clock: Clock
    messages: Messages
    mail: MailSender | None  # None: nothing is sent, messages wait until there is somebody who sends them
    reply_to: str = ""
    queue: Queue = field(default_factory=lambda: Queue("message"))

    async def enqueue(
        self,
        conn: Connection,
        *,
        key: str,
        reference: UUID,
        template: str,
        channel: str,
        language: str,
        recipient: str,
        fields: Mapping[str, Any],
        due_at: datetime,
    ) -> None:
        """In the transaction of the fact; the same key is one message. `fields`: JSON, see notifications.fields."""
        await insert_message(
            conn,
            key=key,
            reference=reference,
            template=Template(template),
            channel=Channel(channel),
            language=language,
            contents=self.sealer.seal(Contents(recipient, fields).to_json(), _context(key)),
            due_at=due_at,
        )

    async def is_undeliverable(self, conn: Connection, reference: UUID) -> bool:
        """Whether the latest message about this was given up: the address is wrong, or nobody was there for days."""
        return await is_latest_dead(conn, reference)

    def calendar_file(self, language: str, fields: Mapping[str, Any]) -> bytes:
        """What "add to calendar" downloads; `fields` as for a confirmation."""
        return self.messages.download(language, fields, now=self.clock())

    async def send_due(self) -> int:
        """Claim a handful of due messages and send them; return how many were claimed."""
        if self.mail is None:
            return 0
        async with self.db.connection() as conn:
            rows = await self.queue.claim(conn, self.clock(), limit=_AT_ONCE, lease=_LEASE)
        await asyncio.gather(*(self._send(self.mail, row) for row in rows))
        return len(rows)

    async def _send(self, mail: MailSender, row: Mapping[str, Any]) -> None:
        """No message stops another: what goes wrong here is this row's affair. Logs name the row, never a person."""
        message_claimed()
        about = {"message_id": str(row["id"]), "template": row["template"], "attempts": row["attempts"]}
        try:
            receipt = await self._deliver(mail, _MESSAGE.validate_python(dict(row)))
        except Exception as error:  # a template or key that does not fit yet can fit after the next deployment
            receipt = Receipt(Outcome.TEMPORARY, f"not_rendered {type(error).__name__}")
        try:
            status = await self._mark(row["id"], row["attempts"], receipt)
            log.info("message.%s", receipt.outcome, extra={**about, "reason": receipt.reason, "status": status})
        except Exception as error:  # the lease runs out, and it is sent again
            log.error("message.not_marked", extra={**about, "error": type(error).__name__})

    async def _deliver(self, mail: MailSender, message: Message) -> Receipt:
        if message.channel is not Channel.EMAIL:
            return Receipt(Outcome.PERMANENT, f"no_sender_for_{message.channel}")
        if message.attempts > MOST_ATTEMPTS:  # only a message that ends the process before it is marked comes so far
            return Receipt(Outcome.PERMANENT, "given_up")
        contents = Contents.from_json(self.sealer.open(message.contents, _context(message.key)))
        try:
            recipient = ascii_domain(contents.recipient)
        except ValueError:
            return Receipt(Outcome.PERMANENT, "bad_address")
        now = self.clock()
        made = self.messages.mail(message.template, message.language, contents.fields, recipient=recipient, now=now)
        data = mail_bytes(
            made,
            message_id=message.id,
            sender=self.messages.mail_from,
            recipient=recipient,
            now=now,
            reply_to=self.reply_to,
        )
        receipt = await mail.send(sender=self.messages.address, recipient=recipient, mail=data)
        if receipt.outcome is Outcome.SENT:
            message_sent()
        return receipt

    async def _mark(self, message_id: UUID, attempts: int, receipt: Receipt) -> Status | None:
        """The row's status from now on; None where its lease has passed to another dispatcher meanwhile."""
        now = self.clock()
        again = retry_at(now, attempts)
        async with self.db.transaction() as conn:
            if receipt.outcome is Outcome.SENT:
                status, marked = Status.SENT, await self.queue.done(conn, message_id, Status.SENT)
                if marked:
                    await erase_contents(conn, message_id, now)
            elif receipt.outcome is Outcome.PERMANENT or again is None:
                status, marked = Status.DEAD, await self.queue.dead(conn, message_id, receipt.reason)
            else:  # TEMPORARY; and UNKNOWN: better twice, with the same Message-ID, than never
                status, marked = Status.DUE, await self.queue.retry(conn, message_id, again, receipt.reason)
        if marked:
            message_marked()
        return status if marked else None


def _context(key: str) -> str:
    return f"message.contents:{key}"
