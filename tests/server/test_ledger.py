"""`schalter ledger` as a process would run it: one line and a number."""

from __future__ import annotations

import pytest

from base.clock import SettableClock
from base.config import Settings
from base.db import Database
from payment.ledgers.usecases import Ledgers
from server.__main__ import parser
from server.ledger import look_after_books
from tests.payment.ledgers.booking import behind_the_back, pay
from tests.payment.making import NOW


async def run(dsn: str, *words: str) -> int:
    settings = Settings.from_env({"DATABASE_URL": dsn, "SECRET_KEY": "0" * 64})
    return await look_after_books(settings, parser().parse_args(["ledger", *words]))


async def test_verify_says_sound_or_where_it_is_broken(
    dsn: str, db: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    await pay(db, 1)
    await Ledgers(db, SettableClock(NOW)).seal_due()
    await pay(db, 2)
    assert await run(dsn, "verify") == 0
    assert capsys.readouterr().out.startswith("sound: 1 journals sealed, 1 to be sealed, 0 days closed; head ")
    assert await run(dsn, "verify", "--root", f"2026-12-01={'ab' * 32}") == 1
    assert capsys.readouterr().err == "BROKEN: the root of 2026-12-01 is not the one given\n"
    await behind_the_back(db, "UPDATE entry SET amount_cents = amount_cents + 1 WHERE amount_cents > 0")
    assert await run(dsn, "verify") == 1
    assert capsys.readouterr().err == "BROKEN: seal 1: journal 1 is not what was sealed\n"


async def test_procedure_is_written_in_the_language_asked_for(dsn: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert await run(dsn, "procedure") == 0
    german = capsys.readouterr().out
    assert german.startswith("# Verfahrensdokumentation")
    assert "| received_in_advance | Gebühren" in german
    assert await run(dsn, "procedure", "--language", "en") == 0
    assert "| received_in_advance | Fees received" in capsys.readouterr().out
