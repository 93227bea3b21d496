"""The pages' use cases played in memory: one service, one hold, one case. The handlers, cookies and access rules are the real ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID, uuid5

from aiohttp import web
from aiohttp.typedefs import Middleware

from base.clock import SettableClock
from base.config import Settings
from base.errors import NotFound
from base.i18n import Translations, pick, zone
from base.money import Money
from base.templates import Assets, Templates
from base.web import ACCESS, CLOCK, ERROR_PAGE, SETTINGS, TEMPLATES, TRANSLATIONS
from base.web.guard import Access, same_origin
from base.web.kept import Kept
from base.web.problems import problems
from booking.allocation.endpoints import NEED_SOURCE
from booking.allocation.feed import NeedSource
from booking.appointments.contact import Contact
from booking.appointments.endpoints import APPOINTMENTS, TILL_HOLDS
from booking.appointments.lifecycle import HoldOver
from booking.appointments.model import AppointmentStatus, Case, Created, Placed
from booking.appointments.policy import Terms
from booking.appointments.reduction_endpoints import REDUCTIONS
from booking.appointments.reductions import Offered
from booking.availability.endpoints import AVAILABILITY
from booking.availability.model import (
    ANY_TIME,
    JUST_ONE,
    Basis,
    Item,
    Offer,
    OfficeOffer,
    Slot,
    TimeOfDay,
    TimesOfDay,
    Visit,
    Window,
)
from booking.availability.offering import NotOffered
from booking.catalogue.endpoints import CATALOGUE
from booking.catalogue.model import Office, Responsibility, Service, ServiceDetail, ServiceHit
from booking.catalogue.questions import Question
from booking.charges.endpoints import CHARGES
from booking.guard.endpoints import GUARD
from booking.holds.endpoints import HOLDS
from booking.holds.model import Hold, HoldStatus
from booking.holds.refusals import HoldInUse, SlotTaken
from booking.rebooking.endpoints import REBOOKINGS
from booking.waitlist.endpoints import WAITLIST
from booking.waitlist.model import Offer as WaitlistOffer
from booking.waitlist.model import Standing, Wish
from frontend.citizen.errors import error_page
from frontend.citizen.find_pages import KNOWN_TIMES
from frontend.citizen.pages import ENDPOINTS
from payment.context import PaymentUnavailable
from payment.transfers.endpoints import TRANSFERS
from payment.transfers.model import Order
from tests.frontend.at_till import NoTills
from tests.frontend.samples import CITY, COUNTS, DAY, DETAIL, HITS, ID, NOW, OFFICES, POLICY, SOON
from video.rooms.model import Invitation

ROOT = Path(__file__).parents[2]
CASE_TOKEN = "c" * 43


class City:
    """All four use cases in one object; what a test wants to happen is set on it."""

    can_text = True
    only_at_till = False

    def __init__(self) -> None:
        self.clock = SettableClock(NOW)
        self.responsibility: dict[int, tuple[Responsibility, ...]] = {}
        self.is_taken = False
        self.is_over = False
        self.is_provider_away = False
        self.is_paid_at_once = False  # the payer is faster than the fence
        self.pay_url: str | None = "https://pay.example/session"
        self.holds: dict[UUID, Hold] = {}
        self.cases: dict[UUID, Case] = {}
        self.invited: Invitation | None = None
        self.creations: list[tuple[Contact, str]] = []
        self.calls: list[str] = []
        self.wish: Wish | None = None
        self.offer_made: WaitlistOffer | None = None

    # catalogue

    async def search(self, text: str, language: str, limit: int = 20) -> list[ServiceHit]:
        return [hit for hit in HITS if text.lower() in pick(hit.service.name, language).lower()][:limit]

    @property
    def known(self) -> SimpleNamespace:
        return SimpleNamespace(city=CITY)

    async def questions(self, service_ids: Iterable[int]) -> tuple[Question, ...]:
        return ()

    async def service(self, service_id: int) -> ServiceDetail:
        if service_id != 1:
            raise NotFound
        return DETAIL

    async def offices(self) -> list[Office]:
        return list(OFFICES)

    async def booked(self, service_id: int, office_id: int) -> tuple[Service, Office]:
        return DETAIL.service, next(office for office in OFFICES if office.id == office_id)

    # availability

    def basis(self, offer: Offer, offices: object, now: datetime) -> Basis:
        return Basis(self, 0, (), (), now)

    def stands(self, basis: Basis) -> bool:
        return False  # what a test sets on the city is seen at once

    def get_offer(
        self, service_id: int, channel: str, office_ids: Iterable[int] | None, visit: Visit = JUST_ONE
    ) -> tuple[Offer, list[OfficeOffer]]:
        offices = {office.id: OfficeOffer(office.id, office.time_zone, (1,)) for office in OFFICES}
        wanted = list(office_ids or offices)
        if service_id != 1 or not set(wanted) <= offices.keys():
            raise NotOffered
        return Offer(service_id, channel, 20, offices), [offices[one] for one in wanted]

    def next_free(
        self,
        service_id: int,
        channel: str,
        office_ids: Iterable[int],
        limit: int = 3,
        visit: Visit = JUST_ONE,
        at: TimesOfDay = ANY_TIME,
    ) -> list[Slot]:
        ids = set(office_ids)
        return [slot for slot in _at(SOON, at) if slot.office_id in ids][:limit]

    def earliest(
        self,
        service_id: int,
        channel: str,
        office_ids: Iterable[int],
        visit: Visit = JUST_ONE,
        at: TimesOfDay = ANY_TIME,
    ) -> list[Slot]:
        ids = set(office_ids)
        firsts = {slot.office_id: slot for slot in reversed(_at(SOON, at))}
        return [slot for slot in SOON if slot in firsts.values() and slot.office_id in ids]

    def days(
        self,
        service_id: int,
        channel: str,
        office_ids: Iterable[int],
        window: Window,
        visit: Visit = JUST_ONE,
        at: TimesOfDay = ANY_TIME,
    ) -> dict[date, int]:
        return {day: COUNTS.get(day, 0) for day in window.days}

    def slots(
        self,
        service_id: int,
        channel: str,
        office_ids: Iterable[int],
        window: Window,
        visit: Visit = JUST_ONE,
        at: TimesOfDay = ANY_TIME,
    ) -> list[Slot]:
        return _at(DAY, at)

    def nearest(
        self,
        service_id: int,
        channel: str,
        office_ids: list[int],
        starts_at: datetime,
        limit: int = 3,
        visit: Visit = JUST_ONE,
    ) -> list[Slot]:
        return [*SOON, DAY[0]][:limit]

    # holds

    async def snapshot(self) -> City:
        """As Catalogue: no place has a name but the offices."""
        return self

    @property
    def named_places(self) -> dict[str, object]:
        return {}

    def find_place(self, typed: str) -> None:
        """As Snapshot."""

    def of(self, services: object) -> None:
        """As Guard: nothing is guarded here."""

    async def hold(
        self,
        service_id: int,
        channel: str,
        office_id: int,
        starts_at: datetime,
        key: str,
        visit: Visit = JUST_ONE,
        entry: None = None,
    ) -> Hold:
        if self.is_taken:
            raise SlotTaken(SOON)
        ident = uuid5(UUID(key), f"{office_id} {starts_at}")
        made = Hold(
            id=ident,
            token=f"token-of-{ident}",
            service_id=service_id,
            channel=channel,
            office_id=office_id,
            starts_at=starts_at,
            ends_at=starts_at + timedelta(minutes=20),
            expires_at=self.clock() + timedelta(minutes=15),
            fee=Money(3700),
            legal_basis={"de": "§ 1 PAuswGebV, Fassung beim Reservieren"},
        )
        return self.holds.setdefault(ident, made)

    async def find(self, ident: UUID) -> Hold:
        if ident not in self.holds:
            raise NotFound
        return self.holds[ident]

    async def release(self, ident: UUID) -> None:
        hold = await self.find(ident)
        if hold.status is HoldStatus.USED:
            raise HoldInUse
        self.holds[ident] = replace(hold, status=HoldStatus.OVER)

    # the list for earlier times

    async def standing(self, appointment_id: UUID) -> Standing:
        return Standing(wish=self.wish, offer=self.offer_made, may_join=True)

    async def join(self, appointment_id: UUID, wish: Wish) -> Standing:
        self.wish = wish
        return await self.standing(appointment_id)

    # appointments

    async def create(
        self,
        hold_id: UUID,
        contact: Contact,
        key: str,
        *,
        answers: Mapping[int, str],
        asks_first: bool = False,
        instead: UUID | None = None,
    ) -> Created:
        if self.is_over:
            raise HoldOver
        self.creations.append((contact, key))
        hold = self.holds[hold_id]
        ident = hold.appointment_id or (uuid5(ID, str(hold_id)) if self.cases else ID)
        self.cases[ident] = Case(
            id=ident,
            number="K7F-3QM",
            status=AppointmentStatus.HELD,
            service_id=hold.service_id,
            office_id=hold.office_id,
            channel=hold.channel,
            language=contact.language,
            items=hold.items or (Item(hold.service_id),),
            starts_at=hold.starts_at,
            ends_at=hold.ends_at,
            time_zone="Europe/Berlin",
            hold_until=hold.expires_at,
            fee=hold.fee,
            legal_basis=hold.legal_basis,
            terms=Terms.of(100, (), ()),
            refund_policy=POLICY,
            sequence=0,
            created_at=NOW,
            contact=contact,
        )
        self.holds[hold_id] = replace(hold, status=HoldStatus.USED, appointment_id=ident)
        return Created(self.cases[ident], CASE_TOKEN)

    async def placed(self, appointment_id: UUID) -> list[Placed]:
        return []

    async def case(self, appointment_id: UUID) -> Case:
        return self.cases[appointment_id]

    async def authorise(self, ident: UUID, token: str) -> bool:
        return token in (CASE_TOKEN, f"token-of-{ident}")

    async def find_by_token(self, token: str) -> UUID | None:
        return ID if token == CASE_TOKEN else None

    async def link(self, appointment_id: UUID) -> str:
        return f"https://termin.example/de/case/{CASE_TOKEN}"

    def is_checked_if_cancelled(self, case: Case) -> bool:
        return False

    async def pay(self, appointment_id: UUID, return_url: str) -> str | None:
        self.calls.append(f"pay {return_url}")
        if self.is_over:
            raise HoldOver
        if self.is_provider_away:
            raise PaymentUnavailable
        return self.pay_url

    async def settle(self, appointment_id: UUID) -> Case:
        self.calls.append("settle")
        return self.become(AppointmentStatus.CONFIRMED)

    async def cancel(self, appointment_id: UUID, shown: Money | None = None) -> Case:
        self.calls.append("cancel")
        return self.become(AppointmentStatus.CANCELLED)

    async def give_back(self, appointment_id: UUID) -> None:
        self.calls.append(f"give back {appointment_id}")
        if not self.is_paid_at_once or appointment_id != ID:
            self.become(AppointmentStatus.CANCELLED, appointment_id)
        elif self.cases[ID].status is AppointmentStatus.HELD:
            self.become(AppointmentStatus.CONFIRMED, ID)

    async def offered(self, appointment_id: UUID) -> Offered:
        """No reductions here."""
        fee = self.cases[appointment_id].fee
        return Offered(whole=fee, fee=fee)

    async def at_time(self, appointment_id: UUID, hold_id: UUID) -> Money:
        return self.holds[hold_id].fee

    async def is_open(self, appointment_id: UUID) -> bool:
        """No counter is ever closed here."""
        return False

    async def references(self, appointment_id: UUID) -> list[UUID]:
        return [appointment_id]

    async def of_case(self, appointment_id: UUID) -> list[Any]:
        return []

    async def of_references(self, references: Sequence[UUID]) -> Sequence[Order]:
        """Every refund arrives here."""
        return ()

    async def invitation(self, appointment_id: UUID) -> Invitation | None:
        return self.invited

    async def calendar(self, appointment_id: UUID) -> bytes:
        return b"BEGIN:VCALENDAR\r\n"

    @property
    def kept(self) -> Case | None:
        """The case made last."""
        return next(reversed(self.cases.values()), None)

    @kept.setter
    def kept(self, case: Case) -> None:
        self.cases[case.id] = case

    def become(self, status: AppointmentStatus, ident: UUID | None = None) -> Case:
        case = self.cases[ident] if ident else self.kept
        assert case is not None
        self.kept = made = replace(case, status=status, sequence=case.sequence + 1)
        return made


def _at(slots: Iterable[Slot], wanted: TimesOfDay) -> list[Slot]:
    local = zone("Europe/Berlin")
    return [slot for slot in slots if not wanted or TimeOfDay.at(slot.starts_at.astimezone(local).hour) in wanted]


def site(city: City, assets: Assets) -> web.Application:
    """The pages alone, wired as server.app does it."""
    translations = Translations.load()
    guard = Access({(endpoint.method, endpoint.path): endpoint for endpoint in ENDPOINTS})
    middlewares: list[Any] = [problems, same_origin, guard.middleware()]
    app: Any = web.Application(middlewares=cast("list[Middleware]", middlewares))
    app[SETTINGS] = Settings(database_url="", secret_key="", public_url="http://termin.example")
    app[CLOCK] = city.clock
    app[TRANSLATIONS] = translations
    app[TEMPLATES] = Templates([ROOT / "frontend" / "templates"], translations, assets)
    app[ERROR_PAGE] = error_page
    app[ACCESS] = {"case": city.authorise, "hold": city.authorise}
    for key in (
        CATALOGUE,
        AVAILABILITY,
        HOLDS,
        GUARD,
        APPOINTMENTS,
        REDUCTIONS,
        REBOOKINGS,
        WAITLIST,
        TRANSFERS,
        CHARGES,
    ):
        app[key] = city
    app[TILL_HOLDS] = NoTills()
    app[NEED_SOURCE] = NeedSource()  # nothing is given out by need here
    app[KNOWN_TIMES] = Kept()
    app.add_routes([web.route(endpoint.method, endpoint.path, endpoint.handler) for endpoint in ENDPOINTS])
    return cast("web.Application", app)
