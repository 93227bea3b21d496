"""A clerk asks for a further fee during a visit: it is paid on a phone or at a till, with an appointment or without, or withdrawn."""

from __future__ import annotations

import html
import re
from typing import Any
from uuid import uuid4

import pytest

from tests.flows.test_cash_desk import a_till, books, words
from tests.flows.test_counter import book_today, office_id, step_url
from tests.flows.test_till_holds import DOWN
from tests.staff import Page, StaffBrowser, hire, sign_in
from tests.town import KIM, Town

FREE, PAID = "Wohnsitzanmeldung", "Führungszeugnis"  # 13 euros


async def served(town: Town, kim: StaffBrowser, made: dict[str, Any] | None = None) -> Page:
    """The clerk's day while somebody is served: with this appointment, or without one."""
    day = f"/de/counter/{await office_id(town)}"
    if made is None:
        service = (await town.service(FREE))["id"]
        await kim.post(f"{day}/walk-in", service=str(service), request_key=str(uuid4()))
    else:
        await kim.post(f"{day}/check-in", number=made["number"])
    called = await kim.post(f"{day}/next")
    return await kim.post(step_url(called.text, "start"))


async def ask(kim: StaffBrowser, day: Page, name: str = PAID, *, quantity: str = "1", text: str = "") -> Page:
    [form] = re.findall(r'<form[^>]*action="([^"]*/charges)"(.*?)</form>', day.text, re.S)
    [fee] = re.findall(rf'<option value="(\d+)"(?: selected)?>{name}, ', form[1])
    return await kim.post(form[0], fee=fee, quantity=quantity, text=text, request_key=str(uuid4()))


def link_of(day: Page, town: Town) -> str:
    """What the code says, without the origin."""
    [url] = re.findall(r'<code class="pay-link">([^<]+)</code>', day.text)
    return html.unescape(url).removeprefix(town.origin)


async def pay_online(town: Town, phone: StaffBrowser, page: Page) -> str:
    """From the page of the fee to the provider's, paid there; the path of the fee's page."""
    path = page.url.path
    away = await phone.post(f"{path}/pay", follow=False, request_key=str(uuid4()))
    assert away.status == 303, away
    await town.pay({"pay_url": away.headers["Location"]})
    return path


async def charges(town: Town) -> list[tuple[str, int]]:
    rows = await town.rows("SELECT status, amount_cents FROM charge ORDER BY requested_at, id")
    return [(row["status"], row["amount_cents"]) for row in rows]


async def test_a_form_that_is_refused_keeps_what_was_typed(town: Town, kim: StaffBrowser) -> None:
    serving = await served(town, kim)
    day = await ask(kim, serving, quantity="0", text="für <zwei> Kinder")
    assert (day.status, "Es wurde nichts verlangt" in words(day) or "eine Zahl von 1 bis 99" in words(day)) == (
        409,
        True,
    ), words(day)
    form = day.text[day.text.index('<details class="more" id="further" open>') :]
    assert re.search(rf'<option value="\d+" selected>{PAID}, ', form)
    assert ('name="quantity" value="0"' in form, 'value="für &lt;zwei&gt; Kinder"' in form) == (True, True), form
    assert "Kinder" not in str(day.url)
    day = await ask(kim, day, quantity="2", text="für zwei Kinder")
    assert await charges(town) == [("open", 2600)]
    [withdraw] = re.findall(r'action="([^"]*/withdraw)"', day.text)
    day = await kim.post(withdraw, reason="x" * 301)
    assert (day.status, "x" * 301 in day.text) == (409, True)
    [unpaid] = re.findall(r'action="([^"]*/finish-unpaid)"', day.text)
    day = await kim.post(unpaid, reason="other", note="")
    assert (day.status, '<option value="other" selected>' in day.text) == (409, True), words(day)
    assert "data-moment" not in day.text


async def test_paid_on_the_visitors_phone_by_the_code(town: Town, kim: StaffBrowser, phone: StaffBrowser) -> None:
    day = await ask(kim, await served(town, kim), quantity="2", text="für zwei Kinder")
    assert "2 × Führungszeugnis (für zwei Kinder): 26,00 €" in words(day)
    assert "<svg" in day.text
    page = await phone.get(link_of(day, town))
    for said in ("Eine weitere Gebühr von 26,00 €", "Sie können sie hier bezahlen", "Nummer 001"):
        assert said in words(page), words(page)
    path = await pay_online(town, phone, page)
    back = await phone.get(f"{path}/paid")
    assert "Bezahlt: 26,00 €" in words(back)
    assert await charges(town) == [("paid", 2600)]
    assert "bezahlt" in words(await kim.get(f"/de/counter/{await office_id(town)}"))
    receipt = words(await phone.get(f"{path}/receipt"))
    for said in (
        "Quittung 2026-000001",
        "2 × Führungszeugnis (für zwei Kinder)",
        "26,00 €",
        "Nummer 001",
    ):
        assert said in receipt, receipt
    async with phone.http.get(f"{town.origin}{path}/receipt.pdf") as answer:
        assert (answer.status, (await answer.read())[:5]) == (200, b"%PDF-")
    await town.webhooks()
    [payment] = await town.rows("SELECT reference, description FROM payment")
    assert payment["description"] == "Gebühr der Stadt, Nummer 001"  # no topic to the provider
    await town.assert_sound()
    await town.assert_without_faults()


async def test_the_fee_of_what_somebody_came_for_is_the_first_in_the_list(town: Town, kim: StaffBrowser) -> None:
    office = f"/de/counter/{await office_id(town)}"
    service = (await town.service(PAID))["id"]
    await kim.post(f"{office}/walk-in", service=str(service), request_key=str(uuid4()))
    day = await kim.post(step_url((await kim.post(f"{office}/next")).text, "start"))
    [listed] = re.findall(r'<select[^>]*name="fee"(.*?)</select>', day.text, re.S)
    names = [html.unescape(one) for one in re.findall(r'<option value="\d+">([^<]*)', listed)]
    assert names[0].startswith(PAID)
    assert names[1:] == sorted(names[1:], key=str.casefold)


async def test_it_is_revenue_of_the_day_and_never_received_in_advance_overnight(
    town: Town, kim: StaffBrowser, phone: StaffBrowser
) -> None:
    day = await ask(kim, await served(town, kim))
    path = await pay_online(town, phone, await phone.get(link_of(day, town)))
    await phone.get(f"{path}/paid")
    [product] = await town.rows("SELECT account FROM entry WHERE account LIKE 'revenue:%'")
    assert await books(town, "fee", "earned") == [
        ("fee", "psp_clearing", 1300),
        ("fee", "received_in_advance", -1300),
        ("earned", "received_in_advance", 1300),
        ("earned", product["account"], -1300),
    ]
    [days] = await town.rows("SELECT count(DISTINCT (at, business_day)) AS days FROM journal")
    assert days["days"] == 1


async def test_a_till_takes_it_by_the_queues_number(town: Town, kim: StaffBrowser, robin: StaffBrowser) -> None:
    await ask(kim, await served(town, kim))
    till = await a_till(town, robin)
    found = await robin.get(f"{till}?q=1")
    assert "Eine weitere Gebühr wurde verlangt: Führungszeugnis, 13,00 €" in words(found)
    assert "ist nichts zu zahlen" not in words(found)
    [action] = re.findall(rf'action="({till}/charges/[^"]+)"', found.text)
    page = await robin.post(action)
    path = page.url.path
    done = await robin.post(f"{path}/take", method="cash", given="20", request_key=str(uuid4()))
    assert "Bezahlt. Rückgeld: 7,00 €" in words(done), words(done)
    assert ("Alle Gebühren der Nummer 001" in words(done), f'href="{till}?q=001"' in done.text) == (True, True)
    assert await charges(town) == [("paid", 1300)]
    receipt = words(await robin.get(f"{path}/receipt"))
    assert "Zahlungsart Bar" in receipt
    assert "Führungszeugnis" in receipt
    assert path in (await robin.get(f"{till}?q=001")).text
    await town.assert_without_faults()


async def test_with_an_appointment_it_stands_on_its_page_and_a_till_finds_it_by_its_number(
    town: Town, kim: StaffBrowser, robin: StaffBrowser, phone: StaffBrowser
) -> None:
    made = await book_today(town, await office_id(town))
    await ask(kim, await served(town, kim, made))
    case = await phone.get(f"/de/case/{made['token']}")
    assert "Eine weitere Gebühr von 13,00 € ist zu bezahlen" in words(case)
    till = await a_till(town, robin)
    found = await robin.get(f"{till}?q={made['number']}")
    assert "Führungszeugnis, 13,00 €" in words(found)
    [to_pay] = set(re.findall(r'href="(/de/charge/[^"]+)"', case.text))
    path = await pay_online(town, phone, await phone.get(to_pay))
    await town.webhooks()  # nobody comes back
    assert await charges(town) == [("paid", 1300)]
    assert "Bezahlt" in words(await robin.get(f"{till}?q={made['number']}"))
    assert "Quittung" in words(await phone.get(path))
    await town.assert_without_faults()


async def test_what_was_begun_on_a_phone_and_is_taken_at_a_till_cannot_be_paid_twice(
    town: Town, kim: StaffBrowser, robin: StaffBrowser, phone: StaffBrowser
) -> None:
    day = await ask(kim, await served(town, kim))
    page = await phone.get(link_of(day, town))
    away = await phone.post(f"{page.url.path}/pay", follow=False, request_key=str(uuid4()))
    till = await a_till(town, robin)
    found = await robin.get(f"{till}?q=1")
    assert "Online begonnen" in words(found)
    [shown] = set(re.findall(rf'href="({till}/payments/[^"]+)"', found.text))
    [action] = re.findall(rf'action="({till}/charges/[^"]+)"', (await robin.get(shown)).text)
    path = (await robin.post(action)).url.path
    await robin.post(f"{path}/take", method="terminal", slip="1", request_key=str(uuid4()))
    session = away.headers["Location"].rsplit("/", 1)[1]
    assert (await town.http.post(f"{town.stripe}/_sandbox/sessions/{session}/pay", json={})).status != 200
    statuses = await town.rows("SELECT provider, status FROM payment ORDER BY created_at, provider DESC")
    assert [(one["provider"], one["status"]) for one in statuses] == [("stripe", "fenced"), ("counter", "paid")]
    assert "Bezahlt: 13,00 €" in words(await phone.get(page.url.path))
    await town.assert_without_faults()


async def test_what_could_not_be_begun_on_a_phone_is_taken_at_a_till_while_the_provider_is_silent(
    town: Town, kim: StaffBrowser, robin: StaffBrowser, phone: StaffBrowser
) -> None:
    """Nobody was given an address to pay at, so nothing has to be waited for."""
    page = await phone.get(link_of(await ask(kim, await served(town, kim)), town))
    await town.sandbox("PUT", "faults", DOWN)
    assert (await phone.post(f"{page.url.path}/pay", request_key=str(uuid4()))).status == 503
    till = await a_till(town, robin)
    [shown] = set(re.findall(rf'href="({till}/payments/[^"]+)"', (await robin.get(f"{till}?q=1")).text))
    [action] = re.findall(rf'action="({till}/charges/[^"]+)"', (await robin.get(shown)).text)
    path = (await robin.post(action)).url.path
    assert "Bezahlt" in words(await robin.post(f"{path}/take", method="terminal", slip="1", request_key=str(uuid4())))
    assert await charges(town) == [("paid", 1300)]
    statuses = await town.rows("SELECT provider, status FROM payment ORDER BY created_at, provider DESC")
    assert [(one["provider"], one["status"]) for one in statuses] == [("stripe", "lapsed"), ("counter", "paid")]
    await town.assert_without_faults()


async def test_withdrawn_with_a_reason_it_is_asked_for_no_more(
    town: Town, kim: StaffBrowser, phone: StaffBrowser
) -> None:
    day = await ask(kim, await served(town, kim))
    page = await phone.get(link_of(day, town))
    away = await phone.post(f"{page.url.path}/pay", follow=False, request_key=str(uuid4()))
    [action] = re.findall(r'action="([^"]*/withdraw)"', day.text)
    refused = await kim.post(action, reason=" ")
    assert "geben Sie einen Grund" in words(refused), words(refused)
    after = await kim.post(action, reason="falsche Gebühr gewählt")
    assert "nicht mehr verlangt" in words(after)
    assert await charges(town) == [("withdrawn", 1300)]
    session = away.headers["Location"].rsplit("/", 1)[1]
    assert (await town.http.post(f"{town.stripe}/_sandbox/sessions/{session}/pay", json={})).status != 200
    assert "Diese Gebühr wird nicht mehr verlangt" in words(await phone.get(page.url.path))
    history = await town.rows("SELECT status, by IS NOT NULL AS by, reason FROM charge_history ORDER BY id")
    assert [(one["status"], one["by"], one["reason"]) for one in history] == [
        ("open", True, None),
        ("withdrawing", True, "falsche Gebühr gewählt"),
        ("withdrawn", True, "falsche Gebühr gewählt"),
    ]
    await town.assert_without_faults()


async def test_only_of_whoever_is_served_and_only_by_who_may(
    town: Town, kim: StaffBrowser, robin: StaffBrowser
) -> None:
    day = await served(town, kim)
    [url] = re.findall(r'action="([^"]*/charges)"', day.text)
    [fee] = re.findall(rf'<option value="(\d+)">{PAID}, ', day.text)
    fields = {"fee": fee, "quantity": "1", "request_key": str(uuid4())}
    assert (await robin.post(url, **fields)).status == 403
    await kim.post(step_url(day.text, "finish"))
    late = await kim.post(url, **fields)
    assert "der gerade bedient wird" in words(late), words(late)
    assert await charges(town) == []


async def test_over_http_with_a_key_it_is_asked_for_once(town: Town, kim: StaffBrowser) -> None:
    await served(town, kim)
    office = await office_id(town)
    [ticket] = await town.rows("SELECT id FROM ticket")
    path, key = f"/api/offices/{office}/tickets/{ticket['id']}/charges", str(uuid4())
    async with kim.http.get(town.origin + path) as answer:
        listed = await answer.json()
    price = next(one for one in listed["price_list"] if one["name"]["de"] == PAID)
    made = []
    for _ in range(2):
        headers = {"Idempotency-Key": key, "Origin": town.origin}
        async with kim.http.post(town.origin + path, json={"fee": price["fee"]}, headers=headers) as answer:
            assert answer.status == 201, await answer.text()
            made.append((await answer.json())["id"])
    assert made[0] == made[1]
    [charge] = await town.worker.charges.of_visit(ticket["id"])
    token = town.worker.charges.link(charge).rsplit("/", 1)[1]
    seen = await town.good("GET", f"/api/charges/{made[0]}", token)
    assert (seen["status"], seen["amount"]) == ("open", {"cents": 1300, "currency": "EUR"})
    assert (await town.call("GET", f"/api/charges/{made[0]}", "wrong")).status == 401
    checkout = await town.good("POST", f"/api/charges/{made[0]}/checkout", token)
    await town.pay(checkout)
    await town.webhooks()
    assert (await town.good("GET", f"/api/charges/{made[0]}", token))["status"] == "paid"
    async with kim.http.post(
        f"{town.origin}/api/offices/{office}/charges/{made[0]}/withdraw",
        json={"reason": "zu spät"},
        headers={"Origin": town.origin},
    ) as answer:
        assert (answer.status, (await answer.json())["code"]) == (409, "charge_paid")


async def test_a_paid_one_goes_back_by_two_persons(town: Town, kim: StaffBrowser, phone: StaffBrowser) -> None:
    made = await book_today(town, await office_id(town))
    day = await ask(kim, await served(town, kim, made))
    path = await pay_online(town, phone, await phone.get(link_of(day, town)))
    await phone.get(f"{path}/paid")
    for login in ("toni", "luca"):
        await hire(town, login, "finance")
    async with await sign_in(town, "toni") as toni, await sign_in(town, "luca") as luca:
        [row] = await town.rows("SELECT id FROM payment")
        page = f"/de/finance/payments/{row['id']}"
        assert made["number"] in words(await toni.get(page))
        await toni.post(f"{page}/refunds", note="Doppelt verlangt", request_key=str(uuid4()))
        [refund] = await town.rows("SELECT id FROM refund")
        await luca.post(f"{page}/refunds/{refund['id']}/approve", request_key=str(uuid4()))
    assert await town.rows("SELECT status FROM refund") == [{"status": "succeeded"}]
    await town.work()
    assert any(one.header("Subject").startswith("Wir haben Ihre Gebühr") for one in town.mail.messages)
    await town.assert_sound()


async def test_finance_sees_what_a_fee_without_an_appointment_was_for(
    town: Town, kim: StaffBrowser, phone: StaffBrowser
) -> None:
    day = await ask(kim, await served(town, kim), quantity="2", text="für zwei Kinder")
    path = await pay_online(town, phone, await phone.get(link_of(day, town)))
    await phone.get(f"{path}/paid")
    *_, charge = town.machine.state.rows("charges")
    await town.sandbox("POST", f"charges/{charge['id']}/dispute")
    await town.webhooks()
    await hire(town, "toni", "finance")
    async with await sign_in(town, "toni") as toni:
        assert "Führungszeugnis (für zwei Kinder)" in words(await toni.get("/de/finance/"))
        [row] = await town.rows("SELECT p.id, d.id AS dispute FROM payment p JOIN dispute d ON d.payment_id = p.id")
        own = words(await toni.get(f"/de/finance/payments/{row['id']}"))
        disputed = words(await toni.get(f"/de/finance/disputes/{row['dispute']}"))
    for page in (own, disputed):
        assert "Wofür 2 × Führungszeugnis (für zwei Kinder) Nummer 001 Dienststelle Bürgerbüro Mitte" in page, page
        assert "gehört zu keinem Termin" not in page
    assert "bei einem Besuch ohne Termin verlangt" in own
    assert "Beim Besuch verlangt" in disputed


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        ("succeeded", ("Wir haben Ihnen 13,00 € erstattet",)),
        ("pending", ("Wir erstatten Ihnen 13,00 €",)),
        ("failed", ("Bitte geben Sie Ihre Bankverbindung an", "Bankverbindung angeben")),
    ],
)
async def test_its_page_tells_its_payer_how_a_refund_stands(
    town: Town, kim: StaffBrowser, phone: StaffBrowser, outcome: str, said: tuple[str, ...]
) -> None:
    """Without an appointment the page of the fee is all that the payer has."""
    path = await pay_online(town, phone, await phone.get(link_of(await ask(kim, await served(town, kim)), town)))
    await phone.get(f"{path}/paid")
    await town.sandbox("PUT", "refunds/outcome", {"outcome": outcome})
    for login in ("toni", "luca"):
        await hire(town, login, "finance")
    async with await sign_in(town, "toni") as toni, await sign_in(town, "luca") as luca:
        [row] = await town.rows("SELECT id FROM payment")
        page = f"/de/finance/payments/{row['id']}"
        await toni.post(f"{page}/refunds", note="Doppelt verlangt", request_key=str(uuid4()))
        assert "erstatt" not in words(await phone.get(path))  # only asked for
        [refund] = await town.rows("SELECT id FROM refund")
        await luca.post(f"{page}/refunds/{refund['id']}/approve", request_key=str(uuid4()))
        told = "Sie ist fehlgeschlagen; einen Grund nennt der Zahlungsdienst nicht." in words(await luca.get(page))
        assert told == (outcome == "failed")
    await town.work()
    text = words(await phone.get(path))
    for one in said:
        assert one in text, text


async def test_a_visit_does_not_end_with_an_open_fee_unless_it_is_said_why(
    town: Town, kim: StaffBrowser, phone: StaffBrowser
) -> None:
    made = await book_today(town, await office_id(town))
    day = await ask(kim, await served(town, kim, made))
    refused = await kim.post(step_url(day.text, "finish"))
    assert "Eine Gebühr ist noch offen" in words(refused)
    [url] = re.findall(r'action="([^"]*/finish-unpaid)"', day.text)
    for reason, note in (("", ""), ("other", " "), ("whatever", "")):
        assert "Sagen Sie in höchstens 300 Zeichen" in words(await kim.post(url, reason=reason, note=note))
    assert (await town.look(made))["status"] == "confirmed"
    done = await kim.post(url, reason="other", note="kommt morgen wieder")
    assert "Niemand ist an Ihrem Schalter" in words(done)
    assert (await town.look(made))["status"] == "finished"
    await hire(town, "toni", "finance")
    async with await sign_in(town, "toni") as toni:
        work = await toni.get("/de/finance/work")
        assert "/de/finance/open-fees" in work.text
        listed = words(await toni.get("/de/finance/open-fees"))
        for said in (made["number"], "Führungszeugnis", "Ein anderer Grund: kommt morgen wieder", "13,00 €"):
            assert said in listed, listed
        case = await phone.get(f"/de/case/{made['token']}")  # it can still be paid
        [to_pay] = set(re.findall(r'href="(/de/charge/[^"]+)"', case.text))
        await pay_online(town, phone, await phone.get(to_pay))
        await town.webhooks()
        assert "Es ist keine Gebühr offen" in words(await toni.get("/de/finance/open-fees"))
    await town.assert_without_faults()


async def test_paid_or_withdrawn_the_visit_ends_as_before(town: Town, kim: StaffBrowser, phone: StaffBrowser) -> None:
    day = await ask(kim, await served(town, kim))
    [action] = re.findall(r'action="([^"]*/withdraw)"', day.text)
    await kim.post(action, reason="Irrtum")
    day = await ask(kim, await kim.get(f"/de/counter/{await office_id(town)}"))
    path = await pay_online(town, phone, await phone.get(link_of(day, town)))
    await phone.get(f"{path}/paid")
    await kim.post(step_url(day.text, "finish"))
    assert await town.rows("SELECT status FROM ticket") == [{"status": "done"}]
    assert await town.rows("SELECT * FROM open_fee") == []


async def test_the_link_is_sent_once_to_whoever_has_an_appointment(town: Town, kim: StaffBrowser) -> None:
    made = await book_today(town, await office_id(town))
    await town.work()
    day = await ask(kim, await served(town, kim, made))
    [url] = re.findall(r'action="([^"]*/send)"', day.text)
    for _ in range(2):
        assert "Der Link zum Bezahlen ist unterwegs" in words(await kim.post(url))
    await town.work()
    sent = [mail for mail in town.mail.messages if "Ihr Link zum Bezahlen" in mail.header("Subject")]
    assert [mail.header("Subject") for mail in sent] == [
        f"Gebühr von 13,00 € zum Termin {made['number']}: Ihr Link zum Bezahlen"
    ]
    assert link_of(day, town) in (sent[0].part("text/plain") or "")


async def test_a_proof_that_was_not_shown_is_asked_for_with_one_click(
    town: Town, kim: StaffBrowser, phone: StaffBrowser
) -> None:
    service = await town.service("Meldebescheinigung")
    query = {"service": service["id"], "channel": "onsite", "office": await office_id(town), "limit": 1}
    [slot] = (await town.good("GET", "/api/slots/next", params=query))["slots"]
    hold = await town.hold(service["id"], "onsite", slot)
    made = await town.good(
        "POST", "/api/appointments", hold["token"], key=str(uuid4()), json={"hold": hold["id"], "contact": KIM}
    )
    path = f"/api/appointments/{made['id']}/reductions"
    [rule, *_] = (await town.good("GET", path, made["token"]))["reductions"]
    priced = await town.good("POST", path, made["token"], json={"claims": {rule["key"]: 1}})
    done = await town.checkout(made)
    if done["pay_url"]:
        await town.pay(done)
        await town.webhooks()
    off = priced["whole_fee"]["cents"] - priced["fee"]["cents"]
    assert off > 0
    day = await served(town, kim, made)
    [proof] = set(re.findall(r'action="([^"]*/proof)"', day.text))
    day = await kim.post(proof, reduction=rule["key"], outcome="not_shown")
    [url] = re.findall(r'action="([^"]*/charges/reduction)"', day.text)
    for _ in range(2):
        day = await kim.post(url)
    assert await charges(town) == [("open", off)]
    assert "charges/reduction" not in day.text
    assert "Gebühr ohne Ermäßigung: Nachweis nicht gezeigt" in words(day)
    assert "Eine Gebühr ist noch offen" in words(await kim.post(step_url(day.text, "finish")))
    paid = await pay_online(town, phone, await phone.get(link_of(day, town)))
    await phone.get(f"{paid}/paid")
    await kim.post(step_url(day.text, "finish"))
    assert (await town.look(made))["status"] == "finished"
    await town.assert_without_faults()


async def test_over_http_a_till_finds_and_takes_it(town: Town, kim: StaffBrowser, robin: StaffBrowser) -> None:
    await ask(kim, await served(town, kim))
    till = (await a_till(town, robin)).rsplit("/", 1)[1]
    base = f"{town.origin}/api/offices/{await office_id(town)}/tills/{till}"
    async with robin.http.get(f"{base}/charges", params={"q": "1"}) as answer:
        [found] = (await answer.json())["charges"]
    async with robin.http.post(f"{base}/charges/{found['id']}", headers={"Origin": town.origin}) as answer:
        assert answer.status == 200, await answer.text()
        payment = (await answer.json())["payment"]
    headers = {"Origin": town.origin, "Idempotency-Key": str(uuid4())}
    given = {"method": "cash", "given_cents": 1300}
    async with robin.http.post(f"{base}/payments/{payment}/take", json=given, headers=headers) as answer:
        assert answer.status == 200, await answer.text()
    assert await charges(town) == [("paid", 1300)]
    async with robin.http.post(f"{base}/charges/{found['id']}", headers={"Origin": town.origin}) as answer:
        assert (answer.status, (await answer.json())["code"]) == (409, "not_at_till")
