"""What leaves the process: a mail, handed to somebody who delivers it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Outcome(StrEnum):
    SENT = "sent"  # somebody else is responsible for it now
    TEMPORARY = "temporary"  # not taken, worth another try
    PERMANENT = "permanent"  # refused for good
    UNKNOWN = "unknown"  # handed over, but no answer came: it may have been taken


@dataclass(frozen=True, slots=True)
class Receipt:
    outcome: Outcome
    reason: str = ""  # a code without personal data, fit for logs: "550 5.1.1 no_mailbox"


class MailSender(Protocol):
    async def send(self, *, sender: str, recipient: str, mail: bytes) -> Receipt:
        """Addresses are bare. Answers in bounded time and raises nothing: whatever fails is a Receipt."""
