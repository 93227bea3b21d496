"""The nouns of messages to people, and their statuses."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID


class Channel(StrEnum):
    EMAIL = "email"
    SMS = "sms"
    LETTER = "letter"


class Status(StrEnum):
    """due → sent → delivered; due → dead. Only base.jobs.Queue moves a due message, under its lease."""

    DUE = "due"
    SENT = "sent"
    DELIVERED = "delivered"
    DEAD = "dead"


class Template(StrEnum):
    APPOINTMENT_CONFIRMED = "appointment_confirmed"
    APPOINTMENT_CANCELLED = "appointment_cancelled"
    REFUND_SUCCEEDED = "refund_succeeded"


@dataclass(frozen=True, slots=True)
class Contents:
    """What is personal in a message: sealed in its row, gone once it is sent."""

    recipient: str
    fields: Mapping[str, Any]

    def to_json(self) -> str:
        return json.dumps({"recipient": self.recipient, "fields": dict(self.fields)})

    @classmethod
    def from_json(cls, text: str) -> Contents:
        return cls(**json.loads(text))


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A claimed row of the outbox."""

    id: UUID
    key: str
    reference: UUID
    template: Template
    channel: Channel
    language: str
    contents: bytes
    attempts: int
