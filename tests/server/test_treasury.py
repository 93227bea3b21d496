"""A file of the treasury's formats that is wrong stops the start with a sentence that names the setting."""

from __future__ import annotations

from pathlib import Path

import pytest

from base.config import SettingError, Settings
from server.product import open_product


async def test_a_wrong_file_stops_the_start(tmp_path: Path, dsn: str) -> None:
    wrong = tmp_path / "formats.json"
    wrong.write_text('{"items": {"columns": ["iban"]}}', encoding="utf-8")
    environ = {"DATABASE_URL": dsn, "SECRET_KEY": "0" * 64, "TREASURY_FORMATS": str(wrong)}
    with pytest.raises(SettingError, match=r"TREASURY_FORMATS: .*iban"):
        async with open_product(Settings.from_env(environ)):
            pass
