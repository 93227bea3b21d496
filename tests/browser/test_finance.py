"""Every page of finance with a month of trade behind it: axe finds nothing, nothing is cut off, wide and narrow, light and dark.

With PICTURES=folder each page is photographed, which is how to look at them.
"""

from __future__ import annotations

from typing import Literal

import pytest
from playwright.async_api import async_playwright

from tests.browser.desk import sit_down
from tests.browser.month_elsewhere import a_month_at_a_till, a_month_of_transfers
from tests.payment.matching.month import FIRST, LAST, Month, Size
from tests.staff import hire
from tests.town import Town

DAYS = f"from={FIRST}&to={LAST}"
A_MONTH = Size(payments=120, refunds=30, disputes=6, faults=1)


async def a_month(town: Town) -> dict[str, str]:
    """Played in the town's database, the provider's side put where the town asks it; what the pages' addresses are made of."""
    month = Month(town.worker.db, size=A_MONTH, nightly=True)
    await month.play()
    await month.label_bank()
    await month.matching.run(FIRST, LAST, by=month.staff)
    town.machine.core.state = month.machine.state
    made = await town.appointment("Führungszeugnis")
    await town.pay(await town.checkout(made))
    await town.webhooks()
    await town.work()
    sql = """
        SELECT (SELECT id::text FROM payment WHERE reference = $1) AS booked,
               (SELECT payment_id::text FROM refund WHERE status = 'succeeded' ORDER BY created_at LIMIT 1) AS refunded,
               (SELECT payment_id::text FROM dispute ORDER BY created_at LIMIT 1) AS disputed,
               (SELECT id::text FROM dispute ORDER BY created_at LIMIT 1) AS dispute,
               (SELECT id::text FROM journal WHERE kind = 'refund' ORDER BY id LIMIT 1) AS journal,
               (SELECT id::text FROM difference WHERE cause = 'amount' ORDER BY id LIMIT 1) AS difference,
               (SELECT id::text FROM difference WHERE cause = 'till_ambiguous' ORDER BY id LIMIT 1) AS till_difference,
               (SELECT payout_id FROM bank_match WHERE payout_id IS NOT NULL ORDER BY at LIMIT 1) AS payout,
               (SELECT max(statement_id)::text FROM bank_match) AS statement"""
    [row] = await town.rows(sql, made["id"])
    till = await a_month_at_a_till(town.worker.db, month.staff)
    orders = await a_month_of_transfers(town.worker.db)
    return {
        **row,
        **{f"transfer-{state}": str(orders[state]) for state in ("asked", "approved", "returned", "paid")},
        "office": str(till.office),
        "drawer": str(till.drawer),
        "drawer-journal": str(till.journal),
    }


def places(known: dict[str, str]) -> dict[str, str]:
    return {
        "day": "finance/?day=2026-10-14",
        "work": "finance/work",
        "search": "finance/search?q=37,00",
        "books": f"finance/books?{DAYS}",
        "account": f"finance/books/account?name=psp_clearing&{DAYS}",
        "days": "finance/books/days",
        "journal": f"finance/books/journals/{known['journal']}",
        "advance": f"finance/books/advance?day={LAST}",
        "procedure": "finance/books/procedure",
        "check": "finance/books/check",
        "differences": "finance/differences",
        "difference": f"finance/differences/{known['difference']}",
        "difference-till": f"finance/differences/{known['till_difference']}",
        "at-bank": f"finance/at-bank?{DAYS}",
        "lights": f"finance/differences/days?{DAYS}",
        "figures": f"finance/figures?{DAYS}",
        "figures-lines": f"finance/figures/lines?{DAYS}&side=refund&up=/de/finance/figures?from%3D{FIRST}",
        "figures-open": f"finance/figures/open?account=received_in_advance&day={LAST}",
        "payouts": f"finance/payouts?{DAYS}",
        "payout": f"finance/payouts/{known['payout']}?up=/de/finance/payouts",
        "batch-items": "finance/batches/5/items?up=/de/finance/batches/5?up%3D/de/finance/batches",
        "batches": "finance/batches",
        "batch": "finance/batches/5",
        "disputes": "finance/disputes",
        "dispute": f"finance/disputes/{known['dispute']}",
        "payment": f"finance/payments/{known['booked']}",
        "payment-refunded": f"finance/payments/{known['refunded']}",
        "payment-disputed": f"finance/payments/{known['disputed']}",
        "terms": "oversight/",
        "term": "oversight/terms/bank_statement",
        "access": "oversight/access",
        "transfers": "transfers/",
        "transfers-ended": "transfers/?ended=1",
        **{name: f"transfers/{ident}" for name, ident in known.items() if name.startswith("transfer-")},
        "transfer-files": "transfers/files",
        "transfer-file": "transfers/files/1",
        "drawers": f"till/{known['office']}",
        "drawer": f"till/{known['office']}/drawers/{known['drawer']}",
        "drawer-books": f"finance/drawers/{known['drawer']}",
        "drawer-journal": f"finance/books/journals/{known['drawer-journal']}",
        "drawer-day": "finance/?day=2026-11-10",
        "reserved": "finance/figures/reserved",
        "bank": "bank/",
        "statement": f"bank/statements/{known['statement']}",
    }


@pytest.mark.parametrize(
    ("language", "width", "scheme"), [("de", 1280, "light"), ("de", 360, "light"), ("en", 320, "dark")]
)
async def test_every_page(
    town: Town, chromium: str, language: str, width: int, scheme: Literal["light", "dark"]
) -> None:
    known = await a_month(town)
    for role in ("finance", "auditor", "admin"):
        await hire(town, role, role)
    await hire(town, "cashier", "cashier")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        desk = await sit_down(browser, town, "finance", language, width, scripts=True)
        overseer = await sit_down(browser, town, "auditor", language, width, scripts=True, area="oversight")
        cashier = await sit_down(browser, town, "cashier", language, width, scripts=True, area="till")
        for one in (desk, overseer, cashier):
            await one.page.emulate_media(color_scheme=scheme)
        for name, path in places(known).items():
            one = overseer if path.startswith("oversight") or name == "check" else desk
            one = cashier if path.startswith("till/") else one
            answer = await one.page.goto(f"{town.origin}/{language}/{path}")
            assert answer is not None
            assert answer.status == 200, (name, answer.status)
            await one.stop_at(name)
        await browser.close()
    assert (desk.faults | overseer.faults | cashier.faults, desk.said + overseer.said + cashier.said) == ({}, [])
