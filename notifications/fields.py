"""What booking hands over about a case, checked and made harmless before it meets a mail or a calendar."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, TypeAdapter

# Controls, lone surrogates and the two Unicode line ends: each could start a new header or a new iCalendar property.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_URL = re.compile(r"https?://[\x21\x23-\x3b\x3d\x3f-\x5b\x5d\x5f\x61-\x7a\x7e]+")


def one_line(text: str) -> str:
    return " ".join(_CONTROLS.sub(" ", text).split())


def _plain_url(url: str) -> str:
    if not _URL.fullmatch(url):
        raise ValueError("not an http(s) address in ASCII")
    return url


Line = Annotated[str, AfterValidator(one_line)]
Url = Annotated[str, AfterValidator(_plain_url)]


@dataclass(frozen=True, slots=True, kw_only=True)
class FurtherFields:
    """What the same visit is for after its first service."""

    service: Line
    starts_at: AwareDatetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedTime:
    starts_at: AwareDatetime
    office: Line
    address: Line
    time_zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TillFields:
    """An office with a till, and when it is open."""

    name: Line
    address: Line
    time_zone: str
    open: tuple[tuple[AwareDatetime, AwareDatetime], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFields:
    """Texts are in the message's language already; fields that no template knows are ignored."""

    uid: UUID  # the appointment's id: the calendar entry keeps it for life
    sequence: int
    city: Line  # "Stuttgart": in whose name the message comes
    number: Line  # "K7F-3QM", what a citizen reads out
    service: Line
    further: tuple[FurtherFields, ...] = ()
    channel: Literal["onsite", "video", "phone"]
    office: Line
    street: Line = ""
    postcode: Line = ""
    place: Line = ""
    directions: Line = ""
    call_number: Line = ""  # whom the office calls, on the telephone channel
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    time_zone: str = "Europe/Berlin"
    manage_url: Url
    join_url: Url | Literal[""] = ""  # into the video call
    own_url: Url | Literal[""] = ""  # of what the message is about, beside the case
    fee_cents: int = 0
    owed_cents: int = 0  # of it, to be paid at a till; nothing is paid then
    refund_cents: int = 0
    refund_at_till: bool = False  # to be fetched there, or given back there
    refund_disputed: bool = False  # only once the bank has decided about the payer's dispute
    refund_waits: bool = False  # a person has to approve it first
    paid_cents: int = 0  # of a difference, when it moved; or what was taken of a reservation
    released_cents: int = 0  # of a reservation, not taken
    is_reserved: bool = False  # the fee is not taken yet
    currency: str = "EUR"
    refund_policy: Line = ""  # what cancelling gives back, in the city's words
    documents: tuple[Line, ...] = ()
    answer_until: AwareDatetime | None = None  # of an offer, or of the question whether one comes
    is_released: bool = False  # who does not answer that gives the time up
    moved_from: AwareDatetime | None = None  # where it began before it was moved
    instead_of: AwareDatetime | None = None  # the time that the case has, where another one is offered
    leave_url: Url | Literal[""] = ""  # off the list that brought this message
    offers: tuple[OfferedTime, ...] = ()  # instead of the case's time, which is closed
    reason: Line = ""  # why the city changes or cancels it, or rejects a refund
    ends_if_silent: bool = False  # no answer: cancelled, and paid back
    tills: tuple[TillFields, ...] = ()  # where it may be paid until then
    kassenzeichen: Line = ""  # under which it is paid there

    @property
    def address(self) -> str:
        """On one line, without the parts that are missing."""
        return ", ".join(part for part in (self.office, self.street, f"{self.postcode} {self.place}".strip()) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFields:
    """Of a request for an appointment that is given out by need."""

    city: Line
    number: Line
    service: Line
    manage_url: Url
    next_on: date | None = None  # about when the next list closes


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkFields:
    """Of a link to the list of one contact's cases."""

    city: Line
    manage_url: Url
    good_until: AwareDatetime
    time_zone: str = "Europe/Berlin"


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationFields:
    """Of an invitation to choose a time; days by the office's clock."""

    city: Line
    service: Line
    channel: Literal["onsite", "video", "phone"]
    office: Line
    address: Line
    first_day: date
    last_day: date
    answer_by: date
    answer_until: AwareDatetime  # the end of that day
    manage_url: Url


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeFields:
    """Of a code to be typed in."""

    city: Line
    code: Line
    good_until: AwareDatetime
    time_zone: str = "Europe/Berlin"


_CASE = TypeAdapter(CaseFields)
_REQUEST = TypeAdapter(RequestFields)
_LINK = TypeAdapter(LinkFields)
_INVITATION = TypeAdapter(InvitationFields)
_CODE = TypeAdapter(CodeFields)


def case_fields(fields: Mapping[str, object]) -> CaseFields:
    """None counts as not given. Raises pydantic's ValidationError, whose text quotes the input: never log it."""
    return _CASE.validate_python({name: value for name, value in fields.items() if value is not None})


def request_fields(fields: Mapping[str, object]) -> RequestFields:
    """As case_fields."""
    return _REQUEST.validate_python({name: value for name, value in fields.items() if value is not None})


def link_fields(fields: Mapping[str, object]) -> LinkFields:
    """As case_fields."""
    return _LINK.validate_python({name: value for name, value in fields.items() if value is not None})


def invitation_fields(fields: Mapping[str, object]) -> InvitationFields:
    """As case_fields."""
    return _INVITATION.validate_python({name: value for name, value in fields.items() if value is not None})


def code_fields(fields: Mapping[str, object]) -> CodeFields:
    """As case_fields."""
    return _CODE.validate_python({name: value for name, value in fields.items() if value is not None})
