"""The messages as Twilio keeps them, and the telephones that they arrive on. Written to disk before anybody is answered."""

import json
import os
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from base.gsm import segments
from sandbox.twilio.errors import MAGIC_NUMBERS, ApiError

_NUMBER = re.compile(r"\+[1-9]\d{6,14}")
_LONGEST_BODY = 1600
_WAY = ("accepted", "queued", "sending", "sent")
FINAL = ("delivered", "undelivered", "failed", "canceled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """`body` is what Twilio still has, `phone_text` what the telephone has got."""

    sid: str
    account_sid: str
    to: str
    sender: str
    service: str | None
    body: str
    status: str
    created_at: str
    updated_at: str
    sent_at: str | None = None
    error_code: int | None = None
    callback: str = ""
    discard: bool = False
    obfuscate: bool = False
    validity_s: int = 36000
    phone_text: str = ""
    received_at: str | None = None

    @property
    def is_final(self) -> bool:
        return self.status in FINAL

    @property
    def shown_to(self) -> str:
        """Redacted once it is sent, where that was asked for."""
        return self.to[:-4] + "XXXX" if self.obfuscate and self.sent_at else self.to

    @property
    def shown_body(self) -> str:
        return "" if self.discard and self.sent_at else self.body

    def as_json(self) -> dict[str, Any]:
        base = f"/2010-04-01/Accounts/{self.account_sid}/Messages/{self.sid}"
        return {
            "account_sid": self.account_sid,
            "api_version": "2010-04-01",
            "body": self.shown_body,
            "date_created": _rfc2822(self.created_at),
            "date_sent": _rfc2822(self.sent_at),
            "date_updated": _rfc2822(self.updated_at),
            "direction": "outbound-api",
            "error_code": self.error_code,
            "error_message": None,
            "from": self.sender or None,
            "messaging_service_sid": self.service,
            "num_media": "0",
            "num_segments": "0" if self.service else str(segments(self.body)),
            "price": None,
            "price_unit": "USD",
            "sid": self.sid,
            "status": self.status,
            "subresource_uris": {"media": f"{base}/Media.json"},
            "to": self.shown_to,
            "uri": f"{base}.json",
        }


class Messages:
    """`outcome`: how the next messages end, with `error_code`. While `held`, they stay as they are."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._changed: list[Callable[[Text], None]] = []
        self.outcome, self.error_code, self.held = "delivered", 30003, False
        self.texts: dict[str, Text] = {}
        self.opted_out: set[str] = set()
        if folder is not None:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.texts = {text.sid: text for text in _load(folder)}

    def on_change(self, told: Callable[[Text], None]) -> None:
        self._changed.append(told)

    def make(self, account_sid: str, given: Mapping[str, str]) -> Text:
        """Raises ApiError in the order and words of Twilio. The same call twice makes two: there is no idempotency key."""
        to, body = given.get("To", ""), given.get("Body", "")
        sender, service = given.get("From", ""), given.get("MessagingServiceSid")
        if not to:
            raise ApiError(400, 21604, "A 'To' phone number is required.")
        if not _NUMBER.fullmatch(to):
            raise ApiError(400, 21211, f"Invalid 'To' Phone Number: {to}")
        if not sender and not service:
            raise ApiError(400, 21603, "A 'From' phone number is required.")
        if not body:
            raise ApiError(400, 21602, "Message body is required.")
        if len(body) > _LONGEST_BODY:
            raise ApiError(400, 21617, "The concatenated message body exceeds the 1600 character limit")
        if to in MAGIC_NUMBERS:
            raise MAGIC_NUMBERS[to]
        if to in self.opted_out:
            raise ApiError(400, 21610, "Attempt to send to unsubscribed recipient")
        callback = given.get("StatusCallback", "")
        if callback and not callback.startswith(("http://", "https://")):
            raise ApiError(400, 21609, f"The 'StatusCallback' URL {callback} is not a valid URL.")
        now = datetime.now(UTC).isoformat()
        text = Text(
            sid="SM" + secrets.token_hex(16),
            account_sid=account_sid,
            to=to,
            sender=sender,
            service=service,
            body=body,
            status="accepted" if service else "queued",
            created_at=now,
            updated_at=now,
            callback=callback,
            discard=given.get("ContentRetention") == "discard",
            obfuscate=given.get("AddressRetention") == "obfuscate",
            validity_s=int(given.get("ValidityPeriod", "36000")),
        )
        self._keep(text)
        return text

    def advance(self) -> int:
        """Each message one step on its way; how many moved. A change of status is reported, the first status is not."""
        waiting = [] if self.held else [text for text in self.texts.values() if not text.is_final]
        for text in waiting:
            self._step(text)
        return len(waiting)

    def _step(self, text: Text) -> None:
        now = datetime.now(UTC).isoformat()
        if text.status != _WAY[-1]:
            status = _WAY[_WAY.index(text.status) + 1]
            if status == "sent" and self.outcome == "failed":
                status = "failed"
            moved = replace(text, status=status, sent_at=now if status == "sent" else None)
        else:
            moved = replace(text, status=self.outcome)
        if moved.status == "delivered":
            moved = replace(moved, phone_text=text.body, received_at=now)
        if moved.status in ("failed", "undelivered"):
            moved = replace(moved, error_code=self.error_code)
        if moved.is_final and moved.discard:
            moved = replace(moved, body="")
        moved = replace(moved, updated_at=now)
        self._keep(moved)
        for told in self._changed:
            told(moved)

    def get(self, sid: str) -> Text:
        if sid not in self.texts:
            raise ApiError(404, 20404, f"The requested resource /Messages/{sid}.json was not found")
        return self.texts[sid]

    def redact(self, sid: str) -> Text:
        text = replace(self.get(sid), body="", updated_at=datetime.now(UTC).isoformat())
        self._keep(text)
        return text

    def remove(self, sid: str) -> None:
        self.get(sid)
        del self.texts[sid]
        if self._folder is not None:
            (self._folder / f"{sid}.json").unlink(missing_ok=True)

    def arrived(self) -> list[Text]:
        """On telephones, oldest first."""
        return sorted(
            (text for text in self.texts.values() if text.received_at), key=lambda text: text.received_at or ""
        )

    def _keep(self, text: Text) -> None:
        if self._folder is not None:
            new = self._folder / f"{text.sid}.new"
            with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
                json.dump(asdict(text), file)
            new.replace(self._folder / f"{text.sid}.json")
        self.texts[text.sid] = text


def _load(folder: Path) -> Iterator[Text]:
    found = [Text(**json.loads(path.read_bytes())) for path in folder.glob("*.json")]
    yield from sorted(found, key=lambda text: text.created_at)


def _rfc2822(iso: str | None) -> str | None:
    return format_datetime(datetime.fromisoformat(iso)) if iso else None
