"""A folder of bank files whose worker is killed at each marked step; the next worker finishes, and nothing is stored twice."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from base.db import Database
from tests.faults.child import Child
from tests.payment.bank.writing import entry, statement, written

# The steps; test_killed.py compares the registry with these and with its own.
STEPS = ("bank.file-stored", "bank.file-moved")


@pytest.mark.parametrize("spec", [*STEPS, "bank.file-moved:2"])
async def test_each_file_is_stored_once_and_moved(dsn: str, folder: Path, db: Database, spec: str) -> None:
    inbox = folder / "bank"
    inbox.mkdir()
    (inbox / "1.xml").write_bytes(written(statement(entry(5, acct_svcr_ref="R"))))
    (inbox / "2.xml").write_bytes(b"<a/>")
    env = {
        "DATABASE_URL": dsn,
        "SECRET_KEY": "test-" + "k" * 40,
        "DATABASE_POOL": "3",
        "BANK_FOLDER": str(inbox),
    }
    drain = ("-m", "server", "drain")
    killed = await Child.start("drain", drain, env, spec, folder / "drain.log")
    assert await killed.end() == -signal.SIGKILL, killed.said()
    after = await Child.start("drain", drain, env, "", folder / "drain.log")
    assert await after.end() == 0, after.said()
    assert [one.name for one in inbox.iterdir() if one.is_file()] == []
    assert [one.name[17:] for one in (inbox / "read").iterdir()] == ["1.xml"]
    assert [one.name[17:] for one in (inbox / "refused").iterdir()] == ["2.xml"]
    async with db.connection() as conn:
        assert await conn.fetchval("SELECT array_agg(name) FROM bank_file") == ["1.xml"]
        assert await conn.fetchval("SELECT count(*) FROM bank_entry") == 1
        assert await conn.fetchval("SELECT array_agg(name) FROM bank_refusal") == ["2.xml"]
