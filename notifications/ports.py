"""What leaves the process: a mail or a text, handed to somebody who delivers it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from base.errors import Forbidden
from base.i18n import mark as _
from notifications.model import Delivery


class Outcome(StrEnum):
    SENT = "sent"  # somebody else is responsible for it now
    TEMPORARY = "temporary"  # not taken, worth another try
    PERMANENT = "permanent"  # refused for good
    UNKNOWN = "unknown"  # handed over, but no answer came: it may have been taken


@dataclass(frozen=True, slots=True)
class Receipt:
    outcome: Outcome
    reason: str = ""  # a code without personal data, fit for logs: "550 5.1.1 no_mailbox"
    provider_id: str | None = None  # by which the provider knows it
    delivery: Delivery | None = None  # how far it is, where the provider says so


@dataclass(frozen=True, slots=True)
class Report:
    """What a provider tells later of a text that it took."""

    provider_id: str
    delivery: Delivery
    reason: str = ""  # a code without personal data


class CallbackRefused(Forbidden):
    code = "signature_refused"
    message = _("The signature of this message is not valid.")


class MailSender(Protocol):
    async def send(self, *, sender: str, recipient: str, mail: bytes) -> Receipt:
        """Addresses are bare. Answers in bounded time and raises nothing: whatever fails is a Receipt."""


class TextSender(Protocol):
    async def send(self, *, recipient: str, text: str, report_to: str) -> Receipt:
        """`recipient` in E.164; reports go to the address `report_to`. Answers in bounded time and raises nothing."""

    async def fetch(self, provider_id: str) -> Report | None:
        """What became of a text, asked by us. None: no answer now. Answers in bounded time and raises nothing."""

    def read_report(self, url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> Report | None:
        """`url`: as the provider called it. None: nothing that we know. Raises CallbackRefused where the signature is not right."""


def report_url(public_url: str, message_id: UUID) -> str:
    """Names the message, so that a report finds it even where the answer to its sending was lost."""
    return f"{public_url}{REPORT_PATH}?message={message_id}"


REPORT_PATH = "/api/webhooks/twilio"
