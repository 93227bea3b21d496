"""A dispute as finance sees it: told by the provider's message, with its deadline, what the city can say, and no refund beside it."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

from tests.staff import Page, StaffBrowser
from tests.staff import words as flat
from tests.town import Town

PAID = "Führungszeugnis"
TODAY = "/de/finance/?day=2026-12-01"


def words(page: Page) -> str:
    assert page.status in (200, 409), page
    return flat(page)


async def own_page(town: Town, path: str, made: dict[str, Any]) -> str:
    """As whoever has the link of the case reads it."""
    return flat((await town.call("GET", path, made["token"])).body)


async def disputed(town: Town) -> tuple[dict[str, Any], str, dict[str, Any]]:
    """A confirmed appointment, its payment, and the dispute as the provider shows it."""
    made = await town.appointment(PAID)
    await town.pay(await town.checkout(made))
    await town.webhooks()
    await town.work()
    [payment] = await town.rows("SELECT id::text FROM payment WHERE reference = $1", made["id"])
    *_, charge = town.machine.state.rows("charges")
    dispute = await town.sandbox("POST", f"charges/{charge['id']}/dispute")
    await town.webhooks()
    return made, payment["id"], dispute


async def test_it_is_seen_with_its_deadline_and_what_the_city_can_say(town: Town, toni: StaffBrowser) -> None:
    made, payment, dispute = await disputed(town)
    town.clock.advance(minutes=5)
    page = await toni.get("/de/finance/disputes")
    text = words(page)
    assert "Offen: Geld zurückgeholt" in text
    assert "Der Karteninhaber hat die Zahlung nicht genehmigt" in text
    assert "13,00 €" in text
    assert f"Termin {made['number']}" in text
    [link] = re.findall(r'href="(/de/finance/disputes/[0-9a-f-]+)"', page.text)
    story = words(await toni.get(link))
    assert "Nachweise bis " in story
    for said in ("Termin bestätigt", "Terminbestätigung, E-Mail, versandt", "2026-000001", dispute["id"]):
        assert said in story
    assert "@" not in story  # nobody's address
    assert "Rückbelastungen, die auf Nachweise warten" in words(await toni.get("/de/finance/work"))
    assert (await town.look(made))["status"] == "confirmed"
    day = words(await toni.get(TODAY))
    assert "Rückbelastet 13,00 € 13,00 €" in day
    assert "Keine: Unsere Bücher und der Zahlungsdienst stimmen überein." in day
    own = words(await toni.get(f"/de/finance/payments/{payment}"))
    assert "Zahlung rückbelastet" in own
    assert "Erstattung beantragen" not in own


async def test_nothing_is_refunded_beside_it(town: Town, toni: StaffBrowser) -> None:
    made, payment, dispute = await disputed(town)
    refused = await toni.post(f"/de/finance/payments/{payment}/refunds", note="Doppelt", request_key=str(uuid4()))
    assert refused.status == 409
    assert "Das Geld ginge zweimal zurück" in words(refused)
    assert (await town.cancel(made)).status == 200  # the rule's refund waits
    await town.work()
    assert [row["status"] for row in await town.rows("SELECT status FROM refund")] == ["approved"]
    await town.sandbox("POST", f"disputes/{dispute['id']}/win")
    await town.webhooks()
    await town.work()
    assert [row["status"] for row in await town.rows("SELECT status FROM refund")] == ["succeeded"]
    await town.assert_sound()


async def test_cancelling_beside_it_promises_no_money(town: Town) -> None:
    made, _payment, dispute = await disputed(town)
    own, waits = f"/de/appointments/{made['id']}", "über Ihre Bank zurückgefordert. Bis darüber entschieden ist, "
    page = await own_page(town, f"{own}?cancel=1", made)
    assert (waits in page, "erstatten wir die ganze" in page, "13,00 € von uns" in page) == (True, False, True), page
    before = await town.look(made)
    assert (before["is_disputed"], before["refund_if_cancelled"]["cents"]) == (True, 1300)
    assert (await town.cancel(made)).status == 200
    await town.work()
    page = await own_page(town, own, made)
    assert (waits in page, "zehn Tage" in page) == (True, False), page
    [refund] = (await town.look(made))["refunds"]
    assert (refund["status"], refund["waits_for_dispute"]) == ("approved", True)
    told = flat(town.mail.messages[-1].part("text/plain") or "")
    assert (waits in told, "zehn Tage" in told) == (True, False), told
    await town.sandbox("POST", f"disputes/{dispute['id']}/win")
    await town.webhooks()
    await town.work()
    [refund] = (await town.look(made))["refunds"]
    assert (refund["status"], refund["waits_for_dispute"]) == ("succeeded", False)
    assert "Wir haben Ihnen 13,00 € erstattet" in await own_page(town, own, made)


async def test_after_a_lost_one_cancelling_gives_nothing_back_and_works(town: Town) -> None:
    made, _payment, dispute = await disputed(town)
    await town.sandbox("POST", f"disputes/{dispute['id']}/lose")
    await town.webhooks()
    told = await town.look(made)
    assert (told["is_disputed"], told["refund_if_cancelled"]["cents"]) == (False, 0)
    path, shown = f"/api/appointments/{made['id']}/cancel", told["refund_if_cancelled"]["cents"]
    done = await town.call("POST", path, made["token"], key=str(uuid4()), json={"refund_cents": shown})
    assert (done.status, done.body["status"]) == (200, "cancelled"), done.body


async def test_lost_it_is_an_expense_and_the_books_agree(town: Town, toni: StaffBrowser) -> None:
    _made, payment, dispute = await disputed(town)
    await town.sandbox("POST", f"disputes/{dispute['id']}/lose")
    await town.webhooks()
    town.clock.advance(minutes=5)
    assert (await town.books())[-2:] == [
        ("dispute_lost", "dispute_loss", 1300),
        ("dispute_lost", "dispute_receivable", -1300),
    ]
    text = words(await toni.get(f"/de/finance/payments/{payment}"))
    assert "Rückbelastung verloren" in text
    assert "Verloren" in words(await toni.get("/de/finance/disputes"))
    assert "Keine: Unsere Bücher und der Zahlungsdienst stimmen überein." in words(await toni.get(TODAY))
    await town.assert_sound()


async def test_a_dispute_that_is_none_is_not_found(toni: StaffBrowser) -> None:
    assert (await toni.get(f"/de/finance/disputes/{uuid4()}")).status == 404
