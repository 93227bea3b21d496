"""Who gives a mobile number only gets a text: it is in the inbox page, its link opens the case, and reports say that it arrived."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from sandbox.smtp.faults import Faults
from sandbox.smtp.inbox import build as build_inbox
from sandbox.twilio import CallbackPlan, Fault
from tests.staff import hire, sign_in
from tests.town import KIM, Town, eventually

FREE = "Wohnsitzanmeldung"
MOBILE = "+4915123456789"
ALEX = {"name": "Alex Mustermann", "mobile": "0151 23456789", "language": "de"}


async def status_is(town: Town, status: str) -> None:
    async def reached() -> bool:
        rows = await town.rows("SELECT status FROM message WHERE channel = 'sms'")
        return [row["status"] for row in rows] == [status]

    await eventually(reached)


async def booked(town: Town, contact: dict[str, str] = ALEX) -> dict[str, object]:
    made = await town.appointment(FREE, contact)
    await town.checkout(made)
    await town.work()
    return made


async def test_the_text_arrives_and_its_link_opens_the_case(town: Town) -> None:
    made = await booked(town)
    await status_is(town, "delivered")
    assert town.mails() == []
    [text] = town.texts.messages.arrived()
    assert (text.to, text.phone_text[:12], str(made["number"]) in text.phone_text) == (MOBILE, "Ihr Termin: ", True)
    assert FREE not in text.phone_text
    assert "Mustermann" not in text.phone_text
    async with TestServer(build_inbox(town.mail.mailbox, Faults(), town.texts.url)) as inbox:
        async with town.http.get(inbox.make_url("/")) as answer:
            listed = await answer.text()
        assert "0 mails, 1 text message" in listed
        page = re.search(r'href="(/text/SM[0-9a-f]+)"', listed)
        assert page is not None
        async with town.http.get(inbox.make_url(page[1])) as answer:
            link = re.search(r'href="(https?://[^"]+/case/[^"]+)"', await answer.text())
    assert link is not None
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as phone, phone.get(link[1]) as answer:
        shown = await answer.text()
        assert (answer.status, str(made["number"]) in shown) == (200, True)
    assert "senden wir an +49 1512 3456789" in shown


async def test_cancelling_is_told_by_text_as_well(town: Town) -> None:
    made = await booked(town)
    await town.cancel(made)
    await town.work()

    async def both() -> bool:
        return len(town.texts.messages.arrived()) == 2

    await eventually(both)
    assert town.texts.messages.arrived()[1].phone_text.startswith("Abgesagt: Ihr Termin ")


async def test_with_an_address_the_mail_is_enough(town: Town) -> None:
    await booked(town, {**KIM, "mobile": "0151 23456789"})
    assert (len(town.mails()), town.texts.texts) == (1, [])


async def test_an_inbox_whose_text_sandbox_is_away_still_shows_mails(town: Town) -> None:
    await booked(town, KIM)
    app = build_inbox(town.mail.mailbox, Faults(), "http://127.0.0.1:9")
    async with TestServer(app) as inbox, town.http.get(inbox.make_url("/")) as answer:
        listed = await answer.text()
    assert "1 mail<" in listed
    assert "does not answer" in listed


@pytest.mark.parametrize(
    "plan",
    [CallbackPlan(repeat=1), CallbackPlan(reorder=3), CallbackPlan(delay_s=0.3), CallbackPlan(repeat=1, reorder=4)],
    ids=["repeated", "reordered", "late", "repeated and reordered"],
)
async def test_reports_in_any_order_end_the_same(town: Town, plan: CallbackPlan) -> None:
    town.texts.callbacks.plan = plan
    await booked(town)

    async def all_sent() -> bool:
        return not town.texts.callbacks.pending and len(town.texts.callbacks.done) >= 3

    await eventually(all_sent)
    await status_is(town, "delivered")
    assert {one.answer for one in town.texts.callbacks.done} == {204}


async def test_an_answer_that_was_lost_is_no_second_text(town: Town) -> None:
    town.texts.faults.plan(Fault("drop_after"))
    await booked(town)
    await status_is(town, "delivered")
    town.clock.advance(hours=1)
    await town.work()
    assert len(town.texts.texts) == 1


async def test_a_forged_report_changes_nothing(town: Town) -> None:
    town.texts.messages.held = True
    await booked(town)
    [text] = town.texts.texts
    assert await town.texts.callbacks.forge(text, "delivered") == 403
    await status_is(town, "sent")
    path = text.callback.removeprefix(town.origin)
    fields = {"MessageSid": text.sid, "MessageStatus": "delivered"}
    for headers in ({}, {"X-Twilio-Signature": ""}, {"X-Twilio-Signature": "é"}):
        answer = await town.call("POST", path, data=fields, headers=headers)
        assert (answer.status, answer.body["code"]) == (403, "signature_refused")
    large = await town.call("POST", path, data={**fields, "More": "x" * 20_000})
    assert large.status == 413
    assert (await town.call("POST", urlsplit(path).path, json={})).status == 415


async def test_an_undelivered_text_is_kept_as_such(town: Town) -> None:
    town.texts.messages.outcome = "undelivered"
    await booked(town)
    await status_is(town, "undelivered")
    [row] = await town.rows("SELECT last_error, contents FROM message")
    assert (row["last_error"], row["contents"]) == ("30003 phone_unreachable", None)


async def test_a_call_link_beside_the_mail(town: Town) -> None:
    made = await town.appointment("Wohnsitz abmelden", {**KIM, "mobile": "0151 23456789"}, channel="video")
    await town.checkout(made)
    await town.work()
    await status_is(town, "delivered")
    [text] = town.texts.messages.arrived()
    assert text.phone_text.startswith("Ihr Videotermin: ")
    assert "/de/join/" in text.phone_text
    assert len(town.mails()) == 1


async def clerk_page(town: Town, made: dict[str, object], login: str = "robin", role: str = "clerk") -> str:
    if not await town.rows("SELECT FROM account WHERE login = $1", login):
        await hire(town, login, role)
    await town.fresh()
    async with await sign_in(town, login) as robin:
        page = await robin.get(f"/de/counter/{made['office']}")
    assert page.status == 200
    return page.text.replace("\xa0", " ")


async def test_who_cannot_be_told_is_to_be_called(town: Town) -> None:
    town.texts.messages.outcome = "undelivered"
    made = await booked(town)
    await status_is(town, "undelivered")
    await town.rows("UPDATE message SET followed_at = NULL")  # wherever the worker was
    [before] = await town.rows("SELECT xid FROM appointment")
    await town.work()
    said = "Nachricht nicht zugestellt: bitte anrufen"
    assert f"{said} +49 1512 3456789" in await clerk_page(town, made)
    [after] = await town.rows("SELECT xid FROM appointment")
    assert after != before  # so the screens that are open look again
    async with town.worker.db.transaction() as conn:
        await conn.execute("INSERT INTO role (name, permissions) VALUES ('caller', '{queue.call}')")
    shown = await clerk_page(town, made, "sam", "caller")
    assert (said in shown, "3456789" in shown) == (True, False)  # whose number it is, is another permission
    assert town.mails() == []
    await town.work()
    assert await town.rows("SELECT xid FROM appointment") == [after]  # told once
    await town.rows("UPDATE message SET status = 'delivered', provider_rank = 5")  # it arrived after all
    assert said not in await clerk_page(town, made)


async def test_a_call_link_that_did_not_arrive_goes_by_mail_once(town: Town) -> None:
    town.texts.messages.outcome = "failed"
    made = await town.appointment("Wohnsitz abmelden", {**KIM, "mobile": "0151 23456789"}, channel="video")
    await town.checkout(made)
    await town.work()
    await status_is(town, "undelivered")
    for _ in range(2):
        await town.work()
    assert len(town.mails()) == 2
    assert "/de/join/" in (town.mail.messages[1].part("text/plain") or "")
    assert "nicht zugestellt" not in await clerk_page(town, made)


async def test_nobody_is_told_of_what_is_erased_or_over(town: Town) -> None:
    town.texts.messages.outcome = "undelivered"
    erased, over = await booked(town), await booked(town)

    async def both() -> bool:
        return len(await town.rows("SELECT FROM message WHERE status = 'undelivered'")) == 2

    await eventually(both)
    await town.good("POST", f"/api/appointments/{erased['id']}/erase", str(erased["token"]))
    town.clock.advance(hours=12)
    await town.work()
    assert town.mails() == []
    assert await town.rows("SELECT FROM message WHERE followed_at IS NULL") == []
    assert str(over["number"]) in await clerk_page(town, erased)  # nobody closed it, so it still stands there


async def test_a_text_of_which_nothing_is_heard_is_asked_about_once(town: Town) -> None:
    town.texts.callbacks.plan = CallbackPlan(lose=1.0)
    await booked(town)

    async def arrived() -> bool:
        return len(town.texts.messages.arrived()) == 1

    await eventually(arrived)
    town.clock.advance(hours=23)
    await town.work()
    await status_is(town, "sent")
    town.clock.advance(hours=2)
    await town.work()
    await status_is(town, "delivered")
    [row] = await town.rows("SELECT asked_at, followed_at FROM message")
    assert (row["asked_at"], row["followed_at"]) == (town.clock(), None)


async def test_one_that_the_provider_is_still_silent_about_counts_as_not_delivered(town: Town) -> None:
    town.texts.messages.held = True
    made = await booked(town)
    await town.rows("UPDATE message SET sent_at = sent_at - interval '25 hours'")
    text = town.texts.texts[0]
    town.texts.messages.remove(text.sid)  # 404: it will never say more
    await town.work()
    [row] = await town.rows("SELECT asked_at, followed_at, status FROM message")
    assert (row["asked_at"], row["followed_at"], row["status"]) == (town.clock(), town.clock(), "sent")
    assert "Nachricht nicht zugestellt: bitte anrufen" in await clerk_page(town, made)
