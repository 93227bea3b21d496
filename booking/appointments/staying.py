"""A case goes elsewhere, or stays where it is: the dearer time that waits for it is given back (docs/adr/0024)."""

from __future__ import annotations

from uuid import UUID

from booking.appointments.model import CaseState
from booking.appointments.slots import Slots
from payment.model import PaymentStatus
from payment.ports import Tx
from payment.usecases import Payments

_BEGUN = (PaymentStatus.INTENDED, PaymentStatus.OPEN)


async def free_waiting(slots: Slots, payments: Payments, tx: Tx, case: CaseState) -> UUID | None:
    """Free at once: no payment can confirm it any more, and money that comes nevertheless goes back. The payment to be fenced after
    commit, so that nobody pays in vain; where that fails, its session runs out by itself."""
    if case.waiting is None:
        return None
    await slots.end_move(tx, case.waiting, None)
    payment = await payments.living(tx, case.waiting)
    return payment.id if payment is not None and not payment.is_secured else None


async def begun_again(payments: Payments, tx: Tx, case: CaseState) -> UUID | None:
    """Of a booked case: what a till or a page has begun to take because nothing secures it, to be fenced after commit."""
    payment = await payments.living(tx, case.id)
    is_begun = payment is not None and (case.pays_at_till or payment.status in _BEGUN)
    return payment.id if payment is not None and is_begun and not payment.is_secured else None


async def wait_no_more(slots: Slots, payments: Payments, tx: Tx, case: CaseState) -> UUID | None:
    """A booked case ends or goes elsewhere: whatever was to be paid besides. The payment to be fenced after commit."""
    return await free_waiting(slots, payments, tx, case) or await begun_again(payments, tx, case)


async def is_owed(payments: Payments, tx: Tx, case: CaseState) -> bool:
    """Booked unpaid, and no till has taken the fee."""
    if not case.pays_at_till:
        return False
    payment = await payments.living(tx, case.id)
    return payment is None or not payment.is_secured
