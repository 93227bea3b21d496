"""An invitation in words, and the page of its times. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from urllib.parse import urlencode

from base.i18n import mark as _
from base.i18n import zone
from booking.availability.model import ANYBODY, Slot, Who
from booking.catalogue.model import Channel, Office, Service
from booking.invitations.model import Invitation, InvitationStatus, Terms
from frontend.citizen.choosing import count_in_words, office_times, who_pairs
from frontend.citizen.frame import TIME, frame
from frontend.citizen.invitation_views import InvitedPage
from frontend.citizen.views import DayLink, Row
from frontend.citizen.words import Words

HERE = "/invitation"
_DAYS_SHOWN = 7
_S = InvitationStatus
_RUN_OUT = _("The reservation is over. Please choose a time again.")


def url_of(words: Words, invitation: Invitation) -> str:
    return f"/{words.language}{HERE}/{invitation.id}"


def days_in_words(words: Words, terms: Terms) -> str:
    if terms.first_day == terms.last_day:
        return words.day(terms.first_day)
    return words._("{first} to {last}", first=words.day(terms.first_day), last=words.day(terms.last_day))


def invited_page(
    words: Words,
    invitation: Invitation,
    service: Service,
    office: Office,
    slots: Sequence[Slot],
    day: date | None,
    request_key: str,
    *,
    problem: str = "",
    has_run_out: bool = False,
    case_url: str = "",
    who: Who = ANYBODY,
) -> InvitedPage:
    """`who`: for whom it is, as far as the service asks that; `day`: the one asked for; `case_url`: of what was booked by it, for whoever
    may see that."""
    url, rows = url_of(words, invitation), _rows(words, invitation.terms, service, office)
    title = words._("Your invitation")
    around = frame(words, title, f"{HERE}/{invitation.id}", step=TIME if invitation.status is _S.OPEN else None)
    if invitation.status is not _S.OPEN:
        notice, advice = _closed(words, invitation)
        kind = "success" if invitation.status is _S.BOOKED else "info"
        return InvitedPage(frame=around, rows=rows, kind=kind, notice=notice, advice=advice, case_url=case_url)
    if not slots:
        notice = words._("No time is free at the moment")
        advice = words._("Please look again later, or call {phone}.", phone=words.phone)
        return InvitedPage(frame=around, rows=rows, kind="warning", notice=notice, advice=advice)
    local, day_url = zone(office.time_zone), f"{url}?{urlencode([*who_pairs(who), ('day', '')])}"
    free: dict[date, list[Slot]] = {}
    for slot in slots:
        free.setdefault(slot.starts_at.astimezone(local).date(), []).append(slot)
    days = sorted(free)
    chosen = day if day in free else next((one for one in days if day is not None and one > day), days[0])
    start = days.index(chosen) // _DAYS_SHOWN * _DAYS_SHOWN
    following = days[start + _DAYS_SHOWN :]
    return InvitedPage(
        frame=around,
        rows=rows,
        kind="warning",
        notice=words._(_RUN_OUT) if has_run_out else problem,
        action=f"{url}/holds",
        request_key=request_key,
        hidden=who_pairs(who),
        days=tuple(
            DayLink(
                name=words.short_day(one),
                count=count_in_words(words, len(free[one])),
                url=f"{day_url}{one}#times",
                is_current=one == chosen,
            )
            for one in days[start : start + _DAYS_SHOWN]
        ),
        earlier_url=f"{day_url}{days[start - _DAYS_SHOWN]}" if start else "",
        later_url=f"{day_url}{following[0]}" if following else "",
        day=words.day(chosen),
        offices=office_times(words, free[chosen], {office.id: office}),
    )


def _rows(words: Words, terms: Terms, service: Service, office: Office) -> tuple[Row, ...]:
    place = (words.address(office),) if terms.channel == Channel.ONSITE else ()
    where = words._("Where") if terms.channel == Channel.ONSITE else words._("With")
    return (
        Row(label=words._("Service"), value=words.pick(service.name), lines=(words.channel(terms.channel),)),
        Row(label=where, value=words.pick(office.name), lines=place),
        Row(label=words._("When"), value=days_in_words(words, terms)),
        Row(label=words._("Choose until"), value=words.day(terms.answer_by)),
    )


def _closed(words: Words, invitation: Invitation) -> tuple[str, str]:
    """Why nothing can be chosen, and what to do."""
    if invitation.status is _S.BOOKED:
        advice = words._("The confirmation has a link with which you can look at it, move or cancel it.")
        return words._("You have an appointment"), advice
    call = words._("Please call {phone}: we find a way together.", phone=words.phone)
    if invitation.status is _S.WITHDRAWN:
        return words._("This invitation was withdrawn"), call
    return words._("The time to choose ended on {day}", day=words.day(invitation.terms.answer_by)), call
