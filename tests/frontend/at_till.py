"""Pages about paying at a till, in every state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from booking.appointments.contact import Contact
from booking.appointments.till_holds import TillOffer, Way
from booking.appointments.till_store import TillHold, TillPlace
from booking.appointments.till_term import Because
from frontend.citizen.case import CaseFacts, case_page
from frontend.citizen.holding import Chosen, check_page
from frontend.citizen.till_views import code_page, offered_text, places_shown, till_page, till_part
from frontend.citizen.words import Words


def at_till_pages(
    words: Words, ident: UUID, chosen: Chosen, contact: Contact, held: CaseFacts, key: str
) -> dict[str, tuple[str, Callable[[], object]]]:
    pay_by, morning = words.now + timedelta(days=2), words.now - timedelta(hours=2)
    places = (
        TillPlace(
            office_id=1,
            name={"de": "Bürgerbüro Mitte", "en": "Citizens' office Mitte"},
            street="Eberhardstraße 39",
            postcode="70173",
            place="Stuttgart",
            time_zone="Europe/Berlin",
            open=[(morning + timedelta(days=n), morning + timedelta(days=n, hours=5)) for n in range(2)],
        ),
    )
    ways = ((Way.EMAIL, "kim.mustermann-beispiel@post.stuttgart.example"), (Way.MOBILE, "+4915123456789"))
    offer = TillOffer(pay_by=pay_by, because=Because.SERVICE, is_asked=False, ways=ways, places=places)
    path, waiting = f"/appointments/{ident}", replace(held, at_till="RF26 SCH0 0000 0001", has_till_hold=True)

    def code(**more: Any) -> Callable[[], object]:
        hidden = (("code_id", str(ident)), ("request_key", key))
        return lambda: code_page(
            words, path, chosen, offer, hidden=hidden, sent_to="kim@example.org", until="10:15", **more
        )

    def shown(offered: TillOffer, problem: str = "") -> Callable[[], object]:
        return lambda: till_page(words, path, chosen, offered, key, problem)

    text = offered_text(words, chosen, offer)
    return {
        "check-till": (
            "check",
            lambda: check_page(words, ident, ident, chosen, contact, pay_by, {}, key, till_text=text, problem="…"),
        ),
        "till": ("till", shown(offer)),
        "till-down": ("till", shown(replace(offer, because=Because.PROVIDER), "…")),
        "till-again": ("till", shown(replace(offer, is_asked=True))),
        "till-nobody": ("till", shown(replace(offer, ways=()))),
        "till-code": ("till_code", code()),
        "till-code-wrong": ("till_code", code(typed="12", wrong="…")),
        "case-at-till": (
            "case",
            lambda: replace(case_page(words, waiting, key), till=till_part(held.number, places_shown(words, places))),
        ),
        "case-till-too": ("case", lambda: replace(case_page(words, held, key), till_url=f"/de{path}/till")),
    }


class NoTills:
    """A city without a till."""

    async def offer(self, appointment_id: UUID, *, with_places: bool = True) -> TillOffer | None:
        return None

    async def after_silence(self, appointment_id: UUID) -> TillOffer | None:
        return None

    async def found(self, appointment_id: UUID) -> TillHold | None:
        return None
