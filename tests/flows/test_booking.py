"""The narrow path over HTTP: find, hold, say who comes, pay, be confirmed, cancel. Real database, real mail, the payment sandbox."""

from __future__ import annotations

from sandbox.smtp.faults import Fault
from tests.town import KIM, Town, eventually, stuttgart_time

FREE = "Wohnsitzanmeldung"
PAID = "Führungszeugnis"
FEE = 1300


async def test_a_service_without_a_fee_is_booked_at_once(town: Town) -> None:
    made = await town.appointment(FREE)
    assert (made["status"], made["fee"]) == ("held", {"cents": 0, "currency": "EUR"})
    assert await town.checkout(made) == {"status": "confirmed", "pay_url": None}
    await town.work()
    [mail] = town.mail.messages
    assert mail.header("To") == KIM["email"]
    assert stuttgart_time(made["starts_at"])[-5:] in (mail.part("text/plain") or "")
    calendar = mail.part("text/calendar") or ""
    assert "METHOD:REQUEST" in calendar
    assert f"UID:{made['id']}@" in calendar
    assert "SEQUENCE:0" in calendar or "SEQUENCE:1" in calendar
    assert await town.books() == []
    await town.assert_sound()


async def test_a_fee_is_paid_before_the_appointment_is_confirmed(town: Town) -> None:
    made = await town.appointment(PAID)
    checkout = await town.checkout(made)
    assert checkout["pay_url"].startswith(town.stripe)
    await town.work()
    assert town.mails() == []  # held is not booked: nothing is promised yet
    await town.pay(checkout)
    assert (await town.look(made))["status"] == "held"
    await town.webhooks()
    seen = await town.look(made)
    assert (seen["status"], seen["payment"], seen["hold_until"]) == ("confirmed", "paid", None)
    assert await town.books() == [
        ("fee", "psp_clearing", FEE),
        ("fee", "received_in_advance", -FEE),
    ]
    await town.work()
    assert [to for to, _ in town.mails()] == [KIM["email"]]
    await town.assert_sound()


async def test_cancelling_pays_the_whole_fee_back_and_frees_the_time(town: Town) -> None:
    made = await town.appointment(PAID)
    await town.pay(await town.checkout(made))
    await town.webhooks()
    answer = await town.cancel(made)
    assert (answer.status, answer.body["status"]) == (200, "cancelled")
    assert [refund["cents"] for refund in answer.body["refunds"]] == [FEE]
    await town.work()
    assert [refund["status"] for refund in (await town.look(made))["refunds"]] == ["succeeded"]
    assert sum(cents for _, account, cents in await town.books() if account == "psp_clearing") == 0
    confirmed, cancelled, *_ = town.mail.messages
    first, second = confirmed.part("text/calendar") or "", cancelled.part("text/calendar") or ""
    assert "METHOD:CANCEL" in second
    assert _line(first, "UID") == _line(second, "UID")
    assert int(_line(second, "SEQUENCE")) > int(_line(first, "SEQUENCE"))
    assert len(town.mails()) == 3  # confirmed, cancelled, refunded
    await town.fresh()
    again = (await town.slots((await town.service(PAID))["id"]))[0]
    assert again["starts_at"] == made["starts_at"]
    assert (await town.cancel(made)).body["status"] == "cancelled"  # twice is once
    assert len((await town.look(made))["refunds"]) == 1
    await town.assert_sound()


async def test_a_hold_runs_out_and_the_payment_page_with_it(town: Town) -> None:
    made = await town.appointment(PAID)
    checkout = await town.checkout(made)
    town.clock.advance(minutes=16)
    await town.work()
    assert (await town.look(made))["status"] == "expired"
    session = checkout["pay_url"].rsplit("/", 1)[1]
    async with town.http.post(f"{town.stripe}/_sandbox/sessions/{session}/pay", json={}) as response:
        assert response.status == 400  # the provider takes no money for a time that is gone
    assert await town.books() == []
    await town.assert_sound()


async def test_who_paid_in_the_last_second_has_the_appointment(town: Town) -> None:
    made = await town.appointment(PAID)
    checkout = await town.checkout(made)
    await town.sandbox("PUT", "webhooks/faults", {"lose": 1.0})
    await town.pay(checkout)
    town.clock.advance(minutes=16)
    await town.work()  # expiry asks the provider before it frees the time
    assert (await town.look(made))["status"] == "confirmed"
    await town.assert_sound()


async def test_a_hold_without_a_contact_is_free_again_after_a_quarter_of_an_hour(town: Town) -> None:
    service = (await town.service(FREE))["id"]
    hold = await town.hold(service)
    town.clock.advance(minutes=16)
    await town.work()
    assert (await town.good("GET", f"/api/holds/{hold['id']}", hold["token"]))["status"] == "over"
    await town.assert_sound()


async def test_the_provider_is_away_and_nothing_is_lost(town: Town) -> None:
    made = await town.appointment(PAID)
    await town.sandbox("PUT", "faults", {"faults": [{"kind": "drop_before", "times": 20}]})
    answer = await town.call("POST", f"/api/appointments/{made['id']}/checkout", made["token"], key="k" * 20)
    assert (answer.status, answer.body["code"]) == (503, "payment_unavailable")
    await town.sandbox("PUT", "faults", {"faults": []})
    await town.sandbox("PUT", "faults", {"faults": [{"kind": "drop_after", "method": "POST"}]})
    checkout = await town.checkout(made)  # the answer is lost once; the same key finds the session that was made unseen
    assert len(list(town.machine.state.items("sessions"))) == 1
    await town.pay(checkout)
    await town.webhooks()
    assert (await town.look(made))["status"] == "confirmed"
    await town.assert_sound()


async def test_without_an_email_nothing_is_sent_and_the_booking_stands(town: Town) -> None:
    made = await town.appointment(FREE, {"name": "Kim", "mobile": "0711 2345678", "language": "en"})
    await town.checkout(made)
    await town.work()
    assert town.mails() == []
    assert (await town.look(made))["status"] == "confirmed"


async def test_what_is_stored_of_a_person_is_sealed(town: Town) -> None:
    made = await town.appointment(FREE)
    await town.checkout(made)
    dump = str(await town.rows("SELECT p.*, m.contents FROM person p, message m"))
    assert KIM["email"] not in dump
    assert "Mustermann" not in dump
    assert made["token"] not in str(await town.rows("SELECT * FROM appointment"))
    await town.work()
    assert await town.rows("SELECT contents FROM message WHERE contents IS NOT NULL") == []


def _line(calendar: str, name: str) -> str:
    return next(line.split(":", 1)[1] for line in calendar.splitlines() if line.startswith(f"{name}:"))


async def test_an_appointment_outlives_its_service_and_office(town: Town) -> None:
    """A new catalogue without them is imported; whoever booked before still sees and cancels the appointment."""
    made = await town.appointment(FREE)
    await town.checkout(made)
    await town.rows("UPDATE service SET is_active = false WHERE id = $1", made["service"])
    await town.rows("UPDATE office SET is_active = false WHERE id = $1", made["office"])
    await town.rows("UPDATE city SET version = version + 1")

    async def withdrawn() -> bool:  # the web process looks for a new catalogue once a second
        return (await town.call("GET", f"/api/services/{made['service']}")).status == 404

    await eventually(withdrawn)
    async with town.http.get(f"{town.origin}/de/case/{made['token']}", headers={"Accept": "text/html"}) as response:
        assert response.status == 200
        assert made["number"] in await response.text()
    assert (await town.cancel(made)).status == 200


async def test_a_telephone_appointment_needs_a_number_to_call(town: Town) -> None:
    hold = await town.hold((await town.service("Beratung zum Baurecht"))["id"], "phone")
    given = {"hold": hold["id"], "contact": KIM}
    refused = await town.call("POST", "/api/appointments", hold["token"], key="k" * 20, json=given)
    assert (refused.status, [error["pointer"] for error in refused.body["errors"]]) == (422, ["/contact/mobile"])
    given["contact"] = KIM | {"mobile": "0711 2345678"}
    made = await town.good("POST", "/api/appointments", hold["token"], key="l" * 20, json=given)
    await town.checkout(made)
    await town.work()
    [mail] = town.mail.messages
    assert "+49 711 2345678" in (mail.part("text/plain") or "")
    assert "+49 711 2345678" in (mail.part("text/html") or "")


async def test_giving_back_what_is_not_paid_answers_the_same_each_time(town: Town) -> None:
    made = await town.appointment(PAID)
    await town.checkout(made)
    answers = [await town.cancel(made) for _ in range(3)]
    assert {(answer.status, answer.body["status"]) for answer in answers} == {(200, "expired")}
    await town.assert_sound()


async def test_a_refund_that_failed_and_was_tried_anew_is_shown_once(town: Town) -> None:
    made = await town.appointment(PAID)
    await town.pay(await town.checkout(made))
    await town.webhooks()
    await town.cancel(made)
    await town.webhooks()
    [(refund, _)] = town.machine.state.items("refunds")
    await town.sandbox("POST", f"refunds/{refund}/fail", {"reason": "declined"})
    await town.webhooks()
    assert [each["status"] for each in (await town.look(made))["refunds"]] == ["failed"]
    town.clock.advance(hours=2)
    await town.work()
    assert [each["status"] for each in (await town.look(made))["refunds"]] == ["succeeded"]


async def test_a_message_that_was_refused_is_known_on_the_page(town: Town) -> None:
    made = await town.appointment(FREE)
    await town.checkout(made)
    town.mail.faults.plan(Fault("550", 1, "rcpt", ""))
    await town.work()
    page = await town.call("GET", f"/de/appointments/{made['id']}", made["token"], headers={"Accept": "text/html"})
    assert "konnte nicht zugestellt werden" in page.body
    assert f"/de/case/{made['token']}" in page.body
