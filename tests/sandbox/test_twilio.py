"""The Twilio sandbox, called by Twilio's real SDK: its refusals, what it keeps, and how it signs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from twilio.base.exceptions import TwilioRestException
from twilio.request_validator import RequestValidator

from notifications.model import Delivery
from notifications.ports import CallbackRefused, Outcome, Receipt, Report
from notifications.sms_twilio import STATUSES, TwilioSender, receipt
from sandbox.twilio import ACCOUNT_SID, AUTH_TOKEN, CallbackPlan, Fault, TextSandbox, text_sandbox
from sandbox.twilio.callbacks import sign
from tests.town import eventually

TO = "+4915123456789"


@pytest.fixture
async def sandbox() -> AsyncIterator[TextSandbox]:
    async with text_sandbox() as running:
        yield running


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


def adapter(
    sandbox: TextSandbox, http: aiohttp.ClientSession, token: str = AUTH_TOKEN, seconds: float = 5
) -> TwilioSender:
    return TwilioSender(
        http, account_sid=ACCOUNT_SID, auth_token=token, sender="Stuttgart", api_base=sandbox.url, seconds=seconds
    )


async def send(sender: TwilioSender, to: str = TO, report_to: str = "http://127.0.0.1:9/x?message=1") -> Receipt:
    return await sender.send(recipient=to, text="Ihr Termin: Di., 8.12.", report_to=report_to)


async def test_taken_with_content_and_address_retention_off(sandbox: TextSandbox, http: aiohttp.ClientSession) -> None:
    sandbox.messages.held = True
    answer = await send(adapter(sandbox, http))
    [text] = sandbox.texts
    assert answer == Receipt(Outcome.SENT, "queued", text.sid, Delivery.ACCEPTED)
    assert (text.to, text.sender, text.body) == (TO, "Stuttgart", "Ihr Termin: Di., 8.12.")
    assert (text.discard, text.obfuscate, text.validity_s) == (True, True, 4 * 3600)
    assert text.callback == "http://127.0.0.1:9/x?message=1"


async def test_what_was_delivered_is_on_the_telephone_only(sandbox: TextSandbox, http: aiohttp.ClientSession) -> None:
    sender = adapter(sandbox, http)
    await send(sender)

    async def arrived() -> bool:
        return bool(sandbox.messages.arrived())

    await eventually(arrived)
    assert sandbox.messages.arrived()[0].phone_text == "Ihr Termin: Di., 8.12."
    [listed] = await sender._messages.list_async(to=TO[:-4] + "XXXX")
    assert (listed.status, listed.body, listed.to) == ("delivered", "", "+491512345XXXX")
    assert await sender._messages.list_async(to=TO) == []  # so nobody can look for a text whose answer was lost


async def test_redacted_and_deleted(sandbox: TextSandbox, http: aiohttp.ClientSession) -> None:
    sandbox.messages.held = True
    messages = adapter(sandbox, http)._messages
    made = await messages.create_async(to=TO, from_="+4971112345", body="a")
    assert (made.status, made.body, made.num_segments) == ("queued", "a", "1")
    assert (await messages(made.sid).update_async(body="")).body == ""
    assert (await messages(made.sid).fetch_async()).body == ""
    assert await messages(made.sid).delete_async()
    with pytest.raises(TwilioRestException) as gone:
        await messages(made.sid).fetch_async()
    assert (gone.value.status, gone.value.code) == (404, 20404)


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        ("+15005550001", Receipt(Outcome.PERMANENT, "21211 number_invalid")),
        ("+15005550002", Receipt(Outcome.PERMANENT, "21612 number_unreachable")),
        ("+15005550003", Receipt(Outcome.TEMPORARY, "21408 country_not_allowed")),
        ("+15005550004", Receipt(Outcome.PERMANENT, "21610 opted_out")),
        ("+15005550009", Receipt(Outcome.PERMANENT, "21614 number_not_mobile")),
        ("Hauptstraße 1", Receipt(Outcome.PERMANENT, "21211 number_invalid")),
    ],
)
async def test_refused_recipients(
    sandbox: TextSandbox, http: aiohttp.ClientSession, to: str, expected: Receipt
) -> None:
    assert await send(adapter(sandbox, http), to) == expected
    assert sandbox.texts == []


@pytest.mark.parametrize(
    ("kind", "expected", "taken"),
    [
        ("429", Receipt(Outcome.TEMPORARY, "20429 too_many_requests"), 0),
        ("500", Receipt(Outcome.UNKNOWN, "500 server_error"), 0),
        ("503", Receipt(Outcome.UNKNOWN, "503 server_error"), 0),
        ("error_after", Receipt(Outcome.UNKNOWN, "500 server_error"), 1),
        ("silent_before", Receipt(Outcome.UNKNOWN, "timeout"), 0),
        ("silent_after", Receipt(Outcome.UNKNOWN, "timeout"), 1),
        ("drop_before", Receipt(Outcome.UNKNOWN, "connection ServerDisconnectedError"), 0),
        ("drop_after", Receipt(Outcome.UNKNOWN, "connection ServerDisconnectedError"), 1),
    ],
)
async def test_faults(
    sandbox: TextSandbox, http: aiohttp.ClientSession, kind: str, expected: Receipt, taken: int
) -> None:
    """The SDK repeats nothing by itself."""
    sandbox.faults.plan(Fault(kind))  # type: ignore[arg-type]
    assert await send(adapter(sandbox, http, seconds=0.3)) == expected
    assert len(sandbox.texts) == taken


async def test_a_wrong_token_waits_for_the_right_one(sandbox: TextSandbox, http: aiohttp.ClientSession) -> None:
    assert await send(adapter(sandbox, http, "wrong")) == Receipt(Outcome.TEMPORARY, "20003 login_refused")


async def test_nobody_listens(http: aiohttp.ClientSession) -> None:
    async with text_sandbox() as sandbox:
        sender = adapter(sandbox, http)
    assert (await send(sender)).outcome is Outcome.TEMPORARY


async def test_the_environment_does_not_lead_the_token_elsewhere(
    sandbox: TextSandbox, http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TWILIO_EDGE", "elsewhere")
    monkeypatch.setenv("TWILIO_REGION", "ie1")
    assert (await send(adapter(sandbox, http))).outcome is Outcome.SENT


def test_refusals_that_no_table_names() -> None:
    assert receipt(400, 99999) == Receipt(Outcome.PERMANENT, "99999 refused")
    assert receipt(403, None) == Receipt(Outcome.TEMPORARY, "403 not_allowed")
    assert receipt(502, 20500).outcome is Outcome.UNKNOWN


def test_every_status_of_the_sdk_has_a_rank() -> None:
    from twilio.rest.api.v2010.account.message import MessageInstance

    known = {value for name, value in vars(MessageInstance.Status).items() if name.isupper()}
    assert known - {"receiving", "received"} == set(STATUSES)


FORM = {"MessageSid": "SM1", "MessageStatus": "undelivered", "ErrorCode": "30003", "To": TO, "From": "Stuttgart"}
URL = "https://termine.stuttgart.example/api/webhooks/twilio?message=1"


async def test_a_signature_holds_for_its_address_and_fields_only(
    sandbox: TextSandbox, http: aiohttp.ClientSession
) -> None:
    """Ours is computed apart from the SDK's, which checks it."""
    sender, signature = adapter(sandbox, http), sign(AUTH_TOKEN, URL, FORM)
    assert signature == RequestValidator(AUTH_TOKEN).compute_signature(URL, FORM)
    headers = {"X-Twilio-Signature": signature}
    assert sender.read_report(URL, FORM, headers) == Report("SM1", Delivery.UNDELIVERED, "30003 phone_unreachable")
    for url, form, sent in (
        (URL.replace("message=1", "message=2"), FORM, headers),
        (URL.replace("https", "http"), FORM, headers),
        (URL, {**FORM, "MessageStatus": "delivered"}, headers),
        (URL, {**FORM, "More": ""}, headers),
        (URL, FORM, {"X-Twilio-Signature": sign("other", URL, FORM)}),
        (URL, FORM, {}),
    ):
        with pytest.raises(CallbackRefused):
            sender.read_report(url, form, sent)


async def test_signed_and_without_news(sandbox: TextSandbox, http: aiohttp.ClientSession) -> None:
    form = {**FORM, "MessageStatus": "receiving"}
    assert adapter(sandbox, http).read_report(URL, form, {"X-Twilio-Signature": sign(AUTH_TOKEN, URL, form)}) is None


async def test_callbacks_lost_repeated_and_reordered(sandbox: TextSandbox, http: aiohttp.ClientSession) -> None:
    got: list[str] = []

    async def take(request: web.Request) -> web.Response:
        got.append(str((await request.post())["MessageStatus"]))
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post("/x", take)
    async with TestServer(app) as server:
        for plan, expected in (
            (CallbackPlan(), ["sending", "sent", "delivered"]),
            (CallbackPlan(repeat=1), ["sending", "sending", "sent", "sent", "delivered", "delivered"]),
            (CallbackPlan(reorder=3), ["delivered", "sent", "sending"]),
        ):
            got.clear()
            sandbox.callbacks.plan = plan
            await send(adapter(sandbox, http), report_to=str(server.make_url("/x")))

            async def all_there(number: int = len(expected)) -> bool:
                return len(got) >= number

            await eventually(all_there)
            assert got == expected
        got.clear()
        sandbox.callbacks.plan = CallbackPlan(lose=1)
        await send(adapter(sandbox, http), report_to=str(server.make_url("/x")))

        async def final() -> bool:
            return all(text.is_final for text in sandbox.texts)

        await eventually(final)
        assert (got, sandbox.callbacks.pending) == ([], [])


async def test_messages_outlive_the_process(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    async with text_sandbox(tmp_path) as sandbox:
        sandbox.messages.held = True
        await send(adapter(sandbox, http))
        before = sandbox.texts
    assert (next(tmp_path.glob("*.json")).stat().st_mode & 0o777) == 0o600
    async with text_sandbox(tmp_path) as again:
        assert [text.sid for text in again.texts] == [text.sid for text in before]


@pytest.mark.parametrize("setting", ["TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_AUTH_TOKEN_FILE"])
def test_it_never_runs_beside_a_real_account(tmp_path: Path, setting: str) -> None:
    (tmp_path / "token").write_text("f" * 32)
    environ = {setting: str(tmp_path / "token")} if setting.endswith("FILE") else {setting: "AC" + "f" * 32}
    done = subprocess.run(
        [sys.executable, "-m", "sandbox.twilio", "--port", "1", "--data", str(tmp_path)],
        env={"PATH": "", **environ},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr.startswith(f"sandbox.twilio: {setting} is not the sandbox's")) == (2, True)
