"""The mails that arrived: in memory and, with a folder, as files that appear whole or not at all.

`<id>.eml` is the mail as it came, `<id>.json` its envelope. Ids sort by arrival.
"""

import asyncio
import itertools
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cached_property
from pathlib import Path
from typing import Any

_FOLDER, _FILE = 0o700, 0o600  # mails hold the links that open an appointment


@dataclass(frozen=True)
class Mail:
    id: str
    received_at: datetime
    mail_from: str
    rcpt_to: tuple[str, ...]
    raw: bytes

    @cached_property
    def message(self) -> EmailMessage:
        return message_from_bytes(self.raw, policy=policy.default)

    def header(self, name: str) -> str:
        """Decoded, on one line; empty where it is missing or beyond repair."""
        try:
            return " ".join(str(self.message[name] or "").split())
        except (ValueError, IndexError, AttributeError, LookupError):  # the email package on broken headers
            return ""

    def part(self, content_type: str) -> str | None:
        """The text of the first part of this type."""
        for part in self.message.walk():
            if part.get_content_type() == content_type:
                payload = part.get_payload(decode=True)
                if isinstance(payload, bytes):
                    return _decoded(payload, part.get_content_charset("utf-8"))
        return None

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "received_at": self.received_at.isoformat(),
            "mail_from": self.mail_from,
            "rcpt_to": list(self.rcpt_to),
            **{name.lower().replace("-", "_"): self.header(name) for name in ("From", "To", "Subject", "Message-ID")},
            "text": self.part("text/plain"),
            "html": self.part("text/html"),
            "calendar": self.part("text/calendar"),
        }


def _decoded(payload: bytes, charset: str) -> str:
    try:
        return payload.decode(charset, "replace")
    except LookupError:  # a charset nobody knows
        return payload.decode("utf-8", "replace")


class Mailbox:
    def __init__(self, folder: Path | None = None) -> None:
        self.messages: list[Mail] = []
        self._folder = folder
        self._numbers = itertools.count()
        self._arrived = asyncio.Event()
        if folder is not None:
            folder.mkdir(mode=_FOLDER, parents=True, exist_ok=True)
            self.messages.extend(_load(folder))

    def keep(self, raw: bytes, mail_from: str, rcpt_to: list[str]) -> Mail:
        """On disk before it is in the list, so before the sender hears "250"."""
        now = datetime.now(UTC)
        mail = Mail(f"{now:%Y%m%dT%H%M%S%f}-{next(self._numbers):04}", now, mail_from, tuple(rcpt_to), raw)
        if self._folder is not None:
            envelope = {"received_at": now.isoformat(), "mail_from": mail_from, "rcpt_to": rcpt_to}
            _write(self._folder / f"{mail.id}.json", json.dumps(envelope).encode())
            _write(self._folder / f"{mail.id}.eml", raw)  # last: only an .eml is a mail
        self.messages.append(mail)
        self._arrived.set()
        return mail

    def find(self, mail_id: str) -> Mail | None:
        return next((mail for mail in self.messages if mail.id == mail_id), None)

    def clear(self) -> int:
        number = len(self.messages)
        for mail in self.messages:
            if self._folder is not None:
                for suffix in ("eml", "json"):
                    (self._folder / f"{mail.id}.{suffix}").unlink(missing_ok=True)
        self.messages.clear()
        return number

    async def wait_for(self, number: int, timeout_s: float = 10.0) -> list[Mail]:
        """Until so many mails are there; TimeoutError if they do not come."""
        async with asyncio.timeout(timeout_s):
            while len(self.messages) < number:
                self._arrived.clear()
                await self._arrived.wait()
        return self.messages


def _write(path: Path, content: bytes) -> None:
    new = path.with_suffix(path.suffix + ".new")
    new.unlink(missing_ok=True)  # of a process that was killed: its mode would stay
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FILE), "wb") as file:
        file.write(content)
    os.replace(new, path)


def _load(folder: Path) -> Iterator[Mail]:
    for path in sorted(folder.glob("*.eml")):
        for file in (path, path.with_suffix(".json")):
            file.chmod(_FILE)  # written by an older version
        envelope = json.loads(path.with_suffix(".json").read_bytes())
        at = datetime.fromisoformat(envelope["received_at"])
        yield Mail(path.stem, at, envelope["mail_from"], tuple(envelope["rcpt_to"]), path.read_bytes())
