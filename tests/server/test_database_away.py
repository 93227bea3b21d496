"""PostgreSQL goes away and comes back: who asks meanwhile is told to try again, and afterwards everything goes on by itself."""

from __future__ import annotations

from pathlib import Path

from base.clock import SettableClock
from base.migrate import migrate
from server.postgres import EmbeddedPostgres
from tests.town import Town, eventually, import_sample_city, town

FREE = "Wohnsitzanmeldung"


async def test_the_database_restarts_under_the_running_service(tmp_path: Path, clock: SettableClock) -> None:
    postgres = EmbeddedPostgres(tmp_path)
    url = postgres.start()
    try:
        await migrate(url)
        await import_sample_city(url, clock)
        async with town(url, clock) as here:
            before = await here.appointment(FREE)
            await here.checkout(before)
            postgres.halt()
            await _meanwhile(here, before)
            assert postgres.start() == url
            await _afterwards(here, before)
    finally:
        postgres.stop()


async def _meanwhile(here: Town, before: dict[str, str]) -> None:
    answer = await here.call("GET", f"/api/appointments/{before['id']}", before["token"])
    assert (answer.status, answer.body["code"]) == (503, "unavailable")
    assert "Retry-After" in answer.headers
    assert (await here.call("GET", "/readyz")).status == 503
    assert (await here.call("GET", "/healthz")).status == 200
    assert (await here.call("GET", "/metrics")).status == 200
    async with here.http.get(f"{here.origin}/de/", headers={"Accept": "text/html"}) as page:
        assert page.status in (200, 503)
        assert page.content_type == "text/html"


async def _afterwards(here: Town, before: dict[str, str]) -> None:
    async def ready() -> bool:
        return (await here.call("GET", "/readyz")).status == 200

    await eventually(ready, seconds=30)
    assert (await here.look(before))["status"] == "confirmed"
    made = await here.appointment(FREE)
    assert (await here.checkout(made))["status"] == "confirmed"
    await here.work()
    assert len(here.mails()) == 2
    await here.assert_sound()
