"""Why somebody cannot be checked in: each reason by itself, so that the clerk can say what to do. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from base.errors import Conflict
from base.i18n import mark as _
from booking.appointments.model import AppointmentStatus
from booking.appointments.number import LENGTH

_S = AppointmentStatus


class NotExpected(Conflict):
    code = "not_expected"
    message = _("This appointment is not confirmed for today at this office.")


class NumberIncomplete(NotExpected):
    code = "number_incomplete"
    message = _("This number is too short: it has six letters and digits, such as K7F-3QM.")


class NumberUnknown(NotExpected):
    code = "number_unknown"
    message = _("There is no appointment with this number. Please compare it with the confirmation.")


class AtAnotherOffice(NotExpected):
    """`office`: its id; a page has its name."""

    code = "at_another_office"
    message = _("This appointment is at another office: {office}.")


class OnAnotherDay(NotExpected):
    code = "on_another_day"
    message = _("This appointment is not today, but on {day}.")


class CaseCancelled(NotExpected):
    code = "case_cancelled"
    message = _("This appointment was cancelled.")


class CaseFinished(NotExpected):
    code = "case_finished"
    message = _("This appointment is finished already.")


class CaseMissed(NotExpected):
    code = "case_missed"
    message = _("Whoever has this appointment was called and did not come.")


_OVER: Mapping[AppointmentStatus, type[NotExpected]] = {
    _S.CANCELLED: CaseCancelled,
    _S.FINISHED: CaseFinished,
    _S.NO_SHOW: CaseMissed,
}
REFUSALS = (
    NotExpected,
    NumberIncomplete,
    NumberUnknown,
    AtAnotherOffice,
    OnAnotherDay,
    CaseCancelled,
    CaseFinished,
    CaseMissed,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """An appointment of any office, whatever became of it."""

    id: UUID
    office_id: int
    status: str
    day: date


def unreadable(typed: str) -> NotExpected:
    """Of what cannot be a number."""
    is_short = sum(letter.isalnum() for letter in typed) < LENGTH
    return NumberIncomplete() if is_short else NumberUnknown()


def refusal(found: Registered | None, office_id: int, today: date) -> NotExpected | None:
    """None: expected here today."""
    if found is None:
        return NumberUnknown()
    if found.office_id != office_id:
        return AtAnotherOffice(office=found.office_id)
    status = AppointmentStatus(found.status)
    if status in _OVER:
        return _OVER[status]()
    if status is not _S.CONFIRMED:
        return NotExpected()
    return OnAnotherDay(day=found.day) if found.day != today else None
