"""Why a time of a guarded service (docs/adr/0037) is not held. The codes are those that the schema's functions give."""

from __future__ import annotations

from base.errors import DomainError
from base.i18n import mark as _


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
