"""The till of an office over HTTP: its drawer from the opening to the protocol, fees in cash and by card, money given back."""

from __future__ import annotations

import io
import re
from typing import Any
from uuid import uuid4

from pypdf import PdfReader

from payment.receipts.kassenzeichen import spaced
from tests.staff import Page, StaffBrowser, hire, sign_in
from tests.staff import words as all_words
from tests.town import KIM, Town

PAID = "Führungszeugnis"  # 13 euros
MITTE = "buergerbuero-mitte"


def words(page: Page) -> str:
    return all_words(page).replace(" .", ".")


async def office(town: Town) -> int:
    [row] = await town.rows("SELECT id FROM office WHERE key = $1", MITTE)
    return int(row["id"])


async def a_till(town: Town, robin: StaffBrowser, name: str = "Kasse 1") -> str:
    """Its path, with the drawer opened at 100 euros that came from the bank."""
    page = await robin.post(f"/de/till/{await office(town)}/tills", name=name)
    assert page.status == 200, page.text
    path = page.url.path
    opened = await robin.post(f"{path}/drawer", float="100,00", brought="100", request_key=str(uuid4()))
    assert "Geöffnet seit" in words(opened), words(opened)
    return path


async def begun(town: Town, robin: StaffBrowser, till: str, made: dict[str, Any]) -> str:
    """The path of its payment at the till."""
    found = await robin.get(f"{till}?q={made['number']}")
    assert "Die Gebühr hier annehmen" in words(found), words(found)
    page = await robin.post(f"{till}/appointments/{made['id']}")
    assert page.status == 200, page.text
    return page.url.path


async def cash_of(town: Town) -> int:
    [row] = await town.rows(
        "SELECT coalesce(sum(amount_cents), 0)::int AS cents FROM entry WHERE account LIKE 'cash:%'"
    )
    return int(row["cents"])


async def books(town: Town, *kinds: str) -> list[tuple[str, str, int]]:
    return [
        (kind, re.sub("^cash:.*", "cash", account), cents)
        for kind, account, cents in await town.books()
        if kind in kinds
    ]


class TestTaking:
    async def test_in_cash_with_change_and_a_receipt(self, town: Town, robin: StaffBrowser) -> None:
        till = await a_till(town, robin)
        made = await town.appointment(PAID)
        path = await begun(town, robin, till, made)
        assert "Zu zahlen" in words(await robin.get(path))
        done = await robin.post(f"{path}/take", method="cash", given="20", request_key=str(uuid4()))
        assert "Bezahlt. Rückgeld: 7,00 €" in words(done), words(done)
        assert (await town.look(made))["status"] == "confirmed"
        assert await books(town, "fee") == [("fee", "cash", 1300), ("fee", "received_in_advance", -1300)]
        receipt = words(await robin.get(f"{path}/receipt"))
        [row] = await town.rows("SELECT kassenzeichen FROM payment")
        assert "Quittung 2026-000001" in receipt
        assert f"Kassenzeichen {spaced(row['kassenzeichen'])}" in receipt
        assert "Zahlungsart Bar" in receipt
        assert "Kim" not in receipt
        await town.assert_sound()

    async def test_its_receipt_is_in_the_payers_language_and_there_as_pdf(
        self, town: Town, robin: StaffBrowser
    ) -> None:
        """Whatever language the cashier works in; another can be chosen, and the line is called as that language calls it."""
        till = await a_till(town, robin)
        made = await town.appointment(PAID, {**KIM, "language": "en"})
        path = await begun(town, robin, till, made)
        await robin.post(f"{path}/take", method="cash", given="13", request_key=str(uuid4()))
        [names] = await town.rows("SELECT name FROM service WHERE id = $1", made["service"])
        page = await robin.get(f"{path}/receipt")
        for said in ("Receipt 2026-000001", "How paid In cash", names["name"]["en"], "Zurück zur Zahlung"):
            assert said in words(page), said
        assert '<div lang="en"' in page.text
        assert f'href="{path}/receipt?language=de"' in page.text
        assert f'href="{path}/receipt?language=en"' not in page.text
        german = await robin.get(f"{path}/receipt?language=de")
        for said in ("Quittung 2026-000001", "Zahlungsart Bar", names["name"]["de"]):
            assert said in words(german), said
        for language, said in (("en", "Receipt 2026-000001"), ("de", "Quittung 2026-000001"), ("xx", "Receipt")):
            async with robin.http.get(f"{town.origin}{path}/receipt.pdf?language={language}") as response:
                assert (response.status, response.content_type) == (200, "application/pdf")
                assert said in PdfReader(io.BytesIO(await response.read())).pages[0].extract_text()

    async def test_by_card_with_the_number_on_the_slip(self, town: Town, robin: StaffBrowser) -> None:
        till = await a_till(town, robin)
        made = await town.appointment(PAID)
        path = await begun(town, robin, till, made)
        done = await robin.post(f"{path}/take", method="terminal", slip="0042 17", request_key=str(uuid4()))
        assert "Mit Karte bezahlt." in words(done), words(done)
        assert await books(town, "fee") == [("fee", "terminal_clearing", 1300), ("fee", "received_in_advance", -1300)]
        assert await cash_of(town) == 10000

    async def test_what_was_begun_online_cannot_be_paid_there_any_more(self, town: Town, robin: StaffBrowser) -> None:
        till = await a_till(town, robin)
        made = await town.appointment(PAID)
        online = await town.checkout(made)
        found = await robin.get(f"{till}?q={made['number']}")
        assert "Online begonnen" in words(found)
        path = (await robin.post(f"{till}/appointments/{made['id']}")).url.path
        await robin.post(f"{path}/take", method="cash", given="13", request_key=str(uuid4()))
        session = online["pay_url"].rsplit("/", 1)[1]
        answer = await town.http.post(f"{town.stripe}/_sandbox/sessions/{session}/pay", json={})
        assert answer.status != 200
        assert (await town.look(made))["status"] == "confirmed"
        statuses = await town.rows("SELECT provider, status FROM payment ORDER BY created_at, provider DESC")
        assert [(one["provider"], one["status"]) for one in statuses] == [("stripe", "fenced"), ("counter", "paid")]
        await town.assert_sound()

    async def test_what_was_paid_online_is_not_taken_again(self, town: Town, robin: StaffBrowser) -> None:
        till = await a_till(town, robin)
        made = await town.appointment(PAID)
        await town.pay(await town.checkout(made))  # and no webhook yet
        page = await robin.post(f"{till}/appointments/{made['id']}")
        assert "Bezahlt" in words(page), words(page)
        assert [row["provider"] for row in await town.rows("SELECT provider FROM payment")] == ["stripe"]

    async def test_its_owner_reads_where_to_pay_and_under_which_number(self, town: Town, robin: StaffBrowser) -> None:
        till = await a_till(town, robin)
        made = await town.appointment(PAID)
        path = await begun(town, robin, till, made)
        [row] = await town.rows("SELECT kassenzeichen FROM payment")
        page = (await town.call("GET", f"/de/appointments/{made['id']}", made["token"])).body
        assert "An der Kasse zu bezahlen" in page
        assert spaced(row["kassenzeichen"]) in page
        assert f"/de/appointments/{made['id']}/pay" not in page
        await robin.post(f"{path}/take", method="cash", given="13", request_key=str(uuid4()))
        page = (await town.call("GET", f"/de/appointments/{made['id']}", made["token"])).body
        assert "Ihr Termin ist bestätigt" in page

    async def test_found_by_the_kassenzeichen_however_it_is_typed(self, town: Town, robin: StaffBrowser) -> None:
        till = await a_till(town, robin)
        path = await begun(town, robin, till, await town.appointment(PAID))
        [row] = await town.rows("SELECT kassenzeichen FROM payment")
        found = await robin.get(f"{till}?q={spaced(row['kassenzeichen']).lower().replace(' ', '+')}")
        assert path in found.text

    async def test_too_little_is_refused_and_said(self, town: Town, robin: StaffBrowser) -> None:
        till = await a_till(town, robin)
        path = await begun(town, robin, till, await town.appointment(PAID))
        for given, said in (("12,99", "Das ist weniger als die Gebühr."), ("viel", "einen Betrag wie 12,50")):
            page = await robin.post(f"{path}/take", method="cash", given=given, request_key=str(uuid4()))
            assert (page.status, said in words(page)) == (422, True), words(page)
        assert await books(town, "fee") == []

    async def test_a_slip_of_the_finger_is_asked_about(self, town: Town, robin: StaffBrowser) -> None:
        till = await a_till(town, robin)
        path = await begun(town, robin, till, await town.appointment(PAID))
        page = await robin.post(f"{path}/take", method="cash", given="99.999", request_key=str(uuid4()))
        assert (page.status, "weit mehr als die Gebühr" in words(page)) == (409, True), words(page)
        assert "99.999,00 € wurden übergeben, 99.986,00 € gehen zurück." in words(page)
        assert ('value="99.999"' in page.text, 'name="sure" value="9999900"' in page.text) == (True, True)
        page = await robin.post(f"{path}/take", method="cash", given="9999", sure="9999900", request_key=str(uuid4()))
        assert (page.status, 'name="sure" value="999900"' in page.text) == (409, True)  # sure of another amount
        assert await cash_of(town) == 10000
        page = await robin.post(f"{path}/take", method="cash", given="200", sure="20000", request_key=str(uuid4()))
        assert (page.status, "Rückgeld: 187,00 €" in words(page)) == (200, True), words(page)
        assert await cash_of(town) == 11300

    async def test_once_more_it_is_not_taken_again(self, town: Town, robin: StaffBrowser) -> None:
        till = await a_till(town, robin)
        path, key = await begun(town, robin, till, await town.appointment(PAID)), str(uuid4())
        for _ in range(2):
            page = await robin.post(f"{path}/take", method="cash", given="13", request_key=key)
            assert page.status == 200
        page = await robin.post(f"{path}/take", method="cash", given="13", request_key=str(uuid4()))
        assert (page.status, "Nehmen Sie sie nicht noch einmal an" in words(page)) == (409, True), words(page)
        assert await cash_of(town) == 11300

    async def test_without_an_open_drawer_nothing_is_taken(self, town: Town, robin: StaffBrowser) -> None:
        till = await a_till(town, robin)
        path = await begun(town, robin, till, await town.appointment(PAID))
        await close(robin, await robin.get(till), counted="100", deposit="100")
        page = await robin.post(f"{path}/take", method="cash", given="13", request_key=str(uuid4()))
        assert (page.status, "Lade dieser Kasse ist nicht geöffnet" in words(page)) == (409, True), words(page)


async def close(robin: StaffBrowser, desk: Page, **fields: Any) -> Page:
    [drawer] = re.findall(r'href="([^"]*/drawers/[^"]*)"', desk.text)
    return await robin.post(f"{drawer}/close", **fields)


class TestDrawer:
    async def test_a_day_from_the_float_to_the_bank(self, town: Town, robin: StaffBrowser) -> None:
        till = await a_till(town, robin)
        path = await begun(town, robin, till, await town.appointment(PAID))
        await robin.post(f"{path}/take", method="cash", given="20", request_key=str(uuid4()))
        closed = await close(
            robin, await robin.get(till), **{"pieces-5000": "2", "pieces-1000": "1", "pieces-100": "3"}, deposit="13"
        )
        text = words(closed)
        assert "Nach den Büchern 113,00 €" in text, text
        assert "Gezählt 113,00 €" in text
        assert "Differenz 0,00 €" in text
        assert "Geöffnet von Robin" in text
        assert "Geschlossen von Robin" in text
        assert await books(town, "drawer_opened", "drawer_closed") == [
            ("drawer_opened", "cash", 10000),
            ("drawer_opened", "cash_in_transit", -10000),
            ("drawer_closed", "cash_in_transit", 1300),
            ("drawer_closed", "cash", -1300),
        ]
        assert await cash_of(town) == 10000
        again = await robin.post(f"{till}/drawer", float="100", request_key=str(uuid4()))
        assert again.status == 200
        assert len(await books(town, "drawer_opened")) == 2  # what was left is there: nothing to book

    async def test_who_closes_what_somebody_has_closed_is_told(self, town: Town, robin: StaffBrowser) -> None:
        till = await a_till(town, robin)
        desk = await robin.get(till)
        for _ in range(2):  # the same twice, as a browser that sends again
            page = await close(robin, desk, counted="100", deposit="20")
            assert (page.status, "Bleibt in der Lade 80,00 €" in words(page)) == (200, True), words(page)
        page = await close(robin, desk, counted="95", note="Rolle fehlt")
        assert (page.status, "schon geschlossen, mit einer anderen Zählung" in words(page)) == (409, True), words(page)
        assert await cash_of(town) == 8000

    async def test_a_difference_needs_a_reason_and_is_booked(self, town: Town, robin: StaffBrowser) -> None:
        till = await a_till(town, robin)
        desk = await robin.get(till)
        page = await close(robin, desk, counted="99,50")
        assert (page.status, "0,50 € zu wenig" in words(page)) == (409, True), words(page)
        assert 'value="99,50"' in page.text
        page = await close(robin, desk, counted="99,50", note="Beim Wechseln verzählt")
        assert "-0,50 € (Beim Wechseln verzählt)" in words(page), words(page)
        assert await books(town, "drawer_closed") == [
            ("drawer_closed", "cash", -50),
            ("drawer_closed", "cash_difference", 50),
        ]
        assert await cash_of(town) == 9950

    async def test_what_lacks_in_the_morning_is_booked_at_the_opening(self, town: Town, robin: StaffBrowser) -> None:
        till = await a_till(town, robin)
        await close(robin, await robin.get(till), counted="100")
        page = await robin.post(f"{till}/drawer", float="95", request_key=str(uuid4()))
        assert (page.status, "5,00 € zu wenig. Bei der letzten Schließung blieb eine andere Summe" in words(page)) == (
            409,
            True,
        ), words(page)
        assert 'value="95"' in page.text
        page = await robin.post(f"{till}/drawer", float="95", note="Rolle verzählt", request_key=str(uuid4()))
        assert (page.status, "Geöffnet seit" in words(page)) == (200, True), words(page)
        [drawer] = re.findall(r'href="([^"]*/drawers/[^"]*)"', page.text)
        assert "Differenz bei der Öffnung -5,00 € (Rolle verzählt)" in words(await robin.get(drawer))
        assert (await books(town, "drawer_opened"))[2:] == [
            ("drawer_opened", "cash", -500),
            ("drawer_opened", "cash_difference", 500),
        ]

    async def test_no_more_change_can_have_come_than_was_counted(self, town: Town, robin: StaffBrowser) -> None:
        till = await a_till(town, robin)
        await close(robin, await robin.get(till), counted="100")
        assert "Lade öffnen</span></button>" in (await robin.get(till)).text
        page = await robin.post(f"{till}/drawer", float="200", brought="300", request_key=str(uuid4()))
        assert (page.status, "mehr, als in der Lade gezählt wurde" in words(page)) == (422, True), words(page)
        assert 'value="300"' in page.text
        assert len(await books(town, "drawer_opened")) == 2  # of the first time: nothing is missing

    async def test_one_open_drawer_for_a_till(self, town: Town, robin: StaffBrowser) -> None:
        till = await a_till(town, robin)
        page = await robin.post(f"{till}/drawer", float="5", request_key=str(uuid4()))
        assert (page.status, "ist schon geöffnet" in words(page)) == (409, True), words(page)

    async def test_wrong_counts_are_told_beside_their_fields(self, town: Town, robin: StaffBrowser) -> None:
        till = await a_till(town, robin)
        desk = await robin.get(till)
        for fields, said in (
            ({}, "Zählen Sie die Lade"),
            ({"pieces-5000": "2", "counted": "101"}, "eine andere Summe als die der Scheine und Münzen"),
            ({"pieces-5000": "zwei"}, "eine ganze Zahl"),
            ({"counted": "100", "deposit": "101"}, "mehr, als in der Lade gezählt wurde"),
        ):
            page = await close(robin, desk, **fields)
            assert (page.status, said in words(page)) == (422, True), words(page)

    async def test_a_closed_day_is_exported_with_its_cash(self, town: Town, robin: StaffBrowser) -> None:
        till = await a_till(town, robin)
        path = await begun(town, robin, till, await town.appointment(PAID))
        await robin.post(f"{path}/take", method="cash", given="20", request_key=str(uuid4()))
        await close(robin, await robin.get(till), counted="112", deposit="12", note="Ein Euro fehlt")
        by = await hire(town, "noa", "treasury")
        town.clock.advance(days=1)
        await town.work()
        day = (await town.rows("SELECT min(business_day) AS day FROM journal"))[0]["day"]
        await town.worker.ledgers.close(day, by=by)
        batch = await town.worker.exports.make(day, by=by)
        [file] = await town.rows(
            "SELECT content FROM export_file WHERE batch = $1 AND format = 'totals-csv'", batch.number
        )
        text = bytes(file["content"]).decode("cp1252")
        assert ";cash;" in text
        assert "13,00" in text


class TestGivingBack:
    async def test_a_cancelled_fee_waits_for_its_payer(self, town: Town, robin: StaffBrowser) -> None:
        till = await a_till(town, robin)
        made = await town.appointment(PAID)
        path = await begun(town, robin, till, made)
        await robin.post(f"{path}/take", method="cash", given="13", request_key=str(uuid4()))
        assert (await town.cancel(made)).status == 200
        await town.work()
        assert await books(town, "refund") == []
        case = f"/de/appointments/{made['id']}"
        assert "an einer Kasse der Stadt zurück" in (await town.call("GET", case, made["token"])).body
        cancelled = town.mail.messages[-1].part("text/plain") or ""
        assert "an einer Kasse der Stadt zurück" in cancelled
        assert "zehn Tage" not in cancelled
        page = await robin.get(path)
        assert "Zurückzugeben: 13,00 €" in words(page), words(page)
        assert "Erstattet" not in words(page)  # it waits
        [give] = re.findall(r'action="([^"]*/give)"', page.text)[:1]
        done = await robin.post(give, method="cash")
        assert "Zurückzugeben" not in words(done)
        assert "An der Kasse zurückgegeben 13,00 €" in words(done)
        assert "Rückgeld:" not in words(done)
        await town.work()
        given = town.mail.messages[-1].part("text/plain") or ""
        assert f"für den Termin {made['number']} zurückgegeben." in given
        assert "zehn Tage" not in given
        assert [one for one in await books(town, "refund") if one[1] == "cash"] == [("refund", "cash", -1300)]
        again = await robin.post(give, method="cash")
        assert (again.status, "schon zurückgegeben" in words(again)) == (409, True), words(again)
        assert await cash_of(town) == 10000

    async def test_what_nobody_fetches_fails_here_and_is_transferred(self, town: Town, robin: StaffBrowser) -> None:
        till = await a_till(town, robin)
        made = await town.appointment(PAID)
        path = await begun(town, robin, till, made)
        await robin.post(f"{path}/take", method="cash", given="13", request_key=str(uuid4()))
        await town.cancel(made)
        [give] = re.findall(r'action="([^"]*/transfer)"', (await robin.get(path)).text)
        left = words(await robin.post(give))
        assert ("Per Überweisung 13,00 €" in left, "Zurückzugeben" in left) == (True, False), left
        [row] = await town.rows("SELECT status, failure FROM refund")
        assert (row["status"], row["failure"]) == ("failed", "not_fetched")
        await hire(town, "toni", "finance")
        [paid] = await town.rows("SELECT id FROM payment WHERE provider = 'counter'")
        async with await sign_in(town, "toni") as toni:
            own = await toni.get(f"/de/finance/payments/{paid['id']}")
        assert "weil sie an der Kasse niemand abgeholt hat" in words(own), words(own)
        assert 'badge--warning">Fehlgeschlagen' in own.text


class TestSeen:
    async def test_finance_compares_the_day_with_the_till(self, town: Town, robin: StaffBrowser) -> None:
        till = await a_till(town, robin)
        path = await begun(town, robin, till, await town.appointment(PAID))
        await robin.post(f"{path}/take", method="cash", given="13", request_key=str(uuid4()))
        town.clock.advance(minutes=5)
        await hire(town, "toni", "finance")
        async with await sign_in(town, "toni") as toni:
            page = await toni.get("/de/finance/?day=2026-12-01")
            assert re.findall(r'data-kind="(\w+)"', page.text) == []
            assert "Bezahlt 13,00 € 13,00 €" in words(page), words(page)
            account = await toni.get("/de/finance/books/account?name=cash_in_transit&from=2026-12-01&until=2026-12-31")
            assert "Lade geöffnet" in words(account), words(account)

    async def test_another_office_has_no_till_here(self, town: Town, robin: StaffBrowser) -> None:
        till = await a_till(town, robin)
        [other] = await town.rows("SELECT id FROM office WHERE key <> $1 LIMIT 1", MITTE)
        await hire(town, "ines", "cashier")
        async with await sign_in(town, "ines") as ines:
            number = till.rsplit("/", 1)[1]
            assert (await ines.get(f"/de/till/{other['id']}/{number}")).status == 404

    async def test_the_day_adds_up_with_its_drawer_and_leads_there_and_back(
        self, town: Town, robin: StaffBrowser
    ) -> None:
        till = await a_till(town, robin)
        path = await begun(town, robin, till, await town.appointment(PAID))
        await robin.post(f"{path}/take", method="cash", given="13", request_key=str(uuid4()))
        await close(robin, await robin.get(till), counted="112,50", deposit="12,50", note="Beim Wechseln verzählt")
        await hire(town, "toni", "finance")
        async with await sign_in(town, "toni") as toni:
            day = await toni.get("/de/finance/?day=2026-12-01")
            balance = words(await toni.get("/de/finance/books?from=2026-12-01&to=2026-12-01"))
            text = words(day)
            for line in (
                "Bargeld: buergerbuero-mitte-1 113,00 € 13,00 €",  # brought and taken; to the bank and missing
                "Bargeld unterwegs 12,50 € 100,00 €",
                "Kassendifferenzen 0,50 € 0,00 €",
            ):
                assert line in text, text
            assert "Kassendifferenzen 0,00 € 0,50 € 0,00 € 0,50 €" in balance, balance
            assert text.index("Lade geöffnet") < text.index("Gebühr bezahlt") < text.index("Lade geschlossen")
            figures = await toni.get("/de/finance/figures?from=2026-12-01&to=2026-12-01")
            assert "Bargeld unterwegs -87,50 €" in words(figures), words(figures)
            assert "/de/finance/books/account?name=cash_in_transit&amp;" in figures.text
            [drawer] = set(re.findall(r'href="(/de/finance/drawers/[^"]+)"', day.text))
            protocol = await toni.get(drawer.replace("&amp;", "&"))
            assert "Robin" in words(protocol)
            assert "Differenz -0,50 € (Beim Wechseln verzählt)" in words(protocol), words(protocol)
            assert re.findall(r'href="(/de/finance/payments/[^"?]+)', protocol.text)
            [_opened, closed] = re.findall(r'href="(/de/finance/books/journals/[^"]+)"', protocol.text)
            journal = await toni.get(closed.replace("&amp;", "&"))
            assert "Lade Kasse 1" in words(journal), words(journal)
            ways = re.findall(r'href="(/de/finance/[^"]*)"', journal.text)
            assert any(one.startswith("/de/finance/?day=2026-12-01") for one in ways), ways  # the level above
            assert any(one.startswith(drawer.split("?")[0]) for one in ways), ways
