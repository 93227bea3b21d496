"""The control connection between web process and media worker: one JSON object a line. Pure.

worker -> client   {"nonce": …}
client -> worker   {"proof": HMAC of that nonce, "nonce": …}
worker -> client   {"proof": …, "instance": …}
client -> worker   {"id": 1, "do": "publish", …}            every request is idempotent
worker -> client   {"id": 1, "gives": …} or {"id": 1, "refused": code}
worker -> client   {"event": "heartbeat", "stats": {…}} every second; {"event": "peer_lost", …}

The proofs show that both know MEDIA_SECRET; the connection itself is not encrypted and belongs into a private network.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from base.lines import Message
from video.model import (
    Answered,
    AnsweredLine,
    Endpoint,
    Fingerprint,
    Layout,
    Publication,
    PubLine,
    Source,
    SubLine,
)

LINE_BYTES_MOST = 256 * 1024


def plain(value: Publication | Endpoint | Layout | Answered) -> dict[str, Any]:
    """As JSON can hold it."""
    return asdict(value)


def publication(value: Message) -> Publication:
    return Publication(
        ufrag=value["ufrag"],
        fingerprints=_fingerprints(value),
        lines=tuple(PubLine(**line) for line in value["lines"]),
    )


def endpoint(value: Message) -> Endpoint:
    return Endpoint(
        ufrag=value["ufrag"],
        pwd=value["pwd"],
        fingerprint=Fingerprint(**value["fingerprint"]),
        addresses=tuple((host, port) for host, port in value["addresses"]),
        session=value["session"],
        version=value["version"],
    )


def layout(value: Message) -> Layout:
    lines = []
    for line in value["lines"]:
        source = Source(**line["source"]) if line["source"] else None
        lines.append(SubLine(**{**line, "source": source}))
    return Layout(endpoint(value["endpoint"]), tuple(lines))


def answered(value: Message) -> Answered:
    return Answered(
        ufrag=value["ufrag"],
        fingerprints=_fingerprints(value),
        lines=tuple(AnsweredLine(**line) for line in value["lines"]),
    )


def sources(value: list[Message]) -> tuple[Source, ...]:
    return tuple(Source(**source) for source in value)


def _fingerprints(value: Message) -> tuple[Fingerprint, ...]:
    return tuple(Fingerprint(**found) for found in value["fingerprints"])
