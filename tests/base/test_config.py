"""Settings come from the environment, all wrong ones are named at once, and the documented table is true."""

from __future__ import annotations

import re
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


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", "short"),
        ("LOG_LEVEL", "LOUD"),
        ("SMTP_URL", "mail.example:25"),
        ("LEAD_MINUTES", "-5"),
        ("DATABASE_POOL", "1"),
        ("CA_FILE", "/nowhere/ca.pem"),
        ("DRAIN_SECONDS", "-1"),
        ("SECRET_KEY_FILE", "/nowhere/key"),
        ("MEDIA_SECRET", "short"),
        ("MEDIA_ADDRESS", "video.example"),
    ],
)
def test_a_wrong_setting_is_one_line(name: str, value: str) -> None:
    with pytest.raises(SettingError) as caught:
        Settings.from_env({**GIVEN, name: value})
    assert str(caught.value).startswith(name.removesuffix("_FILE"))
    assert "\n" not in str(caught.value)


def test_a_live_key_goes_nowhere_but_to_its_vendor() -> None:
    with pytest.raises(SettingError, match="a live key is not sent"):
        Settings.from_env({**GIVEN, "STRIPE_API_KEY": "sk_live_x", "STRIPE_API_BASE": "http://localhost:8081"})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"TWILIO_ACCOUNT_SID": "AC1"}, "TWILIO_AUTH_TOKEN is not set: text messages need all three"),
        ({"TWILIO_FROM": "Stadt Stuttgart"}, "TWILIO_FROM: must be like"),
        ({"TWILIO_FROM": "12345"}, "TWILIO_FROM: must be like"),
        (
            {"TWILIO_API_BASE": "https://sms.example"},
            "TWILIO_API_BASE: the token is sent to twilio.com or this machine only",
        ),
    ],
)
def test_text_messages_are_set_up_whole_or_not_at_all(given: dict[str, str], said: str) -> None:
    whole = {"TWILIO_ACCOUNT_SID": "AC1", "TWILIO_AUTH_TOKEN": "t", "TWILIO_FROM": "+4971112345"}
    region = "https://api.dublin.ie1.twilio.com"
    assert Settings.from_env({**GIVEN, **whole, "TWILIO_API_BASE": region}).twilio_api_base == region
    with pytest.raises(SettingError, match=re.escape(said)):
        Settings.from_env({**GIVEN, **(whole if "API" in said else {}), **given})


def test_the_media_worker_needs_no_database() -> None:
    settings = Settings.from_env({}, unneeded=("DATABASE_URL", "SECRET_KEY"))
    assert (settings.database_url, settings.media_address, settings.media_control) == ("", ("127.0.0.1",), ())


def test_a_control_port_needs_a_secret() -> None:
    with pytest.raises(SettingError, match="MEDIA_SECRET"):
        Settings.from_env({**GIVEN, "MEDIA_CONTROL": "/run/media/0,10.0.0.2:41000"})
    Settings.from_env({**GIVEN, "MEDIA_CONTROL": "/run/media/0"})


def test_settings_do_not_show_their_secrets() -> None:
    secrets = {
        "DATABASE_URL": "postgresql://secret-1",
        "SECRET_KEY": "secret-2" * 5,
        "STRIPE_API_KEY": "secret-3",
        "SMTP_URL": "smtp://secret-4",
        "STRIPE_WEBHOOK_SECRETS": "secret-5",
        "TWILIO_AUTH_TOKEN": "secret-6",
        "MEDIA_SECRET": "secret-6" * 5,
        "TURN_SECRET": "secret-7",
        "XBEZAHL_PASSWORD": "secret-8",
    }
    assert {setting.name for setting in SETTINGS if setting.secret} == set(secrets)
    assert "secret-" not in repr(
        Settings.from_env({**secrets, "TWILIO_ACCOUNT_SID": "AC1", "TWILIO_FROM": "Stuttgart"})
    )


def test_a_secret_can_lie_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("s" * 40 + "\n")
    assert Settings.from_env({"DATABASE_URL": "x", "SECRET_KEY_FILE": str(file)}).secret_key == "s" * 40


def test_every_setting_has_a_field_and_a_line_in_the_documentation() -> None:
    assert {setting.name.lower() for setting in SETTINGS} == {field.name for field in fields(Settings)}
    documented = (Path(__file__).parents[2] / "docs" / "settings.md").read_text(encoding="utf-8")
    assert settings_table() in documented


PAYMENT_SERVICE = {
    "XBEZAHL_API_BASE": "https://bezahlen.example/api/v1.0.0/",
    "XBEZAHL_ORIGINATOR": "schalter",
    "XBEZAHL_ENDPOINT": "stadtkasse",
    "XBEZAHL_USER": "us",
    "XBEZAHL_PASSWORD": "secret",
}


def test_a_payment_service_is_set_up_whole_or_not_at_all() -> None:
    needed = {"DATABASE_URL": "postgresql:///x", "SECRET_KEY": "s" * 32}
    data = {"XBEZAHL_BOOKING_DATA": "mandant=1, produkt=12.3", "PAYMENT_PROVIDERS": "xbezahldienste"}
    found = Settings.from_env(needed | PAYMENT_SERVICE | data)
    assert found.xbezahl_api_base == "https://bezahlen.example/api/v1.0.0"
    assert found.xbezahl_booking_data == (("mandant", "1"), ("produkt", "12.3"))
    assert found.payment_providers == ("xbezahldienste",)
    for name in PAYMENT_SERVICE:
        with pytest.raises(SettingError):
            Settings.from_env(needed | data | {key: text for key, text in PAYMENT_SERVICE.items() if key != name})
    for name, text in (
        ("XBEZAHL_API_BASE", "http://bezahlen.example/"),
        ("XBEZAHL_VERSION", "1.1"),
        ("XBEZAHL_ENDPOINT", "a/b"),
        ("XBEZAHL_BOOKING_DATA", "mandant"),
        ("PAYMENT_PROVIDERS", "paypal"),
        ("PAYMENT_PROVIDERS", "xbezahldienste, none"),
    ):
        with pytest.raises(SettingError, match=name):
            Settings.from_env(needed | PAYMENT_SERVICE | {name: text})
