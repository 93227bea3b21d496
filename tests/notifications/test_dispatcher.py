"""The outbox on a real database with a real mail server: every message once, at least; no message in the way of another."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from base.clock import SettableClock
from base.db import Database
from base.failpoint import arm
from base.i18n import Translations
from base.seal import Sealer
from notifications.mail_smtp import SmtpSender
from notifications.messages import Messages
from notifications.ports import MailSender, Outcome, Receipt
from notifications.usecases import MOST_ATTEMPTS, Notifications, retry_at
from tests.notifications.cases import CASE, MAIL_FROM, MailServer, case, mail_server

SEALER = Sealer("notifications-tests-need-32-characters")
MESSAGES = Messages(Translations.load(), mail_from=MAIL_FROM)


class Crash(BaseException):
    """The process ends here: nobody catches it, nothing after it happens."""


@pytest.fixture
async def server() -> AsyncIterator[MailServer]:
    async with mail_server() as running:
        yield running


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    yield
    arm(None)


def dispatcher(db: Database, clock: SettableClock, mail: MailSender | MailServer | None) -> Notifications:
    """A worker of its own: leases are in its name."""
    sender = SmtpSender(f"smtp://127.0.0.1:{mail.port}", seconds=2) if isinstance(mail, MailServer) else mail
    return Notifications(db=db, sealer=SEALER, clock=clock, messages=MESSAGES, mail=sender)


def message(to: Notifications, **given: Any) -> dict[str, Any]:
    return {
        "reference": CASE,
        "template": "appointment_confirmed",
        "channel": "email",
        "language": "de",
        "fields": case(),
        "due_at": to.clock(),
        **given,
    }


async def enqueue(
    to: Notifications, key: str = "confirmed", recipient: str = "erika@post.example", **given: Any
) -> None:
    async with to.db.transaction() as conn:
        await to.enqueue(conn, key=key, recipient=recipient, **message(to, **given))


async def rows(db: Database) -> dict[str, dict[str, Any]]:
    async with db.connection() as conn:
        return {row["key"]: dict(row) for row in await conn.fetch("SELECT * FROM message")}


async def only_row(db: Database) -> dict[str, Any]:
    (only,) = (await rows(db)).values()
    return only


async def test_sent_once_and_its_contents_are_gone(db: Database, clock: SettableClock, server: MailServer) -> None:
    notifications = dispatcher(db, clock, server)
    for _ in range(2):  # the same fact, told twice
        await enqueue(notifications)
    before = await only_row(db)
    assert b"erika" not in before["contents"]
    assert await notifications.send_due() == 1
    assert await notifications.send_due() == 0
    ((recipient, mail),) = server.mails
    assert recipient == "erika@post.example"
    assert mail["Message-ID"] == f"<{before['id']}@stuttgart.example>"
    after = await only_row(db)
    assert (after["status"], after["contents"], after["sent_at"], after["lease_by"]) == ("sent", None, clock(), None)


async def test_without_the_fact_there_is_no_message(db: Database, clock: SettableClock, server: MailServer) -> None:
    notifications = dispatcher(db, clock, server)

    async def fails_after_all() -> None:
        async with db.transaction() as conn:
            await notifications.enqueue(conn, **message(notifications), key="k", recipient="erika@post.example")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fails_after_all()
    assert await rows(db) == {}


async def test_not_before_it_is_due(db: Database, clock: SettableClock, server: MailServer) -> None:
    notifications = dispatcher(db, clock, server)
    await enqueue(notifications, due_at=clock() + timedelta(hours=1))
    assert await notifications.send_due() == 0
    clock.advance(hours=1)
    assert await notifications.send_due() == 1


async def test_without_a_mail_server_messages_wait(db: Database, clock: SettableClock, server: MailServer) -> None:
    await enqueue(dispatcher(db, clock, None))
    assert await dispatcher(db, clock, None).send_due() == 0
    assert (await only_row(db))["attempts"] == 0
    assert await dispatcher(db, clock, server).send_due() == 1


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("421 4.3.2 closing", "421 4.3.2 service_unavailable"),
        ("451 4.7.1 erika@post.example is greylisted", "451 4.7.1 try_later"),
        ("late 452 full", "452 no_space"),
    ],
    ids=["421", "451", "452 after the contents"],
)
async def test_what_passes_is_tried_again(
    db: Database, clock: SettableClock, server: MailServer, answer: str, reason: str
) -> None:
    notifications = dispatcher(db, clock, server)
    await enqueue(notifications)
    server.answers["erika@post.example"] = answer
    assert await notifications.send_due() == 1
    waiting = await only_row(db)
    assert (waiting["status"], waiting["last_error"], waiting["lease_by"]) == ("due", reason, None)
    assert waiting["due_at"] == clock() + timedelta(minutes=1)
    assert await notifications.send_due() == 0
    server.answers.clear()
    clock.advance(minutes=1)
    assert await notifications.send_due() == 1
    assert len(server.mails) == 1
    assert (await only_row(db))["status"] == "sent"
    assert (await only_row(db))["last_error"] is None


async def test_a_refused_recipient_is_a_dead_letter(db: Database, clock: SettableClock, server: MailServer) -> None:
    notifications = dispatcher(db, clock, server)
    await enqueue(notifications)
    server.answers["erika@post.example"] = "550 5.1.1 <erika@post.example>: no such user"
    assert await notifications.send_due() == 1
    dead = await only_row(db)
    assert (dead["status"], dead["last_error"]) == ("dead", "550 5.1.1 no_mailbox")
    clock.advance(days=5)
    assert await notifications.send_due() == 0


async def test_after_three_days_it_is_given_up(db: Database, clock: SettableClock) -> None:
    class Never:
        async def send(self, *, sender: str, recipient: str, mail: bytes) -> Receipt:
            return Receipt(Outcome.TEMPORARY, "451 try_later")

    notifications = dispatcher(db, clock, Never())
    started = clock()
    await enqueue(notifications)
    tries = 0
    while (waiting := await only_row(db))["status"] == "due":
        clock.set(max(clock(), waiting["due_at"]))
        tries += await notifications.send_due()
    assert (waiting["status"], tries) == ("dead", MOST_ATTEMPTS)
    assert timedelta(days=2, hours=20) < clock() - started < timedelta(days=3, hours=4)


def test_back_off_doubles_up_to_an_hour(clock: SettableClock) -> None:
    waits = [(again - clock()) // timedelta(minutes=1) for n in range(1, 10) if (again := retry_at(clock(), n))]
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert retry_at(clock(), MOST_ATTEMPTS) is None


async def test_no_answer_after_the_contents_means_the_same_mail_again(
    db: Database, clock: SettableClock, server: MailServer
) -> None:
    notifications = dispatcher(db, clock, server)
    await enqueue(notifications)
    server.answers["erika@post.example"] = "drop"
    await notifications.send_due()
    assert (await only_row(db))["status"] == "due"
    server.answers.clear()
    clock.advance(minutes=1)
    await notifications.send_due()
    assert (await only_row(db))["status"] == "sent"
    first, second = (mail for _, mail in server.mails)
    assert first["Message-ID"] == second["Message-ID"]


@pytest.mark.parametrize(("point", "mails"), [("message.claimed", 1), ("message.sent", 2), ("message.marked", 1)])
async def test_killed_at_each_step(
    db: Database, clock: SettableClock, server: MailServer, point: str, mails: int
) -> None:
    """Nothing is lost. Only a death between sending and marking sends twice, recognisably."""

    def crash(reached: str) -> None:
        if reached == point:
            raise Crash

    await enqueue(dispatcher(db, clock, server))
    arm(crash)
    with pytest.raises(Crash):
        await dispatcher(db, clock, server).send_due()
    arm(None)
    restarted = dispatcher(db, clock, server)
    assert await restarted.send_due() == 0  # the lease of the dead holds
    clock.advance(minutes=2)
    await restarted.send_due()
    assert (await only_row(db))["status"] == "sent"
    assert len(server.mails) == mails
    assert len({mail["Message-ID"] for _, mail in server.mails}) == 1


async def test_two_dispatchers_send_each_mail_once(db: Database, clock: SettableClock, server: MailServer) -> None:
    workers = [dispatcher(db, clock, server) for _ in range(2)]
    for number in range(40):
        await enqueue(workers[0], key=f"k{number}", recipient=f"p{number}@post.example")

    async def drain(worker: Notifications) -> int:
        total = 0
        while claimed := await worker.send_due():
            total += claimed
        return total

    claimed = await asyncio.gather(*(drain(worker) for worker in workers))
    assert sum(claimed) == 40
    assert all(claimed)
    assert sorted(recipient for recipient, _ in server.mails) == sorted(
        f"p{number}@post.example" for number in range(40)
    )
    assert {row["status"] for row in (await rows(db)).values()} == {"sent"}


async def test_one_bad_message_does_not_stop_the_others(
    db: Database, clock: SettableClock, server: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="notifications")
    notifications = dispatcher(db, clock, server)
    await enqueue(notifications, key="fields", recipient="max@post.example", fields={"number": "secret name"})
    await enqueue(notifications, key="address", recipient="not an address")
    await enqueue(notifications, key="refused", recipient="moritz@post.example")
    await enqueue(notifications, key="letter", channel="letter", recipient="Hauptstraße 1")
    await enqueue(notifications, key="key")
    async with db.connection() as conn:  # as after a lost key
        await conn.execute("UPDATE message SET contents = $1 WHERE key = 'key'", b"\x01" + bytes(40))
    await enqueue(notifications, key="good", recipient="lena@post.example")
    server.answers["moritz@post.example"] = "550 no moritz@post.example here"

    assert await notifications.send_due() == 6
    assert [recipient for recipient, _ in server.mails] == ["lena@post.example"]
    assert {key: (row["status"], row["last_error"]) for key, row in (await rows(db)).items()} == {
        "fields": ("due", "not_rendered ValidationError"),
        "address": ("dead", "bad_address"),
        "refused": ("dead", "550 no_mailbox"),
        "letter": ("dead", "no_sender_for_letter"),
        "key": ("due", "not_rendered Unsealable"),
        "good": ("sent", None),
    }
    logged = "\n".join(str(vars(record)) for record in caplog.records if record.name.startswith("notifications"))
    assert "not_rendered" in logged
    for personal in ("post.example", "moritz", "secret name", "Hauptstr"):
        assert personal not in logged


async def test_a_message_that_ends_the_process_each_time_is_given_up(
    db: Database, clock: SettableClock, server: MailServer
) -> None:
    notifications = dispatcher(db, clock, server)
    await enqueue(notifications)
    async with db.connection() as conn:
        await conn.execute("UPDATE message SET attempts = $1", MOST_ATTEMPTS)
    await notifications.send_due()
    assert ((await only_row(db))["status"], (await only_row(db))["last_error"], server.mails) == (
        "dead",
        "given_up",
        [],
    )


async def test_who_lost_the_lease_marks_nothing(db: Database, clock: SettableClock) -> None:
    class Slow:
        """Takes longer than the lease; meanwhile another dispatcher finds the mail refused."""

        async def send(self, *, sender: str, recipient: str, mail: bytes) -> Receipt:
            clock.advance(minutes=3)
            assert await other.send_due() == 1
            return Receipt(Outcome.SENT, "250 accepted")

    class Refused:
        async def send(self, *, sender: str, recipient: str, mail: bytes) -> Receipt:
            return Receipt(Outcome.PERMANENT, "550 no_mailbox")

    other = dispatcher(db, clock, Refused())
    await enqueue(other)
    await dispatcher(db, clock, Slow()).send_due()
    marked = await only_row(db)
    assert (marked["status"], marked["sent_at"], marked["attempts"]) == ("dead", None, 2)
    assert marked["contents"] is not None


async def test_no_transaction_is_open_while_a_mail_is_sent(db: Database, clock: SettableClock) -> None:
    class Watching:
        async def send(self, *, sender: str, recipient: str, mail: bytes) -> Receipt:
            async with db.connection() as conn:
                seen.append(
                    await conn.fetchval(
                        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                        " AND pid <> pg_backend_pid() AND xact_start IS NOT NULL AND backend_type = 'client backend'"
                    )
                )
            return Receipt(Outcome.SENT)

    seen: list[int] = []
    notifications = dispatcher(db, clock, Watching())
    await enqueue(notifications)
    await notifications.send_due()
    assert seen == [0]


async def test_sealed_contents_open_in_their_own_row_only(
    db: Database, clock: SettableClock, server: MailServer
) -> None:
    notifications = dispatcher(db, clock, server)
    await enqueue(notifications, key="a")
    await enqueue(notifications, key="b", recipient="max@post.example")
    async with db.connection() as conn:
        await conn.execute(
            "UPDATE message SET contents = (SELECT contents FROM message WHERE key = 'a') WHERE key = 'b'"
        )
    await notifications.send_due()
    assert [recipient for recipient, _ in server.mails] == ["erika@post.example"]
    assert (await rows(db))["b"]["last_error"] == "not_rendered Unsealable"


async def test_unknown_templates_and_channels_are_the_callers_mistake(db: Database, clock: SettableClock) -> None:
    notifications = dispatcher(db, clock, None)
    for wrong in ({"template": "no_such"}, {"channel": "pigeon"}):
        with pytest.raises(ValueError, match="not a valid"):
            await enqueue(notifications, key=str(uuid4()), **wrong)
