"""Free until two days before, then half, then nothing: said before the click, given back by itself."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from tests.flows.test_reconfirm import asks, hours_before, state, to_come
from tests.staff import StaffBrowser
from tests.town import Town

PAID = "Führungszeugnis"


async def steps(town: Town, *hours: int) -> None:
    """So many before, the whole fee goes back, then half of it, then nothing."""
    await town.rows(
        """
        INSERT INTO refund_policy (key, share_percent, step_hours, step_percent, text)
        VALUES ('steps', 100, $1, '{100,50}', '{"de": "Spät abgesagt kostet."}')""",
        list(hours),
    )


async def booked(town: Town) -> tuple[dict[str, Any], datetime]:
    """By a policy of steps; and when it starts."""
    await steps(town, 3, 1)
    made = await town.appointment(PAID)
    await town.pay(await town.checkout(made))
    await town.webhooks()
    return made, datetime.fromisoformat(made["starts_at"])


async def test_by_the_page(town: Town) -> None:
    made, start = await booked(town)
    town.clock.set(start - timedelta(hours=3))
    here = f"/de/appointments/{made['id']}"
    async with StaffBrowser(town) as citizen:
        await citizen.get(f"/de/case/{made['token']}")
        asked = await citizen.get(f"{here}?cancel=1")
        for said in ("erstatten wir die ganze Gebühr von 13,00\xa0€", "Spät abgesagt kostet.", "6,50\xa0€ zurück"):
            assert said in asked.text
        shown = re.findall(r'name="refund_cents" value="(\d+)"', asked.text)
        assert shown == ["1300"]
        town.clock.advance(seconds=1)
        form = {"refund_cents": shown[0], "request_key": str(uuid4())}
        refused = await citizen.post(f"{here}/cancel", **form)
        assert refused.status == 409
        assert "hat sich seit der Anzeige geändert" in refused.text
        assert "erstatten wir 6,50\xa0€ von der Gebühr von 13,00\xa0€" in refused.text
        assert (await town.look(made))["status"] == "confirmed"
        assert (await citizen.post(f"{here}/cancel", **form | {"refund_cents": "x"})).status == 400
        done = await citizen.post(f"{here}/cancel", **form | {"refund_cents": "650"})
        assert "Ihr Termin ist abgesagt" in done.text
        assert "6,50\xa0€" in done.text
    await town.work()
    [refund] = await town.rows("SELECT amount_cents, status FROM refund")
    assert tuple(refund.values()) == (650, "succeeded")
    await town.assert_sound()


async def test_by_the_api(town: Town) -> None:
    made, start = await booked(town)
    path = f"/api/appointments/{made['id']}"
    town.clock.set(start - timedelta(hours=2))
    case = await town.look(made)
    assert case["refund_if_cancelled"] == {"cents": 650, "currency": "EUR"}
    assert [(datetime.fromisoformat(step["until"]), step["percent"]) for step in case["refund_steps"]] == [
        (start - timedelta(hours=3), 100),
        (start - timedelta(hours=1), 50),
    ]
    refused = await town.call("POST", f"{path}/cancel", made["token"], json={"refund_cents": 1300})
    assert (refused.status, refused.body["code"]) == (409, "refund_differs")
    town.clock.set(start - timedelta(minutes=59))
    for _ in range(2):
        done = await town.good("POST", f"{path}/cancel", made["token"], json={"refund_cents": 0})
        assert (done["status"], done["refunds"], done["refund_if_cancelled"]) == ("cancelled", [], None)
    async with StaffBrowser(town) as citizen:
        page = await citizen.get(f"/de/case/{made['token']}")
    assert "Nach der Regel, die bei Ihrer Buchung galt, wird die Gebühr nicht erstattet." in page.text


async def test_what_is_kept_of_a_time_that_is_released_is_revenue_at_once(town: Town) -> None:
    """Nobody answered whether they come: as with a cancellation, no service follows, so nothing is waited for."""
    await asks(town, PAID)
    await steps(town, 72, 1)
    made = await to_come(town, PAID)
    for hours in (47, 24):
        await hours_before(town, made, hours)
    assert await state(town, made) == ("cancelled", "released")
    kept = await town.rows(
        "SELECT j.kind, e.amount_cents FROM journal j JOIN entry e ON e.journal_id = j.id WHERE e.account LIKE 'revenue:%'"
    )
    assert kept == [{"kind": "earned", "amount_cents": -650}]
    await town.assert_sound()
