"""What a link to one's appointments may never be is refused by the schema, by name."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest

from base.db import Connection, Database
from tests.races.test_constraints import refused

ANSWERED = "UPDATE overview_link SET answered_at = now(), contact = NULL"
TOKEN = f"{ANSWERED}, token_sha256 = sha256('t'), good_until = now() + interval '30 minutes'"
USED = (
    "UPDATE overview_link SET used_at = now(), session_sha256 = sha256('s'), open_until = now() + interval '20 minutes'"
)
INSERT = """
    INSERT INTO overview_link (id, channel, language, contact_hmac, contact, asked_at)
    VALUES ($1, 'email', 'de', sha256('c'), 'sealed', now())"""


@pytest.fixture
async def conn(db: Database) -> AsyncIterator[Connection]:
    async with db.connection() as conn:
        await conn.execute(INSERT, UUID(int=1))
        yield conn


@pytest.mark.parametrize(
    ("before", "change", "constraint"),
    [
        ("", "UPDATE overview_link SET channel = 'letter'", "overview_link_channel"),
        ("", "UPDATE overview_link SET contact_hmac = 'kim@example.org'", "overview_link_contact_is_hmac"),
        ("", "UPDATE overview_link SET answered_at = now()", "overview_link_answered_keeps_no_contact"),
        (ANSWERED, "UPDATE overview_link SET contact = 'kim'", "overview_link_answered_keeps_no_contact"),
        ("", f"{ANSWERED}, token_sha256 = 't', good_until = now()", "overview_link_token_is_sha256"),
        ("", f"{ANSWERED}, token_sha256 = sha256('t')", "overview_link_is_short"),
        ("", f"{TOKEN} + interval '31 minutes'", "overview_link_is_short"),
        ("", "UPDATE overview_link SET token_sha256 = sha256('t'), good_until = now()", "overview_link_is_short"),
        (ANSWERED, USED, "overview_link_used_in_time"),
        (f"{TOKEN} - interval '30 minutes'", USED, "overview_link_used_in_time"),
        (TOKEN, f"{USED} + interval '41 minutes'", "overview_link_used_in_time"),
        (TOKEN, USED.replace("sha256('s')", "'s'"), "overview_link_session_is_sha256"),
    ],
)
async def test_refused_by_name(conn: Connection, before: str, change: str, constraint: str) -> None:
    if before:
        await conn.execute(before)
    with refused(constraint):
        await conn.execute(change)


async def test_a_used_link_is_used_by_nobody_else_and_no_token_opens_two(conn: Connection) -> None:
    await conn.execute(TOKEN)
    await conn.execute(USED)
    with refused("overview_link_opens_once"):
        await conn.execute(USED.replace("'s'", "'another'"))
    await conn.execute(INSERT, uuid4())
    with refused("overview_link_token_once"):
        await conn.execute(f"{TOKEN} WHERE used_at IS NULL")
