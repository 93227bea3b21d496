"""The receipt of a fee: on the case's page, as PDF that is read aloud, over the API, and where finance looks for it."""

from __future__ import annotations

import io
from typing import Any

from pypdf import PdfReader

from tests.flows.test_moving import dearer
from tests.flows.test_till import paid, payment_of
from tests.flows.test_visits import booked, hold, services
from tests.staff import StaffBrowser, words
from tests.town import KIM, Town

LABEL, KASSENZEICHEN = "2026-000001", "RF26 SCH0 0000 0001"


async def arrive(citizen: StaffBrowser, made: dict[str, Any]) -> str:
    """By the link of the mail: the case's page then shows itself to this browser."""
    page = await citizen.get(f"/de/case/{made['token']}")
    assert page.status == 200, page
    return page.text


async def test_who_paid_finds_the_receipt_with_the_appointment(town: Town) -> None:
    town.clock.set(town.clock().replace(microsecond=7))  # clocks have them, PDF has not
    made = await paid(town)
    payment = await payment_of(town, made)
    here = f"/de/appointments/{made['id']}/receipts/{payment}"
    async with StaffBrowser(town) as citizen:
        assert here in await arrive(citizen, made)
        page = words(await citizen.get(here))
        for part in (
            f"Quittung {LABEL}",
            KASSENZEICHEN,
            "13,00 €",
            KIM["name"],
            made["number"],
            "§ 2b UStG",
            "Stuttgart",
        ):
            assert part in page, part
        english = words(await citizen.get(here.replace("/de/", "/en/")))
        assert f"Receipt {LABEL}" in english
        async with citizen.http.get(f"{town.origin}{here}/receipt.pdf") as response:
            assert response.content_type == "application/pdf"
            assert f'filename="{LABEL}.pdf"' in response.headers["Content-Disposition"]
            first = await response.read()
        async with citizen.http.get(f"{town.origin}{here}/receipt.pdf") as response:
            assert await response.read() == first  # a copy is the same
    pdf = PdfReader(io.BytesIO(first))
    text = " ".join(sheet.extract_text() for sheet in pdf.pages)
    for part in (f"Quittung {LABEL}", KASSENZEICHEN, "13,00", KIM["name"]):
        assert part in text, part
    root: Any = pdf.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert root["/Lang"] == "de"
    assert 'pdfuaid:part="1"' in (xmp := root["/Metadata"].get_data().decode()) or "<pdfuaid:part>1" in xmp
    await town.assert_sound()


async def test_whatever_script_a_name_is_written_in_it_has_a_receipt(town: Town) -> None:
    made = await town.appointment("Führungszeugnis", {**KIM, "name": "王小明 ሰላም 😀"})
    await town.pay(await town.checkout(made))
    await town.webhooks()
    async with StaffBrowser(town) as citizen:
        await arrive(citizen, made)
        here = f"/de/appointments/{made['id']}/receipts/{await payment_of(town, made)}"
        async with citizen.http.get(f"{town.origin}{here}/receipt.pdf") as response:
            assert response.status == 200
            text = PdfReader(io.BytesIO(await response.read())).pages[0].extract_text()
    assert "王小明 ሰላም □" in text


async def test_nobody_else_sees_it(town: Town) -> None:
    made, other = await paid(town), await paid(town)
    payment = await payment_of(town, made)
    here = f"/de/appointments/{made['id']}/receipts/{payment}"
    async with StaffBrowser(town) as stranger:
        assert (await stranger.get(here)).status == 401
        await arrive(stranger, other)
        assert (await stranger.get(here)).status == 401
        assert (await stranger.get(f"/de/appointments/{other['id']}/receipts/{payment}")).status == 404


async def test_before_money_has_come_there_is_none(town: Town) -> None:
    made = await town.appointment("Führungszeugnis")
    await town.checkout(made)
    payment = await payment_of(town, made)
    async with StaffBrowser(town) as citizen:
        assert "/receipts/" not in await arrive(citizen, made)
        assert (await citizen.get(f"/de/appointments/{made['id']}/receipts/{payment}")).status == 404
    assert (await town.good("GET", f"/api/appointments/{made['id']}/receipts", made["token"])) == {"receipts": []}


async def test_what_has_gone_back_stands_on_it(town: Town) -> None:
    made = await paid(town)
    await town.cancel(made)
    await town.work()
    [one] = (await town.good("GET", f"/api/appointments/{made['id']}/receipts", made["token"]))["receipts"]
    assert (one["number"], one["amount_cents"], one["refunded_cents"]) == (LABEL, 1300, 1300)
    async with StaffBrowser(town) as citizen:
        await arrive(citizen, made)
        here = f"/de/appointments/{made['id']}/receipts/{one['payment']}"
        assert "Zurückgezahlt 13,00 €" in words(await citizen.get(here))


async def test_the_worker_numbers_in_the_order_of_payment(town: Town) -> None:
    first, second = await paid(town), await paid(town)
    await town.work()
    found = [
        (await town.good("GET", f"/api/appointments/{one['id']}/receipts", one["token"]))["receipts"][0]["number"]
        for one in (first, second)
    ]
    assert found == ["2026-000001", "2026-000002"]


async def test_finance_finds_a_payment_by_its_kassenzeichen(town: Town, toni: StaffBrowser) -> None:
    made = await paid(town)
    payment = await payment_of(town, made)
    for typed in (KASSENZEICHEN, KASSENZEICHEN.lower().replace(" ", "")):
        page = await toni.ask("GET", "/de/finance/search", params={"q": typed})
        assert page.url.path == f"/de/finance/payments/{payment}", page.url
        assert KASSENZEICHEN in words(page)
        assert LABEL in words(page)


async def test_a_visit_of_several_services_is_receipted_and_earned_by_product(town: Town) -> None:
    cars, plates = await services(town)
    await town.rows("UPDATE fee SET product = '31100', tax_percent = 0 WHERE service_id = $1", cars["id"])
    await town.rows("UPDATE fee SET product = '31200', tax_percent = 19 WHERE service_id = $1", plates["id"])
    await town.rows("ALTER TABLE fee DISABLE TRIGGER USER")  # its versions never change
    for service, basis in ((cars, "§ 1 ErsteVO"), (plates, "§ 2 ZweiteVO")):
        await town.rows("UPDATE fee SET legal_basis = $2 WHERE service_id = $1", service["id"], {"de": basis})
    held = await hold(town, {"service": cars["id"], "quantity": 3, "also": [{"service": plates["id"]}]})
    made = await booked(town, held)
    [row] = await town.rows("SELECT lines FROM payment")
    ours, theirs = 3 * cars["fee"]["cents"], plates["fee"]["cents"]
    assert [(line["product"], line["amount_cents"], line["quantity"]) for line in row["lines"]] == [
        ("31100", ours, 3),
        ("31200", theirs, 1),
    ]
    async with StaffBrowser(town) as citizen:
        await arrive(citizen, made)
        page = words(await citizen.get(f"/de/appointments/{made['id']}/receipts/{await payment_of(town, made)}"))
    assert "3 × " in page
    assert "§ 2b UStG" in page
    assert f"Rechtsgrundlage {cars['name']}: § 1 ErsteVO {plates['name']}: § 2 ZweiteVO" in page
    assert "Enthält 19 % Umsatzsteuer" in page
    town.clock.advance(days=70)
    await town.work()
    revenue = {account: -cents for kind, account, cents in await town.books() if kind == "earned" and cents < 0}
    assert revenue == {"revenue:31100": ours, "revenue:31200": theirs}
    await town.assert_sound()


async def test_the_difference_of_a_dearer_time_is_for_the_same_product(town: Town) -> None:
    made = await paid(town)
    await town.rows("UPDATE fee SET product = '31100' WHERE service_id = $1", made["service"])
    await dearer(town, made["service"])
    await town.rows("UPDATE fee SET product = '31100' WHERE service_id = $1", made["service"])
    new = await town.hold(made["service"])
    given = {"hold": new["id"], "hold_token": new["token"]}
    await town.good("POST", f"/api/appointments/{made['id']}/move", made["token"], json=given)
    lines = [row["lines"] for row in await town.rows("SELECT lines FROM payment WHERE status <> 'paid'")]
    assert [line["product"] for one in lines for line in one] == ["31100"]
