"""How something was paid is known from the payment to the treasury: on receipts, in figures, and in the sums of a day's batch."""

from __future__ import annotations

import csv
import io
from contextlib import AsyncExitStack
from datetime import date
from typing import Any
from uuid import uuid4

from payment.endpoints import LEDGERS
from tests.flows.test_cash_desk import PAID, a_till, begun, words
from tests.flows.test_till import payment_of
from tests.staff import StaffBrowser, hire, sign_in
from tests.town import Town

ONLINE = {"card": "Mit Karte, online", "paypal": "Mit PayPal", "wero": "Mit Wero"}
DAY = "2026-12-01"


async def online(town: Town, method: str) -> dict[str, Any]:
    made = await town.appointment(PAID)
    session = (await town.checkout(made))["pay_url"].rsplit("/", 1)[1]
    await town.sandbox("POST", f"sessions/{session}/pay", {"method": method})
    await town.webhooks()
    return made


async def test_from_the_receipt_to_the_treasury(town: Town, robin: StaffBrowser, toni: StaffBrowser) -> None:
    await town.sandbox("PUT", "methods", {"methods": list(ONLINE)})
    till = await a_till(town, robin)
    for method, given, slip in (("cash", "13", ""), ("terminal", "", "0042 17")):
        path = await begun(town, robin, till, await town.appointment(PAID))
        done = await robin.post(f"{path}/take", method=method, given=given, slip=slip, request_key=str(uuid4()))
        assert done.status == 200, done
    for method, said in ONLINE.items():
        made = await online(town, method)
        async with StaffBrowser(town) as citizen:
            await citizen.get(f"/de/case/{made['token']}")
            receipt = await citizen.get(f"/de/appointments/{made['id']}/receipts/{await payment_of(town, made)}")
        assert f"Zahlungsart {said}" in words(receipt)

    figures = words(await toni.get(f"/de/finance/figures?from={DAY}&to={DAY}"))
    for said in (*ONLINE.values(), "Bar", "Karte am Schalter"):
        assert f"01.12.2026 {said} 1 13,00 €" in figures, said

    town.clock.advance(hours=20)
    await town.app[LEDGERS].close(date(2026, 12, 1), by=await hire(town, "treasury", "treasury"))
    async with await sign_in(town, "toni") as finance:
        batch = await finance.post(f"/de/finance/batches/days/{DAY}")
        assert batch.status == 200, batch
    [file] = await town.rows("SELECT content FROM export_file WHERE format = 'totals-csv'")
    rows = list(csv.DictReader(io.StringIO(file["content"].decode("cp1252")), delimiter=";"))
    taken = {row["Zahlungsweg"]: row["Zahlungen"] for row in rows if row["Zahlungen"] != "0,00"}
    assert taken == dict.fromkeys(("card", "cash", "paypal", "terminal", "wero"), "13,00")
    async with AsyncExitStack() as stack:
        await hire(town, "auditor", "auditor")
        auditor = await stack.enter_async_context(await sign_in(town, "auditor"))
        items = await auditor.get(f"{batch.url.path}/items?method=paypal")
    assert "Mit PayPal" in words(items)
    assert "Bar" not in words(items)
    await town.assert_sound()


async def test_what_was_paid_before_anybody_told_is_its_providers(town: Town, toni: StaffBrowser) -> None:
    """As the former release leaves it, and as another's word for a way that we do not know stands as it is."""
    made = await online(town, "card")
    await town.rows("ALTER TABLE payment DISABLE TRIGGER payment_method_fixed")
    await town.rows("UPDATE payment SET method = NULL")
    figures = words(await toni.get(f"/de/finance/figures?from={DAY}&to={DAY}"))
    assert "Online, Zahlungsart nicht bekannt (Stripe) 1 13,00 €" in figures
    async with StaffBrowser(town) as citizen:
        await citizen.get(f"/de/case/{made['token']}")
        path = f"/de/appointments/{made['id']}/receipts/{await payment_of(town, made)}"
        assert "Zahlungsart Online" in words(await citizen.get(path))
