"""Whatever finance has in hand leads to the payment: Kassenzeichen, receipt number, amount, and for whom may see names, a name."""

from __future__ import annotations

from typing import Any

import pytest

from frontend.finance.search_pages import asked_cents
from tests.flows.test_till import paid, payment_of
from tests.staff import Page, StaffBrowser, hire, sign_in, words
from tests.town import KIM, Town

SEARCH = "/de/finance/search"


async def ask(staff: StaffBrowser, text: str) -> Page:
    return await staff.get(SEARCH, params={"q": text})


@pytest.mark.parametrize(
    ("text", "cents"),
    [
        ("13,00", 1300),
        ("13.00 €", 1300),
        ("1.234,50", 123450),
        ("EUR 1234.50", 123450),
        ("13 €", 1300),
        ("eur 1.234", 123400),
        ("13,-", 1300),
        ("13,–", 1300),
        ("13", None),
        ("1.234", None),
        ("13,0", None),
        ("1.23,00", None),
        ("Kim", None),
        ("-13,00", None),
    ],
)
def test_an_amount_as_it_is_typed(text: str, cents: int | None) -> None:
    assert asked_cents(text) == cents


async def test_one_hit_leads_to_the_payment_and_from_there_to_its_journals(town: Town, toni: StaffBrowser) -> None:
    made, other = await paid(town), await paid(town)
    await town.work()
    payment = await payment_of(town, made)
    [row] = await town.rows(
        "SELECT p.kassenzeichen, r.year, r.number FROM payment p JOIN receipt r ON r.payment_id = p.id WHERE p.id = $1::uuid",
        payment,
    )
    for asked in (
        row["kassenzeichen"],
        " ".join(row["kassenzeichen"].lower()[n : n + 4] for n in range(0, 30, 4)),
        f"{row['year']}-{row['number']:06d}",
        f"{row['year']}/{row['number']}",
        (await town.look(made))["number"],
    ):
        page = await ask(toni, asked)
        assert page.url.path == f"/de/finance/payments/{payment}", asked
    page = await toni.get(f"/de/finance/payments/{payment}")
    assert f"Quittungsnummer {row['year']}-{row['number']:06d}" in words(page)
    [journal] = await town.rows("SELECT id FROM journal WHERE payment_id = $1::uuid AND kind = 'fee'", payment)
    assert f'href="/de/finance/books/journals/{journal["id"]}?up=%2Fde%2Ffinance%2Fpayments%2F' in page.text
    back = await toni.get(f"/de/finance/books/journals/{journal['id']}")
    assert f'href="/de/finance/payments/{payment}?up=' in back.text
    assert other["id"] != made["id"]


async def test_an_amount_finds_payments_and_refunds(town: Town, toni: StaffBrowser) -> None:
    first, second = await paid(town), await paid(town)
    page = await ask(toni, "13,00 €")
    for made in (first, second):
        assert f"/de/finance/payments/{await payment_of(town, made)}" in page.text
    assert words(page).count("Bezahlt 13,00 €") == 2
    assert "keine Zahlung gefunden" in words(await ask(toni, "99,99"))


async def test_a_name_is_found_only_by_who_may_see_names(town: Town, toni: StaffBrowser) -> None:
    made = await paid(town)
    await hire(town, "sam", "auditor")
    async with await sign_in(town, "sam") as sam:
        assert "ganzer Name" not in words(await ask(sam, KIM["name"]))
        assert await payment_of(town, made) not in (await ask(sam, KIM["name"])).text
    assert "ganzer Name" in words(await ask(toni, ""))
    found = await ask(toni, KIM["name"].upper())
    assert found.url.path == f"/de/finance/payments/{await payment_of(town, made)}"
    assert "keine Zahlung gefunden" in words(await ask(toni, KIM["name"][:4]))  # never a part of one


async def test_nonsense_finds_nothing(town: Town, toni: StaffBrowser) -> None:
    await paid(town)
    odd: list[Any] = ["x" * 300, "' OR 1=1", "9999-999999999", "%", "9999999,99", "2026-000001 "]
    for text in odd[:-1]:
        page = await ask(toni, text)
        assert (page.status, page.url.path) == (200, SEARCH), text
