"""The mail sandbox: keeps what real SMTP brings, shows it safely, and fails as planned."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path

import aiohttp
import aiosmtplib
import pytest
from aiohttp.test_utils import TestServer

from sandbox.smtp import Fault, MailSandbox, mail_sandbox
from sandbox.smtp.inbox import build
from tests.sandbox.test_stripe_process import PROJECT, free_port

EVIL = "<script>alert(1)</script>"


def letter(subject: str = "Bestätigung", **parts: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "termine@city.example", "Érika <e@post.example>", subject
    message["Message-ID"] = "<1@city.example>"
    message.set_content(parts.get("text", "Guten Tag, siehe https://city.example/de/a?x=1&y=2.\n"))
    if "html" in parts:
        message.add_alternative(parts["html"], subtype="html")
    if "calendar" in parts:
        message.add_alternative(parts["calendar"], subtype="calendar", params={"method": "REQUEST"})
    return message


async def send(mail: MailSandbox, message: EmailMessage, *to: str) -> None:
    await aiosmtplib.send(
        message,
        sender="termine@city.example",
        recipients=list(to or ["e@post.example"]),
        hostname=mail.host,
        port=mail.smtp_port,
    )


@contextlib.asynccontextmanager
async def with_inbox(mail: MailSandbox) -> AsyncIterator[tuple[aiohttp.ClientSession, str]]:
    server = TestServer(build(mail.mailbox, mail.faults), host="127.0.0.1")
    await server.start_server()
    try:
        async with aiohttp.ClientSession() as http:
            yield http, str(server.make_url("")).rstrip("/")
    finally:
        await server.close()


async def page(http: aiohttp.ClientSession, url: str) -> tuple[str, str]:
    async with http.get(url) as response:
        assert response.status == 200
        return await response.text(), response.headers["Content-Security-Policy"]


async def test_a_mail_is_kept_with_its_envelope() -> None:
    async with mail_sandbox() as mail:
        await send(mail, letter(), "e@post.example", "hidden@post.example")
        (kept,) = mail.messages
        assert (kept.mail_from, kept.rcpt_to) == ("termine@city.example", ("e@post.example", "hidden@post.example"))
        assert (kept.header("Subject"), kept.header("To")) == ("Bestätigung", "Érika <e@post.example>")
        assert (kept.part("text/plain") or "").startswith("Guten Tag")
        assert kept.part("text/html") is None


async def test_mails_survive_on_disk_and_ids_sort_by_arrival(tmp_path: Path) -> None:
    async with mail_sandbox(tmp_path) as mail:
        for number in range(3):
            await send(mail, letter(f"Nr. {number}"))
        assert sorted(Path(name).suffix for name in os.listdir(tmp_path)) == [".eml"] * 3 + [".json"] * 3
        before = list(mail.messages)
    (tmp_path / "half.eml.new").write_bytes(b"half")
    async with mail_sandbox(tmp_path) as mail:
        assert mail.messages == before
        assert [it.header("Subject") for it in mail.messages] == ["Nr. 0", "Nr. 1", "Nr. 2"]
        assert mail.mailbox.clear() == 3
        assert os.listdir(tmp_path) == ["half.eml.new"]


async def test_only_the_owner_reads_the_mails(tmp_path: Path) -> None:
    folder = tmp_path / "smtp"
    async with mail_sandbox(folder) as mail:
        await send(mail, letter())
    modes = {path.suffix: path.stat().st_mode & 0o777 for path in (folder, *folder.iterdir())}
    assert modes == {"": 0o700, ".eml": 0o600, ".json": 0o600}
    for path in folder.iterdir():
        path.chmod(0o644)  # as an older version left them
    async with mail_sandbox(folder):
        assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


async def test_the_inbox_shows_the_newest_first_and_a_mail_with_all_parts() -> None:
    html = '<html><head><title>x</title></head><body><a href="https://city.example/">link</a></body></html>'
    calendar = "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nEND:VCALENDAR\r\n"
    async with mail_sandbox() as mail, with_inbox(mail) as (http, url):
        await send(mail, letter("first"))
        await send(mail, letter("second", html=html, calendar=calendar))
        text, policy = await page(http, url + "/")
        assert text.index("second") < text.index("first")
        assert "e@post.example" in text
        assert "default-src 'none'" in policy
        second = mail.messages[1].id
        text, _ = await page(http, f"{url}/mail/{second}")
        assert '<a href="https://city.example/de/a?x=1&amp;y=2">' in text  # without the full stop
        assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in text
        assert "METHOD:REQUEST" in text
        framed, policy = await page(http, f"{url}/mail/{second}/html")
        assert '<head><base target="_blank">' in framed
        assert "sandbox allow-popups" in policy
        async with http.get(f"{url}/mail/{second}/raw") as response:
            assert await response.read() == mail.messages[1].raw
            assert response.content_type == "message/rfc822"
            assert response.headers["Content-Disposition"] == f'attachment; filename="{second}.eml"'
        async with http.get(f"{url}/messages", params={"to": "e@post.example"}) as response:
            found = (await response.json())["messages"]
        assert [it["subject"] for it in found] == ["second", "first"]
        assert found[0]["message_id"] == "<1@city.example>"
        assert found[0]["calendar"].startswith("BEGIN:VCALENDAR")
        async with http.get(f"{url}/messages/{second}") as response:
            assert await response.json() == found[0]


async def test_what_a_mail_says_cannot_do_anything() -> None:
    evil = EmailMessage()
    evil["Subject"], evil["To"] = EVIL, f'"{EVIL}" <e@post.example>'
    evil.set_content(f'{EVIL} https://city.example/"onmouseover="x" javascript:alert(1)')
    async with mail_sandbox() as mail, with_inbox(mail) as (http, url):
        await send(mail, evil)
        for path in ("/", f"/mail/{mail.messages[0].id}"):
            text, _ = await page(http, url + path)
            assert "<script" not in text
            assert "onmouseover=&quot;x" in text or path == "/"
        for path in ("/mail/nix", "/mail/..%2F..%2Fetc%2Fpasswd/raw", "/messages/nix"):
            async with http.get(url + path) as response:
                assert response.status == 404


@pytest.mark.parametrize(
    "raw",
    [
        b"Subject: =?utf-8?b?####?=\r\nContent-Type: text/plain; charset=nobody-knows\r\n\r\nhi \xff\r\n",
        b"To: <<<>>,,@\r\nDate: never\r\nContent-Type: multipart/mixed\r\n\r\nno boundary\r\n",
        b"",
        b"no headers at all",
    ],
)
async def test_broken_mails_are_shown_all_the_same(raw: bytes) -> None:
    async with mail_sandbox() as mail, with_inbox(mail) as (http, url):
        kept = mail.mailbox.keep(raw, "", ["e@post.example"])
        await page(http, url + "/")
        await page(http, f"{url}/mail/{kept.id}")
        async with http.get(f"{url}/messages") as response:
            assert len((await response.json())["messages"]) == 1


@pytest.mark.parametrize(
    ("kind", "stage"), [("421", "rcpt"), ("451", "rcpt"), ("550", "rcpt"), ("451", "data"), ("550", "data")]
)
async def test_refusals_for_the_next_mails(kind: str, stage: str) -> None:
    async with mail_sandbox() as mail, with_inbox(mail) as (http, url):
        plan = {"faults": [{"kind": kind, "times": 2, "stage": stage, "to": "@post"}]}
        async with http.put(f"{url}/_sandbox/faults", json=plan) as response:
            assert response.status == 200
        for _ in range(2):
            with pytest.raises(aiosmtplib.SMTPException) as caught:
                await send(mail, letter())
            assert kind in str(caught.value)
        await send(mail, letter())
        assert len(mail.messages) == 1


@pytest.mark.parametrize(("fault", "kept"), [(Fault("drop_before"), 0), (Fault("drop_after"), 1)])
async def test_a_dropped_connection_after_data(fault: Fault, kept: int) -> None:
    async with mail_sandbox() as mail:
        mail.faults.plan(fault)
        with pytest.raises(aiosmtplib.SMTPServerDisconnected):
            await send(mail, letter())
        assert len(mail.messages) == kept
        await send(mail, letter())
        assert len(await mail.wait_for(kept + 1)) == kept + 1


@pytest.mark.parametrize(
    "plan",
    [
        [],
        {"faults": [{"kind": "999"}]},
        {"faults": [{"kind": "451", "times": 0}]},
        {"faults": [{"kind": "451", "x": 1}]},
    ],
)
async def test_a_wrong_fault_plan_is_refused(plan: object) -> None:
    async with mail_sandbox() as mail, with_inbox(mail) as (http, url):
        async with http.put(f"{url}/_sandbox/faults", json=plan) as response:
            assert response.status == 400
        async with http.put(f"{url}/_sandbox/faults", data={"faults": "x"}) as response:
            assert response.status == 415
        assert mail.faults.planned == []


async def test_an_open_connection_does_not_hold_up_the_end() -> None:
    async with mail_sandbox() as mail:
        client = aiosmtplib.SMTP(hostname=mail.host, port=mail.smtp_port)
        await client.connect()
    client.close()


async def test_waiting_for_mail_that_does_not_come_ends() -> None:
    async with mail_sandbox() as mail:
        with pytest.raises(TimeoutError):
            await mail.wait_for(1, timeout_s=0.01)


async def test_as_a_process_a_kill_loses_no_accepted_mail(tmp_path: Path) -> None:
    port, smtp_port = free_port(), free_port()
    words = ["--port", str(port), "--smtp-port", str(smtp_port), "--data", str(tmp_path)]
    command = (sys.executable, "-m", "sandbox.smtp", *words)
    pipe = asyncio.subprocess.PIPE
    for number in range(2):
        process = await asyncio.create_subprocess_exec(*command, cwd=PROJECT, env=os.environ, stdout=pipe, stderr=pipe)
        assert process.stdout is not None
        async with asyncio.timeout(30):
            assert (await process.stdout.readline()).startswith(b"Inbox on")
        second = await asyncio.create_subprocess_exec(*command, cwd=PROJECT, env=os.environ, stdout=pipe, stderr=pipe)
        _, errors = await second.communicate()
        assert (second.returncode, errors.count(b"\n")) == (2, 1)
        assert errors.startswith(b"sandbox.smtp: cannot listen on 127.0.0.1")
        await aiosmtplib.send(letter(f"Nr. {number}"), hostname="127.0.0.1", port=smtp_port)
        async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{port}/messages") as response:
            assert len((await response.json())["messages"]) == number + 1
        process.send_signal(signal.SIGKILL)
        await process.communicate()
