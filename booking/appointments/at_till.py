"""Paying at a till instead of online: what was begun online is made impossible first, as wherever a payment is given up (docs/adr/0004)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

from base.clock import Clock
from base.errors import Conflict, NotFound
from base.failpoint import point
from base.i18n import mark as _
from booking.appointments.lifecycle import HoldOver, Transaction
from booking.appointments.model import OWED, STANDS, AppointmentStatus, CaseState
from booking.appointments.slots import Slots
from payment.context import PaymentUnavailable
from payment.ledger import part_of
from payment.model import LIVING, Line, Payment, PaymentStatus
from payment.ports import Tx
from payment.till.model import COUNTER
from payment.usecases import Payments

till_asked = point("till.asked")


class PaymentUnderWay(Conflict):
    code = "payment_under_way"
    message = _("An online payment of this fee is under way. It must end before the fee can be paid at a till.")


Keep = Callable[[Tx, CaseState, Payment], Awaitable[None]]


async def nobody_keeps(tx: Tx, case: CaseState, payment: Payment) -> None:
    """Where the time stays held only as long as it was."""


@dataclass(frozen=True, slots=True)
class AtTill:
    transaction: Transaction
    slots: Slots
    payments: Payments
    clock: Clock
    describe: Callable[[CaseState], str]

    async def ask(self, reference: UUID, return_url: str, keep: Keep = nobody_keeps) -> Payment | None:
        """The payment that a till can take; None where nothing is to be paid (any more).

        `keep`: what else belongs to it, in the transaction in which the payment is there, with the case locked; what it raises
        comes through. Raises NotFound, HoldOver, PaymentUnderWay, PaymentUnavailable.
        """
        for _try in range(2):
            async with self.transaction() as tx:
                case = await self.slots.lock(tx, reference)
                if case is None:
                    raise NotFound
                living = await self.payments.living(tx, reference)
                gone = await self.payments.uncovered(tx, reference) if case.status in STANDS else None
                due, lines = (case.fee, case.lines) if gone is None else (gone.owed_again, _again(gone))
                is_owed = gone is not None or (case.pays_at_till and case.status in OWED)
                if not due or (case.status is AppointmentStatus.CONFIRMED and not is_owed):
                    return None
                is_held = case.status is AppointmentStatus.HELD
                if not is_owed and (not is_held or case.hold_until is None or case.hold_until <= self.clock()):
                    raise HoldOver
                if living is None:
                    living = await self.payments.request(
                        tx,
                        reference=reference,
                        amount=due,
                        description=self.describe(case),
                        language=case.language,
                        return_url=return_url,
                        lines=lines,
                        service_day=case.service_day,
                        at_till=True,
                    )
                if living.provider == COUNTER and living.amount == due and is_held:
                    await keep(tx, case, await self.payments.living(tx, reference) or living)  # with its Kassenzeichen
            if living.status is PaymentStatus.PAID:
                return None
            if living.provider == COUNTER and living.amount == due:
                till_asked()
                return await self.payments.open(living.id)
            ended = await self.payments.leave(living.id)
            if ended.is_secured:
                return None
            if ended.status in LIVING:
                raise PaymentUnderWay
        raise PaymentUnavailable


def _again(gone: Payment) -> tuple[Line, ...]:
    """Of what was reserved for it and ran out: so much as was wanted."""
    return part_of(gone.lines, gone.owed_again.cents)
