"""The SMTP server (RFC 5321, by aiosmtpd) in the running loop: keeps each mail, or does what the fault plan says."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

from sandbox.smtp.faults import REPLIES, Faults, Kind
from sandbox.smtp.mailbox import Mail, Mailbox

MAX_MAIL_BYTES = 20 * 1024 * 1024


class Handler:
    """The hooks of aiosmtpd, whose names are given."""

    def __init__(self, mailbox: Mailbox, faults: Faults) -> None:
        self._mailbox, self._faults = mailbox, faults

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        kind = self._faults.take("rcpt", [address])
        if kind is not None:
            return _refuse(server, kind)
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        kind = self._faults.take("data", envelope.rcpt_tos)
        if kind is not None and kind != "drop_after":
            return _refuse(server, kind)
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        mail = self._mailbox.keep(content, envelope.mail_from or "", envelope.rcpt_tos)
        return f"250 2.0.0 OK: kept as {mail.id}" if kind is None else _refuse(server, kind)


def _refuse(server: SMTP, kind: Kind) -> str:
    transport = server.transport
    if transport is not None and kind.startswith("drop"):
        transport.abort()  # type: ignore[attr-defined]  # aiosmtpd annotates the base class of all transports
    elif transport is not None and kind == "421":
        asyncio.get_running_loop().call_soon(transport.close)  # after the reply, which is written without a pause
    return REPLIES.get(kind, "")


class _Connection(SMTP):
    """One connection, known to its server while it lasts."""

    def __init__(self, handler: Handler, open_ones: "set[_Connection]") -> None:
        super().__init__(
            handler,
            hostname="localhost",  # else aiosmtpd asks the name service
            ident="SMTP sandbox",
            enable_SMTPUTF8=True,
            data_size_limit=MAX_MAIL_BYTES,
            loop=asyncio.get_running_loop(),
        )
        self._open_ones = open_ones

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._open_ones.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self._open_ones.discard(self)


@dataclass(frozen=True, slots=True)
class MailSandbox:
    host: str
    smtp_port: int
    mailbox: Mailbox
    faults: Faults

    @property
    def url(self) -> str:
        return f"smtp://{self.host}:{self.smtp_port}"

    @property
    def messages(self) -> list[Mail]:
        """Oldest first."""
        return self.mailbox.messages

    async def wait_for(self, number: int, timeout_s: float = 10.0) -> list[Mail]:
        return await self.mailbox.wait_for(number, timeout_s)


@contextlib.asynccontextmanager
async def mail_sandbox(
    folder: Path | None = None, *, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[MailSandbox]:
    """A running server; port 0 takes a free one, without a folder nothing is written."""
    mailbox, faults = Mailbox(folder), Faults()
    open_ones: set[_Connection] = set()
    handler = Handler(mailbox, faults)
    server = await asyncio.get_running_loop().create_server(lambda: _Connection(handler, open_ones), host, port)
    try:
        yield MailSandbox(host, server.sockets[0].getsockname()[1], mailbox, faults)
    finally:
        server.close()
        for connection in list(open_ones):
            if connection.transport is not None:
                connection.transport.abort()  # type: ignore[attr-defined]
        await server.wait_closed()
