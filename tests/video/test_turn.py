"""Credentials of the relays, as coturn computes them from its `static-auth-secret`."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime

import pytest

from base.config import SettingError, Settings
from video.turn import Relays

NOON = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)


def test_the_name_says_when_it_ends_and_the_password_proves_it() -> None:
    [server] = Relays(("turn:relay.example:3478", "turns:relay.example:443"), "north").ice_servers("room:1", NOON)
    ends_at, _, user = server["username"].partition(":")
    assert (int(ends_at), user) == (int(NOON.timestamp()) + 600, "room:1")
    expected = hmac.new(b"north", server["username"].encode(), hashlib.sha1).digest()
    assert server["credential"] == base64.b64encode(expected).decode()
    assert server["urls"] == ["turn:relay.example:3478", "turns:relay.example:443"]


def test_without_relays_browsers_ask_nobody() -> None:
    assert list(Relays().ice_servers("room:1", NOON)) == []


def test_settings_that_do_not_fit_are_named() -> None:
    env = {"DATABASE_URL": "postgresql:///x", "SECRET_KEY": "k" * 32}
    for wrong, said in (
        ({"TURN_URLS": "https://relay.example"}, "TURN_URLS: must be like turn:"),
        ({"TURN_URLS": "turn:relay.example"}, "TURN_SECRET is not set"),
    ):
        with pytest.raises(SettingError, match=said):
            Settings.from_env(env | wrong)
