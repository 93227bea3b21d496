"""What the pages of the earlier-time list show, and how a wish is read from its form and put into it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time
from uuid import UUID

from aiohttp import web
from multidict import MultiMapping

from base.i18n import format_weekday
from base.i18n import mark as _
from booking.appointments.model import AppointmentStatus, Case
from booking.catalogue.endpoints import CATALOGUE
from booking.catalogue.model import Office
from booking.waitlist.endpoints import WAITLIST
from booking.waitlist.model import Standing, Window, Wish
from frontend.citizen.frame import frame
from frontend.citizen.need_wording import read_date
from frontend.citizen.rendering import new_key
from frontend.citizen.views import Frame, Row, ShownError, Tick, WaitlistPart
from frontend.citizen.words import Words

_EVERY_DAY = tuple(range(1, 8))
_PARTS = (  # of a day, each beginning where the one before ends
    ("morning", _("Mornings, until noon"), time(0), time(12)),
    ("afternoon", _("Afternoons, from noon until four"), time(12), time(16)),
    ("evening", _("From four o'clock"), time(16), time(23, 59)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WishForm:
    """As typed; `wrong`: field -> English msgid."""

    values: Mapping[str, str]
    days: tuple[int, ...] = ()
    parts: tuple[str, ...] = ()
    offices: tuple[int, ...] = ()
    wrong: Mapping[str, str] = field(default_factory=dict)

    @property
    def wish(self) -> Wish:
        first, last = (read_date(self.values[name]) for name in ("first", "last"))
        if not (first or last or self.days or self.parts):
            return Wish(offices=self.offices)
        windows = (
            Window(days=self.days or _EVERY_DAY, from_time=begin, to_time=end, first=first, last=last)
            for begin, end in _spans(self.parts)
        )
        return Wish(offices=self.offices, windows=tuple(windows))


@dataclass(frozen=True, slots=True, kw_only=True)
class WishPage:
    frame: Frame
    now: str  # the time that the case has
    action: str
    request_key: str
    is_on: bool
    values: Mapping[str, str]
    messages: Mapping[str, str]
    days: tuple[Tick, ...]
    parts: tuple[Tick, ...]
    offices: tuple[Tick, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeavePage:
    frame: Frame
    text: str
    action: str = ""  # empty: done
    request_key: str = ""


def read_wish(given: MultiMapping[str], offices: Sequence[Office], today: date) -> WishForm:
    values = {name: given.get(name, "").strip()[:10] for name in ("first", "last")}
    first, last = (read_date(values[name]) for name in ("first", "last"))
    wrong = {}
    if values["first"] and first is None:
        wrong["first"] = _("Enter the first day as a date, or leave it empty")
    if values["last"] and last is None:
        wrong["last"] = _("Enter the last day as a date, or leave it empty")
    elif last is not None and last < today:
        wrong["last"] = _("Enter a last day that is still to come")
    elif last is not None and first is not None and last < first:
        wrong["last"] = _("Enter a last day that is not before the first")
    known, chosen = {str(office.id): office.id for office in offices}, given.getall("office", [])
    return WishForm(
        values=values,
        days=tuple(day for day in _EVERY_DAY if str(day) in given.getall("day", [])),
        parts=tuple(name for name, *_rest in _PARTS if name in given.getall("part", [])),
        offices=tuple(ident for text, ident in known.items() if text in chosen),
        wrong=wrong,
    )


def wished_before(wish: Wish | None, case: Case) -> WishForm:
    """Whoever comes for the first time finds their own office ticked."""
    if wish is None:
        return WishForm(values={"first": "", "last": ""}, offices=(case.office_id,))
    window = wish.windows[0] if wish.windows else None
    parts = tuple(
        name
        for name, _label, begin, end in _PARTS
        if any(one.from_time <= begin and end <= one.to_time for one in wish.windows)
    )
    return WishForm(
        values={
            "first": window.first.isoformat() if window and window.first else "",
            "last": window.last.isoformat() if window and window.last else "",
        },
        days=window.days if window and window.days != _EVERY_DAY else (),
        parts=() if len(parts) == len(_PARTS) else parts,
        offices=wish.offices,
    )


def wish_page(words: Words, case: Case, form: WishForm, offices: Sequence[Office], *, is_on: bool) -> WishPage:
    path = f"/appointments/{case.id}/waitlist"
    messages = {name: words._(text) for name, text in form.wrong.items()}
    errors = tuple(ShownError(field=name, message=text) for name, text in messages.items())
    back = f"/{words.language}/appointments/{case.id}"
    return WishPage(
        frame=frame(words, words._("Wish for an earlier time"), path, errors=errors, back_url=back),
        now=words.when(case.starts_at, case.time_zone),
        action=f"/{words.language}{path}",
        request_key=new_key(),
        is_on=is_on,
        values=form.values,
        messages=messages,
        days=tuple(
            Tick(value=str(day), label=format_weekday(day, words.language, in_full=True), is_chosen=day in form.days)
            for day in _EVERY_DAY
        ),
        parts=tuple(
            Tick(value=name, label=words._(label), is_chosen=name in form.parts) for name, label, *_rest in _PARTS
        ),
        offices=tuple(
            Tick(value=str(office.id), label=words.pick(office.name), is_chosen=office.id in form.offices)
            for office in offices
        ),
    )


def leave_page(words: Words, ident: UUID, token: str, *, is_on: bool) -> LeavePage:
    path = f"/waitlist/{ident}/leave/{token}"
    title = words._("Leave the list for earlier times?") if is_on else words._("You are not on the list")
    text = (
        words._("You will get no more offers of earlier times. Your appointment stays as it is.")
        if is_on
        else words._("We send you no offers of earlier times for this appointment. It stays as it is.")
    )
    return LeavePage(
        frame=frame(words, title, path),
        text=text,
        action=f"/{words.language}{path}" if is_on else "",
        request_key=new_key(),
    )


async def case_part(request: web.Request, words: Words, case: Case) -> WaitlistPart | None:
    if case.status is not AppointmentStatus.CONFIRMED or case.is_erased:
        return None
    standing = await request.app[WAITLIST].standing(case.id)
    here = f"/{words.language}/appointments/{case.id}/waitlist"
    if standing.wish is None:
        if not standing.may_join:
            return None
        text = words._("When somebody gives back an earlier time, we can offer it to you before all others.")
        return WaitlistPart(text=text, wish_url=here, wish_label=words._("Wish for an earlier time"))
    return WaitlistPart(
        text=words._("You are on the list. When an earlier time that suits you becomes free, we write to you."),
        wish_url=here if standing.may_join else "",
        wish_label=words._("Change what you wish for"),
        offered=await offered_rows(request, words, standing),
        answers=f"{here}/offers/{standing.offer.id}" if standing.offer else "",
        leave_action=f"{here}/leave",
        request_key=new_key(),
    )


async def offered_rows(request: web.Request, words: Words, standing: Standing) -> tuple[Row, ...]:
    """The earlier time, where, and until when it is kept; empty where none is on offer."""
    offer = standing.offer
    if offer is None:
        return ()
    office = next(one for one in await request.app[CATALOGUE].offices() if one.id == offer.office_id)
    return (
        Row(label=words._("Earlier time"), value=words.when(offer.starts_at, office.time_zone)),
        Row(label=words._("Place"), value=words.pick(office.name), lines=(words.address(office),)),
        Row(label=words._("Kept until"), value=words.when(offer.answer_until, office.time_zone)),
    )


def _spans(parts: Sequence[str]) -> list[tuple[time, time]]:
    """Parts that follow each other are one: an appointment may lie across."""
    spans: list[tuple[time, time]] = []
    for name, _label, begin, end in _PARTS:
        if parts and name not in parts:
            continue
        if spans and spans[-1][1] == begin:
            begin = spans.pop()[0]
        spans.append((begin, end))
    return spans
