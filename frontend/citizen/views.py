"""What the citizens' templates show: one frozen dataclass per page, every text ready to print in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from markupsafe import Markup


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageLink:
    """Where the page answers a form (`Frame.resend`), a button that sends it to `url`."""

    code: str
    name: str
    url: str
    is_current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    label: str
    state: str  # "done", "now", "later"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownError:
    """A line of the error summary; `field` is the id of the input that it leads to."""

    field: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Whose pages these are. Everything but the telephone is empty before the first import of a catalogue."""

    name: str  # "Stuttgart"
    full_name: str  # "Stadt Stuttgart"
    phone: str
    email: str
    imprint: tuple[str, ...]  # lines of the address

    @property
    def phone_url(self) -> str:
        return "tel:" + "".join(sign for sign in self.phone if sign in "+0123456789")


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What stands around every page."""

    language: str
    direction: str
    title: str
    home_url: str
    city: Sender
    languages: tuple[LanguageLink, ...]
    resend: tuple[tuple[str, str], ...] = ()  # fields of the form that this page answers
    request_key: str = ""  # goes with them
    steps: tuple[Step, ...] = ()
    step_text: str = ""
    errors: tuple[ShownError, ...] = ()
    back_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    label: str
    value: str
    lines: tuple[str, ...] = ()  # more lines below the value: street, place


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The card beside a form: what has been chosen so far, and where to change it."""

    rows: tuple[Row, ...]
    change_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceCard:
    name: str
    url: str
    summary: str
    facts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StartPage:
    frame: Frame
    q: str
    heading: str  # "Often needed" or "3 services found"
    cards: tuple[ServiceCard, ...]
    all_url: str = ""  # where the weaker hits are
    hidden: tuple[tuple[str, str], ...] = ()  # what the visit is for so far
    chosen: tuple[str, ...] = ()
    without_url: str = ""  # back to the times, without another service


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelChoice:
    name: str
    meaning: str
    url: str
    is_current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficeChoice:
    id: int
    name: str
    address: str
    step_free: str
    duration: str  # empty: the same everywhere
    next_free: str  # empty: nothing free in the booking window
    is_chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicePage:
    frame: Frame
    hidden: tuple[tuple[str, str], ...]
    name: str
    summary: str
    fee: str
    legal_basis: str
    duration: str  # empty: not bookable online
    documents: tuple[str, ...]
    channels: tuple[ChannelChoice, ...]
    offices: tuple[OfficeChoice, ...]
    action: str
    any_url: str  # times at whatever office: most people need not choose
    has_times: bool | None  # None: that depends on whom it is for, which is asked next
    before: tuple[str, ...] = ()  # what the visit is for already
    alone_url: str = ""  # only this service
    counted: str = ""  # label of the numbers
    numbers: tuple[Tick, ...] = ()  # how many there may be; none: just one
    add_action: str = ""  # to choose another service as well
    reductions: tuple[Row, ...] = ()  # who pays less: how much, and what to bring


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotChoice:
    value: str  # "<office>@<start>", what the button sends
    time: str
    note: str = ""  # places left in a group
    label: str  # for the next free ones: "Today, 14:40"; else what a screen reader says
    office: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartOfDay:
    name: str
    slots: tuple[SlotChoice, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficeTimes:
    office: str
    note: str  # "from 08:20 · 12 free times"
    parts: tuple[PartOfDay, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DayLink:
    name: str
    count: str  # in words: "12 free times", "none free"
    url: str  # empty: nothing free
    is_current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """One checkbox or radio of a group."""

    value: str
    label: str
    is_chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WishForm:
    """The filter of the page of times."""

    action: str
    hidden: tuple[tuple[str, str], ...]
    clear_url: str  # empty where nothing is wished
    at: tuple[Tick, ...]
    asks_where: bool
    is_step_free: bool
    near: str
    near_names: tuple[str, ...]
    near_error: str
    km: tuple[Tick, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimesPage:
    frame: Frame
    heading: str
    selection: Selection
    action: str
    request_key: str
    hidden: tuple[tuple[str, str], ...]  # service, channel, and what the reader had already typed
    add_url: str = ""  # another service for the same visit
    kept: str = ""  # that the booked time stays meanwhile
    wishes: WishForm | None = None
    next_free: tuple[SlotChoice, ...]
    is_by_office: bool = False  # the first one of each
    days: tuple[DayLink, ...] = ()
    earlier_url: str = ""
    later_url: str = ""
    day: str = ""
    offices: tuple[OfficeTimes, ...] = ()
    is_gone: bool = False  # the wanted time has just been taken: only the nearest ones are shown
    gone_title: str = ""
    keeps_contact: bool = False
    all_times_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BusyPage:
    """The waiting room: the same form once more, in a few seconds by itself."""

    frame: Frame
    action: str
    fields: tuple[tuple[str, str], ...]
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionField:
    name: str
    kind: str
    label: str
    hint: str  # of whom it is asked, where not of everybody
    is_optional: bool
    choices: tuple[Tick, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Questions:
    hint: str
    fields: tuple[QuestionField, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactPage:
    frame: Frame
    selection: Selection
    reserved: str  # "Reserved for you until 10:45."
    hidden: tuple[tuple[str, str], ...]
    action: str
    request_key: str
    values: Mapping[str, str]
    messages: Mapping[str, str] = field(default_factory=dict)  # field -> what is wrong
    needs: tuple[Tick, ...] = ()
    languages: tuple[Tick, ...] = ()
    opens_post: bool = False
    needs_number: bool = False  # the office calls: a telephone number is a must
    can_text: bool = False  # the confirmation comes by text message where there is no e-mail address
    questions: Questions | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryGroup:
    title: str
    rows: tuple[Row, ...]
    change_url: str = ""
    change_label: str = ""  # the whole sentence for a screen reader: "Change: your details"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReductionField:
    """A rule that may be claimed: a tick, or for how many people."""

    name: str
    label: str
    hint: str  # what it costs then, and what to bring
    is_chosen: bool
    choices: tuple[Tick, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReductionsPart:
    fields: tuple[ReductionField, ...]
    hint: str
    action: str = ""  # empty: part of another form
    hidden: tuple[tuple[str, str], ...] = ()
    is_open: bool = False
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TillPlaceView:
    """An office with a till: name, address, and the days on which it is open before the deadline, each with its hours."""

    name: str
    address: str
    days: tuple[Row, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TillPart:
    """Of a case that waits for a till. `square`: the number as a QR code, SVG of ours."""

    square: Markup
    places: tuple[TillPlaceView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TillWay:
    """Where a code can be sent: the value of a button and what it says."""

    value: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TillPage:
    """Paying at a till instead. `ways`: where a code can be sent first; none: it was shown before (`action`), or cannot be."""

    frame: Frame
    lead: str
    why: str  # "" or why a till is offered
    rows: tuple[Row, ...]
    places: tuple[TillPlaceView, ...]
    action: str  # "" where a code comes first
    code_action: str
    ways: tuple[TillWay, ...]
    problem: str
    request_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TillCodePage:
    frame: Frame
    action: str
    hidden: tuple[tuple[str, str], ...]
    again_url: str
    sent_to: str
    until: str
    pay_by: str
    problem: str
    values: Mapping[str, str] = field(default_factory=dict)
    messages: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckPage:
    frame: Frame
    groups: tuple[SummaryGroup, ...]
    reserved: str
    fee: str
    legal_basis: str
    cancellation: str
    steps: tuple[Row, ...]  # of what is given back
    action: str
    button: str
    request_key: str
    leads_to_payment: bool
    pays_at_till: bool
    is_reserved_first: bool  # the fee is taken after the visit
    hidden: tuple[tuple[str, str], ...] = ()
    problem: str = ""  # the last try to pay did not get through
    price: tuple[Row, ...] = ()  # the whole fee and what is taken off
    reductions: ReductionsPart | None = None
    till_url: str = ""  # where it may be paid at a till instead
    till_text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MovePage:
    frame: Frame
    reserved: str
    groups: tuple[SummaryGroup, ...]  # the new time, the one so far
    lines: tuple[str, ...]
    action: str
    hidden: tuple[tuple[str, str], ...]
    request_key: str
    button: str
    keep_url: str
    problem: str = ""  # the last try to pay did not get through


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitlistPart:
    """Of the case's page: the earlier time on offer, that one waits for such, or the way onto the list."""

    text: str
    wish_url: str = ""
    wish_label: str = ""
    offered: tuple[Row, ...] = ()
    answers: str = ""  # of the offer: this address and "accept" or "decline"
    leave_action: str = ""
    request_key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CasePage:
    frame: Frame
    kind: str  # of the panel: success, info, warning, danger
    lines: tuple[str, ...]  # below the heading
    when: str
    number: str
    rows: tuple[Row, ...]
    documents: tuple[str, ...] = ()
    calendar_url: str = ""
    call_url: str = ""  # into the video call
    keep_url: str = ""
    keep_text: str = ""
    is_lost: bool = False  # no message carries the link: it must be seen
    reserved: str = ""  # until when the time is kept
    pay_action: str = ""
    reduction_url: str = ""  # where one is claimed before paying
    pay_button: str = ""
    till: TillPart | None = None  # it waits for a till
    till_url: str = ""  # where it may be paid at a till instead
    further: tuple[tuple[str, str], ...] = ()  # fees of the visit: how each stands, and its address
    refresh_url: str = ""  # while a payment is being processed
    again_action: str = ""  # a refund was rejected, and may be asked for anew
    keep_action: str = ""  # whether one comes was asked, and is still to be answered
    keep_lines: tuple[str, ...] = ()
    wait_text: str = ""  # another time waits until the difference is paid
    wait_url: str = ""  # where it is paid
    stay_action: str = ""  # where it is given back
    move_url: str = ""
    move_text: str = ""  # why there is no way to another time
    cancel_url: str = ""  # asks first
    cancel_label: str = ""
    cancel_action: str = ""  # the question is on the page
    cancel_question: str = ""
    cancel_yes: str = ""
    cancel_text: str = ""
    cancel_amount: str = ""  # what is given back now
    cancel_steps: tuple[Row, ...] = ()  # until when how much is
    cancel_hidden: tuple[tuple[str, str], ...] = ()
    new_url: str = ""
    erase_url: str = ""  # asks first
    erase_action: str = ""  # the question is on the page
    erase_text: str = ""
    waitlist: WaitlistPart | None = None
    problem: str = ""  # why it was not erased
    rebooking_url: str = ""  # its counter is closed: to the times that are offered
    receipts: tuple[tuple[str, str], ...] = ()  # label and address
    transfers: tuple[tuple[str, str], ...] = ()  # refunds by bank transfer: a sentence and an address
    request_key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedTime:
    value: str  # what the button sends
    when: str
    office: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RebookingPage:
    frame: Frame
    was: str
    reason: str
    number: str
    until: str
    times: tuple[OfferedTime, ...]
    asked: OfferedTime | None  # chosen in the message; the question stands first
    text: str
    action: str
    asks_other: bool
    other_url: str
    asks_cancel: bool
    is_paid: bool  # there is something to keep, or to give back
    is_disputed: bool  # the payer's bank is to decide first whether it goes back
    cancel_url: str
    times_url: str  # to look for a time by oneself
    request_key: str
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorPage:
    frame: Frame
    text: str
    advice: str = ""
