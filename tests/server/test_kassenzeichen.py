"""`schalter kassenzeichen` as a process would run it."""

from __future__ import annotations

import pytest

from base.config import Settings
from base.db import Database
from payment.receipts.kassenzeichen import LONGEST, made, spaced, understood
from server.__main__ import parser
from server.kassenzeichen import kassenzeichen
from tests.payment.ledgers.booking import pay


async def run(dsn: str, *words: str) -> int:
    settings = Settings.from_env({"DATABASE_URL": dsn, "SECRET_KEY": "0" * 64})
    return await kassenzeichen(settings, parser().parse_args(["kassenzeichen", *words]))


async def test_it_says_and_changes_what_the_next_payment_gets(
    dsn: str, db: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    await pay(db, 1)
    assert await run(dsn) == 0
    assert capsys.readouterr().out == f"SCH: as in {spaced(made('SCH', 1))}\n"
    assert await run(dsn, "STADT08111") == 0
    assert capsys.readouterr().out.startswith("STADT08111: as in RF")
    await pay(db, 2)
    async with db.connection() as conn:
        found = [row[0] for row in await conn.fetch("SELECT kassenzeichen FROM payment ORDER BY id")]
    assert found == [made("SCH", 1), made("STADT08111", 2)]  # what was given out stays
    assert all(understood(one) == one and len(one) <= LONGEST for one in found)


@pytest.mark.parametrize("wrong", ["klein", "STADT-1", "ZU0LANG0001", "ÄÖ"])
async def test_a_wrong_one_is_refused_and_nothing_changes(
    dsn: str, db: Database, capsys: pytest.CaptureFixture[str], wrong: str
) -> None:
    assert await run(dsn, wrong) == 2
    assert "is no prefix" in capsys.readouterr().err
    async with db.connection() as conn:
        assert await conn.fetchval("SELECT prefix FROM kassenzeichen_prefix") == "SCH"
