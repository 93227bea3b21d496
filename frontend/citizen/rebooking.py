"""The page of an appointment whose counter is closed: three times to choose from, or another way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from booking.catalogue.model import Office
from booking.rebooking.model import Offered, Rebooking, RebookingStatus
from frontend.citizen.frame import frame
from frontend.citizen.views import OfferedTime, RebookingPage
from frontend.citizen.words import Words

OTHER, CANCEL = "other", "cancel"  # what an answer may be, beside the number of a time


def rebooking_page(
    words: Words,
    found: Rebooking,
    offered: Sequence[Offered],
    offices: Mapping[int, Office],
    request_key: str,
    *,
    answer: str = "",
    times_url: str = "",
    is_disputed: bool = False,
    problem: str = "",
) -> RebookingPage:
    """`answer`: what the link of the message has said already; the page asks whether that is so."""
    path = f"/appointments/{found.appointment_id}/rebooking"
    here = f"/{words.language}{path}"
    place = offices[found.sold_by]
    is_asked = found.status is RebookingStatus.OFFERED
    times = tuple(_time(words, one, offices[one.office_id]) for one in offered if is_asked and one.is_held)
    asked = next((one for one in times if one.value == answer), None)
    title = words._("Please choose a new time") if times else words._("We get in touch with you")
    return RebookingPage(
        frame=frame(words, title, path, query=(("answer", answer),) if answer else ()),
        was=words.when(found.starts_at, place.time_zone),
        reason=found.reason,
        number=found.number,
        until=words.when(found.answer_until, place.time_zone) if times and found.answer_until else "",
        times=tuple(one for one in times if one is not asked),
        asked=asked,
        text=_text(words, found.status),
        action=here,
        asks_other=answer == OTHER and is_asked,
        other_url=f"{here}?answer={OTHER}#question" if is_asked else "",
        is_paid=found.fee_cents > 0,
        is_disputed=is_disputed,
        asks_cancel=answer == CANCEL and found.status.is_open,
        cancel_url=f"{here}?answer={CANCEL}#question" if found.status.is_open else "",
        times_url=times_url,
        request_key=request_key,
        problem=problem,
    )


def case_url(words: Words, appointment_id: UUID) -> str:
    return f"/{words.language}/appointments/{appointment_id}"


def _text(words: Words, status: RebookingStatus) -> str:
    if status is RebookingStatus.OFFERED:
        return ""
    if status is RebookingStatus.DUE:
        return words._("We are looking for other times and tell you in a moment.")
    return words._("We get in touch with you and find a new time together. You need not do anything.")


def _time(words: Words, one: Offered, office: Office) -> OfferedTime:
    return OfferedTime(
        value=str(one.n),
        when=words.when(one.starts_at, office.time_zone),
        office=words.pick(office.name),
        address=words.address(office),
    )
