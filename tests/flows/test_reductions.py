"""Reductions of a fee over HTTP: claimed before paying, frozen with the price, kept when the time moves, and shown at the counter."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.flows.test_bookings import CALLER, fields_of, take, times
from tests.flows.test_counter import clerk_at, counters_of, office_id, step_url
from tests.flows.test_moving import dearer, slots, to_times
from tests.flows.test_moving import send as send_first
from tests.flows.test_visits import hold as hold_visit
from tests.staff import Page, StaffBrowser, hire, sign_in
from tests.town import KIM, Answer, Town

RECORD, CERTIFICATE, CARD = "Führungszeugnis", "Meldebescheinigung", "Personalausweis (ab 24 Jahren)"
PLAIN = {"email": "kim@example.org"}


@pytest.fixture
async def citizen(town: Town) -> AsyncIterator[StaffBrowser]:
    async with StaffBrowser(town) as browser:
        yield browser


async def certificates(town: Town, quantity: int = 1) -> dict[str, Any]:
    """So many certificates of 5 EUR, held with a contact and not booked yet."""
    service = await town.service(CERTIFICATE)
    held = await hold_visit(town, {"service": service["id"], "quantity": quantity})
    given = {"hold": held["id"], "contact": KIM}
    made: dict[str, Any] = await town.good("POST", "/api/appointments", held["token"], key=str(uuid4()), json=given)
    return made


async def claim(town: Town, made: dict[str, Any], **claims: int) -> Answer:
    given = {"claims": {key.replace("_", "-"): persons for key, persons in claims.items()}}
    return await town.call("POST", f"/api/appointments/{made['id']}/reductions", made["token"], json=given)


async def paid(town: Town, made: dict[str, Any]) -> None:
    done = await town.checkout(made)
    if done["pay_url"]:
        await town.pay(done)
        await town.webhooks()
    assert (await town.look(made))["status"] == "confirmed"


async def payments(town: Town) -> list[tuple[int, str]]:
    rows = await town.rows("SELECT amount_cents, status FROM payment ORDER BY created_at, status")
    return [(row["amount_cents"], row["status"]) for row in rows]


class TestByTheApi:
    async def test_before_anything_is_chosen_the_service_says_who_pays_less(
        self, town: Town, citizen: StaffBrowser
    ) -> None:
        service = await town.service(CARD)
        told = await town.good("GET", f"/api/services/{service['id']}", params={"language": "de"})
        assert [(one["key"], one["cents"]) for one in told["reductions"]] == [("bonuscard", 2300)]
        free = await town.service("Wohnsitzanmeldung")
        assert (await town.good("GET", f"/api/services/{free['id']}"))["reductions"] == []
        page = await citizen.get(f"/de/services/{service['id']}")
        for text in ("Ermäßigung oder Befreiung", "23,00\xa0€", "Bitte mitbringen: gültige Bonuscard"):
            assert text in page.text, text
        await town.rows("UPDATE reduction SET valid = daterange(NULL, '2020-12-31')")
        await town.rows("UPDATE city SET version = version + 1")
        await town.fresh()
        assert (await town.good("GET", f"/api/services/{service['id']}"))["reductions"] == []

    async def test_a_visit_of_several_services_and_persons_that_moves(self, town: Town) -> None:
        card, paper = await town.service(CARD), await town.service(CERTIFICATE)
        asked = {"service": card["id"], "quantity": 2, "also": [{"service": paper["id"], "quantity": 3}]}
        held = await hold_visit(town, asked)
        given = {"hold": held["id"], "contact": KIM}
        made = await town.good("POST", "/api/appointments", held["token"], key=str(uuid4()), json=given)
        whole = 2 * 4600 + 3 * 500
        answer = await claim(town, made, bonuscard=2, kind_unter_16=1)
        # both cards and two papers at half price, the third paper for nothing
        assert (answer.body["whole_fee"]["cents"], answer.body["fee"]["cents"]) == (whole, 4600 + 500)
        await paid(town, made)
        [row] = await town.rows("SELECT lines, amount_cents FROM payment")
        lines = [(line["quantity"], line["amount_cents"], line["reduced_cents"]) for line in row["lines"]]
        assert (sorted(lines), row["amount_cents"]) == ([(2, 4600, 4600), (3, 500, 1000)], 5100)
        other = await hold_visit(town, asked)
        given = {"hold": other["id"], "hold_token": other["token"]}
        moved = await town.good("POST", f"/api/appointments/{made['id']}/move", made["token"], json=given)
        assert (moved["fee"]["cents"], moved["reduced"]["cents"], moved["refunds"]) == (5100, whole - 5100, [])
        assert moved["moves_left"] == 4
        await town.assert_sound()

    async def test_what_may_be_claimed_and_what_it_costs_then(self, town: Town) -> None:
        made = await certificates(town, 3)
        offered = await town.good("GET", f"/api/appointments/{made['id']}/reductions", made["token"])
        assert (offered["whole_fee"]["cents"], offered["fee"]["cents"]) == (1500, 1500)
        told = [(one["key"], one["most"], one["fee"]["cents"]) for one in offered["reductions"]]
        assert told == [("bonuscard", 3, 1250), ("familiencard", 1, 1000), ("kind-unter-16", 3, 1000)]
        assert offered["reductions"][0]["proof"]["de"] == "gültige Bonuscard + Kultur und Ausweis"

    async def test_the_best_wins_and_two_are_never_added_up(self, town: Town) -> None:
        made = await certificates(town, 3)
        answer = await claim(town, made, bonuscard=2, kind_unter_16=1)
        assert answer.body["fee"]["cents"] == 2 * 250
        answer = await claim(town, made, bonuscard=1, familiencard=1)
        assert answer.body["fee"]["cents"] == 1000
        kept = {one["key"]: one["persons"] for one in answer.body["reductions"]}
        assert kept == {"bonuscard": 0, "familiencard": 1, "kind-unter-16": 0}  # what takes nothing off is not kept
        answer = await claim(town, made)
        assert answer.body["fee"]["cents"] == 1500
        assert await town.rows("SELECT * FROM reduction_claim") == []

    async def test_what_is_paid_and_named_on_receipt_and_mail(self, town: Town, citizen: StaffBrowser) -> None:
        made = await certificates(town, 2)
        await claim(town, made, bonuscard=1)
        await paid(town, made)
        seen = await town.look(made)
        assert (seen["fee"]["cents"], seen["reduced"]["cents"]) == (750, 250)
        [row] = await town.rows("SELECT id, lines FROM payment")
        [line] = row["lines"]
        assert (line["amount_cents"], line["reduced_cents"]) == (750, 250)
        assert line["reduction"] == "Bonuscard + Kultur der Landeshauptstadt Stuttgart"
        page = await citizen.get(f"/de/case/{made['token']}")
        for text in ("7,50\xa0€", "abzüglich 2,50\xa0€: Bonuscard", "gültige Bonuscard + Kultur und Ausweis"):
            assert text in page.text, text
        receipt = await citizen.get(f"/de/appointments/{made['id']}/receipts/{row['id']}")
        for text in ("Gebühr 10,00\xa0€", "abzüglich 2,50\xa0€: Bonuscard + Kultur", "7,50\xa0€"):
            assert text in receipt.text, text
        pdf = await citizen.http.get(f"{town.origin}/de/appointments/{made['id']}/receipts/{row['id']}/receipt.pdf")
        assert pdf.status == 200
        await town.work()
        assert "gültige Bonuscard + Kultur und Ausweis" in (town.mail.messages[0].part("text/plain") or "")
        await town.assert_sound()

    async def test_exempt_is_booked_at_once_as_free_services_are(self, town: Town) -> None:
        made = await town.appointment(RECORD)
        assert (await claim(town, made, ehrenamt=1)).body["fee"]["cents"] == 0
        done = await town.checkout(made)
        assert (done["status"], done["pay_url"]) == ("confirmed", None)
        assert await payments(town) == []

    async def test_wrong_claims_each_by_name(self, town: Town) -> None:
        made = await certificates(town)
        answer = await claim(town, made, bonuscard=2, ehrenamt=1)
        assert (answer.status, answer.body["code"]) == (422, "invalid")
        assert {one["pointer"] for one in answer.body["errors"]} == {"/claims/bonuscard", "/claims/ehrenamt"}
        assert (await town.look(made))["fee"]["cents"] == 500
        answer = await town.call("GET", f"/api/appointments/{made['id']}/reductions", "x" * 43)
        assert answer.status == 401

    async def test_not_after_booking_and_not_after_the_time_is_over(self, town: Town) -> None:
        made, other = await certificates(town), await certificates(town)
        await paid(town, made)
        answer = await claim(town, made, bonuscard=1)
        assert (answer.status, answer.body["code"]) == (409, "already_booked")
        town.clock.advance(minutes=16)
        answer = await claim(town, other, bonuscard=1)
        assert (answer.status, answer.body["code"]) == (410, "hold_over")

    async def test_after_a_look_at_the_providers_page_the_first_payment_can_bring_no_money(self, town: Town) -> None:
        made = await certificates(town)
        await town.checkout(made)
        assert (await claim(town, made, bonuscard=1)).status == 200
        await claim(town, made, bonuscard=1)  # the same again changes nothing
        assert await payments(town) == [(500, "fenced")]
        await paid(town, made)
        assert sorted(await payments(town)) == [(250, "paid"), (500, "fenced")]
        await town.assert_sound()

    async def test_paid_meanwhile_the_price_stays(self, town: Town) -> None:
        made = await certificates(town)
        await town.pay(await town.checkout(made))
        answer = await claim(town, made, bonuscard=1)
        assert (answer.status, answer.body["code"]) == (409, "already_booked")
        seen = await town.look(made)
        assert (seen["status"], seen["fee"]["cents"]) == ("confirmed", 500)

    async def test_what_was_claimed_keeps_its_rule_whatever_the_catalogue_becomes(self, town: Town) -> None:
        made = await certificates(town)
        await claim(town, made, bonuscard=1)
        await paid(town, made)
        await town.rows("UPDATE reduction SET valid = 'empty'")
        await dearer(town, made["service"])  # 20 EUR
        hold = await town.hold(made["service"])
        given = {"hold": hold["id"], "hold_token": hold["token"]}
        moving = await town.good("POST", f"/api/appointments/{made['id']}/move", made["token"], json=given)
        assert (await town.look(made))["waiting"]["difference"]["cents"] == 1000 - 250
        await town.pay(moving)
        await town.webhooks()
        seen = await town.look(made)
        assert (seen["fee"]["cents"], seen["reduced"]["cents"], seen["waiting"]) == (1000, 1000, None)
        await town.assert_sound()

    async def test_to_a_cheaper_time_the_difference_of_what_was_paid_goes_back(self, town: Town) -> None:
        made = await certificates(town)
        await claim(town, made, bonuscard=1)
        await paid(town, made)
        await town.rows(
            """
            WITH ended AS (UPDATE fee SET valid = 'empty' WHERE service_id = $1 RETURNING legal_basis)
            INSERT INTO fee (service_id, amount_cents, legal_basis) SELECT DISTINCT $1, 301, legal_basis FROM ended""",
            made["service"],
        )
        await town.rows("UPDATE city SET version = version + 1")
        await town.fresh()
        hold = await town.hold(made["service"])
        given = {"hold": hold["id"], "hold_token": hold["token"]}
        moved = await town.good("POST", f"/api/appointments/{made['id']}/move", made["token"], json=given)
        assert (moved["fee"]["cents"], moved["reduced"]["cents"]) == (150, 151)
        assert [one["cents"] for one in moved["refunds"]] == [100]
        cancelled = await town.cancel(made)
        assert sum(one["cents"] for one in cancelled.body["refunds"]) == 250
        await town.assert_sound()


def inputs(page: Page, action: str, **more: Any) -> dict[str, Any]:
    """The hidden fields of a form, and what is filled in (a reduction's key after `reduction_`)."""
    filled = {name.replace("reduction_", "reduction-"): value for name, value in more.items()}
    return {**fields_of(page, action), **filled}


class TestOnPages:
    async def test_a_citizen_claims_and_pays_the_rest(self, town: Town, citizen: StaffBrowser) -> None:
        service = await town.service(CARD)
        page = await citizen.get(f"/de/times?service={service['id']}&channel=onsite")
        contact = await send_first(citizen, page, slot=slots(page)[0])
        check = await send_first(citizen, contact, **{"name": "Kim Muster", "language": "de", **PLAIN})
        assert check.url.path.endswith("/check")
        whole = service["fee"]["cents"]
        for text in ("23,00\xa0€ statt 46,00\xa0€", "Bitte mitbringen: gültige Bonuscard", "Preis berechnen"):
            assert text in check.text, text
        action = re.findall(r'action="(/de/appointments/[^"]+/reductions)"', check.text)[0]
        priced = await citizen.post(action, **inputs(check, action, reduction_bonuscard="1"))
        assert priced.status == 200
        for text in (
            "Gebühr ohne Ermäßigung",
            "abzüglich 23,00\xa0€",
            "<bdi>23,00\xa0€</bdi></strong>",
            "Bedürftigkeit",
        ):
            assert text in priced.text, text
        assert re.search(r'id="reduction-bonuscard"[^>]* checked', priced.text)
        pay = action.replace("/reductions", "/pay")
        away = await citizen.post(pay, follow=False, **inputs(priced, pay))
        assert away.status == 303
        assert await payments(town) == [(whole // 2, "open")]

    async def test_whoever_got_the_link_to_pay_claims_from_the_page_of_the_case(
        self, town: Town, citizen: StaffBrowser
    ) -> None:
        made = await certificates(town)
        case = await citizen.get(f"/de/case/{made['token']}")
        [url] = re.findall(r'href="(/de/appointments/[^"]+/check)#reductions"', case.text)
        check = await citizen.get(url)
        action = url.replace("/check", "/reductions")
        free = await citizen.post(action, **fields_of(check, action), **{"reduction-kind-unter-16": "1"})  # type: ignore[arg-type]
        assert "Termin verbindlich buchen" in free.text

    async def test_another_time_before_paying_keeps_the_claim(self, town: Town, citizen: StaffBrowser) -> None:
        made = await certificates(town)
        await claim(town, made, bonuscard=1)
        await citizen.get(f"/de/case/{made['token']}")
        check = await citizen.get(f"/de/appointments/{made['id']}/check")
        [other, *_] = re.findall(r'href="(/de/times[^"]+)" aria-label="Ändern: Ihr Termin"', check.text)
        page = await citizen.get(html.unescape(other))
        again = await send_first(citizen, page, slot=slots(page)[-1])
        assert again.url.path.endswith("/check")
        assert str(made["id"]) not in again.url.path
        assert "<bdi>2,50\xa0€</bdi></strong>" in again.text

    async def test_a_forged_field_is_refused_in_words(self, town: Town, citizen: StaffBrowser) -> None:
        made = await certificates(town)
        await citizen.get(f"/de/case/{made['token']}")
        page = await citizen.get(f"/de/appointments/{made['id']}/check")
        action = f"/de/appointments/{made['id']}/reductions"
        refused = await citizen.post(action, **inputs(page, action, reduction_gold="1"))
        assert refused.status == 422
        assert "Diese Ermäßigung gibt es für diesen Termin nicht." in refused.text

    async def test_moving_shows_the_price_with_the_reduction(self, town: Town, citizen: StaffBrowser) -> None:
        made = await certificates(town)
        await claim(town, made, bonuscard=1)
        await paid(town, made)
        page = await to_times(town, citizen, made)
        asked = await send_first(citizen, page, slot=slots(page)[-1])
        assert "2,50\xa0€ bleibt bezahlt" in asked.text
        await send_first(citizen, asked)
        seen = await town.look(made)
        assert (seen["moves_left"], seen["fee"]["cents"], seen["refunds"]) == (4, 250, [])

    async def test_staff_claim_for_a_caller(self, town: Town) -> None:
        await hire(town, "rosa", "supervisor", "buergerbuero-mitte")
        async with await sign_in(town, "rosa") as rosa:
            form = await take(town, rosa, await times(town, rosa, RECORD))
            assert "Führungszeugnis für ein Ehrenamt" in form.text
            given = {**fields_of(form, form.url.path), **CALLER, "reduction-ehrenamt": "1"}
            done = await rosa.post(form.url.path, **given)
            assert "Der Termin ist gebucht" in done.text
            assert "abzüglich 13,00\xa0€" in done.text
        [row] = await town.rows("SELECT fee_cents, reduction_cents, status FROM appointment")
        assert (row["fee_cents"], row["reduction_cents"], row["status"]) == (0, 1300, "confirmed")


class TestAtTheCounter:
    async def _served(self, town: Town, clerk: StaffBrowser, office: int, made: dict[str, Any]) -> Page:
        await clerk.post(f"/de/counter/{office}/check-in", number=made["number"])
        called = await clerk.post(f"/de/counter/{office}/next")
        return await clerk.post(step_url(called.text, "start"))

    async def _here(self, town: Town, office: int, words: str, quantity: int = 1, **claims: int) -> dict[str, Any]:
        service = await town.service(words)
        query = {"service": service["id"], "channel": "onsite", "office": office, "limit": 1, "quantity": quantity}
        [slot] = (await town.good("GET", "/api/slots/next", params=query))["slots"]
        asked = {"service": service["id"], "channel": "onsite", "quantity": quantity}
        place = {"office": slot["office"], "starts_at": slot["starts_at"]}
        held = await town.good("POST", "/api/holds", key=str(uuid4()), json={**asked, **place})
        given = {"hold": held["id"], "contact": KIM}
        made: dict[str, Any] = await town.good("POST", "/api/appointments", held["token"], key=str(uuid4()), json=given)
        assert (await claim(town, made, **claims)).status == 200
        await paid(town, made)
        return made

    async def test_shown_and_finished(self, town: Town) -> None:
        office = await office_id(town)
        counter = (await counters_of(town, office))[0]
        made = await self._here(town, office, CERTIFICATE, bonuscard=1)
        async with await clerk_at(town, "kim", office, counter) as clerk:
            page = await self._served(town, clerk, office, made)
            assert (
                "Ermäßigung beansprucht: Bonuscard + Kultur der Landeshauptstadt Stuttgart (abzüglich 2,50\xa0€)"
                in page.text
            )
            assert "Nachweis: gültige Bonuscard + Kultur und Ausweis" in page.text
            refused = await clerk.post(step_url(page.text, "finish"))
            assert "Vermerken Sie zuerst, ob der Nachweis gezeigt wurde" in refused.text
            assert (await town.look(made))["status"] == "confirmed"
            noted = await clerk.post(step_url(page.text, "proof"), reduction="bonuscard", outcome="shown")
            assert "badge--success" in noted.text
            await clerk.post(step_url(noted.text, "finish"))
        assert (await town.look(made))["status"] == "finished"

    async def test_not_shown_the_difference_is_due(self, town: Town) -> None:
        office = await office_id(town)
        counter = (await counters_of(town, office))[0]
        made = await self._here(town, office, CERTIFICATE, bonuscard=1)
        async with await clerk_at(town, "kim", office, counter) as clerk:
            page = await self._served(town, clerk, office, made)
            noted = await clerk.post(step_url(page.text, "proof"), reduction="bonuscard", outcome="not_shown")
            assert "Der Nachweis wurde nicht gezeigt, daher sind 2,50\xa0€ zu zahlen." in noted.text
            found_after_all = await clerk.post(step_url(page.text, "proof"), reduction="bonuscard", outcome="shown")
            assert "zu zahlen" not in found_after_all.text
            await clerk.post(step_url(page.text, "proof"), reduction="bonuscard", outcome="not_shown")
        await hire(town, "rosa", "supervisor", "buergerbuero-mitte")
        async with await sign_in(town, "rosa") as rosa:
            case = await rosa.get(f"/de/bookings/{office}/cases/{made['id']}")
            for text in ("Ermäßigung beansprucht", "nicht gezeigt", "Zu zahlen", "2,50\xa0€"):
                assert text in case.text, text
        due = await town.worker.reductions.due(UUID(made["id"]))
        assert (due.amount.cents, [line.amount_cents for line in due.lines]) == (250, [250])

    async def test_of_two_one_was_not_shown(self, town: Town) -> None:
        """Each is noted by itself; only what the missing one took off is due."""
        office = await office_id(town)
        counter = (await counters_of(town, office))[0]
        made = await self._here(town, office, CERTIFICATE, 3, bonuscard=2, kind_unter_16=1)
        async with await clerk_at(town, "kim", office, counter) as clerk:
            page = await self._served(town, clerk, office, made)
            url = step_url(page.text, "proof")
            noted = await clerk.post(url, reduction="kind-unter-16", outcome="not_shown")
            assert "daher sind 5,00\xa0€ zu zahlen" in noted.text
            refused = await clerk.post(step_url(page.text, "finish"))
            assert "Vermerken Sie zuerst" in refused.text
            await clerk.post(url, reduction="bonuscard", outcome="shown")
            await clerk.post(step_url(page.text, "finish"))
        assert (await town.look(made))["status"] == "finished"

    async def test_another_clerks_number_is_not_noted(self, town: Town) -> None:
        office = await office_id(town)
        first, second, *_ = await counters_of(town, office)
        made = await self._here(town, office, CERTIFICATE, bonuscard=1)
        async with (
            await clerk_at(town, "kim", office, first) as clerk,
            await clerk_at(town, "toni", office, second) as other,
        ):
            page = await self._served(town, clerk, office, made)
            away = await other.post(step_url(page.text, "proof"), reduction="bonuscard", outcome="shown")
            assert "Diese Nummer ist nicht mehr da, wo sie war" in away.text
        [row] = await town.rows("SELECT outcome FROM reduction_claim")
        assert row["outcome"] is None

    async def test_nobody_could_look_needs_a_reason(self, town: Town) -> None:
        office = await office_id(town)
        counter = (await counters_of(town, office))[0]
        made = await self._here(town, office, CERTIFICATE, bonuscard=1)
        async with await clerk_at(town, "kim", office, counter) as clerk:
            page = await self._served(town, clerk, office, made)
            url = step_url(page.text, "proof")
            refused = await clerk.post(url, reduction="bonuscard", outcome="unchecked", reason=" ")
            assert "Nennen Sie den Grund" in refused.text
            noted = await clerk.post(url, reduction="bonuscard", outcome="unchecked", reason="Stromausfall")
            assert "Stromausfall" in noted.text
            assert (await clerk.post(url, reduction="gold", outcome="shown")).status == 404
            assert (await clerk.post(url, reduction="bonuscard", outcome="perhaps")).status == 404
            await clerk.post(step_url(noted.text, "finish"))
        assert (await town.look(made))["status"] == "finished"
        await town.good("POST", f"/api/appointments/{made['id']}/erase", made["token"])
        [row] = await town.rows("SELECT outcome, reason FROM reduction_claim")
        assert tuple(row.values()) == ("unchecked", "[erased]")
