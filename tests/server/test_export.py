"""`schalter export` as a process would run it: files in a folder to the byte, one line, and a number."""

from __future__ import annotations

import json
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from base.clock import SettableClock
from base.config import Settings
from base.db import Database
from base.identity.usecases import Identity
from base.seal import Sealer
from payment.ledgers.usecases import Ledgers
from server.__main__ import parser
from server.export import export
from tests.payment.ledgers.booking import pay
from tests.payment.making import NOW
from tests.staff import PASSWORD

DAY = NOW.date()


@pytest.fixture
async def closed(db: Database) -> date:
    """A closed day with a payment, and the people of finance and the treasury."""
    identity = Identity(db, SettableClock(NOW), Sealer("0" * 64))
    for role in ("finance", "treasury", "clerk"):
        await identity.add_account(role, role.capitalize(), PASSWORD)
        await identity.give_role(role, role)
    await pay(db, 1)
    await close(db, DAY)
    return DAY


async def close(db: Database, day: date) -> None:
    async with db.connection() as conn:
        treasury = await conn.fetchval("SELECT id FROM account WHERE login = 'treasury'")
    await Ledgers(db, SettableClock(NOW + timedelta(days=5))).close(day, by=treasury)


async def run(dsn: str, *words: str) -> int:
    settings = Settings.from_env({"DATABASE_URL": dsn, "SECRET_KEY": "0" * 64})
    return await export(settings, parser().parse_args(["export", *words]))


async def batches(db: Database) -> list[tuple[int, str]]:
    """Number and who made it."""
    async with db.connection() as conn:
        rows = await conn.fetch(
            "SELECT b.number, a.login FROM export_batch b JOIN account a ON a.id = b.made_by ORDER BY 1"
        )
    return [tuple(row) for row in rows]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


async def test_a_batch_is_made_written_and_sent_once_more_to_the_byte(
    dsn: str, db: Database, closed: date, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run(dsn, str(closed), "--to", str(tmp_path / "out"), "--by", "finance") == 0
    folder = tmp_path / "out" / f"{closed:%Y%m%d}_000001"
    first = contents(folder)
    manifest = json.loads(first["manifest.json"])
    assert {one["name"]: one["sha256"] for one in manifest["files"]} == {
        name: sha256(content).hexdigest() for name, content in first.items() if name != "manifest.json"
    }
    said = capsys.readouterr().out
    assert said.startswith(
        f"batch 1 of {closed}: 4 files, manifest {sha256(first['manifest.json']).hexdigest()} written to "
    )
    assert await run(dsn, str(closed), "--to", str(tmp_path / "out"), "--by", "finance") == 0
    assert "is the same in" in capsys.readouterr().out
    assert await run(dsn, str(closed), "--to", str(tmp_path / "again"), "--by", "treasury") == 0  # made by finance
    assert contents(tmp_path / "again" / folder.name) == first
    assert await batches(db) == [(1, "finance")]
    async with db.connection() as conn:
        fetched = await conn.fetch(
            "SELECT a.login FROM export_download d JOIN account a ON a.id = d.account_id ORDER BY d.id"
        )
    assert [row["login"] for row in fetched] == ["finance"] * 8 + ["treasury"] * 4


async def test_what_is_half_there_is_completed_and_what_is_different_is_never_overwritten(
    dsn: str, closed: date, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run(dsn, str(closed), "--to", str(tmp_path), "--by", "finance") == 0
    folder = tmp_path / f"{closed:%Y%m%d}_000001"
    first = contents(folder)
    (folder / "manifest.json").unlink()
    assert await run(dsn, str(closed), "--to", str(tmp_path), "--by", "finance") == 0
    assert contents(folder) == first
    changed = next(path for path in folder.iterdir() if path.suffix == ".csv")
    changed.write_bytes(b"edited")
    (folder / "manifest.json").unlink()
    capsys.readouterr()
    assert await run(dsn, str(closed), "--to", str(tmp_path), "--by", "finance") == 1
    assert "is not what was sent; nothing was written." in capsys.readouterr().err
    assert changed.read_bytes() == b"edited"
    assert not (folder / "manifest.json").exists()


async def test_all_that_waits(
    dsn: str, db: Database, closed: date, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    following = closed + timedelta(days=1)
    await pay(db, 2, NOW + timedelta(days=1))
    await close(db, following)
    assert await run(dsn, "--waiting", "--to", str(tmp_path), "--by", "finance") == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"{closed:%Y%m%d}_000001",
        f"{following:%Y%m%d}_000002",
    ]
    async with db.transaction() as conn:
        sql = """
            INSERT INTO export_acknowledgement (batch, recorded_by, at, reference)
            SELECT number, (SELECT id FROM account WHERE login = 'treasury'), now(), 'HKR ' || number FROM export_batch"""
        await conn.execute(sql)
    capsys.readouterr()
    assert await run(dsn, "--waiting", "--to", str(tmp_path), "--by", "finance") == 0
    assert capsys.readouterr().out == "nothing waits\n"


@pytest.mark.parametrize(
    ("login", "day", "why"),
    [
        ("finance", "2026-12-09", "2026-12-09: Only a closed day goes to the treasury, and this day is not closed."),
        ("nobody", str(DAY), "There is no account 'nobody', or it is blocked."),
        ("clerk", str(DAY), "clerk may not fetch batches: finance.read is missing."),
        ("treasury", str(DAY), f"{DAY}: no batch is made, and export.send is missing to make it."),
    ],
)
async def test_refused_with_one_line(
    dsn: str,
    db: Database,
    closed: date,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    login: str,
    day: str,
    why: str,
) -> None:
    assert closed == DAY
    assert await run(dsn, day, "--to", str(tmp_path), "--by", login) == 1
    assert capsys.readouterr().err == f"{why}\n"
    assert (list(tmp_path.iterdir()), await batches(db)) == ([], [])


async def test_files_over_their_term_and_a_folder_that_cannot_be_written(
    dsn: str, db: Database, closed: date, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    blocked = tmp_path / "file"
    blocked.write_bytes(b"")
    assert await run(dsn, str(closed), "--to", str(blocked), "--by", "finance") == 1
    assert capsys.readouterr().err.count("\n") == 1
    async with db.transaction() as conn:
        await conn.execute("SET LOCAL session_replication_role = replica")
        await conn.execute("DELETE FROM export_download; DELETE FROM export_file")
    assert await run(dsn, str(closed), "--to", str(tmp_path), "--by", "finance") == 1
    assert capsys.readouterr().err == f"{closed}: the files of batch 1 are over their term and deleted.\n"


def test_one_of_a_day_and_all_that_wait(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--to", "x", "--by", "y"], ["2026-13-01", "--to", "x", "--by", "y"], ["2026-12-01", "--by", "y"]):
        with pytest.raises(SystemExit) as ended:
            parser().parse_args(["export", *words])
        assert ended.value.code == 2
    capsys.readouterr()
