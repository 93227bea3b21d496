"""The nouns of messages to people, and their statuses."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Any
from uuid import UUID


class Channel(StrEnum):
    EMAIL = "email"
    SMS = "sms"
    LETTER = "letter"


class Status(StrEnum):
    """due → sent → delivered or undelivered; due → dead. Under its lease base.jobs.Queue moves a due message; what a provider
    reports of a text moves it by rank (`Delivery`), also where its answer to the sending was lost."""

    DUE = "due"
    SENT = "sent"  # somebody else is responsible for it now
    UNDELIVERED = "undelivered"  # taken by the provider, and given up by it or by the network
    DELIVERED = "delivered"
    DEAD = "dead"


class Template(StrEnum):
    APPOINTMENT_CONFIRMED = "appointment_confirmed"
    APPOINTMENT_MOVED = "appointment_moved"
    APPOINTMENT_CANCELLED = "appointment_cancelled"
    APPOINTMENT_RESERVED = "appointment_reserved"  # by staff, on the telephone: to be paid by its person until a moment
    APPOINTMENT_OFFERED = "appointment_offered"  # given out by need: to be booked by its person until a moment
    APPOINTMENT_RECONFIRM = "appointment_reconfirm"  # whether its person comes, to be answered until a moment
    APPOINTMENT_RELEASED = "appointment_released"  # nobody answered that
    REBOOKING_OFFERED = "rebooking_offered"  # its counter is closed: times to choose from until a moment
    REBOOKING_STANDS = "rebooking_stands"  # and is open again: the time that was booked is theirs as before
    ALLOCATION_REQUEST = "allocation_request"  # the link with which a request counts; about no appointment yet
    ALLOCATION_WAITS = "allocation_waits"  # a run had nothing for the request, which stays in the list
    ALLOCATION_ENDED = "allocation_ended"  # the service is booked like any other again, and the request has ended
    OVERVIEW_LINK = "overview_link"  # opens the list of one contact's cases, once; about none of them
    INVITATION = "invitation"  # to choose a time within a window, by a link of its own
    INVITATION_REMINDER = "invitation_reminder"  # some days before the deadline of that
    TILL_CODE = "till_code"  # to be typed in before a time is held until it is paid at a till
    TILL_RESERVED = "till_reserved"  # it is held, to be paid at a till until a moment
    TILL_REMINDER = "till_reminder"  # some time before that moment
    TILL_LAPSED = "till_lapsed"  # it was not paid at a till until then
    GUARD_CODE = "guard_code"  # to be typed in before a time of a guarded service is reserved; about no appointment
    WAITLIST_OFFERED = "waitlist_offered"  # an earlier time, kept until a moment for somebody on the list
    REFUND_SUCCEEDED = "refund_succeeded"
    REFUND_REJECTED = (
        "refund_rejected"  # by a person, although the rule gives it: why, and that it may be asked for anew
    )
    FEE_TAKEN = "fee_taken"
    FEE_DUE_AGAIN = "fee_due_again"
    PAID_TOO_LATE = "paid_too_late"  # the time was not free any more; the money goes back
    CHARGE_ASKED = "charge_asked"  # a further fee of a visit, with the link to pay it
    TRANSFER_ASKED = "transfer_asked"  # a refund goes by bank transfer: to which account?
    TRANSFER_RETURNED = "transfer_returned"  # the bank has sent it back: another account is needed
    TRANSFER_PAID = "transfer_paid"
    CALL_LINK = "call_link"  # a text beside the confirmation: where the video consultation is joined


class Delivery(IntEnum):
    """What a provider says of a text that it took. The number is the rank: a report changes something only where it is higher
    than what is known, so repeated, late and reordered reports change nothing."""

    ACCEPTED = 1
    SENDING = 2
    SENT = 3
    UNDELIVERED = 4
    DELIVERED = 5  # above: where a text went out twice, one that arrived is what counts

    @property
    def status(self) -> Status:
        return _STATUSES.get(self, Status.SENT)


_STATUSES = {Delivery.UNDELIVERED: Status.UNDELIVERED, Delivery.DELIVERED: Status.DELIVERED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """That a message was written and how far it came; neither to whom nor what it says."""

    template: str
    channel: str
    status: str
    created_at: datetime
    sent_at: datetime | None


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


@dataclass(frozen=True, slots=True)
class Untold:
    """A text that did not arrive as far as anybody knows, and what it was about."""

    id: UUID
    reference: UUID
    template: Template


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
