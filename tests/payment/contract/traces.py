"""What of an exchange is the same every time, and so can be compared: which call, what was sent, and the facts that the product relies on.

A trace is a list of steps. Ids stand in the order in which they appeared ("<pi 1>"), times, addresses and texts as their kind. Of an
answer stand the values of FACTS wherever they are, and of everything else only its type: a vendor may say more than a sandbox, and never
something else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.payment.contract.recording import Exchange

Json = Any
FACTS = frozenset(
    {
        *("object", "status", "payment_status", "mode", "currency", "capture_method", "type", "code", "reason"),
        *("amount", "amount_total", "amount_received", "amount_refunded", "amount_capturable", "has_more", "refunded"),
        *("disputed", "failure_reason", "cancellation_reason", "metadata"),
        *("grosAmount", "grossAmount", "requestId", "title"),
    }
)
_ID = re.compile(r"^(cs|pi|ch|py|re|pyr|dp|du|po|txn|evt|req|cus|pm|acct)_\w+$")
_UUID = re.compile(r"^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$")
_ID_IN_PATH = re.compile(r"(?<=/)(?:(?:cs|pi|ch|py|re|dp|du|po|txn)_\w+|[0-9a-f-]{36})(?=/|$)")


class Names:
    """The same id, the same name."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._counts: dict[str, int] = {}

    def __call__(self, ident: str, kind: str) -> str:
        if ident not in self._known:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            self._known[ident] = f"<{kind} {self._counts[kind]}>"
        return self._known[ident]


def trace(exchanges: Sequence[Exchange]) -> list[dict[str, Json]]:
    names = Names()
    return [_step(one, names) for one in exchanges]


def _step(one: Exchange, names: Names) -> dict[str, Json]:
    path = _ID_IN_PATH.sub(lambda found: str(_plain(found[0], names)), one.path)
    return {
        "call": f"{one.method} {path}",
        "sent": _sent(one.sent, names),
        "status": one.status,
        **({"heard": one.heard} if one.heard else {}),
        "facts": dict(sorted(_facts(one.got, names))),
        "types": dict(sorted(_types(one.got))),
    }


def differences(ours: Sequence[Mapping[str, Json]], theirs: Sequence[Mapping[str, Json]]) -> Iterator[str]:
    """What the sandbox said that the vendor did not say so. What only the vendor says is no difference."""
    if len(ours) != len(theirs):
        yield f"{len(ours)} calls here, {len(theirs)} there"
    for number, (here, there) in enumerate(zip(ours, theirs, strict=False), 1):
        at = f"{number}. {here['call']}"
        for part in ("call", "status", "heard"):
            if here.get(part) != there.get(part):
                yield f"{at}: {part} {here.get(part)!r} here, {there.get(part)!r} there"
        for name, value in here["facts"].items():
            if there["facts"].get(name, _ABSENT) != value:
                yield f"{at}: {name} is {value!r} here, {there['facts'].get(name, _ABSENT)!r} there"
        for name, kind in here["types"].items():
            other = there["types"].get(name, _ABSENT)
            if other != kind and (other == _ABSENT or _NULL not in (kind, other)):  # what may be null is not always
                yield f"{at}: {name} is {kind} here, {other} there"


_ABSENT, _NULL = "absent", "null"


def _sent(sent: Json, names: Names) -> Json:
    if isinstance(sent, list):
        return {name: _plain(value, names) for name, value in sent}
    return dict(sorted(_facts(sent, names, every=True)))


def _facts(value: Json, names: Names, at: str = "", *, every: bool = False) -> Iterator[tuple[str, Json]]:
    for name, one in _children(value):
        here = f"{at}.{name}".lstrip(".")
        if isinstance(one, dict | list):
            yield from _facts(one, names, here, every=every or name == "metadata")
        elif every or name in FACTS:
            yield here, _plain(one, names)


def _types(value: Json, at: str = "") -> Iterator[tuple[str, str]]:
    for name, one in _children(value):
        here = f"{at}.{name}".lstrip(".")
        if isinstance(one, dict | list):
            yield here, "object" if isinstance(one, dict) else "list"
            yield from _types(one, here)
        else:
            yield here, _kind(one)


def _children(value: Json) -> Iterator[tuple[str, Json]]:
    """Of a list, the first and how many."""
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, list):
        yield "length", len(value)
        yield from (("0", one) for one in value[:1])


def _kind(value: Json) -> str:
    match value:
        case None:
            return _NULL
        case bool():
            return "bool"
        case int() | float():
            return "number"
        case _:
            return "text"


def _plain(value: Json, names: Names) -> Json:
    if isinstance(value, str):
        if found := _ID.match(value):
            return names(value, found[1])
        if _UUID.match(value):
            return names(value, "uuid")
        if value.startswith(("http://", "https://")):
            return "<address>"
        if re.fullmatch(r"1[0-9]{9}", value):
            return "<time>"
    return value
