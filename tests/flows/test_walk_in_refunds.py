"""Money that goes back to somebody who came without an appointment: nobody can write to them, and still it does not lie unseen."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

from tests.flows.test_cash_desk import MITTE, words
from tests.flows.test_charges import ask, charges, link_of, pay_online, served
from tests.flows.test_counter import office_id
from tests.staff import StaffBrowser, hire, sign_in
from tests.town import Town

HOLDER, IBAN = "Kim Muster", "DE02120300000000202051"


async def failed(town: Town, kim: StaffBrowser, phone: StaffBrowser) -> str:
    """Paid by the code on a phone; what goes back cannot be returned that way. The path of the fee's page."""
    path = await pay_online(town, phone, await phone.get(link_of(await ask(kim, await served(town, kim)), town)))
    await phone.get(f"{path}/paid")
    await town.sandbox("PUT", "refunds/outcome", {"outcome": "failed"})
    for login in ("toni", "luca"):
        await hire(town, login, "finance")
    async with await sign_in(town, "toni") as toni, await sign_in(town, "luca") as luca:
        [row] = await town.rows("SELECT id FROM payment")
        page = f"/de/finance/payments/{row['id']}"
        await toni.post(f"{page}/refunds", note="Doppelt verlangt", request_key=str(uuid4()))
        [refund] = await town.rows("SELECT id FROM refund")
        await luca.post(f"{page}/refunds/{refund['id']}/approve", request_key=str(uuid4()))
    await town.work()
    assert [row["status"] for row in await town.rows("SELECT status FROM transfer_order")] == ["asked"]
    return path


async def order(town: Town) -> dict[str, Any]:
    [row] = await town.rows("SELECT id::text, status, entered_by FROM transfer_order")
    return dict(row)


async def test_the_fees_own_page_leads_to_the_account(town: Town, kim: StaffBrowser, phone: StaffBrowser) -> None:
    path = await failed(town, kim, phone)
    page = await phone.get(path)
    [url] = re.findall(r'href="(/de/charges/[0-9a-f-]+/transfers/[0-9a-f-]+)"', page.text)
    form = await phone.get(url)
    assert "Kontoinhaber" in words(form), words(form)
    await phone.post(form.url.path, holder=HOLDER, iban=IBAN, request_key=str(uuid4()))
    assert ((await order(town))["status"], (await order(town))["entered_by"]) == ("iban_given", None)
    assert "/transfers/" not in (await phone.get(path)).text
    async with StaffBrowser(town) as stranger:
        assert (await stranger.get(url)).status == 401
    other = url.rsplit("/", 1)[0]
    assert (await phone.get(f"{other}/{uuid4()}")).status == 404


async def test_the_receipts_code_leads_back_without_the_link(
    town: Town, kim: StaffBrowser, phone: StaffBrowser
) -> None:
    path = await failed(town, kim, phone)
    receipt = words(await phone.get(f"{path}/receipt"))
    found = re.search(r"/de/refund, Code ([0-9A-Z\u2011]{14})\.", receipt)
    assert found is not None, receipt
    async with StaffBrowser(town) as later:
        wrong = await later.post("/de/refund", code="K7FM-3QPD-XW9C", request_key=str(uuid4()))
        assert (wrong.status, "Ihrer Quittung" in words(wrong)) == (422, True), words(wrong)
        page = await later.post("/de/refund", code=found[1].lower().replace("\u2011", " "), request_key=str(uuid4()))
        assert (page.status, page.url.path) == (200, path)
        [url] = re.findall(r'href="(/de/charges/[0-9a-f-]+/transfers/[0-9a-f-]+)"', page.text)
        form = await later.get(url)
        await later.post(form.url.path, holder=HOLDER, iban=IBAN, request_key=str(uuid4()))
    assert (await order(town))["status"] == "iban_given"


async def test_the_office_has_a_list_and_enters_what_is_told(
    town: Town, kim: StaffBrowser, phone: StaffBrowser
) -> None:
    await failed(town, kim, phone)
    base = f"/de/bookings/{await office_id(town)}"
    assert "Erstattungen ohne Konto (1)" in words(await kim.get(base))
    listed = await kim.get(f"{base}/refunds")
    assert "001, " in words(listed)
    assert "Führungszeugnis" in words(listed)
    [url] = re.findall(r'href="([^"]*/walk-in-refunds/[^"]*)"', listed.text)
    page = await kim.post(f"{url}/account", holder=HOLDER, iban="DE02 1203", request_key=str(uuid4()))
    assert (page.status, f'value="{HOLDER}"' in page.text) == (422, True), words(page)
    page = await kim.post(f"{url}/account", holder=HOLDER, iban=IBAN, request_key=str(uuid4()))
    assert (page.status, "… 2051" in words(page)) == (200, True), words(page)
    [row] = await town.rows("SELECT o.status, a.login FROM transfer_order o JOIN account a ON a.id = o.entered_by")
    assert (row["status"], row["login"]) == ("iban_given", "kim")
    assert "Keine." in words(await kim.get(f"{base}/refunds"))
    assert "Erstattungen ohne Konto (" not in words(await kim.get(base))


async def test_finance_reads_that_nobody_can_be_written_to(town: Town, kim: StaffBrowser, phone: StaffBrowser) -> None:
    await failed(town, kim, phone)
    async with await sign_in(town, "toni") as toni:
        listed = words(await toni.get("/de/transfers/"))
        assert "Dem Empfänger kann niemand schreiben" in listed, listed
        page = words(await toni.get(f"/de/transfers/{(await order(town))['id']}"))
        assert "Nummer 001 am " in page, page
        assert "Bürgerbüro Mitte" in page


async def test_what_is_another_offices_is_not_there(town: Town, kim: StaffBrowser, phone: StaffBrowser) -> None:
    await failed(town, kim, phone)
    ident = (await order(town))["id"]
    [west] = await town.rows("SELECT id FROM office WHERE key <> $1 ORDER BY id LIMIT 1", MITTE)
    [key] = await town.rows("SELECT key FROM office WHERE id = $1", west["id"])
    await hire(town, "sascha", "clerk", key["key"])
    async with await sign_in(town, "sascha") as sascha:
        base = f"/de/bookings/{west['id']}"
        assert "Keine." in words(await sascha.get(f"{base}/refunds"))
        assert (await sascha.get(f"{base}/walk-in-refunds/{ident}")).status == 404
        for at in (west["id"], await office_id(town)):
            refused = await sascha.post(
                f"/de/bookings/{at}/walk-in-refunds/{ident}/account", holder=HOLDER, iban=IBAN, request_key=str(uuid4())
            )
            assert refused.status in (403, 404), refused
    assert (await order(town))["status"] == "asked"


async def test_over_http_it_is_the_same(town: Town, kim: StaffBrowser, phone: StaffBrowser) -> None:
    await failed(town, kim, phone)
    path = f"{town.origin}/api/offices/{await office_id(town)}/walk-in-refunds"
    async with kim.http.get(path) as answer:
        [one] = (await answer.json())["refunds"]
    assert (one["number"], one["label"], one["refund"]["amount_cents"]) == (1, "Führungszeugnis", 1300)
    given = {"holder": HOLDER, "iban": IBAN}
    for _ in range(2):  # the same again changes nothing
        async with kim.http.post(f"{path}/{one['refund']['id']}/account", json=given) as answer:
            assert (answer.status, (await answer.json())["status"]) == (200, "iban_given")
    async with kim.http.get(path) as answer:
        assert (await answer.json())["refunds"] == []
    assert await charges(town) == [("paid", 1300)]
