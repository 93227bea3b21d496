"""What the schema refuses of cases that are booked by an invitation (docs/adr/0039), in words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from base.db import violates
from base.errors import Conflict, Gone
from base.i18n import mark as _


class InvitationOver(Gone):
    """Withdrawn, or its deadline has passed."""

    code = "invitation_over"
    message = _("This invitation is over.")


class InvitationUsed(Conflict):
    """Booked, or being booked."""

    code = "invitation_used"
    message = _("There is an appointment by this invitation already.")


class OutsideInvitation(Conflict):
    code = "outside_invitation"
    message = _(
        "This appointment is by invitation: it can only be moved within the days, and at the office, of the invitation."
    )


@contextmanager
def refusals() -> Iterator[None]:
    """Raises InvitationUsed, InvitationOver."""
    try:
        yield
    except (asyncpg.UniqueViolationError, asyncpg.CheckViolationError) as error:
        if violates(error, "appointment_one_per_invitation"):
            raise InvitationUsed from None
        if violates(error, "invitation_used"):
            raise InvitationOver from None
        raise
