"""Messages to people: written in the transaction of their fact, sent after it, at least once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping
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
from notifications.model import Channel, Contents, Message, Sent, Status, Template, Untold
from notifications.ports import CallbackRefused, MailSender, Outcome, Receipt, Report, TextSender, report_url
from notifications.store import (
    erase,
    insert_message,
    is_latest_undelivered,
    is_newest_out,
    mark_asked,
    mark_followed,
    mark_sent,
    raise_rank,
    sent_of,
    silent_texts,
    undelivered_of,
    untold_texts,
)

log = logging.getLogger(__name__)
message_claimed = point("message.claimed")
message_sent = point("message.sent")
message_marked = point("message.marked")

SILENCE = timedelta(hours=24)  # a text is delivered within minutes, or it is not
_UNTOLD_AT_ONCE = 100
_AT_ONCE = 8  # connections to the mail server, or to the provider of texts
_MESSAGE = TypeAdapter(Message)
MOST_ATTEMPTS = 77  # 1, 2, 4 … 32 minutes, then every hour: three days, as mail servers do (RFC 5321, 4.5.4.1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How often a message is tried. `doubt`: the least time before a try whose outcome is unknown is repeated."""

    lease: timedelta
    doubt: timedelta
    most_wait: timedelta
    most_attempts: int

    def retry_at(self, now: datetime, attempts: int, *, in_doubt: bool = False) -> datetime | None:
        """None: it was tried long enough."""
        if attempts >= self.most_attempts:
            return None
        wait = back_off(attempts, first=timedelta(minutes=1), most=self.most_wait)
        return now + (max(wait, self.doubt) if in_doubt else wait)


# A mail's lease is several times what sending one may take.
MAIL = Patience(
    lease=timedelta(minutes=2), doubt=timedelta(), most_wait=timedelta(hours=1), most_attempts=MOST_ATTEMPTS
)
# A text that was sent is reported within seconds, and the report says which one: whoever waits for it sends none twice.
TEXT = Patience(
    lease=timedelta(minutes=10), doubt=timedelta(minutes=10), most_wait=timedelta(minutes=10), most_attempts=434
)


def retry_at(now: datetime, attempts: int) -> datetime | None:
    """For a mail."""
    return MAIL.retry_at(now, attempts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notifications:
    db: Database
    sealer: Sealer
    clock: Clock
    messages: Messages
    mail: MailSender | None  # None: nothing is sent, messages wait until there is somebody who sends them
    reply_to: str = ""
    texts: TextSender | None = None  # None: text messages wait as well, and booking writes none
    public_url: str = ""  # where a provider of texts reports to
    queue: Queue = field(default_factory=lambda: Queue("message", only="channel <> 'sms'"))
    text_queue: Queue = field(default_factory=lambda: Queue("message", only="channel = 'sms'"))

    @property
    def can_text(self) -> bool:
        return self.texts is not None

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
        return await is_latest_undelivered(conn, reference)

    async def has_gone_out(self, conn: Connection, reference: UUID, template: str) -> bool:
        """Whether the newest of these messages left us and was not given up by anybody since."""
        return await is_newest_out(conn, reference, template)

    async def erase(self, conn: Connection, reference: UUID) -> None:
        """What messages about this say and to whom; those that wait are not sent any more."""
        await erase(conn, reference)

    def calendar_file(self, language: str, fields: Mapping[str, Any]) -> bytes:
        """What "add to calendar" downloads; `fields` as for a confirmation."""
        return self.messages.download(language, fields, now=self.clock())

    async def send_due(self) -> int:
        """Claim a handful of due messages of each kind and send them; return how many were claimed."""
        mails = await self._claim(self.queue, MAIL) if self.mail is not None else []
        texts = await self._claim(self.text_queue, TEXT) if self.texts is not None else []
        await asyncio.gather(*(self._send(row) for row in (*mails, *texts)))
        return len(mails) + len(texts)

    def read_report(self, url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> Report | None:
        """See TextSender.read_report."""
        if self.texts is None:
            raise CallbackRefused
        return self.texts.read_report(url, form, headers)

    async def take_report(self, message_id: UUID, report: Report) -> None:
        """By rank: what says less than is known changes nothing. It also stands for an answer to the sending that was lost."""
        status = report.delivery.status
        async with self.db.transaction() as conn:
            changed = await raise_rank(
                conn,
                message_id,
                self.clock(),
                status=status,
                rank=report.delivery,
                provider_id=report.provider_id,
                reason=report.reason or None,
            )
        about = {"message_id": str(message_id), "delivery": report.delivery.name, "reason": report.reason}
        log.info("message.reported", extra={**about, "changed": changed})

    async def ask_about_silent(self) -> int:
        """Once for each text of which nothing final was heard for a day; what the provider says is applied by rank, as a report is."""
        if self.texts is None:
            return 0
        async with self.db.connection() as conn:
            silent = await silent_texts(conn, self.clock() - SILENCE, _AT_ONCE)
        return sum(await asyncio.gather(*(self._ask(self.texts, *one) for one in silent)))

    async def _ask(self, texts: TextSender, message_id: UUID, provider_id: str) -> bool:
        report = await texts.fetch(provider_id)
        if report is None:  # no answer: asked again with the next round
            return False
        await self.take_report(message_id, report)
        async with self.db.connection() as conn:
            await mark_asked(conn, message_id, self.clock())
        return True

    async def untold(self) -> list[Untold]:
        """Texts that did not arrive and were not told otherwise yet."""
        async with self.db.connection() as conn:
            return await untold_texts(conn, _UNTOLD_AT_ONCE)

    async def mark_followed(self, conn: Connection, message_id: UUID) -> bool:
        """In the transaction that tells it otherwise. False: nothing is to be told any more."""
        return await mark_followed(conn, message_id, self.clock())

    async def undelivered(self, conn: Connection, references: Collection[UUID]) -> list[UUID]:
        """Those whose latest message did not arrive, as far as anybody knows."""
        return await undelivered_of(conn, references)

    async def sent_of(self, references: Collection[UUID]) -> list[Sent]:
        """What went out for them, oldest first."""
        async with self.db.connection() as conn:
            return await sent_of(conn, references)

    async def _claim(self, queue: Queue, patience: Patience) -> list[dict[str, Any]]:
        async with self.db.connection() as conn:
            return await queue.claim(conn, self.clock(), limit=_AT_ONCE, lease=patience.lease)

    async def _send(self, row: Mapping[str, Any]) -> None:
        """No message stops another: what goes wrong here is this row's affair. Logs name the row, never a person."""
        message_claimed()
        about = {"message_id": str(row["id"]), "template": row["template"], "attempts": row["attempts"]}
        try:
            receipt = await self._deliver(_MESSAGE.validate_python(dict(row)))
        except Exception as error:  # a template or key that does not fit yet can fit after the next deployment
            receipt = Receipt(Outcome.TEMPORARY, f"not_rendered {type(error).__name__}")
        try:
            status = await self._mark(row, receipt)
            log.info("message.%s", receipt.outcome, extra={**about, "reason": receipt.reason, "status": status})
        except Exception as error:  # the lease runs out, and it is sent again
            log.error("message.not_marked", extra={**about, "error": type(error).__name__})

    async def _deliver(self, message: Message) -> Receipt:
        if (
            message.attempts > _patience(message.channel).most_attempts
        ):  # it ended the process each time before it was marked
            return Receipt(Outcome.PERMANENT, "given_up")
        if message.channel is Channel.EMAIL and self.mail is not None:
            receipt = await self._deliver_mail(self.mail, message)
        elif message.channel is Channel.SMS and self.texts is not None:
            receipt = await self._deliver_text(self.texts, message)
        else:
            return Receipt(Outcome.PERMANENT, f"no_sender_for_{message.channel}")
        if receipt.outcome is Outcome.SENT:
            message_sent()
        return receipt

    async def _deliver_mail(self, mail: MailSender, message: Message) -> Receipt:
        contents = self._open(message)
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
        return await mail.send(sender=self.messages.address, recipient=recipient, mail=data)

    async def _deliver_text(self, texts: TextSender, message: Message) -> Receipt:
        contents = self._open(message)
        if self.messages.is_late(message.template, contents.fields, self.clock()):
            return Receipt(Outcome.PERMANENT, "too_late")
        text = self.messages.text(message.template, message.language, contents.fields)
        report_to = report_url(self.public_url, message.id)
        return await texts.send(recipient=contents.recipient, text=text, report_to=report_to)

    def _open(self, message: Message) -> Contents:
        return Contents.from_json(self.sealer.open(message.contents, _context(message.key)))

    async def _mark(self, row: Mapping[str, Any], receipt: Receipt) -> Status | None:
        """The row's status from now on; None where its lease has passed to another dispatcher meanwhile, or a report was first."""
        now, message_id = self.clock(), row["id"]
        queue = self.text_queue if row["channel"] == Channel.SMS else self.queue
        in_doubt = receipt.outcome is Outcome.UNKNOWN
        again = _patience(row["channel"]).retry_at(now, row["attempts"], in_doubt=in_doubt)
        async with self.db.transaction() as conn:
            if receipt.outcome is Outcome.SENT:
                rank, provider_id = int(receipt.delivery or 0), receipt.provider_id
                status = receipt.delivery.status if receipt.delivery else Status.SENT
                marked = await mark_sent(
                    conn, message_id, queue.ident, now, status=status, provider_id=provider_id, rank=rank
                )
            elif receipt.outcome is Outcome.PERMANENT or again is None:
                status, marked = Status.DEAD, await queue.dead(conn, message_id, receipt.reason)
            else:  # TEMPORARY; and UNKNOWN: better twice than never
                status, marked = Status.DUE, await queue.retry(conn, message_id, again, receipt.reason)
        if marked:
            message_marked()
        return status if marked else None


def _patience(channel: str) -> Patience:
    return TEXT if channel == Channel.SMS else MAIL


def _context(key: str) -> str:
    return f"message.contents:{key}"
