"""`python -m tests.faults.till_process take|give TILL ID`: one step of a cashier, in a process of its own that may be killed."""

from __future__ import annotations

import asyncio
import sys
from uuid import UUID, uuid4

from base import failpoint
from base.config import Settings
from payment.till.model import Method
from server.product import open_product


async def main(step: str, office: int, till_id: int, ident: UUID) -> None:
    settings = Settings.from_env()
    if settings.failpoint:
        failpoint.arm(failpoint.killer(settings.failpoint))
    async with open_product(settings) as product:
        till = (await product.tills.till(office, till_id)).till
        if step == "take":
            await product.tills.take(till, ident, Method.CASH, given_cents=2000, key=uuid4())
        else:
            await product.tills.give_back(till, ident, Method.CASH)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), UUID(sys.argv[4])))
