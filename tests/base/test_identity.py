"""Staff on a real database: passwords, sessions that end, attempts that are slowed down, and what the schema forbids by itself."""

from __future__ import annotations

import asyncio
import logging
import time

import asyncpg
import pytest
from argon2 import PasswordHasher

from base.clock import SettableClock
from base.db import Database, violates
from base.identity import store
from base.identity.model import Grant
from base.identity.passwords import Passwords
from base.identity.usecases import (
    Identity,
    LoginMalformed,
    LoginTaken,
    TooManySignIns,
    WeakPassword,
    WrongPassword,
)
from base.seal import Sealer
from tests.town import eventually

PASSWORD = "correct horse battery"
QUICK = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture
def identity(db: Database, clock: SettableClock) -> Identity:
    return Identity(db, clock, Sealer("k" * 32), passwords=QUICK)


async def test_the_roles_are_rows(db: Database) -> None:
    async with db.connection() as conn:
        roles = {row["name"]: set(row["permissions"]) for row in await conn.fetch("SELECT name, permissions FROM role")}
    assert roles == {
        "clerk": {"queue.call", "person.read", "hold.staff", "invitation.make", "transfer.enter", "fee.assess"},
        "supervisor": {
            *("queue.call", "queue.manage", "person.read", "hold.staff", "hold.override", "hours.change"),
            *("waitlist.read", "invitation.make", "transfer.enter", "fee.assess"),
        },
        "finance": {
            *(
                "finance.read",
                "refund.request",
                "refund.approve",
                "reconcile.work",
                "reversal.request",
                "reversal.approve",
            ),
            *("writeoff.approve", "export.send", "transfer.approve", "person.read"),
        },
        "treasury": {"finance.read", "ledger.close", "export.take", "transfer.send"},
        "auditor": {"finance.read", "finance.audit", "oversight.read"},
        "cashier": {"till.work", "till.close"},
        "kiosk": {"till.kiosk"},
        "assessor": {"finance.read", "transfer.assess", "transfer.enter"},
        "admin": {
            *("account.manage", "queue.manage", "hours.change", "waitlist.read", "guard.change", "catalogue.import"),
            *("oversight.read", "retention.change"),
        },
        "allocation": {"allocation.check", "allocation.mark", "allocation.run", "person.read"},
    }


async def test_a_role_that_is_taken_away_is_gone_at_once(identity: Identity) -> None:
    await identity.add_account("Kim.M ", "Kim", PASSWORD)
    await identity.give_role("kim.m", "finance")
    token = await identity.sign_in(" KIM.M", PASSWORD)
    principal = await identity.find(token)
    assert principal is not None
    assert Grant("finance.read", None) in principal.grants
    await identity.give_role("kim.m", "finance", takes_away=True)
    principal = await identity.find(token)
    assert principal is not None
    assert principal.grants == frozenset()


async def test_each_sign_in_has_its_own_session_and_a_new_password_ends_them_all(identity: Identity) -> None:
    account = await identity.add_account("kim", "Kim", PASSWORD)
    one, other = await identity.sign_in("kim", PASSWORD), await identity.sign_in("kim", PASSWORD)
    assert one != other
    await identity.sign_out(one)
    assert await identity.find(one) is None
    assert await identity.find(other) is not None
    with pytest.raises(WrongPassword):
        await identity.change_password(account, "not this one", "another password")
    with pytest.raises(WeakPassword):
        await identity.change_password(account, PASSWORD, "short")
    await identity.change_password(account, PASSWORD, "another password")
    assert await identity.find(other) is None
    with pytest.raises(WrongPassword):
        await identity.sign_in("kim", PASSWORD)
    third = await identity.sign_in("kim", "another password")
    await identity.set_password("kim", PASSWORD)
    assert await identity.find(third) is None


async def test_a_session_ends_after_two_idle_hours_and_after_a_working_day(
    identity: Identity, clock: SettableClock
) -> None:
    await identity.add_account("kim", "Kim", PASSWORD)
    token = await identity.sign_in("kim", PASSWORD)
    for _ in range(11):
        clock.advance(hours=1)
        assert await identity.find(token) is not None
    clock.advance(hours=1)
    assert await identity.find(token) is None  # twelve hours after signing in, though never idle
    token = await identity.sign_in("kim", PASSWORD)
    clock.advance(hours=2)
    assert await identity.find(token) is None
    assert await identity.forget_over() >= 2


async def test_a_page_that_is_only_open_does_not_keep_its_session(identity: Identity, clock: SettableClock) -> None:
    await identity.add_account("kim", "Kim", PASSWORD)
    token = await identity.sign_in("kim", PASSWORD)
    clock.advance(minutes=90)
    assert await identity.peek(token) is not None
    clock.advance(minutes=30)
    assert await identity.peek(token) is None
    assert await identity.find(token) is None


@pytest.mark.parametrize(
    "change", ["password_hash = '$argon2id$another'", "is_active = false"], ids=["another password", "blocked"]
)
async def test_no_session_outlives_a_change_that_was_under_way_while_the_password_was_looked_at(
    identity: Identity, db: Database, change: str
) -> None:
    account = await identity.add_account("kim", "Kim", PASSWORD)
    async with db.transaction() as conn:
        await conn.execute(f"UPDATE account SET {change}")
        await store.delete_sessions_of(conn, account)
        signing_in = asyncio.create_task(identity.sign_in("kim", PASSWORD))
        await eventually(lambda: _is_done_or_waits(db, signing_in))
    with pytest.raises(WrongPassword):
        await signing_in
    async with db.connection() as conn:
        assert await conn.fetchval("SELECT count(*) FROM session") == 0


async def test_who_changes_a_password_that_was_changed_meanwhile_is_refused(identity: Identity, db: Database) -> None:
    account = await identity.add_account("kim", "Kim", PASSWORD)
    async with db.transaction() as conn:
        await conn.execute("UPDATE account SET password_hash = '$argon2id$by the administrator'")
        changing = asyncio.create_task(identity.change_password(account, PASSWORD, "another password"))
        await eventually(lambda: _is_done_or_waits(db, changing))
    with pytest.raises(WrongPassword):
        await changing
    async with db.connection() as conn:
        assert await conn.fetchval("SELECT password_hash FROM account") == "$argon2id$by the administrator"


async def _is_done_or_waits(db: Database, task: asyncio.Task[object]) -> bool:
    async with db.connection() as conn:
        waits = await conn.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
    return task.done() or waits > 0


async def test_an_account_that_is_blocked_is_out_at_once(identity: Identity, db: Database) -> None:
    await identity.add_account("kim", "Kim", PASSWORD)
    token = await identity.sign_in("kim", PASSWORD)
    async with db.connection() as conn:
        await conn.execute("UPDATE account SET is_active = false")
    assert await identity.find(token) is None
    with pytest.raises(WrongPassword):
        await identity.sign_in("kim", PASSWORD)


@pytest.mark.parametrize("login", ["kim", "nobody"])
async def test_five_wrong_passwords_slow_a_name_down_whether_there_is_such_an_account_or_not(
    identity: Identity, clock: SettableClock, login: str
) -> None:
    await identity.add_account("kim", "Kim", PASSWORD)
    for n in range(5):
        with pytest.raises(WrongPassword):
            await identity.sign_in(login, "guess", f"2001:db8:1:2::{n}")  # one network
    with pytest.raises(TooManySignIns):
        await identity.sign_in(login, "guess", "2001:db8:1:2::9")
    clock.advance(minutes=1)
    with pytest.raises(WrongPassword):
        await identity.sign_in(login, "guess", "2001:db8:1:2::9")
    with pytest.raises(TooManySignIns):
        await identity.sign_in(login, "guess", "2001:db8:1:2::9")


async def test_who_types_wrong_passwords_elsewhere_does_not_keep_the_owner_out(
    identity: Identity, clock: SettableClock
) -> None:
    await identity.add_account("kim", "Kim", PASSWORD)
    for _ in range(60):  # an hour of it
        for _ in range(3):
            with pytest.raises((WrongPassword, TooManySignIns)):
                await identity.sign_in("kim", "guess", "198.51.100.1")
        clock.advance(minutes=1)
    for _ in range(6):
        with pytest.raises((WrongPassword, TooManySignIns)):
            await identity.sign_in("kim", "guess", "198.51.100.1")
    assert await identity.sign_in("kim", PASSWORD, "198.51.100.2")


async def test_guesses_from_ever_new_networks_end_after_two_hundred(identity: Identity, clock: SettableClock) -> None:
    await identity.add_account("kim", "Kim", PASSWORD)
    for n in range(200):
        with pytest.raises(WrongPassword):
            await identity.sign_in("kim", "guess", f"198.51.100.{n}")
    for n in range(3):
        with pytest.raises(TooManySignIns):
            await identity.sign_in("kim", "guess", f"203.0.113.{n}")
    clock.advance(seconds=10)
    with pytest.raises(WrongPassword):
        await identity.sign_in("kim", "guess", "203.0.113.9")


async def test_many_guesses_at_once_get_no_more_than_one_after_another(identity: Identity) -> None:
    await identity.add_account("kim", "Kim", PASSWORD)
    answers = await asyncio.gather(*(identity.sign_in("kim", f"guess {n}") for n in range(20)), return_exceptions=True)
    assert sum(isinstance(answer, WrongPassword) for answer in answers) == 5
    assert sum(isinstance(answer, TooManySignIns) for answer in answers) == 15


async def test_an_address_that_tries_many_names_is_slowed_down_and_others_are_not(identity: Identity) -> None:
    await identity.add_account("kim", "Kim", PASSWORD)
    for n in range(30):
        with pytest.raises(WrongPassword):
            await identity.sign_in(f"name{n}", "guess", "198.51.100.1")
    with pytest.raises(TooManySignIns):
        await identity.sign_in("kim", PASSWORD, "198.51.100.1")
    assert await identity.sign_in("kim", PASSWORD, "198.51.100.2")


async def test_an_office_that_signs_in_at_eight_is_not_slowed_down(identity: Identity) -> None:
    await identity.add_account("kim", "Kim", PASSWORD)
    for _ in range(40):
        await identity.sign_in("kim", PASSWORD, "198.51.100.1")


async def test_neither_names_nor_addresses_of_attempts_are_kept_and_nothing_is_logged_that_was_typed(
    identity: Identity, db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "base.identity")
    with pytest.raises(WrongPassword):
        await identity.sign_in("my secret typed in the wrong field", "guess-guess", "198.51.100.1")
    async with db.connection() as conn:
        subjects = [row["subject"] for row in await conn.fetch("SELECT subject FROM sign_in_attempt")]
    assert [len(subject) for subject in subjects] == [32, 32, 32]
    said = " ".join(str(vars(record)) for record in caplog.records)
    assert "staff.sign-in-refused" in said
    for typed in ("my secret", "guess-guess", "198.51"):
        assert typed not in said


async def test_an_unknown_name_takes_as_long_as_a_wrong_password(db: Database, clock: SettableClock) -> None:
    """With the real cost, measured as the best of three; the decoy must not be a shortcut."""
    passwords = Passwords()
    hashed = await passwords.hash(PASSWORD)

    async def best(of: str | None) -> float:
        times = []
        for _ in range(3):
            begun = time.perf_counter()
            assert not await passwords.fits("guess", of)
            times.append(time.perf_counter() - begun)
        return min(times)

    assert 0.5 < await best(None) / await best(hashed) < 2


async def test_invented_accounts_are_let_in_by_the_demo_only(db: Database, clock: SettableClock) -> None:
    demo = Identity(db, clock, Sealer("k" * 32), allows_invented=True, passwords=QUICK)
    real = Identity(db, clock, Sealer("k" * 32), passwords=QUICK)
    await demo.add_account("clerk", "Robin Beispiel", PASSWORD, is_invented=True)
    token = await demo.sign_in("clerk", PASSWORD)
    assert await demo.find(token) is not None
    assert await real.find(token) is None
    with pytest.raises(WrongPassword):
        await real.sign_in("clerk", PASSWORD)


async def test_a_name_is_given_once_and_is_plain(identity: Identity) -> None:
    await identity.add_account("kim", "Kim", PASSWORD)
    with pytest.raises(LoginTaken):
        await identity.add_account("KIM", "Kim too", PASSWORD)
    with pytest.raises(LoginMalformed):
        await identity.add_account("kim muster", "Kim", PASSWORD)
    with pytest.raises(WeakPassword):
        await identity.add_account("kim2", "Kim", "x" * 11)


@pytest.mark.parametrize(
    ("constraint", "statement"),
    [
        ("account_password_argon2id", "INSERT INTO account (login, name, password_hash) VALUES ('a1', 'A', 'md5')"),
        ("account_login_plain", "INSERT INTO account (login, name, password_hash) VALUES ('A B', 'A', '$argon2id$')"),
        ("account_has_name", "INSERT INTO account (login, name, password_hash) VALUES ('a1', ' ', '$argon2id$')"),
        ("role_permissions_named", "INSERT INTO role (name, permissions) VALUES ('all', '{*}')"),
        ("role_permissions_named", "INSERT INTO role (name, permissions) VALUES ('none', '{}')"),
        ("session_token_is_sha256", "INSERT INTO session VALUES ('abc', 1, now(), now(), now() + interval '1 day')"),
        ("sign_in_attempt_subject_is_hmac", "INSERT INTO sign_in_attempt VALUES ('clerk', now())"),
    ],
)
async def test_the_schema_refuses_by_name(db: Database, constraint: str, statement: str) -> None:
    async with db.connection() as conn:
        with pytest.raises(asyncpg.IntegrityConstraintViolationError) as refused:
            await conn.execute(statement)
    assert violates(refused.value, constraint)


async def test_a_role_holds_for_an_office_that_exists(identity: Identity, db: Database) -> None:
    account = await identity.add_account("kim", "Kim", PASSWORD)
    async with db.connection() as conn:
        role = await conn.fetchval("SELECT id FROM role WHERE name = 'clerk'")
        with pytest.raises(asyncpg.ForeignKeyViolationError) as refused:
            await conn.execute("INSERT INTO account_role VALUES ($1, $2, 4711)", account, role)
    assert violates(refused.value, "account_role_office")
