"""`python -m tests.faults.charge_process STEP OFFICE TILL TICKET ID FEE BY`: one step about a further fee, in a process of its own."""

from __future__ import annotations

import asyncio
import sys
from uuid import UUID, uuid4

from base import failpoint
from base.config import Settings
from payment.till.model import Method
from server.product import open_product


async def main(step: str, office: int, till_id: int, ticket: UUID, ident: UUID, fee: int, by: int) -> None:
    settings = Settings.from_env()
    if settings.failpoint:
        failpoint.arm(failpoint.killer(settings.failpoint))
    async with open_product(settings) as product:
        charges = product.charges
        if step == "ask":
            await charges.ask(office, ticket, fee, quantity=1, text="", by=by, key=ident)
        elif step == "withdraw":
            await charges.withdraw(office, ident, reason="Irrtum", by=by)
        else:
            payment = await charges.pay_at_till(ident, "http://localhost/de")
            assert payment is not None
            till = (await product.tills.till(office, till_id)).till
            await product.tills.take(till, payment.id, Method.CASH, given_cents=payment.amount_cents, key=uuid4())


if __name__ == "__main__":
    step, office, till, ticket, ident, fee, by = sys.argv[1:]
    asyncio.run(main(step, int(office), int(till), UUID(ticket), UUID(ident), int(fee), int(by)))
