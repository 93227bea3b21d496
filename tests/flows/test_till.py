"""The till over HTTP: a day beside the provider's, made to differ from it behind our back; a refund by two persons."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
import stripe

from tests.staff import Page, StaffBrowser, hire, sign_in, words
from tests.town import Town

PAID = "Führungszeugnis"
TODAY = "/de/finance/?day=2026-12-01"


async def paid(town: Town) -> dict[str, Any]:
    made = await town.appointment(PAID)
    await town.pay(await town.checkout(made))
    await town.webhooks()
    assert (await town.look(made))["status"] == "confirmed"
    return made


async def payment_of(town: Town, made: dict[str, Any]) -> str:
    [row] = await town.rows("SELECT id::text FROM payment WHERE reference = $1", made["id"])
    return str(row["id"])


def kinds(page: Page) -> list[str]:
    """The differences of a page, by name."""
    assert page.status == 200, page
    return re.findall(r'data-kind="(\w+)"', page.text)


async def later(town: Town, minutes: int = 5) -> None:
    """What has just happened may still be on its way, so it is not compared yet."""
    town.clock.advance(minutes=minutes)


CHF = """
    WITH p AS (INSERT INTO payment (reference, provider, amount_cents, currency, description, language, return_url, status, captured_cents,
                                    attempt_at, created_at)
               VALUES (gen_random_uuid(), 'stripe', 2500, 'CHF', 'x', 'de', 'x', 'paid', 2500, $1, $1) RETURNING id),
         j AS (INSERT INTO journal (kind, payment_id, at) SELECT 'fee', id, $1 FROM p RETURNING id)
    INSERT INTO entry (journal_id, account, amount_cents) SELECT j.id, a, c
      FROM j, (VALUES ('psp_clearing', 2500), ('revenue:parking', -1500), ('unassigned', -1000)) e (a, c)"""


class TestDay:
    async def test_two_currencies_never_add_up(self, town: Town, toni: StaffBrowser) -> None:
        await paid(town)
        await town.rows("ALTER TABLE payment DISABLE TRIGGER payment_in_euro")  # of before there was one currency
        await town.rows(CHF, town.clock())
        await later(town)
        text = words(await toni.get(TODAY))
        assert "Bezahlt (CHF) 25,00 CHF 0,00 CHF" in text
        assert "Bezahlt (EUR) 13,00 € 13,00 €" in text
        assert "Geld beim Zahlungsdienst 25,00 CHF 0,00 CHF" in text  # as an account
        assert "Erlöse: parking 0,00 CHF 15,00 CHF" in text
        assert "Noch nicht zugeordnet 0,00 CHF 10,00 CHF" in text
        assert "38,00" not in text

    @pytest.mark.parametrize("day", ["2019-12-31", "2100-01-02", "0001-01-01", "9999-12-31", "2026-02-30", "gestern"])
    async def test_a_day_without_books_is_said_so(self, toni: StaffBrowser, day: str) -> None:
        page = await toni.get(f"/de/finance/?day={day}")
        assert page.status == 422
        text = words(page)
        assert "Für diesen Tag gibt es keine Bücher. Angezeigt wird stattdessen der heutige Tag." in text
        assert "Kasse: Dienstag, 1. Dezember 2026" in text

    async def test_the_first_and_the_last_day_lead_no_further(self, toni: StaffBrowser) -> None:
        first, last = [await toni.get(f"/de/finance/?day={day}") for day in ("2020-01-01", "2100-01-01")]
        assert (first.status, "day=2019-12-31" in first.text, "day=2020-01-02" in first.text) == (200, False, True)
        assert (last.status, "day=2100-01-02" in last.text, "day=2099-12-31" in last.text) == (200, False, True)
        emptied = await toni.get("/de/finance/?day=")  # the field was cleared
        assert (emptied.status, "1. Dezember 2026" in emptied.text) == (200, True)

    async def test_a_day_that_agrees(self, town: Town, toni: StaffBrowser) -> None:
        made = await paid(town)
        await later(town)
        page = await toni.get(TODAY)
        assert kinds(page) == []
        text = words(page)
        assert "Keine: Unsere Bücher und der Zahlungsdienst stimmen überein." in text
        assert "Zahlungen 1 1 Bezahlt 13,00 € 13,00 €" in text
        assert f"Termin {made['number']}" in text
        assert "Geld beim Zahlungsdienst 13,00 €" in text
        assert "0,45 €" in text  # the provider's price: 1.5 % and 25 cents
        assert "Kim" not in text  # the till needs no names
        await town.assert_sound()

    async def test_a_cancelled_one_moves_money_twice(self, town: Town, toni: StaffBrowser) -> None:
        await town.cancel(await paid(town))
        await later(town)
        page = await toni.get(TODAY)
        assert kinds(page) == []
        assert "Veränderung unseres Geldes beim Zahlungsdienst 0,00 € 0,00 €" in words(page)

    async def test_a_lost_webhook(self, town: Town, toni: StaffBrowser) -> None:
        await town.sandbox("PUT", "webhooks/faults", {"lose": 1.0})
        made = await town.appointment(PAID)
        await town.pay(await town.checkout(made))
        await later(town)
        assert kinds(await toni.get(TODAY)) == ["missing_here"]
        payment = f"/de/finance/payments/{await payment_of(town, made)}"
        assert kinds(await toni.get(payment)) == ["missing_here"]
        settled = await toni.post(f"{payment}/settle", request_key=str(uuid4()))
        assert kinds(settled) == []
        assert "Stand hier Bezahlt" in words(settled)
        assert (await town.look(made))["status"] == "confirmed"

    async def test_a_payment_behind_our_back(self, town: Town, toni: StaffBrowser) -> None:
        await paid(town)
        async with aiohttp.ClientSession() as http:
            client = stripe.AIOHTTPClient(session=http)
            sdk = stripe.StripeClient("sk_test_1", http_client=client, base_addresses={"api": town.stripe})
            price = {"currency": "eur", "unit_amount": 4200, "product_data": {"name": "Foreign"}}
            items = [{"price_data": price, "quantity": 1}]
            wanted: Any = {"mode": "payment", "line_items": items, "success_url": town.origin}
            made = await sdk.v1.checkout.sessions.create_async(wanted)
        await town.sandbox("POST", f"sessions/{made.id}/pay")
        await later(town)
        page = await toni.get(TODAY)
        assert kinds(page) == ["missing_here"]
        assert "Keine Zahlung von uns" in words(page)
        assert "13,00 € 55,00 €" in words(page)

    async def test_a_refund_behind_our_back(self, town: Town, toni: StaffBrowser) -> None:
        made = await paid(town)
        [charge] = town.machine.state.rows("charges")
        await town.sandbox("PUT", "webhooks/faults", {"lose": 1.0})  # nobody has told us yet
        town.machine.create_refund({"charge": charge["id"], "amount": 500})
        await later(town)
        assert kinds(await toni.get(TODAY)) == ["missing_here"]
        page = await toni.get(f"/de/finance/payments/{await payment_of(town, made)}")
        assert kinds(page) == ["missing_here"]
        assert "-5,00 €" in words(page)
        await toni.post("/de/finance/differences/runs")
        assert kinds(await toni.get(TODAY)) == []
        own = words(await toni.get(f"/de/finance/payments/{await payment_of(town, made)}"))
        assert "Von Hand beim Zahlungsdienst erstattet" in own

    async def test_an_amount_changed_there(self, town: Town, toni: StaffBrowser) -> None:
        await paid(town)
        [moved] = town.machine.state.rows("balance_transactions")
        town.machine.state.change("balance_transactions", moved["id"], amount=1200)
        await later(town)
        page = await toni.get(TODAY)
        assert kinds(page) == ["amount"]
        assert "13,00 €, Bezahlt 12,00 €, Bezahlt" in words(page)

    async def test_an_amount_that_never_fitted_waits_for_people(self, town: Town, toni: StaffBrowser) -> None:
        made = await town.appointment(PAID)
        await town.checkout(made)
        [session] = town.machine.state.rows("sessions")
        town.machine.state.change("sessions", session["id"], amount_total=1400)
        town.clock.advance(minutes=2)
        await town.work()
        page = await toni.get("/de/finance/work")
        assert "Der Zahlungsdienst zeigt einen anderen Betrag: 1400 EUR." in words(page)
        town.machine.state.change("sessions", session["id"], amount_total=1300)
        again = re.search(r'action="([^"]*/settle)"', page.text)
        assert again is not None
        assert "Passt nicht" in words(await toni.post(again[1]))  # payable is no news to what did not fit
        town.machine.pay(session["id"])
        assert "Stand hier Bezahlt" in words(await toni.post(again[1]))

    async def test_refunds_that_failed_are_told_in_words(
        self, town: Town, toni: StaffBrowser, luca: StaffBrowser
    ) -> None:
        first, second = await paid(town), await paid(town)
        await town.sandbox("PUT", "refunds/outcome", {"outcome": "pending"})
        for made in (first, second):
            await town.cancel(made)
        for refund, reason in zip(town.machine.state.rows("refunds"), ("declined", "lost_or_stolen_card"), strict=True):
            town.machine.fail_refund(refund["id"], reason)
        await town.webhooks()
        text = words(await toni.get("/de/finance/work"))
        assert (
            "weil die Bank der zahlenden Person sie abgelehnt hat. Wird von selbst neu versucht: Heute, 11:00" in text
        )
        assert "weil die Karte verloren oder gestohlen ist" not in text  # it is transferred (test_transfers.py)
        tried = words(await toni.get(f"/de/finance/payments/{await payment_of(town, first)}"))
        assert "abgelehnt hat. Wird von selbst neu versucht: Heute, 11:00" in tried
        assert "Zu entscheiden (1)" in words(await toni.get(TODAY))
        await town.sandbox("PUT", "refunds/outcome", {"outcome": "succeeded"})
        payment = f"/de/finance/payments/{await payment_of(town, second)}"
        assert "Erstattung von 13,00 € beantragen" not in words(await toni.get(payment))
        [order] = await town.rows("SELECT id::text FROM transfer_order")
        await toni.post(f"/de/transfers/{order['id']}/cancel", note="Karte wieder da", request_key=str(uuid4()))
        await toni.post(f"{payment}/refunds", note="Karte verloren", request_key=str(uuid4()))
        [asked] = await town.rows("SELECT id::text FROM refund WHERE reason = 'manual'")
        await luca.post(f"{payment}/refunds/{asked['id']}/approve")
        assert "Karte verloren" not in words(await toni.get("/de/finance/work"))
        await later(town)
        assert kinds(await toni.get(TODAY)) == []
        await town.assert_sound()

    async def test_money_that_the_provider_has_lost(self, town: Town, toni: StaffBrowser) -> None:
        await paid(town)
        [moved] = town.machine.state.rows("balance_transactions")
        town.machine.state.remove("balance_transactions", moved["id"])
        [session] = town.machine.state.rows("sessions")
        town.machine.state.change("sessions", session["id"], status="expired", payment_status="unpaid")
        await later(town)
        assert kinds(await toni.get(TODAY)) == ["missing_there"]

    async def test_paid_just_before_midnight_and_booked_after_it(self, town: Town, toni: StaffBrowser) -> None:
        """Stuttgart's midnight, not that of UTC."""
        town.clock.advance(hours=13, minutes=57)  # 23:57
        await town.sandbox("PUT", "webhooks/faults", {"lose": 1.0})
        made = await town.appointment(PAID)
        await town.pay(await town.checkout(made))
        town.clock.advance(minutes=6)
        await town.work()
        await later(town)
        luca = await _anew(town)
        async with luca:
            before, after = await luca.get(TODAY), await luca.get("/de/finance/?day=2026-12-02")
        assert (kinds(before), kinds(after)) == (["other_day"], ["other_day"])
        assert "Bezahlt 0,00 € 13,00 €" in words(before)
        assert "Bezahlt 13,00 € 0,00 €" in words(after)

    async def test_the_provider_does_not_answer(self, town: Town, toni: StaffBrowser) -> None:
        made = await paid(town)
        await later(town)
        await town.sandbox("PUT", "faults", {"faults": [{"kind": "drop_before", "path": "/v1/", "times": 99}]})
        page = await toni.get(TODAY)
        assert kinds(page) == []
        assert "Der Zahlungsdienst antwortet nicht" in words(page)
        assert "Bezahlt 13,00 € –" in words(page)
        assert "stimmen überein" not in words(page)
        page = await toni.get(f"/de/finance/payments/{await payment_of(town, made)}")
        assert page.status == 200
        assert "Der Zahlungsdienst antwortet nicht" in words(page)

    async def test_more_than_a_page_of_the_provider_s_list(self, town: Town, toni: StaffBrowser) -> None:
        await paid(town)
        [charge] = town.machine.state.rows("charges")
        for _ in range(130):
            town.machine.create_refund({"charge": charge["id"], "amount": 1})
        await later(town)
        assert kinds(await toni.get(TODAY)) == ["missing_here"] * 130


async def _anew(town: Town) -> StaffBrowser:
    """Sessions end in the course of a long day."""
    return await sign_in(town, "toni")


class TestSearch:
    async def test_from_the_appointment_to_its_payment_and_back(self, town: Town, toni: StaffBrowser) -> None:
        made = await paid(town)
        payment = f"/de/finance/payments/{await payment_of(town, made)}"
        [charge] = town.machine.state.rows("charges")
        [session] = town.machine.state.rows("sessions")
        number = made["number"]
        page = None
        for asked in (number, number.lower().replace("-", " "), charge["payment_intent"], session["id"]):
            page = await toni.get("/de/finance/search", params={"q": asked})
            assert page.url.path == payment, asked
        assert page is not None
        assert re.search(rf"[Nn]ummer {number} ", words(page))
        assert "Führungszeugnis" in words(page)
        page = await toni.get("/de/finance/search", params={"q": "pi_none"})
        assert "Dazu wurde keine Zahlung gefunden." in words(page)


class TestRefundByTwo:
    async def test_asked_for_by_one_approved_by_another(
        self, town: Town, toni: StaffBrowser, luca: StaffBrowser
    ) -> None:
        made = await paid(town)
        payment = f"/de/finance/payments/{await payment_of(town, made)}"
        key = str(uuid4())
        given: dict[str, Any] = {"note": "Doppelt bezahlt", "request_key": key}
        page, again = [await toni.post(f"{payment}/refunds", **given) for _ in range(2)]  # a double click asks once
        assert (page.status, again.status) == (200, 200)
        [refund] = await town.rows("SELECT id::text, status, amount_cents, note FROM refund")
        assert refund == {**refund, "status": "requested", "amount_cents": 1300, "note": "Doppelt bezahlt"}
        assert "eine andere Person" in words(page)
        assert "Doppelt bezahlt" in words(await luca.get("/de/finance/work"))
        decide = f"{payment}/refunds/{refund['id']}"
        own = await toni.post(f"{decide}/approve")
        assert own.status == 409
        assert "Niemand gibt den eigenen Antrag frei." in words(own)
        done, again = [await luca.post(f"{decide}/approve") for _ in range(2)]
        assert (done.status, again.status) == (200, 200)
        assert "Erstattet" in words(done)
        assert "Beantragt von Toni, freigegeben von Luca" in words(done)
        late = await toni.post(f"{decide}/reject")
        assert late.status == 409
        assert "schon entschieden" in words(late)
        await town.work()
        await later(town)
        assert kinds(await toni.get(TODAY)) == []
        assert (await town.look(made))["status"] == "confirmed"  # the appointment stays
        assert [subject for _, subject in town.mails()][-1].startswith("Wir haben Ihre Gebühr")
        assert (await town.cancel(made)).status == 200  # and can be cancelled; nothing is left to give back
        await town.assert_sound()
        more = await toni.post(f"{payment}/refunds", note="Noch einmal", request_key=str(uuid4()))
        assert more.status == 409
        assert "Alles, was bezahlt wurde, ist erstattet" in words(more)

    async def test_a_rule_was_faster(self, town: Town, toni: StaffBrowser, luca: StaffBrowser) -> None:
        made = await paid(town)
        payment = f"/de/finance/payments/{await payment_of(town, made)}"
        await toni.post(f"{payment}/refunds", note="Kulanz", request_key=str(uuid4()))
        assert (await town.cancel(made)).status == 200  # an open request hinders nobody
        [refund] = await town.rows("SELECT id::text FROM refund WHERE reason = 'manual'")
        refused = await luca.post(f"{payment}/refunds/{refund['id']}/approve")
        assert refused.status == 409
        assert "auf anderem Weg erstattet" in words(refused)
        rejected = await luca.post(f"{payment}/refunds/{refund['id']}/reject")
        assert "Abgelehnt" in words(rejected)
        await town.work()
        await town.assert_sound()

    async def test_refusals_before_anything_is_written(self, town: Town, toni: StaffBrowser) -> None:
        made = await town.appointment(PAID)
        await town.checkout(made)
        payment = f"/de/finance/payments/{await payment_of(town, made)}"
        unpaid = await toni.post(f"{payment}/refunds", note="x", request_key=str(uuid4()))
        assert (unpaid.status, "hat kein Geld gebracht" in words(unpaid)) == (409, True)
        empty = await toni.post(f"{payment}/refunds", note=" ", request_key=str(uuid4()))
        assert (empty.status, "in einem Satz" in words(empty)) == (422, True)
        assert (await toni.post(f"{payment}/refunds", note="x", request_key="no")).status == 400
        assert (await toni.get(f"/de/finance/payments/{uuid4()}")).status == 404
        assert await town.rows("SELECT FROM refund") == []

    async def test_only_finance(self, town: Town) -> None:
        made = await paid(town)
        payment = f"/de/finance/payments/{await payment_of(town, made)}"
        await hire(town, "kim", "clerk", "buergerbuero-mitte")
        async with await sign_in(town, "kim") as kim:
            for path in (TODAY, "/de/finance/work", "/de/finance/search", payment):
                assert (await kim.get(path)).status == 403
            assert (await kim.post(f"{payment}/refunds", note="x", request_key=str(uuid4()))).status == 403
        async with StaffBrowser(town) as nobody:
            assert (await nobody.get(TODAY)).url.path == "/de/staff/sign-in"
