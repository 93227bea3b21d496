"""The adapter against a real SMTP server on a real socket: each way it can go, and what we call it."""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from notifications.mail_smtp import CODES, SmtpSender, receipt
from notifications.ports import Outcome, Receipt
from tests.notifications.cases import mail_server

MAIL = b"From: <a@x.example>\r\nSubject: Hello\r\n\r\n.dot\r\n"


async def send(url: str, recipient: str = "erika@post.example", *, ca_file: str = "", seconds: float = 5) -> Receipt:
    sender = SmtpSender(url, ca_file=ca_file, seconds=seconds)
    return await sender.send(sender="termine@stuttgart.example", recipient=recipient, mail=MAIL)


async def test_a_mail_arrives() -> None:
    async with mail_server() as server:
        assert await send(f"smtp://127.0.0.1:{server.port}") == Receipt(Outcome.SENT, "250 accepted")
    ((recipient, mail),) = server.mails
    assert (recipient, mail["Subject"], mail.get_content()) == ("erika@post.example", "Hello", ".dot\r\n")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("421 4.3.2 shutting down", Receipt(Outcome.TEMPORARY, "421 4.3.2 service_unavailable")),
        ("451 erika@post.example is greylisted", Receipt(Outcome.TEMPORARY, "451 try_later")),
        ("550 5.1.1 <erika@post.example> unknown", Receipt(Outcome.PERMANENT, "550 5.1.1 no_mailbox")),
        ("599 what", Receipt(Outcome.PERMANENT, "599 refused")),
        ("499 what", Receipt(Outcome.TEMPORARY, "499 unexpected")),
        ("late 451 4.7.1 later", Receipt(Outcome.TEMPORARY, "451 4.7.1 try_later")),
        ("late 554 5.7.1 spam from erika@post.example", Receipt(Outcome.PERMANENT, "554 5.7.1 refused")),
        ("drop", Receipt(Outcome.UNKNOWN, "connection SMTPServerDisconnected")),
        ("silent", Receipt(Outcome.UNKNOWN, "timeout")),
    ],
    ids=lambda value: value.replace(" ", "_")[:10] if isinstance(value, str) else "",
)
async def test_answers(answer: str, expected: Receipt) -> None:
    async with mail_server() as server:
        server.answers["erika@post.example"] = answer
        assert await send(f"smtp://127.0.0.1:{server.port}", seconds=0.5) == expected


def test_the_table_agrees_with_the_first_digit() -> None:
    """But for the codes that speak of our own login."""
    expected = {2: Outcome.SENT, 4: Outcome.TEMPORARY, 5: Outcome.PERMANENT}
    assert {code for code, (outcome, _) in CODES.items() if outcome is not expected[code // 100]} == {
        530,
        534,
        535,
        538,
    }


def test_before_the_recipient_is_named_nothing_is_refused_for_good() -> None:
    assert receipt(550, "5.7.1 no relay", recipient_named=False) == Receipt(
        Outcome.TEMPORARY, "550 5.7.1 sender_refused"
    )
    assert receipt(554, recipient_named=False).outcome is Outcome.TEMPORARY


async def test_nobody_listens() -> None:
    async with mail_server() as server:
        port = server.port
    answer = await send(f"smtp://127.0.0.1:{port}")
    assert answer == Receipt(Outcome.TEMPORARY, "connection SMTPConnectError")


async def test_a_server_that_says_nothing_costs_bounded_time() -> None:
    left = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        await writer.wait_closed()
        left.set()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    try:
        port = server.sockets[0].getsockname()[1]
        started = asyncio.get_running_loop().time()
        assert await send(f"smtp://127.0.0.1:{port}", seconds=0.2) == Receipt(Outcome.TEMPORARY, "timeout")
        assert asyncio.get_running_loop().time() - started < 2
        await left.wait()
    finally:
        server.close()


async def test_an_address_cannot_add_a_command() -> None:
    async with mail_server() as server:
        answer = await send(f"smtp://127.0.0.1:{server.port}", "a b@x.example\r\nRCPT TO:<b@y.example")
    assert answer == Receipt(Outcome.PERMANENT, "bad_address")
    assert server.attempts == []


async def test_a_local_part_beyond_ascii() -> None:
    async with mail_server() as server:
        assert (await send(f"smtp://127.0.0.1:{server.port}", "jörg@x.example")).outcome is Outcome.SENT
    assert server.mails[0][0] == "jörg@x.example"


# TLS and login


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, str]:
    """A certificate of our own making for 127.0.0.1, as a server context and as a CA file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mx.test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder: Path = tmp_path_factory.mktemp("certificate")
    pem = folder / "server.pem"
    pem.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    ca = folder / "ca.pem"
    ca.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context, str(ca)


async def test_starttls_with_login(certificate: tuple[ssl.SSLContext, str]) -> None:
    context, ca = certificate
    async with mail_server(context, "starttls", auth_required=True) as server:
        url = f"smtp://schalter:p%40ss@127.0.0.1:{server.port}?starttls=1"
        assert (await send(url, ca_file=ca)).outcome is Outcome.SENT
        wrong = await send(url.replace("p%40ss", "wrong"), ca_file=ca)
        assert wrong == Receipt(Outcome.TEMPORARY, "535 5.7.8 login_refused")


async def test_smtps(certificate: tuple[ssl.SSLContext, str]) -> None:
    context, ca = certificate
    async with mail_server(context, "smtps") as server:
        assert (await send(f"smtps://127.0.0.1:{server.port}", ca_file=ca)).outcome is Outcome.SENT


async def test_an_unknown_certificate_gets_no_mail(certificate: tuple[ssl.SSLContext, str]) -> None:
    context, _ = certificate
    async with mail_server(context, "starttls") as server:
        answer = await send(f"smtp://127.0.0.1:{server.port}?starttls=1")
        assert answer.outcome is Outcome.TEMPORARY
        assert server.mails == []


async def test_starttls_is_never_left_out() -> None:
    async with mail_server() as server:
        answer = await send(f"smtp://127.0.0.1:{server.port}?starttls=1")
        assert answer.outcome is Outcome.TEMPORARY
        assert server.mails == []


@pytest.mark.parametrize(
    "url", ["", "http://x", "smtp://", "smtps://x?starttls=1", "smtp://user:password@mx.example:587", "smtp://x:y"]
)
def test_wrong_urls(url: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        SmtpSender(url)
