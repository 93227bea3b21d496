"""Transfer orders: from a refund that failed for good to money on the payee's account. Files for the bank: see `files`."""

from __future__ import annotations

from payment.transfers.arising import Arising
from payment.transfers.arriving import Arriving
from payment.transfers.looking import Looking
from payment.transfers.stepping import Stepping
from payment.transfers.waiving import Waiving


class Transfers(Arising, Stepping, Arriving, Waiving, Looking):
    """What people, the provider and the bank do with them; one object, so that each part finds the others' orders."""
