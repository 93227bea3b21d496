"""The way from a total down, and back up with every filter kept: each page is told, in its address, which page led to it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from urllib.parse import parse_qsl, urlencode, urlsplit

from aiohttp import web

from frontend.citizen.words import Words
from frontend.finance import wording
from frontend.finance.days import asked_day, medium_day
from frontend.finance.views import Link

UP = "up"
_LONGEST = 1800  # of what stands above: addresses have an end, and six levels are less
_DEEPEST = 6
_HERE = re.compile(r"/[a-z]{2}/(finance/[^\s\\]*)")

Label = Callable[[Words, Mapping[str, str], str], str]


def down(words: Words, url: str) -> str:
    """A level below this page; where that is one that led here, back to it instead of round and round."""
    path = urlsplit(url).path
    for above in _above(words):
        if urlsplit(above).path == path:
            return above
    if not words.here or len(words.here) > _LONGEST:
        return url
    return f"{url}{'&' if '?' in url else '?'}{urlencode({UP: words.here})}"


def crumbs(words: Words) -> tuple[Link, ...]:
    """The levels above this page, the highest first; none where nobody came from one."""
    found = []
    for above in _above(words):
        label = _label(words, above)
        if not label:
            break
        found.append(Link(label=label, url=above))
    return tuple(reversed(found))


def kept(words: Words) -> Mapping[str, str]:
    """What a form of this page sends along, so that the way up is not lost."""
    return {name: text for name, text in parse_qsl(urlsplit(words.here).query) if name == UP}


def with_way(words: Words, url: str) -> str:
    """Of a form's action, or of where it leads back to: the same way up."""
    asked = kept(words)
    return f"{url}?{urlencode(asked)}" if asked else url


def at(request: web.Request, words: Words, url: str) -> Words:
    """Where a form was sent: as on the page that it was sent from, which its address still names."""
    return words if words.here else replace(words, here=f"{url}?{request.rel_url.raw_query_string}")


def _above(words: Words) -> list[str]:
    """The nearest first. What is no page of finance ends it: the address may have been made by anybody."""
    here = words.here
    found: list[str] = []
    while len(found) < _DEEPEST:
        asked = dict(parse_qsl(urlsplit(here).query))
        if not _HERE.fullmatch(asked.get(UP, "")):
            break
        here = re.sub("^/[a-z]{2}/", f"/{words.language}/", asked[UP])
        found.append(here)
    return found


def _label(words: Words, url: str) -> str:
    parts = urlsplit(url)
    _empty, _language, path = parts.path.split("/", 2)
    asked = dict(parse_qsl(parts.query))
    for pattern, label in _LABELS:
        if match := re.fullmatch(pattern, path):
            return label(words, asked, match[1] if match.lastindex else "")
    return ""


def _days(words: Words, asked: Mapping[str, str]) -> str:
    days = [one for key in ("from", "to") if (one := asked_day(asked.get(key, "")))]
    return "–".join(medium_day(words, one) for one in dict.fromkeys(days))


def _with(label: str, detail: str) -> str:
    return f"{label}: {detail}" if detail else label


def _day(words: Words, asked: Mapping[str, str], _rest: str) -> str:
    day = asked_day(asked.get("day", ""))
    return _with(words._("Till: the day"), medium_day(words, day) if day else "")


_LABELS: tuple[tuple[str, Label], ...] = (
    ("finance/", _day),
    ("finance/work", lambda words, _asked, _rest: words._("Till: to be decided")),
    ("finance/search", lambda words, asked, _rest: _with(words._("Search"), asked.get("q", "")[:40])),
    ("finance/figures", lambda words, asked, _rest: _with(words._("Figures"), _days(words, asked))),
    (
        "finance/figures/lines",
        lambda words, asked, _rest: _with(
            words._("Refunded") if asked.get("side") == "refund" else words._("Paid"), _days(words, asked)
        ),
    ),
    ("finance/figures/open", lambda words, asked, _rest: wording.account(words, asked.get("account", "")[:60])),
    ("finance/figures/reserved", lambda words, _asked, _rest: words._("Reserved now, not taken yet")),
    ("finance/books", lambda words, asked, _rest: _with(words._("Trial balance"), _days(words, asked))),
    ("finance/books/account", lambda words, asked, _rest: wording.account(words, asked.get("name", "")[:60])),
    ("finance/books/advance", lambda words, _asked, _rest: words._("Received in advance")),
    (r"finance/books/journals/([0-9]+)", lambda words, _asked, rest: words._("Journal {number}", number=rest)),
    (r"finance/drawers/[^/]+", lambda words, _asked, _rest: words._("Drawer")),
    ("finance/payouts", lambda words, asked, _rest: _with(words._("Payouts"), _days(words, asked))),
    (r"finance/payouts/([^/]+)", lambda words, _asked, rest: words._("Payout {id}", id=rest[:40])),
    ("finance/batches", lambda words, _asked, _rest: words._("Batches for the treasury")),
    (r"finance/batches/([0-9]+)", lambda words, _asked, rest: words._("Batch {number}", number=rest)),
    (r"finance/batches/[0-9]+/items", lambda words, _asked, _rest: words._("Single items")),
    (
        "finance/differences",
        lambda words, asked, _rest: _with(
            words._("Differences"), medium_day(words, day) if (day := asked_day(asked.get("day", ""))) else ""
        ),
    ),
    ("finance/differences/days", lambda words, _asked, _rest: words._("Days as traffic lights")),
    (r"finance/differences/([0-9]+)", lambda words, _asked, rest: words._("Difference {number}", number=rest)),
    ("finance/disputes", lambda words, _asked, _rest: words._("Disputes")),
    (r"finance/disputes/[^/]+", lambda words, _asked, _rest: words._("Dispute")),
    (r"finance/payments/[^/]+", lambda words, _asked, _rest: words._("Payment")),
)
