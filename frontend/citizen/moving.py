"""The page on which both times are seen before the appointment moves."""

from __future__ import annotations

from base.money import Money
from booking.appointments.model import Case
from booking.holds.model import Hold
from frontend.citizen.frame import frame
from frontend.citizen.holding import Chosen, appointment_rows, reserved
from frontend.citizen.views import MovePage, SummaryGroup
from frontend.citizen.words import Words


def move_page(
    words: Words,
    case: Case,
    hold: Hold,
    *,
    was: Chosen,
    will: Chosen,
    request_key: str,
    problem: str = "",
    only_at_till: bool = False,
) -> MovePage:
    path = f"/appointments/{case.id}/move"
    query = (("hold", str(hold.id)),)
    return MovePage(
        frame=frame(
            words,
            words._("Move the appointment?"),
            path,
            query=query,
            back_url=was.times_url(words.language, moves=case.id),
        ),
        reserved=reserved(words, will, hold.expires_at),
        groups=(
            SummaryGroup(title=words._("New time"), rows=appointment_rows(words, will, with_fee=False)),
            SummaryGroup(title=words._("Time so far"), rows=appointment_rows(words, was, with_fee=False)),
        ),
        lines=_lines(words, case, will.fee, only_at_till=only_at_till),
        action=f"/{words.language}{path}",
        hidden=query,
        request_key=request_key,
        button=words._("Move with obligation to pay") if will.fee > case.fee else words._("Yes, move the appointment"),
        problem=problem,
        keep_url=f"/{words.language}/appointments/{case.id}",
    )


def _lines(words: Words, case: Case, fee: Money, *, only_at_till: bool) -> tuple[str, ...]:
    kept = words._("Number, link and calendar entry stay. The time so far is then free for others.")
    paid = words._("The fee of {fee} stays paid.", fee=words.fee(case.fee)) if case.fee else ""
    if fee < case.fee:
        paid = words._(
            "The fee is less now: {fee}. We return the difference of {difference} to you, the way you paid.",
            fee=words.fee(fee),
            difference=words.fee(case.fee - fee),
        )
    if case.due_at_till or (only_at_till and not case.fee and fee):
        paid = words._(
            "The fee is {fee} then. Nothing is paid yet: you pay it at a till of the city, at the latest on the day of your appointment.",
            fee=words.fee(fee),
        )
        return tuple(line for line in (kept, paid, _further(words, case)) if line)
    percent = case.terms.percent(case.starts_at, words.now)
    if case.fee < fee:
        paid = words._(
            "The fee is more now: {fee}. The appointment moves as soon as you have paid the difference of {difference}; until "
            "then it stays as it is.",
            fee=words.fee(fee),
            difference=words.fee(fee - case.fee),
        )
    late = (
        words._(
            "If you cancel later, at most {percent} % of the fee is returned, as if you cancelled now.", percent=percent
        )
        if case.fee and percent < 100
        else ""
    )
    return tuple(line for line in (kept, paid, late, _further(words, case)) if line)


def _further(words: Words, case: Case) -> str:
    left = case.moves_left - 1
    if not left:
        return words._("After this the appointment cannot be moved again.")
    return words.ngettext(
        "You can move this appointment {n} more time after this.",
        "You can move this appointment {n} more times after this.",
        left,
    )
