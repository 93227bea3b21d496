"""A case as booking hands it over, everything defaulted, and a mail server that does what a test says."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from typing import Any, Literal
from uuid import UUID

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

CASE = UUID("3f0e8c1e-7a1d-4a58-9d5e-3e1a5f0f4c11")
NOW = datetime(2026, 12, 1, 8, 0, tzinfo=UTC)
MAIL_FROM = "Stadt Stuttgart <termine@stuttgart.example>"
LINK = "https://termine.stuttgart.example/de/appointments/3f0e8c1e-7a1d-4a58-9d5e-3e1a5f0f4c11?token=q7Jc-0_x"

_TEXTS: dict[str, dict[str, Any]] = {
    "de": {
        "service": "Personalausweis beantragen",
        "refund_policy": "Die Gebühr erstatten wir Ihnen dann ganz.",
        "directions": "2. Stock, Wartebereich B, stufenlos",
        "documents": ["Alter Ausweis oder Reisepass", "Biometrisches Foto (digital)"],
    },
    "en": {
        "service": "Apply for an identity card",
        "refund_policy": "We then refund the whole fee.",
        "directions": "2nd floor, waiting area B, step-free",
        "documents": ["Old identity card or passport", "Biometric photo (digital)"],
    },
}


def case(language: str = "de", **changes: Any) -> dict[str, Any]:
    return {
        "uid": str(CASE),
        "sequence": 0,
        "city": "Stuttgart",
        "number": "K7F-3QM",
        "channel": "onsite",
        "office": "Bürgerbüro Mitte",
        "street": "Eberhardstraße 39",
        "postcode": "70173",
        "place": "Stuttgart",
        "starts_at": "2026-12-08T08:40:00+00:00",
        "ends_at": "2026-12-08T09:00:00+00:00",
        "time_zone": "Europe/Berlin",
        "manage_url": LINK,
        "fee_cents": 3700,
        "currency": "EUR",
        "refund_cents": None,
        **_TEXTS[language],
        **changes,
    }


@dataclass
class MailServer:
    """Takes mail for everybody, but for whom a test has an answer ready; "drop" hangs up after the contents came."""

    port: int = 0
    answers: dict[str, str] = field(
        default_factory=dict
    )  # recipient -> reply to RCPT, or "drop", "late 451 …", "silent"
    mails: list[tuple[str, EmailMessage]] = field(default_factory=list)
    attempts: list[str] = field(default_factory=list)
    on_mail: Callable[[], None] = lambda: None

    async def handle_RCPT(self, _s: SMTP, _n: Session, envelope: Envelope, address: str, _o: list[str]) -> str:
        self.attempts.append(address)
        answer = self.answers.get(address, "")
        if answer[:1].isdigit():
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:
        answer = self.answers.get(envelope.rcpt_tos[0], "")
        if answer.startswith("late "):
            return answer[5:]
        content = envelope.content
        assert isinstance(content, bytes)
        self.mails.append((envelope.rcpt_tos[0], BytesParser(EmailMessage, policy=default).parsebytes(content)))
        self.on_mail()
        if answer == "drop":
            _abort(server)
        if answer == "silent":
            await asyncio.sleep(60)
        return "250 OK"


def _login(_s: SMTP, _n: Session, _e: Envelope, _mechanism: str, data: Any) -> AuthResult:
    return AuthResult(success=(data.login, data.password) == (b"schalter", b"p@ss"), handled=False)


class _Connection(SMTP):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.lost = asyncio.Event()

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self.lost.set()


def _abort(connection: SMTP) -> None:
    if isinstance(connection.transport, asyncio.WriteTransport):
        connection.transport.abort()


@asynccontextmanager
async def mail_server(
    tls: ssl.SSLContext | None = None, kind: Literal["plain", "starttls", "smtps"] = "plain", **options: Any
) -> AsyncIterator[MailServer]:
    server = MailServer()
    if options.get("auth_required"):
        options["authenticator"] = _login
    if kind == "starttls":
        options |= {"tls_context": tls, "require_starttls": True}
    connections: set[_Connection] = set()

    def connection() -> SMTP:
        made = _Connection(server, enable_SMTPUTF8=True, hostname="mx.test", **options)
        connections.add(made)
        return made

    listening = await asyncio.get_running_loop().create_server(
        connection, "127.0.0.1", 0, ssl=tls if kind == "smtps" else None
    )
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        for made in connections:
            _abort(made)
            with suppress(TimeoutError):  # where TLS was refused, nobody tells the connection that it is lost
                await asyncio.wait_for(made.lost.wait(), 0.2)
