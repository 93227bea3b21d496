"""A fee is paid at a till until a deadline while the time stays held: what is offered, the code, the deadline, a change of mind, and the
provider that is down."""

from __future__ import annotations

import asyncio
import re
from typing import Any
from uuid import UUID, uuid4

import pytest

from payment import store
from payment.opening import order_of
from payment.stripe_words import session_params
from tests.flows.test_cash_desk import MITTE, a_till, office, words
from tests.staff import StaffBrowser, hire, sign_in
from tests.town import KIM, Answer, Town

PAID = "Führungszeugnis"  # 13 euros; in the sample to be paid at a till within 72 hours, 24 hours before at the latest
OTHER = "Fiktionsbescheinigung"  # online only
DOWN = {"faults": [{"kind": "drop_before", "path": "/v1/checkout/sessions", "times": 99}]}
UP: dict[str, Any] = {"faults": []}


@pytest.fixture
async def till(town: Town, robin: StaffBrowser) -> str:
    return await a_till(town, robin)


async def reserved(
    town: Town, service: str = PAID, contact: dict[str, Any] | None = None, day: str = ""
) -> dict[str, Any]:
    """Held a week ahead, with a contact."""
    ident = (await town.service(service))["id"]
    query = {"service": ident, "channel": "onsite", "limit": 1, "after": f"{day or '2026-12-08'}T00:00:00+00:00"}
    slot = (await town.good("GET", "/api/slots/next", params=query))["slots"][0]
    hold = await town.hold(ident, slot=slot)
    given = {"hold": hold["id"], "contact": contact or KIM}
    made: dict[str, Any] = await town.good("POST", "/api/appointments", hold["token"], key=str(uuid4()), json=given)
    return made


async def offered(town: Town, made: dict[str, Any]) -> dict[str, Any]:
    seen: dict[str, Any] = await town.good("GET", f"/api/appointments/{made['id']}/till", made["token"])
    return seen


async def code_for(town: Town, made: dict[str, Any], way: str = "email") -> tuple[str, str]:
    """Its id, and what came by mail."""
    path = f"/api/appointments/{made['id']}/till/codes"
    sent = await town.good("POST", path, made["token"], key=str(uuid4()), json={"way": way})
    await town.work()
    if way == "mobile":
        return sent["id"], re.findall(r"\b\d{6}\b", town.texts.messages.arrived()[-1].phone_text)[0]
    _to, subject = town.mails()[-1]
    return sent["id"], re.findall(r"\d{6}", subject)[0]


async def choose(town: Town, made: dict[str, Any], **given: Any) -> Answer:
    return await town.call("POST", f"/api/appointments/{made['id']}/till", made["token"], json=given)


async def chosen(town: Town, made: dict[str, Any]) -> dict[str, Any]:
    ident, code = await code_for(town, made)
    answer = await choose(town, made, code_id=ident, code=code)
    assert answer.status == 200, answer
    body: dict[str, Any] = answer.body
    return body


async def payment(town: Town) -> str:
    [row] = await town.rows("SELECT id::text FROM payment WHERE provider = 'counter' AND status = 'open'")
    return str(row["id"])


async def take(robin: StaffBrowser, till: str, ident: str) -> str:
    page = await robin.post(f"{till}/payments/{ident}/take", method="cash", given="13", request_key=str(uuid4()))
    return words(page)


async def status(town: Town, made: dict[str, Any]) -> str:
    return str((await town.look(made))["status"])


class TestOffered:
    async def test_until_when_and_where_as_the_service_says(self, town: Town, till: str) -> None:
        made = await reserved(town)
        seen = await offered(town, made)
        assert seen == seen | {"pay_by": "2026-12-04T09:00:00Z", "because": "service", "is_chosen": False}
        assert (seen["ways"], seen["kassenzeichen"]) == (["email"], None)
        [place] = seen["places"]
        assert (place["office"], place["street"]) == (await office(town), "Eberhardstraße 39")
        assert all(one["start"] < one["end"] <= seen["pay_by"] for one in place["open"])
        assert place["open"]

    async def test_the_deadline_lies_before_the_appointment(self, town: Town, till: str) -> None:
        made = await reserved(town, day="2026-12-03")
        seen, starts_at = await offered(town, made), (await town.look(made))["starts_at"]
        assert seen["pay_by"] <= starts_at.replace("-03T", "-02T")
        assert seen["pay_by"] == max(
            one["end"] for one in seen["places"][0]["open"]
        )  # when the office closes before it

    async def test_not_too_late_not_without_a_till_and_not_for_every_service(
        self, town: Town, robin: StaffBrowser
    ) -> None:
        made = await reserved(town)
        assert (await offered(town, made))["pay_by"] is None  # there is no till
        await a_till(town, robin)
        assert (await offered(town, made))["pay_by"] is not None
        assert (await offered(town, await reserved(town, day="2026-12-01")))["pay_by"] is None  # today or tomorrow
        other = await reserved(town, OTHER)
        assert (await offered(town, other))["pay_by"] is None
        path = f"/api/appointments/{other['id']}/till/codes"
        answer = await town.call("POST", path, other["token"], key=str(uuid4()), json={"way": "email"})
        assert (answer.status, answer.body["code"]) == (409, "till_not_offered")


class TestChosen:
    async def test_the_time_stays_held_and_the_cashier_books_it(
        self, town: Town, till: str, robin: StaffBrowser
    ) -> None:
        made = await reserved(town)
        body = await chosen(town, made)
        assert (body["is_chosen"], (await town.look(made))["hold_until"]) == (True, body["pay_by"])
        await town.work()
        to, subject = town.mails()[-1]
        assert (to, subject.split(":")[0]) == (KIM["email"], "Bitte bis 4. Dezember 2026, 10")
        town.clock.advance(hours=47)
        await town.work()
        assert await status(town, made) == "held"
        robin = await sign_in(town, "robin")
        async with robin:
            assert "Bezahlt" in await take(robin, till, await payment(town))
        assert await status(town, made) == "confirmed"
        await town.work()
        assert town.mails()[-1][1].startswith("Ihr Termin")
        await town.assert_sound()

    async def test_by_a_code_that_came_by_text(self, town: Town, till: str) -> None:
        made = await reserved(town, contact=KIM | {"mobile": "0151 23456789"})
        assert (await offered(town, made))["ways"] == ["email", "mobile"]
        ident, code = await code_for(town, made, "mobile")
        answers = [await choose(town, made, code_id=ident, code=code) for _ in range(7)]  # an answer that was lost
        assert {answer.status for answer in answers} == {200}
        [row] = await town.rows("SELECT verified FROM till_hold")
        assert row["verified"] == "mobile"

    async def test_only_with_the_code_of_this_very_case(self, town: Town, till: str) -> None:
        made, other = await reserved(town), await reserved(town, contact=KIM | {"name": "Robin Muster"})
        ident, code = await code_for(town, made)
        for case, given in (
            (made, {"code_id": ident, "code": "000000" if code != "000000" else "111111"}),
            (other, {"code_id": ident, "code": code}),
            (made, {"code_id": str(uuid4()), "code": code}),
        ):
            answer = await choose(town, case, **given)
            assert (answer.status, answer.body["code"]) == (422, "code_wrong")
        assert (await choose(town, made)).body["code"] == "till_not_offered"  # not chosen before, so a code is needed
        for _ in range(4):
            await choose(town, made, code_id=ident, code="x")
        assert (await choose(town, made, code_id=ident, code=code)).body["code"] == "code_wrong"  # tried too often
        assert await town.rows("SELECT FROM till_hold") == []

    async def test_two_times_of_a_contact_wait_for_a_till_at_most(self, town: Town, till: str) -> None:
        names = ("Kim Eins", "Kim Zwei", "Kim Drei")
        first, second, third = [
            await reserved(town, contact=KIM | {"name": name, "email": f"kim+{n}@example.org"})
            for n, name in enumerate(names)
        ]
        waiting = await code_for(town, third)
        await chosen(town, first)
        await chosen(town, second)
        path = f"/api/appointments/{third['id']}/till/codes"
        answer = await town.call("POST", path, third["token"], key=str(uuid4()), json={"way": "email"})
        assert (answer.status, answer.body["code"]) == (409, "too_many_at_till")
        answer = await choose(town, third, code_id=waiting[0], code=waiting[1])
        assert (answer.status, answer.body["code"]) == (409, "too_many_at_till")
        await town.cancel(first)
        assert (await choose(town, third, code_id=waiting[0], code=waiting[1])).status == 200

    async def test_whose_time_is_held_stays(self, town: Town, till: str) -> None:
        """Else it could be held in one name and booked in another."""
        ident = (await town.service(PAID))["id"]
        query = {"service": ident, "channel": "onsite", "limit": 1, "after": "2026-12-08T00:00:00+00:00"}
        hold = await town.hold(ident, slot=(await town.good("GET", "/api/slots/next", params=query))["slots"][0])
        given = {"hold": hold["id"], "contact": KIM}
        made = await town.good("POST", "/api/appointments", hold["token"], key=str(uuid4()), json=given)
        await chosen(town, made)
        given["contact"] = KIM | {"name": "Robin Muster"}
        answer = await town.call("POST", "/api/appointments", hold["token"], key=str(uuid4()), json=given)
        assert (answer.status, answer.body["code"]) == (409, "hold_in_use")
        given["contact"] = KIM
        assert (await town.call("POST", "/api/appointments", hold["token"], key=str(uuid4()), json=given)).status == 201

    async def test_staff_need_no_code(self, town: Town, till: str) -> None:
        made = await reserved(town)
        await hire(town, "dana", "clerk")
        path = f"/api/offices/{(await town.look(made))['office']}/appointments/{made['number']}/till"
        async with await sign_in(town, "dana") as dana:
            answers = [await dana.http.post(town.origin + path) for _ in range(2)]
        assert [one.status for one in answers] == [200, 200]
        [row] = await town.rows("SELECT verified, contact_hmac FROM till_hold")
        assert row == {"verified": "staff", "contact_hmac": None}


class TestDeadline:
    async def test_reminded_once_and_then_free_again(self, town: Town, till: str) -> None:
        made = await reserved(town)
        await chosen(town, made)
        town.clock.advance(hours=47, minutes=50)
        await town.work()
        before = len(town.mails())
        town.clock.advance(minutes=20)
        await town.work()
        town.clock.advance(hours=1)
        await town.work()
        assert [subject for _, subject in town.mails()[before:]] == [
            "Nur noch bis 4. Dezember 2026, 10:00 Uhr: Bitte bezahlen Sie Ihren Termin am 8. Dezember 2026 um "
            + town.mails()[-1][1].rsplit(" um ", 1)[1]
        ]
        town.clock.advance(hours=24)
        await town.work()
        assert await status(town, made) == "expired"
        assert town.mails()[-1][1].startswith("Nicht rechtzeitig bezahlt")
        free = await town.hold((await town.service(PAID))["id"], slot={**await town.look(made)})
        assert free["id"]
        await town.assert_sound()

    async def test_what_is_cancelled_is_neither_reminded_nor_taken(
        self, town: Town, till: str, robin: StaffBrowser
    ) -> None:
        made = await reserved(town)
        await chosen(town, made)
        ident = await payment(town)
        await town.cancel(made)
        assert "nicht mehr" in await take(robin, till, ident)
        assert await status(town, made) == "expired"
        before = len(town.mails())
        town.clock.advance(hours=50)
        await town.work()
        assert len(town.mails()) - before <= 1  # the message that it is held

    async def test_the_person_who_is_erased_leaves_no_trace(self, town: Town, till: str) -> None:
        made = await reserved(town)
        await chosen(town, made)
        await town.good("POST", f"/api/appointments/{made['id']}/erase", made["token"], key=str(uuid4()))
        assert await town.rows("SELECT FROM till_code") == []
        assert [row["contact_hmac"] for row in await town.rows("SELECT contact_hmac FROM till_hold")] == [None]


class TestChangeOfMind:
    async def test_online_instead_and_back_again(self, town: Town, till: str, robin: StaffBrowser) -> None:
        made = await reserved(town)
        body = await chosen(town, made)
        first = await payment(town)
        online = await town.checkout(made)
        assert online["pay_url"].startswith(town.stripe)
        assert "nicht mehr" in await take(robin, till, first)
        again = await choose(town, made)
        assert (again.status, again.body["pay_by"]) == (200, body["pay_by"])
        session = online["pay_url"].rsplit("/", 1)[1]
        assert (await town.http.post(f"{town.stripe}/_sandbox/sessions/{session}/pay", json={})).status != 200
        assert "Bezahlt" in await take(robin, till, await payment(town))
        assert await status(town, made) == "confirmed"
        paid = await town.rows("SELECT provider FROM payment WHERE status = 'paid'")
        assert [row["provider"] for row in paid] == ["counter"]
        await town.assert_sound()

    async def test_paid_online_instead(self, town: Town, till: str) -> None:
        made = await reserved(town)
        await chosen(town, made)
        await town.pay(await town.checkout(made))
        await town.webhooks()
        assert await status(town, made) == "confirmed"
        town.clock.advance(hours=50)
        await town.work()
        assert not any("Nur noch bis" in subject for _, subject in town.mails())

    async def test_all_at_once_end_as_one(self, town: Town, till: str, robin: StaffBrowser) -> None:
        """The deadline, the cashier, an online payment and a cancelling."""
        for n in range(4):
            made = await reserved(town, contact=KIM | {"name": f"Kim {n}", "email": f"kim{n}@example.org"})
            body = await chosen(town, made)
            ident = await payment(town)
            if n % 2:
                town.clock.set(town.clock().fromisoformat(body["pay_by"]))
            async with await sign_in(town, "robin") as now:
                works: list[Any] = [take(now, till, ident), town.worker.appointments.expire_due()]
                path = f"/api/appointments/{made['id']}"
                works.append(town.call("POST", f"{path}/checkout", made["token"], key=str(uuid4())))
                if n > 1:
                    works.append(town.call("POST", f"{path}/cancel", made["token"], key=str(uuid4())))
                await asyncio.gather(*works)
            town.clock.advance(minutes=2)
            await town.work()
            ended = await status(town, made)
            taken = await town.rows(
                "SELECT p.captured_cents - p.refunded_cents AS kept FROM payment p WHERE p.reference = $1 AND p.status = 'paid'",
                made["id"],
            )
            waiting = await town.rows(
                "SELECT FROM refund r JOIN payment p ON p.id = r.payment_id WHERE p.reference = $1 AND r.status = 'submitted'",
                made["id"],
            )
            if ended == "confirmed":
                assert [row["kept"] for row in taken] == [1300]
            else:
                assert ended in ("held", "expiring", "expired", "cancelled")
                assert [row["kept"] for row in taken] in ([], [0])
                assert len(taken) == len(waiting)  # what the cashier took is given back
            await town.assert_sound()


class TestProviderDown:
    async def test_a_till_is_offered_by_itself_and_online_again_afterwards(
        self, town: Town, till: str, robin: StaffBrowser
    ) -> None:
        made = await reserved(town, OTHER)
        assert (await offered(town, made))["pay_by"] is None
        await town.sandbox("PUT", "faults", DOWN)
        answer = await town.call("POST", f"/api/appointments/{made['id']}/checkout", made["token"], key=str(uuid4()))
        assert (answer.status, answer.body["code"]) == (503, "payment_unavailable")
        assert answer.body["pay_at_till_until"][:16] == "2026-12-04T09:00"
        seen = await offered(town, made)
        assert (seen["because"], seen["is_chosen"]) == ("provider", False)
        await chosen(town, made)
        statuses = await town.rows("SELECT provider, status FROM payment ORDER BY created_at, provider DESC")
        assert [(one["provider"], one["status"]) for one in statuses] == [("stripe", "lapsed"), ("counter", "open")]
        await town.sandbox("PUT", "faults", UP)
        await town.pay(await town.checkout(made))
        await town.webhooks()
        assert await status(town, made) == "confirmed"
        await town.assert_sound()

    async def test_what_the_silent_provider_made_all_the_same_is_shown_to_nobody(self, town: Town, till: str) -> None:
        """Its answer was lost: a session nobody can pay; if money came of it, it would go back."""
        made = await reserved(town, OTHER)
        await town.sandbox("PUT", "faults", DOWN)
        answer = await town.call("POST", f"/api/appointments/{made['id']}/checkout", made["token"], key=str(uuid4()))
        assert answer.status == 503
        async with town.worker.db.connection() as conn:
            begun = await store.find_latest(conn, UUID(made["id"]))
        assert begun is not None
        town.machine.create_session(session_params(order_of(begun)))
        await chosen(town, made)
        await town.sandbox("PUT", "faults", UP)
        [session] = town.machine.state.rows("sessions")
        town.machine.pay(session["id"])
        await town.webhooks()
        town.clock.advance(minutes=2)
        await town.work()
        assert await status(town, made) == "held"  # the till's payment is the one that counts
        [refund] = await town.rows("SELECT reason, status FROM refund")
        assert refund == {"reason": "lost_slot", "status": "succeeded"}
        await town.assert_sound()


class TestPages:
    """Without JavaScript, as forms."""

    async def test_from_the_check_page_to_the_till(self, town: Town, till: str, robin: StaffBrowser) -> None:
        made = await reserved(town)
        here = f"/de/appointments/{made['id']}"
        check = (await town.call("GET", f"{here}/check", made["token"])).body
        assert f'href="{here}/till"' in check
        page = (await town.call("GET", f"{here}/till", made["token"])).body
        assert "Freitag, 4. Dezember 2026, 10:00" in page
        assert "Eberhardstraße 39" in page
        sent = await post(town, made, f"{here}/till/codes", way="email")
        assert sent.status == 303
        await town.work()
        code = re.findall(r"\d{6}", town.mails()[-1][1])[0]
        ask = (await town.call("GET", sent.headers["Location"], made["token"])).body
        assert KIM["email"] in ask
        [ident] = re.findall(r'name="code_id" value="([^"]+)"', ask)
        wrong = await post(town, made, f"{here}/till", code_id=ident, code="1")
        assert (wrong.status, "Das ist nicht der Code" in wrong.body) == (422, True)
        done = await post(town, made, f"{here}/till", code_id=ident, code=code)
        assert (done.status, done.headers["Location"]) == (303, here)
        case = (await town.call("GET", here, made["token"])).body
        for said in ("An der Kasse zu bezahlen", "Wo Sie bezahlen können", "Doch online bezahlen", "<svg"):
            assert said in case
        assert "Bezahlt" in await take(robin, till, await payment(town))
        assert "Ihr Termin ist bestätigt" in (await town.call("GET", here, made["token"])).body

    async def test_the_provider_is_down_and_nothing_is_lost(self, town: Town, till: str) -> None:
        made = await reserved(town, OTHER)
        here = f"/de/appointments/{made['id']}"
        assert "/till" not in (await town.call("GET", f"{here}/check", made["token"])).body
        await town.sandbox("PUT", "faults", DOWN)
        answer = await post(town, made, f"{here}/pay")
        assert answer.status == 503
        assert "oder bezahlen Sie an einer Kasse" in answer.body
        assert f'href="{here}/till"' in answer.body
        assert "Kim Mustermann" in answer.body
        assert (
            "Unser Zahlungsdienst antwortet im Moment nicht"
            in (await town.call("GET", f"{here}/till", made["token"])).body
        )
        await chosen(town, made)
        back = await post(town, made, f"{here}/pay")  # online again, but it is still down: at the till it stays
        assert (back.status, "An der Kasse zu bezahlen" in back.body) == (503, True)
        await town.sandbox("PUT", "faults", UP)
        online = await post(town, made, f"{here}/pay")
        assert online.headers["Location"].startswith(town.stripe)

    async def test_staff_reserve_until_the_deadline(self, town: Town, till: str) -> None:
        made = await reserved(town)
        await hire(town, "dana", "clerk")
        path = f"/de/bookings/{(await town.look(made))['office']}/cases/{made['id']}"
        async with await sign_in(town, "dana") as dana:
            assert "Bis dahin reservieren" in words(await dana.get(path))
            done = words(await dana.post(f"{path}/till"))
        assert "Reserviert bis Freitag, 4. Dezember 2026, 10:00" in done
        assert "an einer Kasse oder online zu bezahlen; danach ist er gebucht. Kassenzeichen: RF" in done


async def post(town: Town, made: dict[str, Any], path: str, **fields: str) -> Answer:
    given = {"request_key": str(uuid4()), **fields}
    return await town.call("POST", path, made["token"], data=given, allow_redirects=False)


class TestApiOfTheTill:
    async def test_a_day_of_a_drawer(self, town: Town) -> None:
        await hire(town, "robin", "cashier", MITTE)
        base = f"{town.origin}/api/offices/{await office(town)}"
        async with await sign_in(town, "robin") as robin:

            async def call(verb: str, path: str, key: str = "", **given: Any) -> tuple[int, Any]:
                headers = {"Idempotency-Key": key} if key else {}
                async with robin.http.request(verb, base + path, json=given or None, headers=headers) as answer:
                    return answer.status, await answer.json()

            status_, made_till = await call("POST", "/tills", name="Kasse 7")
            assert (status_, made_till["drawer"]) == (201, None)
            path = f"/tills/{made_till['id']}"
            opening = {"float_cents": 5000, "brought_cents": 5000}
            key = str(uuid4())
            opened, again = [await call("POST", f"{path}/drawer", key, **opening) for _ in range(2)]
            assert (opened[0], again) == (201, opened)
            assert (await call("POST", f"{path}/drawer", str(uuid4()), **opening))[1]["code"] == "drawer_open"
            made = await reserved(town)
            _status, found = await call("GET", f"{path}/payments?q={made['number']}")
            assert found == {"payments": [], "appointment": made["id"]}
            _status, due = await call("POST", f"{path}/appointments/{made['id']}")
            assert (due["cents"], due["state"], due["number"]) == (1300, "to_pay", made["number"])
            taking = f"{path}/payments/{due['id']}/take"
            short = await call("POST", taking, str(uuid4()), method="cash", given_cents=1000)
            assert (short[0], short[1]["errors"][0]["pointer"]) == (422, "/given")
            key = str(uuid4())
            taken = [await call("POST", taking, key, method="cash", given_cents=2000) for _ in range(2)]
            assert taken[0] == taken[1]
            assert (taken[0][1]["state"], taken[0][1]["change_cents"]) == ("paid", 700)
            assert (await call("POST", taking, str(uuid4()), method="cash", given_cents=2000))[1][
                "code"
            ] == "taken_already"
            await town.cancel(made)
            await town.work()
            _status, found = await call("GET", f"{path}/payments?q={due['kassenzeichen']}")
            [refund] = found["payments"][0]["refunds"]
            given = await call("POST", f"{path}/refunds/{refund['id']}/give", method="cash")
            assert given == (200, {"id": refund["id"], "status": "succeeded"})
            closing = f"/drawers/{opened[1]['id']}/close"
            assert (await call("POST", closing, counted_cents=4900))[1]["code"] == "difference_unexplained"
            closed = await call("POST", closing, count={"5000": 1}, deposit_cents=1000)
            assert (closed[0], closed[1]["expected_cents"], len(closed[1]["moves"])) == (200, 5000, 2)
            assert (await call("GET", "/drawers"))[1]["drawers"][0]["closed_by"] == "Robin"
            assert (await call("GET", "/tills"))[1]["tills"][0]["drawer"] is None
        assert "Kim" not in str([found, due, taken, closed])
        await town.assert_sound()

    async def test_a_kiosk_says_what_its_terminal_took_and_nothing_else(
        self, town: Town, till: str, robin: StaffBrowser
    ) -> None:
        await hire(town, "kiosk", "kiosk", MITTE)
        made = await reserved(town)
        await chosen(town, made)
        path = f"/api/offices/{await office(town)}/kiosks/{till.rsplit('/', 1)[1]}/payments"
        async with await sign_in(town, "kiosk") as kiosk:

            async def call(path: str, key: str = "", **given: str) -> tuple[int, Any]:
                headers = {"Idempotency-Key": key} if key else {}
                async with kiosk.http.post(town.origin + path, json=given, headers=headers) as answer:
                    return answer.status, await answer.json()

            status_, due = await call(path, q=made["number"].lower())
            assert (status_, set(due), due["cents"], due["state"]) == (
                200,
                {"id", "kassenzeichen", "cents", "state"},
                1300,
                "to_pay",
            )
            assert (await call(path, q=due["kassenzeichen"]))[1] == due
            assert (await call(path, q="XXX-XXX"))[0] == 404
            key = str(uuid4())
            done = [await call(f"{path}/{due['id']}/taken", key, slip="0042 17") for _ in range(2)]
            assert done[0] == done[1] == (200, {**due, "state": "paid"})
            assert (await call(f"{path}/{due['id']}/taken", str(uuid4()), slip="0043"))[1]["code"] == "taken_already"
            assert (await call(f"{path}/{due['id']}/taken", str(uuid4())))[0] == 422  # without the terminal's number
            walk_in = await reserved(town, contact=KIM | {"name": "Robin Muster"})
            assert (await call(path, q=walk_in["number"]))[1]["state"] == "to_pay"  # begun there
            for forbidden in ("tills", "drawers"):
                answer = await kiosk.http.get(f"{town.origin}/api/offices/{await office(town)}/{forbidden}")
                assert answer.status == 403
        assert await status(town, made) == "confirmed"
        [row] = await town.rows("SELECT method, slip FROM counter_payment WHERE status = 'paid'")
        assert row == {"method": "terminal", "slip": "0042 17"}
        await town.assert_sound()
