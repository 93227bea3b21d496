"""Text messages: what they say, when they go out, and what the provider's reports change. Real database, the Twilio sandbox."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import asyncpg
import pytest

from base.clock import SettableClock
from base.db import Database
from base.failpoint import arm
from base.gsm import is_gsm, segments
from notifications.model import Delivery
from notifications.ports import Report
from notifications.sms_twilio import TwilioSender
from notifications.usecases import Notifications
from sandbox.twilio import ACCOUNT_SID, AUTH_TOKEN, Fault, TextSandbox, text_sandbox
from tests.golden import check_golden
from tests.notifications.cases import case
from tests.notifications.test_dispatcher import MESSAGES, SEALER, Crash, enqueue, only_row

GOLDEN = Path(__file__).parent / "golden"
MOBILE = "+4915123456789"
LINK = "https://termine.stuttgart.example/de/case/" + "q7Jc-0_x" * 5 + "abc"  # as long as a case's link is
TEMPLATES = (
    "appointment_confirmed",
    "appointment_moved",
    "rebooking_offered",
    "rebooking_stands",
    "appointment_cancelled",
    "appointment_reserved",
    "appointment_offered",
    "waitlist_offered",
    "invitation",
    "invitation_reminder",
    "appointment_reconfirm",
    "appointment_released",
    "refund_succeeded",
    "paid_too_late",
    "call_link",
    "guard_code",
    "till_code",
    "till_reserved",
    "till_reminder",
    "till_lapsed",
)

INVITED = {
    "address": "Eberhardstraße 39, 70173 Ulm",
    "first_day": "2026-12-14",
    "last_day": "2027-01-22",
    "answer_by": "2026-12-11",
}


def text(template: str, language: str, **changes: Any) -> str:
    from notifications.model import Template

    fields = {
        "manage_url": LINK,
        "refund_cents": 3700,
        "answer_until": "2026-12-01T08:35:00+00:00",
        **INVITED,
        "code": "428173",
        "good_until": "2026-12-01T08:30:00+00:00",
        **changes,
    }
    return MESSAGES.text(Template(template), language, case(language, **fields))


@pytest.mark.parametrize("language", ["de", "en"])
def test_the_texts(language: str) -> None:
    """Byte for byte; see golden/texts.*.txt."""
    lines = [
        f"{template} {channel}: {text(template, language, channel=channel)}\n"
        for template in TEMPLATES
        for channel in (
            ("video",) if template in ("call_link", "guard_code", "till_code") else ("onsite", "video", "phone")
        )
    ]
    check_golden(GOLDEN / f"texts.{language}.txt", "".join(lines))


@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("channel", ["onsite", "video", "phone"])
def test_one_part_in_the_alphabet_of_text_messages(template: str, language: str, channel: str) -> None:
    """With a case's link of 88 letters; a longer address of the city makes two parts at most."""
    said = text(template, language, channel=channel)
    assert is_gsm(said)
    assert segments(said) == 1
    assert segments(text(template, language, channel=channel, manage_url="https://" + "stadt." * 20 + LINK[8:])) <= 2


@pytest.mark.parametrize("template", TEMPLATES)
def test_no_name_no_service_and_no_office_in_it(template: str) -> None:
    said = text(template, "de", channel="video", join_url="https://termine.stuttgart.example/de/join/x")
    for secret in ("Personalausweis", "Bürgerbüro", "Eberhardstr", "Stuttgart,", "Ausweis"):
        assert secret not in said


def test_the_call_link_is_the_join_link_where_there_is_one() -> None:
    assert text("call_link", "de", channel="video").endswith(LINK)
    joined = text("call_link", "de", channel="video", join_url="https://termine.stuttgart.example/de/join/abc")
    assert joined.endswith("/de/join/abc")
    assert LINK not in joined


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    yield
    arm(None)


@pytest.fixture
async def sandbox() -> AsyncIterator[TextSandbox]:
    async with text_sandbox() as running:
        yield running


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


def dispatcher(db: Database, clock: SettableClock, sandbox: TextSandbox, http: aiohttp.ClientSession) -> Notifications:
    sender = TwilioSender(
        http,
        account_sid=ACCOUNT_SID,
        auth_token=AUTH_TOKEN,
        sender="Stuttgart",
        api_base=sandbox.url,
        seconds=3,  # long enough for the request to arrive on a busy machine; only faults that never answer wait for it
    )
    return Notifications(
        db=db,
        sealer=SEALER,
        clock=clock,
        messages=MESSAGES,
        mail=None,
        texts=sender,
        public_url="http://127.0.0.1:9",  # nobody there: in these tests reports are handed over by hand
    )


async def enqueue_text(to: Notifications, key: str = "confirmed", **given: Any) -> None:
    await enqueue(to, key=key, recipient=given.pop("recipient", MOBILE), channel="sms", **given)


async def test_sent_once_and_its_contents_are_gone(
    db: Database, clock: SettableClock, sandbox: TextSandbox, http: aiohttp.ClientSession
) -> None:
    notifications = dispatcher(db, clock, sandbox, http)
    for _ in range(2):  # the same fact, told twice
        await enqueue_text(notifications)
    assert MOBILE.encode() not in (await only_row(db))["contents"]
    assert await notifications.send_due() == 1
    assert await notifications.send_due() == 0
    [sent] = sandbox.texts
    assert sent.to == MOBILE
    after = await only_row(db)
    assert (after["status"], after["contents"], after["provider_id"], after["provider_rank"], after["lease_by"]) == (
        "sent",
        None,
        sent.sid,
        Delivery.ACCEPTED,
        None,
    )


async def test_without_an_account_texts_wait_and_mails_do_not_care(
    db: Database, clock: SettableClock, sandbox: TextSandbox, http: aiohttp.ClientSession
) -> None:
    alone = Notifications(db=db, sealer=SEALER, clock=clock, messages=MESSAGES, mail=None)
    await enqueue_text(alone)
    assert (alone.can_text, await alone.send_due()) == (False, 0)
    assert (await only_row(db))["attempts"] == 0
    assert await dispatcher(db, clock, sandbox, http).send_due() == 1


@pytest.mark.parametrize(
    ("recipient", "reason"),
    [
        ("+15005550001", "21211 number_invalid"),
        ("+15005550002", "21612 number_unreachable"),
        ("+15005550004", "21610 opted_out"),
        ("+15005550009", "21614 number_not_mobile"),
        ("0151", "21211 number_invalid"),
    ],
)
async def test_a_refused_number_is_a_dead_letter(
    db: Database,
    clock: SettableClock,
    sandbox: TextSandbox,
    http: aiohttp.ClientSession,
    recipient: str,
    reason: str,
) -> None:
    notifications = dispatcher(db, clock, sandbox, http)
    await enqueue_text(notifications, recipient=recipient)
    await notifications.send_due()
    dead = await only_row(db)
    assert (dead["status"], dead["last_error"], sandbox.texts) == ("dead", reason, [])


async def test_an_hour_of_refusals_loses_nothing_and_is_made_up_for_in_ten_minutes(
    db: Database, clock: SettableClock, sandbox: TextSandbox, http: aiohttp.ClientSession
) -> None:
    """429 and 503 in turn, 60 minutes long; then everything is out within ten."""
    notifications = dispatcher(db, clock, sandbox, http)
    for number in range(20):
        await enqueue_text(notifications, key=f"k{number}", recipient=f"+49151000000{number:02}")
    started = clock()
    while clock() - started < timedelta(minutes=60):
        sandbox.faults.plan(Fault("429", times=8), Fault("503", times=1000))
        while await notifications.send_due():
            pass
        clock.advance(minutes=1)
    assert sandbox.texts == []
    sandbox.faults.plan()
    for _ in range(10):
        clock.advance(minutes=1)
        while await notifications.send_due():
            pass
    assert len({sent.to for sent in sandbox.texts}) == len(sandbox.texts) == 20


@pytest.mark.parametrize("kind", ["drop_after", "silent_after", "error_after"])
async def test_a_lost_answer_is_made_up_for_by_the_report(
    db: Database, clock: SettableClock, sandbox: TextSandbox, http: aiohttp.ClientSession, kind: Any
) -> None:
    """Nobody can know whether it was taken, so it waits; the report names our message, and nothing is sent twice."""
    notifications = dispatcher(db, clock, sandbox, http)
    await enqueue_text(notifications)
    sandbox.faults.plan(Fault(kind))
    await notifications.send_due()
    row = await only_row(db)
    assert (row["status"], row["due_at"]) == ("due", clock() + timedelta(minutes=10))
    await notifications.take_report(row["id"], Report(sandbox.texts[0].sid, Delivery.SENT))
    after = await only_row(db)
    assert (after["status"], after["contents"], after["provider_id"]) == ("sent", None, sandbox.texts[0].sid)
    clock.advance(minutes=30)
    assert await notifications.send_due() == 0
    assert len(sandbox.texts) == 1


async def test_without_answer_and_without_report_it_is_sent_again(
    db: Database, clock: SettableClock, sandbox: TextSandbox, http: aiohttp.ClientSession
) -> None:
    """Better twice than never: this is the one way to a second text (ADR 13)."""
    notifications = dispatcher(db, clock, sandbox, http)
    await enqueue_text(notifications)
    sandbox.faults.plan(Fault("drop_after"))
    await notifications.send_due()
    clock.advance(minutes=9)
    assert await notifications.send_due() == 0
    clock.advance(minutes=1)
    assert await notifications.send_due() == 1
    assert (len(sandbox.texts), (await only_row(db))["status"]) == (2, "sent")


@pytest.mark.parametrize(
    ("point", "reported", "texts"),
    [
        ("message.claimed", False, 1),
        ("message.sent", True, 1),
        ("message.sent", False, 2),
        ("message.marked", False, 1),
    ],
)
async def test_killed_at_each_step(
    db: Database,
    clock: SettableClock,
    sandbox: TextSandbox,
    http: aiohttp.ClientSession,
    point: str,
    reported: bool,
    texts: int,
) -> None:
    def crash(reached: str) -> None:
        if reached == point:
            raise Crash

    await enqueue_text(dispatcher(db, clock, sandbox, http))
    arm(crash)
    with pytest.raises(Crash):
        await dispatcher(db, clock, sandbox, http).send_due()
    arm(None)
    restarted = dispatcher(db, clock, sandbox, http)
    if reported:
        await restarted.take_report((await only_row(db))["id"], Report("SM1", Delivery.DELIVERED))
    assert await restarted.send_due() == 0  # the lease of the dead holds
    clock.advance(minutes=10)
    await restarted.send_due()
    assert (await only_row(db))["status"] == ("delivered" if reported else "sent")
    assert len(sandbox.texts) == texts


async def test_two_dispatchers_send_each_text_once(
    db: Database, clock: SettableClock, sandbox: TextSandbox, http: aiohttp.ClientSession
) -> None:
    workers = [dispatcher(db, clock, sandbox, http) for _ in range(2)]
    for number in range(24):
        await enqueue_text(workers[0], key=f"k{number}", recipient=f"+49151000000{number:02}")

    async def drain(worker: Notifications) -> None:
        while await worker.send_due():
            pass

    await asyncio.gather(*(drain(worker) for worker in workers))
    assert sorted(sent.to for sent in sandbox.texts) == sorted(f"+49151000000{number:02}" for number in range(24))


async def test_after_the_appointment_no_text_is_sent(
    db: Database, clock: SettableClock, sandbox: TextSandbox, http: aiohttp.ClientSession
) -> None:
    notifications = dispatcher(db, clock, sandbox, http)
    await enqueue_text(notifications)
    clock.advance(days=10)
    await notifications.send_due()
    assert ((await only_row(db))["last_error"], sandbox.texts) == ("too_late", [])


REPORTS = {
    "in order": ("SENDING", "SENT", "DELIVERED"),
    "reordered": ("DELIVERED", "SENT", "SENDING"),
    "repeated": ("SENT", "SENT", "DELIVERED", "DELIVERED", "SENT"),
    "only the last": ("DELIVERED",),
    "a second text arrived": ("UNDELIVERED", "DELIVERED", "UNDELIVERED"),
}


@pytest.mark.parametrize("order", REPORTS.values(), ids=REPORTS.keys())
async def test_reports_are_applied_by_rank(
    db: Database,
    clock: SettableClock,
    sandbox: TextSandbox,
    http: aiohttp.ClientSession,
    order: tuple[str, ...],
) -> None:
    notifications = dispatcher(db, clock, sandbox, http)
    await enqueue_text(notifications)
    await notifications.send_due()
    ident: UUID = (await only_row(db))["id"]
    known = Delivery.ACCEPTED
    for name in order:
        await notifications.take_report(ident, Report("SM1", Delivery[name]))
        known = max(known, Delivery[name])
        row = await only_row(db)
        assert (row["provider_rank"], row["status"]) == (known, known.status)
    assert (await only_row(db))["status"] == "delivered"


async def test_a_text_that_does_not_arrive_says_why(
    db: Database, clock: SettableClock, sandbox: TextSandbox, http: aiohttp.ClientSession
) -> None:
    notifications = dispatcher(db, clock, sandbox, http)
    await enqueue_text(notifications)
    await notifications.send_due()
    row = await only_row(db)
    await notifications.take_report(row["id"], Report("SM1", Delivery.UNDELIVERED, "30003 phone_unreachable"))
    row = await only_row(db)
    assert (row["status"], row["last_error"], row["contents"]) == ("undelivered", "30003 phone_unreachable", None)


async def test_reports_of_unknown_messages_and_of_mails_change_nothing(
    db: Database, clock: SettableClock, sandbox: TextSandbox, http: aiohttp.ClientSession
) -> None:
    notifications = dispatcher(db, clock, sandbox, http)
    await enqueue(notifications)
    before = await only_row(db)
    for ident in (before["id"], uuid4()):
        await notifications.take_report(ident, Report("SM1", Delivery.DELIVERED))
    assert await only_row(db) == before


@pytest.mark.parametrize(
    ("sql", "constraint"),
    [
        ("UPDATE message SET provider_rank = 1, status = 'sent'", "message_rank_never_falls"),
        ("UPDATE message SET status = 'due'", "message_status_by_rank"),
        ("UPDATE message SET status = 'undelivered'", "message_status_by_rank"),
        ("UPDATE message SET status = 'lost'", "message_status"),
        ("UPDATE message SET provider_rank = 6", "message_provider_rank"),
        ("UPDATE message SET contents = 'x'", "message_sent_is_empty"),
    ],
)
async def test_the_schema_refuses(
    db: Database,
    clock: SettableClock,
    sandbox: TextSandbox,
    http: aiohttp.ClientSession,
    sql: str,
    constraint: str,
) -> None:
    """Round the code, on a text that is delivered."""
    notifications = dispatcher(db, clock, sandbox, http)
    await enqueue_text(notifications)
    await notifications.send_due()
    await notifications.take_report((await only_row(db))["id"], Report("SM1", Delivery.DELIVERED))
    async with db.connection() as conn:
        with pytest.raises(asyncpg.PostgresError) as refused:
            await conn.execute(sql)
    assert constraint in str(getattr(refused.value, "constraint_name", ""))


async def test_nothing_personal_in_logs(
    db: Database,
    clock: SettableClock,
    sandbox: TextSandbox,
    http: aiohttp.ClientSession,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Not ours, and not the SDK's, which logs its calls."""
    caplog.set_level(logging.DEBUG)
    notifications = dispatcher(db, clock, sandbox, http)
    await enqueue_text(notifications)
    await enqueue_text(notifications, key="refused", recipient="+15005550004")
    await notifications.send_due()
    logged = "\n".join(str(vars(record)) for record in caplog.records)
    assert "message." in logged
    for personal in (MOBILE, "15123456789", "+15005550004", "K7F-3QM", AUTH_TOKEN + ":"):
        assert personal not in logged
