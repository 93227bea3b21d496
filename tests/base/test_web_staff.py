"""Where a caller sits, and where the sign-in page may lead: pure questions about a request."""

from __future__ import annotations

import pytest
from aiohttp.test_utils import make_mocked_request
from aiohttp.web import Application

from base.config import Settings
from base.web import SETTINGS
from base.web.staff import address_of, safe_next


@pytest.mark.parametrize(
    ("text", "is_ours"),
    [
        ("/de/counter/7", True),
        ("/en/finance/2026-11-25?page=2&kind=a,b", True),
        ("/de/", True),
        ("//evil.example", False),
        ("/de//evil.example", False),
        ("/fr/x", False),
        ("/dex", False),
        ("/de/a\r\nSet-Cookie: x", False),
        ("/de/\\evil", False),
        ("https://evil.example/de/", False),
        ("/de/" + "x" * 600, False),
        ("", False),
    ],
)
def test_where_sign_in_may_lead(text: str, is_ours: bool) -> None:
    assert safe_next(text) == (text if is_ours else None)


@pytest.mark.parametrize(
    ("hops", "header", "address"),
    [
        (0, "203.0.113.9", "peer"),  # nobody of ours wrote it
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "1.2.3.4, 203.0.113.9", "203.0.113.9"),  # what the caller himself wrote stands before
        (2, "203.0.113.9, 198.51.100.1", "203.0.113.9"),
        (2, "203.0.113.9", "peer"),  # it did not come through both
        (1, "", "peer"),
        (1, "2001:db8::17", "2001:db8::17"),
        (1, "unknown", "peer"),
        (1, "203.0.113.9:4711", "peer"),  # another port at each try would be another network
    ],
)
def test_the_address_behind_proxies(hops: int, header: str, address: str) -> None:
    app = Application()
    app[SETTINGS] = Settings(database_url="", secret_key="", proxy_hops=hops)
    request = make_mocked_request("GET", "/", headers={"X-Forwarded-For": header} if header else {}, app=app)
    peer = request.remote or ""
    assert address_of(request) == (peer if address == "peer" else address)
