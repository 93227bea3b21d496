"""Guarded services over HTTP: a pass by proof, code or allowance; limits per network; what administrators say and see."""

from __future__ import annotations

import asyncio
import base64
import html
import json
import re
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import altcha
import pytest

from base.web import SETTINGS
from tests.staff import StaffBrowser, hire, sign_in
from tests.town import KIM, Answer, Town

FREE, OTHER = "Wohnsitzanmeldung", "Meldebescheinigung"


@pytest.fixture
async def boss(town: Town) -> Any:
    async with AsyncExitStack() as stack:
        await hire(town, "boss", "admin")
        yield await stack.enter_async_context(await sign_in(town, "boss"))


async def guarded(
    town: Town, boss: StaffBrowser, words: str = FREE, per_network: int = 30, per_contact: int = 5
) -> int:
    service: int = (await town.service(words))["id"]
    limits: dict[str, Any] = {"per_network": str(per_network), "per_contact": str(per_contact)}
    page = await boss.post(f"/de/guard/services/{service}", **limits)
    assert page.status == 200, page.text
    await town.fresh()
    return service


def solved(challenge: dict[str, Any]) -> str:
    """As ALTCHA's own client answers."""
    given = altcha.Challenge.from_dict(challenge)
    solution = altcha.solve_challenge(given)
    assert solution is not None
    return altcha.Payload(given, solution).to_base64()


async def proof(town: Town, service: int) -> str:
    return solved(await town.good("GET", f"/api/guard/challenge?service={service}"))


async def passed(town: Town, service: int, **way: Any) -> Answer:
    return await town.call("POST", "/api/guard/passes", key=str(uuid4()), json={"service": service, **way})


async def hold(town: Town, service: int, pass_id: str | None = None, *, n: int = 0, **more: Any) -> Answer:
    slot = (await town.slots(service))[n]
    wanted = {"service": service, "channel": "onsite", "office": slot["office"], "starts_at": slot["starts_at"]}
    given = {**wanted, **({"pass_id": pass_id} if pass_id else {}), **more.pop("given", {})}
    return await town.call("POST", "/api/holds", key=more.pop("key", str(uuid4())), json=given, **more)


async def refused(town: Town, boss: StaffBrowser, service: int) -> dict[str, int]:
    async with boss.http.get(f"{town.origin}/api/guard") as answer:
        said = await answer.json()
    return next((one["times"] for one in said["refused"] if one["service"] == service), {})


async def test_without_a_pass_nothing_is_held_and_with_one_once(town: Town, boss: StaffBrowser) -> None:
    service = await guarded(town, boss)
    none = await hold(town, service)
    assert (none.status, none.body["code"]) == (403, "pass_needed")
    answer = await proof(town, service)
    made = await passed(town, service, altcha=answer)
    assert made.status == 201
    assert (await passed(town, service, altcha=answer)).body == made.body  # an answer that was lost is given again
    key = str(uuid4())
    first = await hold(town, service, made.body["id"], key=key)
    assert first.status == 201
    assert (await hold(town, service, made.body["id"])).body["code"] == "pass_needed"
    assert (await passed(town, service, altcha=answer)).body == made.body  # still the pass that was used
    slot = {"office": first.body["office"], "starts_at": first.body["starts_at"]}
    again = await hold(town, service, made.body["id"], key=key, given=slot)
    assert again.body == first.body
    assert await refused(town, boss, service) == {"pass_needed": 2}
    await town.assert_sound()


async def test_a_pass_is_for_its_service_and_for_a_while(town: Town, boss: StaffBrowser) -> None:
    service, other = await guarded(town, boss), await guarded(town, boss, OTHER)
    made = (await passed(town, service, altcha=await proof(town, service))).body
    assert (await hold(town, other, made["id"])).body["code"] == "pass_needed"
    town.clock.advance(minutes=16)
    assert (await hold(town, service, made["id"])).body["code"] == "pass_needed"
    late = await proof(town, service)
    town.clock.advance(minutes=21)
    deep = base64.b64encode(b"[" * 1400).decode()
    others = await proof(town, other)
    for wrong, asked in ((late, service), (others, service), ("e30=", service), ("%", service), (deep, service)):
        answer = await passed(town, asked, altcha=wrong)
        assert (answer.status, answer.body["code"]) == (422, "proof_wrong")
    forged = altcha.Payload.from_base64(await proof(town, service))
    forged.challenge.parameters.data = {"service": other, "until": 2**40}
    assert (await passed(town, other, altcha=forged.to_base64())).body["code"] == "proof_wrong"


async def test_a_time_that_is_gone_uses_no_pass_up(town: Town, boss: StaffBrowser) -> None:
    service = await guarded(town, boss)
    slot = (await town.slots(service))[0]
    given = {"office": slot["office"], "starts_at": slot["starts_at"]}
    passes = [(await passed(town, service, altcha=await proof(town, service))).body["id"] for _ in range(6)]
    answers = await asyncio.gather(*(hold(town, service, one, given=given) for one in passes))
    won = [one for one in answers if one.status == 201]
    lost = [one_pass for one_pass, one in zip(passes, answers, strict=True) if one.status == 409]
    assert len(won) + len(lost) == 6
    for one_pass in lost:
        assert (await hold(town, service, one_pass, n=2)).status == 201
    used = await town.rows("SELECT count(hold_id) AS n FROM guard_pass")
    counted = await town.rows("SELECT sum(holds)::int AS n FROM guard_tally")
    assert used == counted == [{"n": 6}]
    await town.assert_sound()


async def test_one_network_has_so_many_and_no_more(town: Town, boss: StaffBrowser) -> None:
    service = await guarded(town, boss, per_network=3)
    passes = [(await passed(town, service, altcha=await proof(town, service))).body["id"] for _ in range(6)]
    answers = await asyncio.gather(*(hold(town, service, one, n=n % 3) for n, one in enumerate(passes)))
    assert sorted(one.status for one in answers) == [201] * 3 + [429] * 3
    assert {one.body["code"] for one in answers if one.status == 429} == {"too_many_holds"}
    town.clock.advance(hours=1)
    [unused] = [one for one, answer in zip(passes, answers, strict=True) if answer.status == 429][:1]
    assert (await hold(town, service, unused)).status == 403  # its time is over by then
    fresh = (await passed(town, service, altcha=await proof(town, service))).body["id"]
    assert (await hold(town, service, fresh)).status == 201
    await town.work()


async def test_by_a_code_that_is_sent(town: Town, boss: StaffBrowser) -> None:
    service, key = await guarded(town, boss), str(uuid4())
    asked = {"service": service, "email": "kim@example.org"}
    sent = await town.call("POST", "/api/guard/codes", key=key, json=asked)
    assert sent.status == 202
    assert (await town.call("POST", "/api/guard/codes", key=key, json=asked)).body == sent.body
    await town.work()
    [(to, subject)] = town.mails()
    [code] = re.findall(r"\d{6}", subject)
    assert to == "kim@example.org"
    ident = sent.body["id"]
    for _ in range(4):
        wrong = await passed(town, service, code_id=ident, code="000000" if code != "000000" else "111111")
        assert (wrong.status, wrong.body["code"]) == (422, "code_wrong")
    made = await passed(town, service, code_id=ident, code=f" {code} ")
    assert (await hold(town, service, made.body["id"])).status == 201
    assert (await passed(town, service, code_id=ident, code=code)).body[
        "code"
    ] == "code_wrong"  # six tries are too many
    text = await town.call(
        "POST", "/api/guard/codes", key=str(uuid4()), json={"service": service, "mobile": "0151 23456789"}
    )
    await town.work()
    assert re.search(r"\d{6}", town.texts.messages.arrived()[-1].phone_text)
    assert text.status == 202
    for _ in range(2):
        assert (await town.call("POST", "/api/guard/codes", key=str(uuid4()), json=asked)).status == 202
    for email in ("kim@example.org", "Kim+17@example.org"):  # one mailbox
        often = await town.call("POST", "/api/guard/codes", key=str(uuid4()), json=asked | {"email": email})
        assert (often.status, often.body["code"]) == (429, "code_sent_too_often")


async def test_an_allowance_counts_what_is_held_with_it(town: Town, boss: StaffBrowser) -> None:
    service = await guarded(town, boss, per_network=1)
    last = (town.clock() + timedelta(days=9)).date().isoformat()
    here = f"/de/guard/services/{service}/allowances"
    given: dict[str, Any] = {"name": "Hilfsverein", "reason": "Begleitet Geflüchtete", "quota": "2", "expires_at": last}
    wrong = await boss.post(here, request_key=str(uuid4()), **(given | {"quota": "viele", "expires_at": ""}))
    assert (wrong.status, "Hilfsverein" in wrong.text) == (422, True)
    past = await boss.post(here, request_key=str(uuid4()), **(given | {"expires_at": "2020-01-01"}))
    assert "Eine Freigabe endet in der Zukunft" in past.text
    page = await boss.post(here, request_key=str(uuid4()), **given)
    [token] = re.findall(r"/de/allowance/([\w-]+)", page.text)
    for expected in (201, 201, 403):
        made = await passed(town, service, allowance=token)
        assert made.status == expected
        if expected == 201:
            assert (await hold(town, service, made.body["id"])).status == 201
    assert (await passed(town, service, allowance=token)).body["code"] == "quota_used_up"
    assert (await passed(town, service, allowance="x")).body["code"] == "allowance_unknown"
    assert "2 von 2" in (await boss.get(f"/de/guard/services/{service}")).text


async def test_the_last_day_of_an_allowance_is_whole_also_when_the_clock_changes(
    town: Town, boss: StaffBrowser
) -> None:
    service = await guarded(town, boss)
    here = f"/de/guard/services/{service}/allowances"
    given: dict[str, Any] = {"name": "Verein", "reason": "Begleitung", "quota": "2", "expires_at": "2027-10-31"}
    await boss.post(here, request_key=str(uuid4()), **given)
    [row] = await town.rows("SELECT expires_at FROM allowance")
    assert row["expires_at"] == datetime(2027, 10, 31, 23, tzinfo=UTC)  # midnight in Stuttgart, in winter
    far = await boss.post(here, request_key=str(uuid4()), **(given | {"expires_at": "9999-12-31"}))
    assert (far.status, "Geben Sie den letzten Tag ein" in far.text) == (422, True)


async def test_an_allowance_that_is_ended_opens_nothing(town: Town, boss: StaffBrowser) -> None:
    service = await guarded(town, boss)
    url, headers = f"{town.origin}/api/guard/services/{service}/allowances", {"Origin": town.origin}
    given = {"name": "Firma", "reason": "Einreise", "quota": 9, "expires_at": "2027-01-01T00:00:00+01:00"}
    keys = headers | {"Idempotency-Key": str(uuid4())}
    async with boss.http.post(url, json=given, headers=keys) as answer:
        token = (await answer.json())["token"]
    async with boss.http.post(url, json=given, headers=keys) as answer:
        assert (await answer.json())["token"] == token
    before = (await passed(town, service, allowance=token)).body["id"]
    [row] = await town.rows("SELECT id FROM allowance")
    await boss.post(f"/de/guard/services/{service}/allowances/{row['id']}/end", nothing="")
    assert (await passed(town, service, allowance=token)).body["code"] == "allowance_over"
    assert (await hold(town, service, before)).body["code"] == "allowance_over"


async def test_behind_a_proxy_that_says_nothing_nobody_is_let_through(town: Town, boss: StaffBrowser) -> None:
    service = await guarded(town, boss)
    object.__setattr__(town.app[SETTINGS], "proxy_hops", 1)
    made = (await passed(town, service, altcha=await proof(town, service))).body["id"]
    silent = await hold(town, service, made)
    assert (silent.status, silent.body["code"]) == (403, "network_unknown")
    garbled = await hold(town, service, made, headers={"X-Forwarded-For": "203.0.113.9:4711"})
    assert (garbled.status, garbled.body["code"]) == (403, "network_unknown")
    said = await hold(town, service, made, headers={"X-Forwarded-For": "2001:db8::17"})
    assert said.status == 201


async def test_pages_ask_for_the_check_and_keep_the_choice(town: Town, boss: StaffBrowser) -> None:
    service = await guarded(town, boss)
    async with StaffBrowser(town) as citizen:
        fields = await chosen(town, citizen, service)
        page = await citizen.post("/de/holds", **fields)
        assert "Eine kurze Prüfung" in page.text
        [challenge] = re.findall(r'data-challenge="([^"]+)"', page.text)
        wrong = await citizen.post("/de/holds", **fields, altcha="nonsense")
        assert (wrong.status, "Die Prüfung ist nicht gelungen" in wrong.text) == (422, True)
        answer = solved(json.loads(html.unescape(challenge)))
        done = await citizen.post("/de/holds", **fields, altcha=answer)
        assert "/de/holds/" in done.url.path
        twice = await citizen.post("/de/holds", **fields, altcha=answer)
        assert twice.url.path == done.url.path


async def test_pages_without_script_send_a_code(town: Town, boss: StaffBrowser) -> None:
    service = await guarded(town, boss)
    async with StaffBrowser(town) as citizen:
        fields = await chosen(town, citizen, service)
        wrong_ones: tuple[tuple[dict[str, Any], str], ...] = (
            ({"code_email": ""}, "Geben Sie eine E-Mail-Adresse oder eine Mobilnummer ein"),
            ({"code_email": "kim"}, 'href="#code_email"'),
            ({"code_email": "kim@example.org", "code_mobile": "0151 23456789"}, "nur eines von beidem"),
        )
        for typed, said in wrong_ones:
            page = await citizen.post("/de/holds", **fields, send="1", **typed)
            assert (page.status, said in page.text) == (422, True), page.text
        page = await citizen.post("/de/holds", **fields, send="1", code_email="kim@example.org")
        assert "kim@example.org" in page.text
        await town.work()
        [code] = re.findall(r"\d{6}", town.mails()[-1][1])
        hidden: dict[str, Any] = dict(re.findall(r'name="(code_id|sent_to|sent_until)" value="([^"]+)"', page.text))
        wrong = await citizen.post("/de/holds", **fields, **hidden, code="12")
        assert (wrong.status, 'value="12"' in wrong.text) == (422, True)
        for forged in ("9999-12-31T23:59:59-12:00", "later"):
            bent = await citizen.post("/de/holds", **fields, **hidden | {"sent_until": forged}, code="12")
            assert bent.status == 400
        used_up = wrong
        for _wrong in range(5):
            used_up = await citizen.post("/de/holds", **fields, **hidden, code="12")
        again: dict[str, Any] = dict(re.findall(r'name="([^"]+)" value="([^"]*)"', used_up.text.split("<form")[-1]))
        assert again["request_key"] != fields["request_key"]
        again = {name: html.unescape(value) for name, value in again.items()}
        assert "Eine kurze Prüfung" in (await citizen.post("/de/holds", **again)).text
        page = await citizen.post("/de/holds", **again, send="1", code_email="kim@example.org")
        await town.work()
        [code] = re.findall(r"\d{6}", town.mails()[-1][1])
        hidden = dict(re.findall(r'name="(code_id|sent_to|sent_until)" value="([^"]+)"', page.text))
        done = await citizen.post("/de/holds", **again, **hidden, code=code)
        assert "/de/holds/" in done.url.path


async def test_staff_and_other_services_need_none_and_lifted_is_lifted(town: Town, boss: StaffBrowser) -> None:
    service = await guarded(town, boss)
    assert (await hold(town, (await town.service(OTHER))["id"])).status == 201
    assert "Bewacht" in (await boss.get("/de/guard/")).text
    assert "/guard/services/" in (await boss.get(f"/de/guard/?q={OTHER}")).text
    await boss.post(f"/de/guard/services/{service}/lift", nothing="")
    await town.fresh()
    assert (await hold(town, service)).status == 201
    assert (await boss.post("/de/guard/services/4711", per_network="3")).status == 404
    assert (await boss.post(f"/de/guard/services/{service}", per_network="0")).status == 422


async def chosen(town: Town, citizen: StaffBrowser, service: int) -> dict[str, Any]:
    """What the button of a time sends."""
    page = await citizen.get(f"/de/times?service={service}&channel=onsite")
    [slot] = re.findall(r'name="slot" value="([^"]+)"', page.text)[:1]
    form = next(part for part in page.text.split("<form")[1:] if 'name="slot"' in part)
    hidden = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', form))
    return {**hidden, "slot": html.unescape(slot)}


async def test_a_visit_needs_one_pass(town: Town, boss: StaffBrowser) -> None:
    service, other = await guarded(town, boss), (await town.service(OTHER))["id"]
    given = {"also": [{"service": other}]}
    assert (await hold(town, service, given=given)).body["code"] == "pass_needed"
    made = (await passed(town, service, altcha=await proof(town, service))).body["id"]
    answer = await hold(town, service, made, given=given)
    assert answer.status == 201, answer.body
    assert (await hold(town, service, made, given=given, n=1)).body["code"] == "pass_needed"


@pytest.mark.parametrize("is_part", [False, True])
async def test_the_name_stays(town: Town, boss: StaffBrowser, is_part: bool) -> None:
    service, other = await guarded(town, boss), (await town.service(OTHER))["id"]
    made = (await passed(town, service, altcha=await proof(town, service))).body["id"]
    first, visit = (other, {"also": [{"service": service}]}) if is_part else (service, {})
    held = (await hold(town, first, made, given=visit)).body
    given = {"hold": held["id"], "contact": KIM}
    case = await town.good("POST", "/api/appointments", held["token"], key=str(uuid4()), json=given)
    checkout = await town.checkout(case)
    if is_part:  # the other part costs a fee
        await town.pay(checkout)
        await town.webhooks()
    with pytest.raises(Exception, match="is fixed") as error:
        await town.rows(
            "UPDATE person SET name_hmac = sha256('somebody else') WHERE appointment_id = $1 RETURNING 1", case["id"]
        )
    assert getattr(error.value, "constraint_name", "") == "person_name_is_fixed"


async def contact_sent(
    town: Town, service: int, contact: dict[str, Any], *, n: int = 0, allowance: str = ""
) -> tuple[int, list[str]]:
    """Of a case on a new time: status and codes of what is wrong."""
    way = {"allowance": allowance} if allowance else {"altcha": await proof(town, service)}
    held = (await hold(town, service, (await passed(town, service, **way)).body["id"], n=n)).body
    given = {"hold": held["id"], "contact": {"language": "de", **contact}}
    made = await town.call("POST", "/api/appointments", held["token"], key=str(uuid4()), json=given)
    return made.status, [one["code"] for one in made.body.get("errors", [])]


async def test_many_names_with_one_contact(town: Town, boss: StaffBrowser) -> None:
    service = await guarded(town, boss, per_contact=2)
    mobile = "0151 23456789"
    assert await contact_sent(town, service, {"name": "Ada A", "email": "kim@example.org"}) == (201, [])
    assert await contact_sent(town, service, {"name": "Bo B", "mobile": mobile, "email": "k@example.org"}) == (201, [])
    assert await contact_sent(town, service, {"name": "Cy C", "email": "Kim+3@example.org"}) == (201, [])
    over = (422, ["contact_used_up"])
    assert await contact_sent(town, service, {"name": "Di D", "email": "kim+4@example.org"}) == over
    assert await contact_sent(town, service, {"name": "Ed E", "email": "ed@example.org"}) == (201, [])
    assert await contact_sent(town, service, {"name": "Flo F", "mobile": mobile}) == (201, [])
    assert await contact_sent(town, service, {"name": "Gil G", "mobile": mobile, "email": "g@example.org"}) == over
    assert await contact_sent(town, service, {"name": "Hal H", "postal_address": ["Weg 1"]}) == (
        422,
        ["contact_needed"],
    )
    await town.assert_sound()


async def test_many_at_once_with_one_contact_are_no_more(town: Town, boss: StaffBrowser) -> None:
    service = await guarded(town, boss, per_contact=2)
    contacts = [{"name": f"Nobody {n}", "email": f"kim+{n}@example.org"} for n in range(6)]
    sent = await asyncio.gather(*(contact_sent(town, service, one, n=n % 3) for n, one in enumerate(contacts)))
    assert sorted(status for status, _codes in sent) == [201, 201, 422, 422, 422, 422]


async def test_an_allowance_books_for_many(town: Town, boss: StaffBrowser) -> None:
    service, headers = await guarded(town, boss, per_contact=1), {"Origin": town.origin, "Idempotency-Key": "k" * 20}
    terms = {"name": "Verein", "reason": "Hilfe", "quota": 9, "expires_at": "2027-01-01T00:00:00+01:00"}
    url = f"{town.origin}/api/guard/services/{service}/allowances"
    async with boss.http.post(url, json=terms, headers=headers) as answer:
        token = (await answer.json())["token"]
    for name in ("Ada A", "Bo B"):
        contact = {"name": name, "email": "verein@example.org"}
        assert await contact_sent(town, service, contact, allowance=token) == (201, [])


async def test_the_page_says_that_a_contact_is_used_up_and_keeps_what_was_typed(town: Town, boss: StaffBrowser) -> None:
    service = await guarded(town, boss, per_contact=1)
    assert await contact_sent(town, service, {"name": "Ada A", "email": "kim@example.org"}) == (201, [])
    async with StaffBrowser(town) as citizen:
        fields = await chosen(town, citizen, service)
        page = await citizen.post("/de/holds", **fields)
        [challenge] = re.findall(r'data-challenge="([^"]+)"', page.text)
        form = await citizen.post("/de/holds", **fields, altcha=solved(json.loads(html.unescape(challenge))))
        typed: dict[str, Any] = {
            "name": "Bo B",
            "email": "kim@example.org",
            "mobile": "",
            "street": "",
            "postcode": "",
            "place": "",
        }
        again = await citizen.post(form.url.path, request_key=str(uuid4()), language="de", **typed)
        assert (again.status, 'value="Bo B"' in again.text, 'href="#email"' in again.text) == (422, True, True)
        assert "sind bereits so viele Termine" in again.text
        free = await citizen.post(
            form.url.path, request_key=str(uuid4()), language="de", **typed | {"email": "b@example.org"}
        )
        assert free.url.path.endswith("/check")


async def test_a_booked_time_that_is_given_back_is_nobodys_for_a_while(town: Town, boss: StaffBrowser) -> None:
    service = await guarded(town, boss)
    made = (await passed(town, service, altcha=await proof(town, service))).body["id"]
    held = (await hold(town, service, made)).body
    given = {"hold": held["id"], "contact": KIM}
    case = await town.good("POST", "/api/appointments", held["token"], key=str(uuid4()), json=given)
    await town.checkout(case)
    assert (await town.cancel(case)).status == 200
    kept = "SELECT c.status::int, s.status AS kept, s.back_at FROM claim c JOIN waitlist_slot s ON s.hold_id = c.request_key"
    assert await town.rows(kept) == [{"status": 1, "kept": "kept", "back_at": None}]  # with the same commit
    await town.work()
    [row] = await town.rows(kept)
    assert town.clock() <= row["back_at"] <= town.clock() + timedelta(hours=12)
    assert row["status"] == 1
    town.clock.set(row["back_at"] + timedelta(seconds=1))
    await town.work()
    assert [row["status"] for row in await town.rows(kept)] == [8]
    await town.assert_sound()


async def test_a_reserved_time_that_is_let_go_is_everybodys_at_once(town: Town, boss: StaffBrowser) -> None:
    service = await guarded(town, boss)
    made = (await passed(town, service, altcha=await proof(town, service))).body["id"]
    held = (await hold(town, service, made)).body
    await town.good(
        "POST", "/api/appointments", held["token"], key=str(uuid4()), json={"hold": held["id"], "contact": KIM}
    )
    town.clock.advance(minutes=16)
    await town.work()
    assert await town.rows("SELECT 1 FROM waitlist_slot") == []
