"""Why this rank: in words that the applicant can follow line by line, with figures from the two published files and nothing else."""

from __future__ import annotations

from collections.abc import Mapping

from base.i18n import Text, Translations, format_date, pick
from booking.allocation.model import ClosedList, Listed, Place, Result, Slot


def explain(
    words: Translations,
    language: str,
    closed: ClosedList,
    result: Result,
    request_id: str,
    offices: Mapping[str, Text] | None = None,
) -> list[str]:
    """Sentences, for one who is in the list. Without the offices' names their keys are said."""
    requests = {request.id: request for request in closed.requests}
    request = requests[request_id]
    place = next(place for place in result.places if place.id == request_id)
    ahead = [requests[other.id] for other in result.places[: place.rank - 1]]
    return [
        words.ngettext(
            language,
            "{n} request is in the closed list. Yours has rank {rank}.",
            "{n} requests are in the closed list. Yours has rank {rank}.",
            len(requests),
            rank=place.rank,
        ),
        _class(words, language, closed, request),
        _ahead_by_class(words, language, ahead, request),
        _ahead_by_waiting(words, language, ahead, request),
        _by_draw(words, language, closed, ahead, request, place),
        _slot(words, language, closed, place, offices or {}),
    ]


def _class(words: Translations, language: str, closed: ClosedList, request: Listed) -> str:
    limits, number = closed.terms.class_days, request.deadline_class
    fields = {
        "number": number,
        "classes": closed.terms.classes,
        "day": format_date(closed.terms.closes_on, language, style="long"),
    }
    if number > len(limits):
        return words.gettext(
            language,
            "Urgency {number} of {classes}: on {day} no deadline was confirmed, or it was more than {limit} days away.",
            limit=limits[-1],
            **fields,
        )
    return words.gettext(
        language,
        "Urgency {number} of {classes}: on {day} your confirmed deadline had passed or was at most {limit} days away.",
        limit=limits[number - 1],
        **fields,
    )


def _ahead_by_class(words: Translations, language: str, ahead: list[Listed], request: Listed) -> str:
    n = sum(other.deadline_class < request.deadline_class for other in ahead)
    if not n:
        return words.gettext(language, "No request was more urgent.")
    return words.ngettext(language, "{n} request was more urgent.", "{n} requests were more urgent.", n)


def _ahead_by_waiting(words: Translations, language: str, ahead: list[Listed], request: Listed) -> str:
    n = sum(
        other.deadline_class == request.deadline_class and other.waited_days > request.waited_days for other in ahead
    )
    waited = words.ngettext(
        language, "Your request had waited for {n} day.", "Your request had waited for {n} days.", request.waited_days
    )
    if not n:
        others = words.gettext(language, "No other of the same urgency had waited longer.")
    else:
        others = words.ngettext(
            language,
            "{n} other of the same urgency had waited longer.",
            "{n} others of the same urgency had waited longer.",
            n,
        )
    return f"{waited} {others}"


def _by_draw(
    words: Translations, language: str, closed: ClosedList, ahead: list[Listed], request: Listed, place: Place
) -> str:
    turn = (request.deadline_class, request.waited_days)
    equals = sum((other.deadline_class, other.waited_days) == turn for other in closed.requests) - 1
    if not equals:
        return words.gettext(language, "No other had the same urgency and waiting time, so no lot was needed.")
    n = sum((other.deadline_class, other.waited_days) == turn for other in ahead)
    return words.ngettext(
        language,
        "The lot decided between you and {n} other of the same urgency and waiting time: "
        "{before} came before you. Your lot begins with {lot}.",
        "The lot decided between you and {n} others of the same urgency and waiting time: "
        "{before} came before you. Your lot begins with {lot}.",
        equals,
        before=n,
        lot=place.draw[:12],
    )


def _slot(words: Translations, language: str, closed: ClosedList, place: Place, offices: Mapping[str, Text]) -> str:
    slots: Mapping[str, Slot] = {slot.id: slot for slot in closed.slots}
    if place.slot is not None:
        slot = slots[place.slot]
        return words.gettext(
            language,
            "Of the appointments still free at your turn, this is the earliest that fits: {day}, {time}, {office}.",
            day=format_date(slot.starts_at.date(), language),
            time=f"{slot.starts_at:%H:%M}",
            office=pick(offices.get(slot.office), language) or slot.office,
        )
    if place.free and any(slot.team for slot in closed.slots):
        return words.ngettext(
            language,
            "At your turn {n} appointment was still free, but it does not fit your offices and times, or another team is responsible.",
            "At your turn {n} appointments were still free, but none fits your offices and times, or another team is responsible.",
            place.free,
        )
    if place.free:
        return words.ngettext(
            language,
            "At your turn {n} appointment was still free, but it does not fit your offices and times.",
            "At your turn {n} appointments were still free, but none fits your offices and times.",
            place.free,
        )
    if not slots:
        return words.gettext(language, "There was no appointment to give out in this run.")
    return words.ngettext(
        language,
        "The only appointment of this run had been given out before your turn.",
        "All {n} appointments of this run had been given out before your turn.",
        len(slots),
    )
