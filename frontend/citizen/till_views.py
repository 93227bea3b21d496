"""What paying at a till looks like to a citizen: until when, where, and under which number."""

from __future__ import annotations

import segno
from markupsafe import Markup

from base.i18n import zone
from booking.appointments.till_holds import TillOffer, Way
from booking.appointments.till_store import TillPlace
from booking.appointments.till_term import Because
from frontend.citizen.frame import frame
from frontend.citizen.holding import Chosen
from frontend.citizen.views import Row, ShownError, TillCodePage, TillPage, TillPart, TillPlaceView, TillWay
from frontend.citizen.words import Words


def till_page(
    words: Words, path: str, chosen: Chosen, offered: TillOffer, request_key: str, problem: str = ""
) -> TillPage:
    """`path`: of the case, without its language."""
    here, place = f"/{words.language}{path}", chosen.office.time_zone
    until = words.when(offered.pay_by, place)
    labels = {
        Way.EMAIL: words._("Send the code by e-mail"),
        Way.MOBILE: words._("Send the code by text message"),
    }
    return TillPage(
        frame=frame(words, words._("Pay at a till"), f"{path}/till", back_url=here),
        lead=words._(
            "Your time stays reserved until {until}. If you have paid at a till of the city by then, in cash or by card, it is booked.",
            until=until,
        ),
        why=words._(
            "Our payment provider does not answer at the moment. Online payment is offered again as soon as it does."
        )
        if offered.because is Because.PROVIDER
        else "",
        rows=(
            Row(label=words._("Fee"), value=words.fee(chosen.fee)),
            Row(label=words._("When"), value=words.when(chosen.starts_at, place)),
            Row(label=words._("To be paid until"), value=until),
        ),
        places=places_shown(words, offered.places),
        action=f"{here}/till" if offered.is_asked else "",
        code_action=f"{here}/till/codes",
        ways=()
        if offered.is_asked
        else tuple(TillWay(value=way.value, label=f"{labels[way]}: {contact}") for way, contact in offered.ways),
        problem=problem,
        request_key=request_key,
    )


def code_page(
    words: Words,
    path: str,
    chosen: Chosen,
    offered: TillOffer,
    *,
    hidden: tuple[tuple[str, str], ...],
    sent_to: str,
    until: str,
    typed: str = "",
    wrong: str = "",
    problem: str = "",
) -> TillCodePage:
    errors = (ShownError(field="code", message=wrong),) if wrong else ()
    query = tuple(pair for pair in hidden if pair[0] == "code_id")
    return TillCodePage(
        frame=frame(words, words._("Type in the code"), f"{path}/till/code", query=query, errors=errors),
        action=f"/{words.language}{path}/till",
        hidden=hidden,
        again_url=f"/{words.language}{path}/till",
        sent_to=sent_to,
        until=until,
        pay_by=words.when(offered.pay_by, chosen.office.time_zone),
        problem=problem,
        values={"code": typed},
        messages={"code": wrong} if wrong else {},
    )


def till_part(number: str, places: tuple[TillPlaceView, ...]) -> TillPart:
    return TillPart(square=_square(number), places=places)


def places_shown(words: Words, places: tuple[TillPlace, ...]) -> tuple[TillPlaceView, ...]:
    return tuple(
        TillPlaceView(
            name=words.pick(one.name),
            address=", ".join(part for part in (one.street, f"{one.postcode} {one.place}".strip()) if part),
            days=_days(words, one),
        )
        for one in places
    )


def offered_text(words: Words, chosen: Chosen, offered: TillOffer) -> str:
    return words._(
        "You may also pay at a till of the city until {until}, in cash or by card. Your time stays reserved until then.",
        until=words.when(offered.pay_by, chosen.office.time_zone),
    )


def _days(words: Words, one: TillPlace) -> tuple[Row, ...]:
    days: dict[str, list[str]] = {}
    for start, end in one.open:
        day = words.near_day(start.astimezone(zone(one.time_zone)).date(), one.time_zone)
        days.setdefault(day, []).append(f"{words.time(start, one.time_zone)}–{words.time(end, one.time_zone)}")
    return tuple(Row(label=day, value=", ".join(hours)) for day, hours in days.items())


def _square(number: str) -> Markup:
    """A QR code as SVG, for the scanner of a till."""
    drawn = segno.make(number, error="m", micro=False)
    return Markup(drawn.svg_inline(scale=4, border=2, dark="#000", light="#fff", omitsize=False))  # noqa: S704 - drawn here
