"""A video call between real browsers through the real media worker: they see and hear each other, and go on when something breaks."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from playwright.async_api import ConsoleMessage, Page, Playwright, async_playwright

from base.clock import SettableClock
from tests.browser import axe
from tests.town import Town
from tests.town import town as open_town
from tests.video.signalling.caller import both, invite
from tests.video.worker_process import Running, media
from video.rooms.model import Invitation, Role

PICTURES = os.environ.get("PICTURES")
FLAGS = [
    "--no-sandbox",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--allow-loopback-in-peer-connection",
]
# The page keeps its connections to itself; the browser's own statistics are what a test believes.
WATCH = """window.pcs = []; window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(...given) { super(...given); window.pcs.push(this); } };
window.sockets = []; window.WebSocket = class extends WebSocket {
  constructor(...given) { super(...given); window.sockets.push(this); } };"""
STATS = """async () => {
  const all = { frames: 0, sent: 0, energy: 0, ufrags: [], seconds: performance.now() / 1000 };
  for (const pc of window.pcs.filter((one) => one.connectionState !== 'closed')) {
    if (pc.localDescription) all.ufrags.push(pc.localDescription.sdp.match(/ice-ufrag:(\\S+)/)[1]);
    for (const one of (await pc.getStats()).values()) {
      if (one.type === 'outbound-rtp') all.sent += one.framesSent ?? 0;
      if (one.type !== 'inbound-rtp') continue;
      if (one.kind === 'video') all.frames += one.framesDecoded ?? 0;
      if (one.kind === 'audio') all.energy += one.totalAudioEnergy ?? 0;
    }
  }
  const videos = [...document.querySelectorAll('[data-others] video')];
  all.widths = videos.map((one) => one.videoWidth);
  return all;
}"""
_PICTURES = """(n) =>
  [...document.querySelectorAll('[data-others] video')].filter((one) => one.videoWidth > 0).length === n"""


@dataclass
class Person:
    page: Page
    said: list[str] = field(default_factory=list)

    async def stats(self) -> dict[str, Any]:
        found: dict[str, Any] = await self.page.evaluate(STATS)
        return found

    async def state(self) -> str | None:
        return await self.page.locator("[data-state]").get_attribute("data-is")

    async def goes_in(self) -> None:
        await self.page.locator("[data-enter]:enabled").click()

    async def sees_and_hears_more(self, within_s: float) -> None:
        """Pictures and sound keep coming: more than now, of everybody who is there."""
        before, end = await self.stats(), time.monotonic() + within_s
        while True:
            now = await self.stats()
            is_seen = bool(now["widths"]) and all(now["widths"])
            if now["frames"] >= before["frames"] + 10 and now["energy"] > before["energy"] and is_seen:
                return
            assert time.monotonic() < end, (before, now, await self.state(), self.said)
            await asyncio.sleep(0.1)


@dataclass
class Scene:
    town: Town
    worker: Running
    chromium: str
    playwright: Playwright
    stack: AsyncExitStack
    scripts: tuple[str, ...] = ()  # run before the page's own

    async def person(
        self, invitation: Invitation, *, width: int = 1280, scripts: bool = True, flags: list[str] = FLAGS
    ) -> Person:
        """A browser of their own, at the device check."""
        browser = await self.playwright.chromium.launch(executable_path=self.chromium, args=flags)
        self.stack.push_async_callback(browser.close)
        context = await browser.new_context(
            viewport={"width": width, "height": 800}, locale="de", java_script_enabled=scripts
        )
        for cookie in self.town.http.cookie_jar:  # who was invited as a clerk has signed in there
            if cookie.key == "staff":
                await context.add_cookies([{"name": "staff", "value": cookie.value, "url": self.town.origin}])
        page = await context.new_page()
        person = Person(page)
        page.on("console", lambda message: _keep(person.said, message))
        page.on("pageerror", lambda error: person.said.append(str(error)))
        for script in (WATCH, *self.scripts):
            await page.add_init_script(script)
        await page.goto(self.town.origin + invitation.path("de"))
        assert invitation.token not in page.url
        return person

    async def call(self) -> tuple[Person, Person, Any]:
        reference = uuid4()
        citizen = await self.person(await invite(self.town, reference=reference))
        clerk = await self.person(await invite(self.town, Role.CLERK, reference=reference))
        await citizen.goes_in()
        await clerk.goes_in()
        await clerk.page.locator("[data-admit]").click()
        for one in (citizen, clerk):
            await one.sees_and_hears_more(15)
        return citizen, clerk, reference


def _keep(said: list[str], message: ConsoleMessage) -> None:
    if message.type in ("error", "warning"):
        said.append(message.text)


@pytest.fixture
async def scene(city_dsn: str, clock: SettableClock, chromium: str) -> AsyncIterator[Scene]:
    async with (
        media() as (running, _pool),
        open_town(city_dsn, clock, media_control=(running.control,)) as town,
        async_playwright() as playwright,
        AsyncExitStack() as stack,
    ):
        yield Scene(town, running, chromium, playwright, stack)


async def _stop_at(person: Person, place: str) -> None:
    found = await axe.violations(person.page) + await axe.small_targets(person.page)
    if overflow := await axe.overflow_px(person.page):
        found.append(f"scrolls sideways by {overflow} px")
    if PICTURES:
        assert person.page.viewport_size is not None
        width = person.page.viewport_size["width"]
        await person.page.screenshot(path=Path(PICTURES) / f"call-{place}-{width}.png", full_page=True)
    assert found == [], place


@pytest.mark.parametrize("width", [1280, 360])
async def test_from_the_link_to_the_end(scene: Scene, width: int) -> None:
    invited, staff = await both(scene.town)
    citizen = await scene.person(invited, width=width)
    clerk = await scene.person(staff, width=width)
    await citizen.page.locator("[data-enter]:enabled").wait_for()
    await _stop_at(citizen, "check")
    await citizen.goes_in()
    await citizen.page.get_by_role("heading", name="Warteraum").wait_for()
    assert await citizen.state() == "waiting_alone"
    await _stop_at(citizen, "waiting")
    await clerk.goes_in()
    await clerk.page.locator("[data-admit]").wait_for()
    await citizen.page.locator("[data-state][data-is=waiting_staff]").wait_for()
    await _stop_at(clerk, "lobby")
    await clerk.page.locator("[data-admit]").press("Enter")  # no mouse is needed
    for one in (citizen, clerk):
        await one.sees_and_hears_more(15)
        assert await one.state() == "connected"
    await _stop_at(clerk, "clerk")
    assert not await citizen.page.locator("[data-end]").is_visible()
    assert not await citizen.page.get_by_role("heading", name="Im Warteraum").is_visible()
    await _stop_at(citizen, "citizen")
    await citizen.page.locator("[data-mute]").click()
    await citizen.page.locator("[data-camera]").click()
    await clerk.page.get_by_text("Bürgerin oder Bürger · Mikrofon aus · Kamera aus").wait_for()
    before = await clerk.stats()
    await citizen.page.locator("[data-camera]").click()
    await citizen.page.locator("[data-mute]").click()
    await clerk.page.get_by_text("Bürgerin oder Bürger", exact=True).first.wait_for()
    await clerk.sees_and_hears_more(10)
    assert (await clerk.stats())["frames"] > before["frames"]
    await clerk.page.locator("[data-end]").click()
    await clerk.page.locator("[data-end-yes]").click()
    for one in (citizen, clerk):
        await one.page.get_by_role("heading", name="Das Gespräch ist beendet").wait_for()
    await _stop_at(citizen, "over")
    assert citizen.said == clerk.said == []


async def test_who_is_muted_stays_so_on_a_page_loaded_anew_and_one_press_ends_it(scene: Scene) -> None:
    citizen, clerk, _reference = await scene.call()
    tile, own = clerk.page.locator("[data-others] .tile"), citizen.page.locator("[data-own-tile]")
    assert await tile.locator("video").is_visible()
    await citizen.page.locator("[data-mute]").click()
    await citizen.page.locator("[data-camera]").click()
    said = clerk.page.get_by_text("Bürgerin oder Bürger · Mikrofon aus · Kamera aus")
    await said.wait_for()
    assert not await tile.locator("video").is_visible()  # not the last picture, standing still
    assert await tile.locator(".tile__sign").is_visible()
    await citizen.page.reload()
    await citizen.goes_in()
    await own.get_by_text("Sie · Mikrofon aus · Kamera aus").wait_for()
    await citizen.page.wait_for_function("() => window.pcs.some((pc) => pc.connectionState === 'connected')")
    assert await citizen.page.locator("[data-mute]").inner_text() == "Mikrofon an"
    assert await citizen.page.locator("[data-camera]").inner_text() == "Kamera an"
    assert await said.is_visible()
    await _stop_at(clerk, "camera-off")
    await _stop_at(citizen, "own-camera-off")
    await citizen.page.locator("[data-mute]").click()
    await citizen.page.locator("[data-camera]").click()
    await clerk.page.get_by_text("Bürgerin oder Bürger", exact=True).first.wait_for()
    assert await tile.locator("video").is_visible()
    await clerk.sees_and_hears_more(15)


async def test_at_360_px_the_controls_are_in_reach_and_the_end_is_quiet(scene: Scene) -> None:
    invited, staff = await both(scene.town)
    citizen, clerk = await scene.person(invited, width=360), await scene.person(staff)
    await citizen.page.set_viewport_size({"width": 360, "height": 560})
    await citizen.goes_in()
    await clerk.goes_in()
    await clerk.page.locator("[data-admit]").click()
    await citizen.sees_and_hears_more(15)
    leave = citizen.page.locator("[data-part=call] [data-leave]")
    box = await leave.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= 560  # without scrolling
    own = await citizen.page.locator("[data-own-tile]").bounding_box()
    assert own is not None
    assert own["y"] + own["height"] <= box["y"]
    if PICTURES:
        await citizen.page.screenshot(path=Path(PICTURES) / "call-small-360.png")
    await leave.click()
    await citizen.page.get_by_role("heading", name="Sie haben das Gespräch verlassen").wait_for()
    assert await citizen.page.locator("[data-say]").inner_text() == ""


async def test_who_comes_late_sees_a_picture_within_two_seconds(scene: Scene) -> None:
    reference = uuid4()
    clerk = await scene.person(await invite(scene.town, Role.CLERK, reference=reference))
    await clerk.goes_in()
    await clerk.page.wait_for_function(f"async () => (await ({STATS})()).sent > 60")  # the first key frame is long gone
    late = await scene.person(await invite(scene.town, reference=reference))
    await late.goes_in()
    admit = clerk.page.locator("[data-admit]")
    await admit.wait_for()
    begun = time.monotonic()
    await admit.click()
    await late.page.wait_for_function(_PICTURES, arg=1)
    took_s = time.monotonic() - begun
    print(f"late joiner: first picture after {took_s:.2f} s")
    assert took_s < 2
    for one in (late, clerk):
        await one.sees_and_hears_more(10)
    guest = await scene.person(await invite(scene.town, Role.GUEST, reference=reference))
    await guest.goes_in()
    await admit.click()
    await guest.page.wait_for_function(_PICTURES, arg=2)
    for one in (guest, late, clerk):
        await one.sees_and_hears_more(15)


async def test_another_network_is_an_ice_restart(scene: Scene) -> None:
    citizen, clerk, _reference = await scene.call()
    before = await citizen.stats()
    await citizen.page.evaluate("dispatchEvent(new Event('online'))")
    await citizen.page.wait_for_function(
        "(old) => window.pcs.every((pc) => !old.includes(pc.localDescription.sdp.match(/ice-ufrag:(\\S+)/)[1]))",
        arg=before["ufrags"],
    )
    assert len((await citizen.stats())["ufrags"]) == 2  # the same two connections
    for one in (citizen, clerk):
        await one.sees_and_hears_more(10)


async def test_a_lost_socket_does_not_stop_the_call(scene: Scene) -> None:
    """And the page loaded anew is the same participant: nobody has to let it in again."""
    citizen, clerk, _reference = await scene.call()
    await citizen.page.evaluate("window.sockets.at(-1).close(4000)")  # without a goodbye
    await citizen.page.locator("[data-state][data-is=lost]").wait_for()
    await citizen.page.locator("[data-state][data-is=connected]").wait_for()
    assert await citizen.page.evaluate("[window.sockets.length, window.pcs.length]") == [
        2,
        2,
    ]  # no new connection for media
    for one in (citizen, clerk):
        await one.sees_and_hears_more(10)
    await citizen.page.reload()
    await citizen.goes_in()
    await citizen.sees_and_hears_more(15)
    await clerk.sees_and_hears_more(15)


async def test_the_media_worker_killed_in_mid_call(scene: Scene) -> None:
    async def back(one: Person) -> None:
        await one.page.wait_for_function("() => window.pcs.filter((pc) => pc.connectionState === 'closed').length >= 2")
        await one.sees_and_hears_more(10)

    citizen, clerk, _reference = await scene.call()
    begun = time.monotonic()
    scene.worker.kill()
    scene.worker.start()  # as a supervisor does
    await asyncio.gather(*(back(one) for one in (citizen, clerk)))
    took_s = time.monotonic() - begun
    print(f"killed worker: both back after {took_s:.2f} s")
    assert took_s < 10


@pytest.mark.parametrize(
    ("width", "trouble", "flags"),
    [(1280, "no_devices", []), (360, "refused", ["--use-fake-device-for-media-stream", "--deny-permission-prompts"])],
)
async def test_who_cannot_be_heard_is_told_what_to_do(scene: Scene, width: int, trouble: str, flags: list[str]) -> None:
    person = await scene.person(await invite(scene.town), width=width, flags=["--no-sandbox", *flags])
    alert = person.page.get_by_role("alert")
    await alert.wait_for()
    assert await person.state() == trouble
    assert await alert.get_by_text("Klicken Sie auf die Kamera oder das Schloss").is_visible() is (trouble == "refused")
    assert await alert.get_by_role("button", name="Noch einmal versuchen").is_visible()
    assert await alert.get_by_role("link", name="115 anrufen").is_visible()
    assert await person.page.locator("[data-enter]").is_disabled()
    await _stop_at(person, trouble)


async def test_a_link_that_is_early_or_in_use_says_so(scene: Scene) -> None:
    early = await scene.person(await invite(scene.town, opens_in=1))
    await early.page.get_by_role("heading", name="noch zu früh").wait_for()
    assert await early.page.get_by_text("Der Raum öffnet am").is_visible()
    assert not await early.page.locator("video").count()  # no camera is asked for
    await _stop_at(early, "early")
    invited = await invite(scene.town)
    first, second = await scene.person(invited), await scene.person(invited, width=360)
    await first.goes_in()
    await first.page.get_by_role("heading", name="Warteraum").wait_for()
    await second.goes_in()
    await second.page.get_by_role("heading", name="Dieser Link wird in einem anderen Fenster").wait_for()
    assert await first.state() == "waiting_alone"
    assert not await second.page.get_by_role("button", name="Wieder hinein").is_visible()
    await _stop_at(second, "in-use")
    await second.page.get_by_role("button", name="Hier weitermachen").click()
    await second.page.get_by_role("heading", name="Warteraum").wait_for()
    assert await second.state() == "waiting_alone"
    await first.page.get_by_role("heading", name="in einem anderen Fenster").wait_for()


async def test_who_has_ended_the_call_is_led_back_to_the_counter(scene: Scene) -> None:
    invited, staff = await both(scene.town)
    for width in (360, 1280):
        clerk = await scene.person(staff, width=width)
        await clerk.goes_in()
        await clerk.page.locator("[data-part=call] [data-leave]").click()
        await clerk.page.get_by_role("link", name="Zurück zum Schalter: Vorgang dort abschließen").wait_for()
        assert not await clerk.page.get_by_role("link", name="115").count()
        await _stop_at(clerk, "clerk-left")
    citizen = await scene.person(invited)
    await citizen.page.locator("[data-enter]:enabled").wait_for()
    async with scene.town.worker.db.connection() as conn:
        await conn.execute("UPDATE room SET status = 'ended' WHERE id = $1", invited.room_id)
    await citizen.goes_in()  # the page was open before
    await citizen.page.get_by_role("link", name="Neuen Termin buchen").wait_for()
    assert not await citizen.page.locator("[data-come-back]").is_visible()


async def test_without_javascript_the_page_says_what_to_do(scene: Scene) -> None:
    person = await scene.person(await invite(scene.town), scripts=False)
    assert await person.page.get_by_text("Dann sprechen wir am Telefon").is_visible()
    assert await person.page.locator("main a[href^='tel:']").first.is_visible()
    assert not await person.page.locator("[data-room]").is_visible()


async def test_camera_and_microphone_only_where_they_are_needed(scene: Scene) -> None:
    invited = await invite(scene.town)
    headers = {"Authorization": f"Bearer {invited.token}"}
    room = await scene.town.call("GET", f"/de/room/{invited.room_id}", headers=headers)
    assert room.headers["Permissions-Policy"].startswith("camera=(self), microphone=(self)")
    health = await scene.town.call("GET", "/healthz")
    assert health.headers["Permissions-Policy"].startswith("camera=(), microphone=()")
