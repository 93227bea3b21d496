"""The citizen's way over HTTP, form by form, as a browser without JavaScript walks it."""

from __future__ import annotations

import html
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from aiohttp import CookieJar
from aiohttp.test_utils import TestClient
from yarl import URL

from base.templates import Assets
from booking.appointments.model import AppointmentStatus
from booking.holds.model import HoldStatus
from tests.frontend.city import CASE_TOKEN, City, site
from tests.frontend.samples import ID

HEADERS = {"Accept": "text/html"}
KIM = {"name": "Kim Mustermann", "email": "kim@example.org", "language": "de"}
TIMES = "/de/times?service=1&channel=onsite"


@dataclass
class Browser:
    client: TestClient[Any, Any]
    city: City
    text: str = ""
    status: int = 0
    url: str = ""

    async def go(self, url: str, method: str = "GET", **given: Any) -> str:
        async with self.client.request(method, url, headers=HEADERS, allow_redirects=False, **given) as response:
            self.status, self.text = response.status, await response.text()
            location = response.headers.get("Location")
        self.url = str(URL(url).join(URL(location))) if location else url
        if location and self.url.startswith("/"):
            return await self.go(self.url)
        return self.text

    async def send(self, _button: str = "", **typed: str) -> str:
        """The POST form of the page, with its hidden fields."""
        return await self._send(self.text.partition("<main")[2], typed)

    async def switch(self) -> str:
        """To the other language, where that is a form."""
        return await self._send(self.text.partition("<main")[0], {})

    async def _send(self, part: str, typed: dict[str, str]) -> str:
        form = re.findall(r'<form[^>]*method="post" action="([^"]+)"[^>]*>(.*?)</form>', part, re.S)[0]
        hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', form[1]))
        fields = {name: html.unescape(value) for name, value in hidden.items()}
        if slots := re.findall(r'name="slot" value="([^"]+)"', form[1]):
            fields["slot"] = slots[0]
        return await self.go(html.unescape(form[0]), "POST", data=fields | typed)


@pytest.fixture
async def browser(assets: Assets, aiohttp_client: Callable[..., Awaitable[TestClient[Any, Any]]]) -> Browser:
    city = City()
    client = await aiohttp_client(site(city, assets), cookie_jar=CookieJar(unsafe=True))
    return Browser(client, city)


async def test_from_search_to_a_paid_appointment(browser: Browser) -> None:
    page = await browser.go("/de/?q=personalausweis")
    assert "1 Leistung gefunden" in page
    page = await browser.go(re.findall(r'<h3><a href="([^"]+)"', page)[0])
    assert "37,00\xa0€" in page
    assert "Nächster freier Termin: <strong>Heute, 14:40 Uhr</strong>" in page
    page = await browser.go(TIMES)
    assert "Heute, 14:40 Uhr" in page
    page = await browser.send()
    assert browser.url.startswith("/de/holds/")
    assert "für Sie reserviert bis 10:45 Uhr" in page
    page = await browser.send(**KIM)
    assert browser.url.startswith(f"/de/appointments/{ID}/check")
    assert "kim@example.org" in page
    await browser.send()
    assert browser.url == "https://pay.example/session"
    assert browser.city.calls == [f"pay http://termin.example/de/appointments/{ID}/paid"]
    page = await browser.go(f"/de/appointments/{ID}/paid")
    assert browser.url == f"/de/appointments/{ID}"
    assert "Ihr Termin ist bestätigt" in page
    assert "K7F-3QM" in page


async def test_cancelling_asks_first(browser: Browser) -> None:
    await _book(browser)
    browser.city.become(AppointmentStatus.CONFIRMED)
    page = await browser.go(f"/de/appointments/{ID}")
    assert 'method="post"' not in page
    page = await browser.go(f"/de/appointments/{ID}?cancel=1")
    assert "Diesen Termin wirklich absagen?" in page
    assert browser.city.calls == []
    page = await browser.send()
    assert browser.city.calls == ["cancel"]
    assert "Ihr Termin ist abgesagt" in page


async def test_a_free_appointment_needs_no_provider(browser: Browser) -> None:
    await _book(browser)
    browser.city.pay_url = None
    await browser.send()
    assert browser.url == f"/de/appointments/{ID}"


async def test_wrong_details_come_back_with_everything_typed(browser: Browser) -> None:
    await browser.go(TIMES)
    await browser.send()
    page = await browser.send(name="", email="kim@", note="<b>Tür</b>")
    assert browser.status == 422
    assert "<title>Fehler: Ihre Angaben" in page
    assert 'value="kim@"' in page
    assert "&lt;b&gt;Tür&lt;/b&gt;" in page
    assert browser.city.creations == []


async def test_a_taken_time_offers_the_nearest(browser: Browser) -> None:
    await browser.go(TIMES)
    browser.city.is_taken = True
    page = await browser.send()
    assert browser.status == 409
    assert page.count('name="slot"') == 3


async def test_details_survive_a_time_that_ran_out(browser: Browser) -> None:
    await browser.go(TIMES)
    await browser.send()
    browser.city.clock.advance(minutes=16)
    page = await browser.send(**KIM)
    assert browser.status == 409
    assert "Ihre Eingaben bleiben erhalten." in page
    page = await browser.send()
    assert browser.url.startswith(f"/de/appointments/{ID}/check")
    assert "Kim Mustermann" in page


async def test_back_and_corrected_is_another_request(browser: Browser) -> None:
    await browser.go(TIMES)
    form = await browser.send()
    await browser.send(**KIM)
    browser.text = form  # the back button shows the old form with its old key
    await browser.send(**KIM)
    browser.text = form
    await browser.send(**KIM | {"name": "Kim Muster"})
    keys = [key for _contact, key in browser.city.creations]
    assert keys[0] == keys[1] != keys[2]


async def test_changing_details_starts_from_what_was_sent(browser: Browser) -> None:
    page = await _book(browser)
    back = re.findall(r'<a class="kern-link" href="([^"]+)" aria-label="Ändern: Ihre Angaben"', page)[0]
    page = await browser.go(back)
    assert 'value="Kim Mustermann"' in page


async def test_back_to_the_form_after_booking_leads_to_the_appointment(browser: Browser) -> None:
    await _book(browser)
    browser.city.become(AppointmentStatus.CONFIRMED)
    await browser.go(f"/de/holds/{next(iter(browser.city.holds))}")
    assert browser.url == f"/de/appointments/{ID}"


async def test_the_link_becomes_a_cookie_and_leaves_the_address(browser: Browser) -> None:
    await _book(browser)
    browser.city.become(AppointmentStatus.CONFIRMED)
    browser.client.session.cookie_jar.clear()
    await browser.go(f"/de/appointments/{ID}")
    assert browser.status == 401
    assert "Öffnen Sie noch einmal den Link" in browser.text
    await browser.go(f"/en/case/{CASE_TOKEN}")
    assert browser.url == f"/en/appointments/{ID}"
    assert "Your appointment is confirmed" in browser.text
    await browser.go("/de/case/wrong")
    assert browser.status == 401


async def test_without_a_mail_address_the_page_shows_the_link(browser: Browser) -> None:
    await browser.go(TIMES)
    await browser.send()
    await browser.send(name="Kim", mobile="0151 23456789")
    page = await browser.go(f"/de/appointments/{ID}")
    assert f"https://termin.example/de/case/{CASE_TOKEN}" in page


@pytest.mark.parametrize("step", ["look at it", "pay", "find it on the page of the case"])
async def test_a_reservation_that_ran_out_unpaid_offers_the_nearest_with_everything_kept(
    browser: Browser, step: str
) -> None:
    await _book(browser)
    browser.city.clock.advance(minutes=20)
    if step == "look at it":
        await browser.go(f"/de/appointments/{ID}/check")
    elif step == "pay":
        browser.city.is_over = True  # the use case refuses too
        await browser.send()
    else:
        page = await browser.go(f"/de/appointments/{ID}")
        assert "Die Reservierung besteht nicht mehr" in page
        await browser.go(re.findall(r'href="([^"]+/check)"', page)[0])
    assert browser.status == 409
    assert "Die Reservierung besteht nicht mehr" in browser.text
    assert "Ihre Eingaben bleiben erhalten." in browser.text
    browser.city.is_over = False
    page = await browser.send()
    assert re.match(r"/de/appointments/[0-9a-f-]{36}/check", browser.url)
    assert "Kim Mustermann" in page


async def test_another_time_from_the_check_page_takes_the_contact_along(browser: Browser) -> None:
    page = await _book(browser)
    page = await browser.go(html.unescape(re.findall(r'href="([^"]+)" aria-label="Ändern: Ihr Termin"', page)[0]))
    page = await browser.go(html.unescape(re.findall(r'href="([^"]+)" aria-label="Auswahl ändern"', page)[0]))
    page = await browser.go(html.unescape(re.findall(r'href="([^"]+/times[^"]+)"', page)[0]))  # by way of the offices
    await browser.send(slot="1@2026-11-25T08:40Z")
    assert browser.city.kept is not None
    assert browser.url.startswith(f"/de/appointments/{browser.city.kept.id}/check")
    assert browser.city.kept.id != ID
    assert "Kim Mustermann" in browser.text
    assert "09:40" in browser.text
    assert str(browser.city.kept.id) in kept(browser, "case")
    assert browser.city.calls == [f"give back {ID}"]


async def test_what_was_booked_meanwhile_is_shown_and_not_given_back(browser: Browser) -> None:
    await _book(browser)
    browser.city.become(AppointmentStatus.CONFIRMED)
    await browser.go(f"{TIMES}&instead={ID}")
    await browser.send(slot="1@2026-11-25T08:40Z")
    assert browser.url == f"/de/appointments/{ID}"
    assert (browser.city.calls, len(browser.city.holds)) == ([], 1)
    assert kept(browser, "case") == [str(ID)]


async def test_what_is_paid_in_that_moment_stays_and_the_new_time_is_given_back(browser: Browser) -> None:
    await _book(browser)
    browser.city.is_paid_at_once = True
    await browser.go(f"{TIMES}&instead={ID}")
    await browser.send(slot="1@2026-11-25T08:40Z")
    assert browser.url == f"/de/appointments/{ID}"
    assert "Ihr Termin ist bestätigt" in browser.text
    assert len(browser.city.calls) == 2


@pytest.mark.parametrize("status", [AppointmentStatus.EXPIRED, AppointmentStatus.CANCELLED])
async def test_another_time_takes_the_contact_along_whatever_became_of_the_first(
    browser: Browser, status: AppointmentStatus
) -> None:
    await _book(browser)
    browser.city.become(status)
    await browser.go(f"{TIMES}&instead={ID}")
    page = await browser.send(slot="1@2026-11-25T08:40Z")
    assert browser.url.endswith(f"/check?hold={list(browser.city.holds)[-1]}")
    assert "Kim Mustermann" in page


async def test_the_same_choice_sent_twice_is_one(browser: Browser) -> None:
    await _book(browser)
    form = await browser.go(f"{TIMES}&instead={ID}")
    await browser.send(slot="1@2026-11-25T08:40Z")
    first = browser.url
    browser.text = form
    await browser.send(slot="1@2026-11-25T08:40Z")
    assert browser.url == first
    assert len(browser.city.holds) == 2


async def test_the_first_case_is_kept_until_the_new_one_is_there(browser: Browser) -> None:
    """From a visit to a telephone appointment: the number is missing."""
    await _book(browser)
    await browser.go(f"/de/times?service=1&channel=phone&instead={ID}")
    page = await browser.send(slot="1@2026-11-25T08:40Z")
    assert (browser.status, browser.city.calls) == (422, [])
    assert 'value="Kim Mustermann"' in page
    await browser.send(**KIM, mobile="0711 2160")
    assert browser.city.calls == [f"give back {ID}"]


async def test_from_the_details_back_to_the_times_and_on_with_everything_kept(browser: Browser) -> None:
    page = await _book(browser)
    page = await browser.go(html.unescape(re.findall(r'href="([^"]+)" aria-label="Ändern: Ihre Angaben"', page)[0]))
    await browser.go(html.unescape(re.findall(r'class="back"><a class="kern-link" href="([^"]+)"', page)[0]))
    page = await browser.send(slot="1@2026-11-25T08:40Z")
    assert "Kim Mustermann" in page
    assert browser.city.calls == [f"give back {ID}"]


async def test_run_out_on_the_way_back_to_the_details(browser: Browser) -> None:
    page = await _book(browser)
    browser.city.clock.advance(minutes=16)
    await browser.go(html.unescape(re.findall(r'href="([^"]+)" aria-label="Ändern: Ihre Angaben"', page)[0]))
    assert (browser.status, browser.url) == (409, f"/de/appointments/{ID}/check")
    assert "Ihre Eingaben bleiben erhalten." in browser.text


async def test_a_blank_name_loses_nothing_else(browser: Browser) -> None:
    await browser.go(TIMES)
    await browser.send()
    browser.city.clock.advance(minutes=16)
    await browser.send(**KIM | {"name": ""})
    page = await browser.send()
    assert browser.status == 422
    assert 'value="kim@example.org"' in page


async def test_after_a_try_to_pay_the_details_can_still_be_changed(browser: Browser) -> None:
    await _book(browser)
    browser.city.is_provider_away = True
    page = await browser.send()
    assert 'aria-label="Ändern: Ihre Angaben"' in page


async def test_nobody_gives_back_what_is_not_theirs(browser: Browser) -> None:
    await _book(browser)
    browser.client.session.cookie_jar.clear()
    await browser.go(f"{TIMES}&instead={ID}")
    await browser.send(slot="1@2026-11-25T08:40Z")
    assert browser.url.startswith("/de/holds/")
    assert browser.city.calls == []


async def test_a_provider_that_does_not_answer_leaves_the_button(browser: Browser) -> None:
    await _book(browser)
    browser.city.is_provider_away = True
    page = await browser.send()
    assert browser.status == 503
    assert "Unser Zahlungsdienst antwortet gerade nicht" in page
    browser.city.is_provider_away = False
    await browser.send()
    assert browser.url == "https://pay.example/session"


async def test_an_unpaid_case_says_until_when_and_can_be_given_back(browser: Browser) -> None:
    await _book(browser)
    page = await browser.go(f"/de/appointments/{ID}")
    assert "Für Sie reserviert bis 10:45 Uhr." in page
    page = await browser.go(
        html.unescape(re.findall(r'href="([^"]+)"><span class="kern-label">Zeit zurückgeben', page)[0])
    )
    assert "Diese Zeit wirklich zurückgeben?" in page
    await browser.send()
    assert browser.city.calls == ["cancel"]


async def test_the_language_of_the_check_page_changes_with_the_way_back_kept(browser: Browser) -> None:
    page = await _book(browser)
    other = html.unescape(re.findall(r'<a href="([^"]+)" lang="en"', page)[0])
    page = await browser.go(other)
    assert 'aria-label="Change: your details"' in page


@pytest.mark.parametrize("asked", ["a taken time", "wrong details"])
async def test_the_language_of_an_answer_changes_with_everything_kept(browser: Browser, asked: str) -> None:
    await browser.go(TIMES)
    if asked == "a taken time":
        await browser.send()
        browser.city.clock.advance(minutes=16)
        await browser.send(**KIM)
    else:
        await browser.send()
        await browser.send(**KIM | {"email": "kim@"})
    before = browser.status
    page = await browser.switch()
    assert browser.status == before
    assert '<html lang="en"' in page
    assert 'value="Kim Mustermann"' in page


async def test_a_telephone_appointment_needs_a_number(browser: Browser) -> None:
    await browser.go("/de/times?service=1&channel=phone")
    page = await browser.send()
    assert "Wir rufen Sie an und brauchen dafür eine Telefonnummer." in page
    page = await browser.send(**KIM)
    assert browser.status == 422
    assert "Geben Sie eine Telefonnummer ein" in page
    page = await browser.send(**KIM, mobile="0711 2160")
    assert browser.url.startswith(f"/de/appointments/{ID}/check")
    page = await browser.go(f"/de/appointments/{ID}")
    assert "+49 711 2160" in page


async def test_the_duration_is_that_of_the_times_booked(browser: Browser) -> None:
    await _book(browser)
    assert browser.city.kept is not None
    browser.city.kept = replace(browser.city.kept, ends_at=browser.city.kept.starts_at + timedelta(minutes=35))
    assert "etwa 35 Minuten" in await browser.go(f"/de/appointments/{ID}")


async def test_a_message_that_could_not_be_delivered_is_told(browser: Browser) -> None:
    await _book(browser)
    browser.city.become(AppointmentStatus.CONFIRMED)
    page = await browser.go(f"/de/appointments/{ID}")
    assert "senden wir an kim@example.org" in page
    assert f"https://termin.example/de/case/{CASE_TOKEN}" in page
    assert browser.city.kept is not None
    browser.city.kept = replace(browser.city.kept, is_told=False)
    assert "konnte nicht zugestellt werden" in await browser.go(f"/de/appointments/{ID}")


async def test_an_address_without_the_last_slash(browser: Browser) -> None:
    await browser.go("/de")
    assert (browser.status, browser.url) == (200, "/de/")
    await browser.go("/xx")
    assert browser.status == 404


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("/xx/", 404),
        ("/de/services/2147483648", 404),
        ("/de/services/abc", 404),
        ("/de/services/7", 404),
        ("/de/times?service=1&channel=pigeon", 422),
        ("/de/times?service=1&channel=onsite&office=99", 404),
        ("/de/times?service=1&channel=onsite&day=0001-01-01", 200),
        ("/de/times?service=1&channel=onsite&day=9999-12-31", 200),
        ("/de/holds/nonsense", 404),
        (f"/de/holds/{UUID(int=1)}", 401),
        (f"/de/appointments/{ID}", 401),
        ("/de/nothing/here", 404),
    ],
)
async def test_wrong_addresses(browser: Browser, url: str, status: int) -> None:
    page = await browser.go(url)
    assert browser.status == status
    assert "<h1" in page


@pytest.mark.parametrize(
    "broken",
    [
        {"slot": "1@never"},
        {"slot": ""},
        {"slot": "1@2026-12-01T10:00"},  # without its offset it is no instant
        {"slot": "1@2026-12-01"},
        {"slot": "1@2026-02-30T10:00Z"},
        {"slot": "1@0001-01-01T00:00+14:00"},
        {"slot": "²@2026-12-01T10:00Z"},
        {"service": "x"},
        {"office": "1,x"},
        {"request_key": ""},
    ],
)
async def test_broken_forms_are_refused(browser: Browser, broken: dict[str, str]) -> None:
    await browser.go(TIMES)
    await browser.send(**broken)
    assert browser.status == 400


async def test_calendar_file(browser: Browser) -> None:
    await _book(browser)
    assert (await browser.go(f"/de/appointments/{ID}/calendar.ics")).startswith("BEGIN:VCALENDAR")


async def test_root_speaks_the_readers_language(browser: Browser) -> None:
    async with browser.client.get(
        "/", headers={"Accept-Language": "en-GB,de;q=0.5"}, allow_redirects=False
    ) as response:
        assert (response.status, response.headers["Location"]) == (302, "/en/")


async def test_a_new_week_begins_today(browser: Browser) -> None:
    browser.city.clock.advance(hours=1)
    page = await browser.go(f"{TIMES}&day={browser.city.clock().date() + timedelta(days=7)}")
    assert re.findall(r'<a class="kern-link" href="([^"]+)#days"', page)[0].endswith("day=2026-11-23")


async def test_a_weak_hit_is_behind_a_link(browser: Browser) -> None:
    assert (await browser.go("/de/?q=beantragen&all=1")).count('class="card"') == 4
    await browser.go("/de/?q=beantragen&all=maybe")
    assert browser.status == 422


async def test_the_legal_basis_is_that_of_the_hold(browser: Browser) -> None:
    await browser.go(TIMES)
    page = await browser.send()
    assert "37,00\xa0€</bdi><br><bdi>§ 1 PAuswGebV, Fassung beim Reservieren" in page
    page = await browser.send(**KIM)
    assert "Rechtsgrundlage: § 1 PAuswGebV, Fassung beim Reservieren" in page
    page = await browser.go(f"/de/appointments/{ID}")
    assert "§ 1 PAuswGebV, Fassung beim Reservieren" in page


def kept(browser: Browser, kind: str) -> list[str]:
    """The ids of the browser's cookies of a kind."""
    names = [cookie.key for cookie in browser.client.session.cookie_jar]
    return [name.removeprefix(f"{kind}-") for name in names if name.startswith(f"{kind}-")]


async def test_another_time_gives_the_first_back(browser: Browser) -> None:
    await browser.go(TIMES)
    await browser.send()
    await browser.go(TIMES)
    await browser.send(slot="1@2026-11-25T08:40Z")
    first, second = browser.city.holds.values()
    assert (first.status, second.status) == (HoldStatus.OVER, HoldStatus.HELD)
    assert kept(browser, "hold") == [str(second.id)]


async def test_a_time_that_is_gone_leaves_the_one_before(browser: Browser) -> None:
    await browser.go(TIMES)
    await browser.send()
    await browser.go(TIMES)
    browser.city.is_taken = True
    await browser.send()
    (only,) = browser.city.holds.values()
    assert only.status is HoldStatus.HELD
    assert kept(browser, "hold") == [str(only.id)]


async def test_another_time_leaves_what_has_become_a_case(browser: Browser) -> None:
    await _book(browser)
    (booked,) = browser.city.holds.values()
    jar = browser.client.session.cookie_jar
    jar.update_cookies({f"hold-{booked.id}": booked.token}, browser.client.make_url("/"))  # as if it had stayed
    await browser.go(TIMES)
    await browser.send(slot="1@2026-11-25T08:40Z")
    assert browser.city.holds[booked.id].status is HoldStatus.USED
    assert kept(browser, "case") == [str(ID)]


async def test_a_foreign_hold_is_not_released(browser: Browser) -> None:
    await browser.go(TIMES)
    await browser.send()
    (foreign,) = browser.city.holds.values()
    jar = browser.client.session.cookie_jar
    jar.update_cookies({f"hold-{foreign.id}": "guessed"}, browser.client.make_url("/"))
    await browser.go(TIMES)
    await browser.send(slot="1@2026-11-25T08:40Z")
    assert browser.city.holds[foreign.id].status is HoldStatus.HELD
    assert str(foreign.id) not in kept(browser, "hold")


async def test_the_holds_cookie_goes_when_the_case_has_its_own(browser: Browser) -> None:
    await browser.go(TIMES)
    await browser.send()
    assert len(kept(browser, "hold")) == 1
    page = await browser.send(**KIM)
    assert (kept(browser, "hold"), kept(browser, "case")) == ([], [str(ID)])
    back = re.findall(r'<a class="kern-link" href="([^"]+)" aria-label="Ändern: Ihre Angaben"', page)[0]
    await browser.go(back)  # the case's token opens the form too
    await browser.send(**KIM | {"name": "Kim Muster"})
    assert browser.city.creations[-1][0].name == "Kim Muster"
    browser.client.session.cookie_jar.clear()
    await browser.go(back)
    assert browser.status == 401


async def test_who_types_for_longer_than_the_cookie_lives_loses_nothing(browser: Browser) -> None:
    await browser.go(TIMES)
    await browser.send()
    browser.city.clock.advance(minutes=40)
    browser.client.session.cookie_jar.clear()
    page = await browser.send(**KIM)
    assert browser.status == 409
    assert "Ihre Eingaben bleiben erhalten." in page
    assert browser.city.creations == []


async def _book(browser: Browser) -> str:
    await browser.go(TIMES)
    await browser.send()
    return await browser.send(**KIM)
