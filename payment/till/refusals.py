"""What the till refuses, and what a person is told."""

from __future__ import annotations

from base.errors import Conflict
from base.i18n import mark as _


class DrawerClosed(Conflict):
    code = "drawer_closed"
    message = _("The drawer of this till is not open. Please count and open it first.")


class DrawerOpen(Conflict):
    code = "drawer_open"
    message = _("The drawer of this till is open already.")


class TakenAlready(Conflict):
    code = "taken_already"
    message = _("This fee has been taken at a till already. Do not take it again.")


class NotAtTill(Conflict):
    code = "not_at_till"
    message = _("This fee cannot be taken at a till any more: it was paid otherwise, or is not owed.")


class GivenAlready(Conflict):
    code = "given_already"
    message = _("This money has been given back already, or is transferred.")


class NotBookedYet(Conflict):
    code = "not_booked_yet"
    message = _("Something that this drawer took is not in the books yet. Please try again in a moment.")


class DifferenceUnexplained(Conflict):
    """`difference_cents`: more (positive) or less was counted than the books say."""

    code = "difference_unexplained"
    message = _("What was counted differs from the books. Please count once more; if it stays so, say why.")


class ClosedOtherwise(Conflict):
    code = "closed_otherwise"
    message = _("This drawer has been closed already, with another count. Nothing of yours was kept.")


class OpeningUnexplained(DifferenceUnexplained):
    message = _(
        "The last closing left another sum. Please count once more, and enter what was brought from the bank in its own field; if it stays "
        "so, say why."
    )


class ChangeUnlikely(Conflict):
    """`change_cents`: what would have to be given back."""

    code = "change_unlikely"
    message = _("This is far more than the fee. Please look at what was handed over, and confirm it if it is right.")
