"""Erased by the API, by the page, and what is shown afterwards: an honest answer, whatever is asked."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import aiohttp

from tests.staff import hire, sign_in
from tests.town import Town

FREE, PAID = "Wohnsitzanmeldung", "Führungszeugnis"


async def test_by_the_api(town: Town) -> None:
    made = await town.appointment(PAID)
    await town.pay(await town.checkout(made))
    await town.webhooks()
    await town.work()
    path = f"/api/appointments/{made['id']}"
    erased: dict[str, Any] = {}
    for _ in range(2):
        erased = await town.good("POST", f"{path}/erase", made["token"])
        assert (erased["status"], erased["contact"], erased["refunds"][0]["cents"]) == ("cancelled", None, 1300)
    assert await town.look(made) == erased
    cancelled = await town.cancel(made)
    assert (cancelled.status, cancelled.body["contact"]) == (200, None)
    again = await town.call("POST", f"{path}/checkout", made["token"], key=str(uuid4()))
    assert (again.status, again.body["code"]) == (410, "hold_over")
    assert (await town.call("GET", f"{path}/calendar.ics", made["token"])).status == 409
    assert (await town.call("POST", f"{path}/erase", "not the token")).status == 401
    await town.work()
    assert len(town.mails()) == 1  # the confirmation; nobody is told of the rest
    await town.assert_sound()


async def test_by_the_page(town: Town) -> None:
    made = await town.appointment(FREE)
    await town.checkout(made)
    here = f"{town.origin}/de/appointments/{made['id']}"
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:
        async with browser.get(f"{town.origin}/de/case/{made['token']}") as answer:
            assert "Meine Daten löschen" in await answer.text()
        async with browser.get(f"{here}?erase=1") as answer:
            asked = await answer.text()
        key = re.search(r'name="request_key" value="([^"]+)"', asked)
        assert key is not None
        async with browser.post(
            f"{here}/erase", data={"request_key": key[1]}, headers={"Origin": town.origin}
        ) as answer:
            shown = await answer.text()
        assert answer.status == 200
        for expected in ("Ihre Daten sind gelöscht", "Ihr Termin ist abgesagt.", str(made["number"])):
            assert expected in shown
        for gone in ("Kim", "kim@example.org", "/case/", "Meine Daten löschen", "Termin absagen"):
            assert gone not in shown
        for path in ("/check", "/paid", "?cancel=1", "?erase=1"):
            async with browser.get(f"{here}{path}") as answer:
                assert (answer.status, "Ihre Daten sind gelöscht" in await answer.text()) == (200, True), path
        async with browser.get(f"{town.origin}/de/case/{made['token']}") as answer:
            assert "Ihre Daten sind gelöscht" in await answer.text()


async def test_the_till_says_that_the_reason_was_deleted(town: Town) -> None:
    made = await town.appointment(PAID)
    await town.pay(await town.checkout(made))
    await town.webhooks()
    [row] = await town.rows("SELECT id FROM payment")
    await hire(town, "toni", "finance")
    await hire(town, "luca", "finance")
    accounts = {one["login"]: one["id"] for one in await town.rows("SELECT id, login FROM account")}
    payments = town.worker.payments
    refund = await payments.propose_refund(row["id"], by=accounts["toni"], note="Kim war krank", key=uuid4())
    await payments.reject_refund(row["id"], refund.id, by=accounts["luca"])
    await town.good("POST", f"/api/appointments/{made['id']}/erase", made["token"])
    async with await sign_in(town, "toni") as toni:
        page = await toni.get(f"/de/finance/payments/{row['id']}")
    assert "Kim" not in page.text
    assert "(Grund mit den personenbezogenen Daten gelöscht)" in page.text
