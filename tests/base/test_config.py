"""Settings come from the environment, all wrong ones are named at once, and the documented table is true."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from base.config import SETTINGS, SettingError, Settings, settings_table

GIVEN = {"DATABASE_URL": "postgresql://host/name", "SECRET_KEY": "k" * 32}


def test_defaults_need_two_settings_only() -> None:
    settings = Settings.from_env(GIVEN)
    assert (settings.port, settings.hold_minutes, settings.is_https) == (8080, 15, False)
    assert settings == Settings(database_url="postgresql://host/name", secret_key="k" * 32)


def test_every_wrong_setting_is_named() -> None:
    with pytest.raises(SettingError) as caught:
        Settings.from_env({"PORT": "many", "PUBLIC_URL": "termin.example", "HOLD_MINUTES": "0"})
    for name in ("DATABASE_URL", "SECRET_KEY", "PORT", "PUBLIC_URL", "HOLD_MINUTES"):
        assert name in str(caught.value)


def test_a_secret_can_lie_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("s" * 40 + "\n")
    assert Settings.from_env({"DATABASE_URL": "x", "SECRET_KEY_FILE": str(file)}).secret_key == "s" * 40


def test_every_setting_has_a_field_and_a_line_in_the_documentation() -> None:
    assert {setting.name.lower() for setting in SETTINGS} == {field.name for field in fields(Settings)}
    documented = (Path(__file__).parents[2] / "docs" / "settings.md").read_text(encoding="utf-8")
    assert settings_table() in documented
