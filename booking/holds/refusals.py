"""Why a time is not held: what is told to whoever asked.

The codes of a guarded service's refusals (docs/adr/0037) are those that the schema's functions give.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache

from base.errors import Conflict, DomainError, FieldError, Invalid
from base.i18n import mark as _
from booking.availability.model import Slot


class SlotTaken(Conflict):
    """Somebody was faster, or the time is closed by now. Brings the nearest times that are free."""

    code = "slot_taken"
    message = _("This time is no longer free. Please choose another one.")

    def __init__(self, alternatives: Sequence[Slot] = ()) -> None:
        self.alternatives = tuple(alternatives)
        super().__init__(
            alternatives=[
                {"office": slot.office_id, "starts_at": _utc(slot.starts_at), "ends_at": _utc(slot.ends_at)}
                for slot in alternatives
            ]
        )


@lru_cache(maxsize=4096)
def _utc(instant: datetime) -> str:
    """As pydantic writes it everywhere else. Kept, as a crowd is refused with the same few times."""
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


class TooFarAhead(DomainError):
    """Mostly a year typed wrong: no office knows its hours then."""

    code = "too_far_ahead"
    status = 422
    message = _("This is more than a year from now.")


class StartNotOffered(Invalid):
    """In the past, too soon, too far ahead, or not on the service's grid."""

    code = "start_not_offered"
    message = _("No appointment begins at this time.")

    def __init__(self) -> None:
        super().__init__([FieldError("/starts_at", self.code, self.message)])


class TooBusy(DomainError):
    """More want a time at this moment than are served at once: they wait outside, where waiting costs nothing."""

    code = "too_busy"
    status = 429
    message = _("Very many people are booking at this moment. Please try again in a few seconds; nothing is lost.")


class GivenOutByNeed(Conflict):
    """The schema lets nobody hold such a time (claim_by_need); this says why."""

    code = "given_out_by_need"
    message = _(
        "Appointments for this service are given out by urgency and not by the first click. Please make a request."
    )


class HoldInUse(Conflict):
    code = "hold_in_use"
    message = _("There is already an appointment for this reserved time.")


class NoOverrideNeeded(Conflict):
    """Nobody is given a reason to write where the time is free."""

    code = "no_override_needed"
    message = _("This time is free: it can be booked in the ordinary way.")


class PassRefused(DomainError):
    """Counted for administrators: how often, and why."""

    status = 403


class PassNeeded(PassRefused):
    code = "pass_needed"
    message = _("For this service a short check comes first, which keeps programs from taking the times away.")


class NetworkUnknown(PassRefused):
    """A proxy in front of us does not say where the caller sits."""

    code = "network_unknown"
    message = _("We cannot see from which network you come, and this service needs that. Please book by telephone.")


class TooManyHolds(PassRefused):
    code = "too_many_holds"
    status = 429
    message = _("Very many times were reserved from your network. Please try again in an hour, or book by telephone.")


class AllowanceOver(PassRefused):
    code = "allowance_over"
    message = _("This allowance has ended.")


class QuotaUsedUp(PassRefused):
    code = "quota_used_up"
    message = _("As many times as this allowance is for have been reserved with it.")


PASS_REFUSALS: dict[str, type[PassRefused]] = {
    kind.code: kind for kind in (PassNeeded, NetworkUnknown, TooManyHolds, AllowanceOver, QuotaUsedUp)
}
