"""Every page in every state, made by the real builders from a small imagined city."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from multidict import MultiDict

from base.i18n import Translations
from base.money import Money
from booking.allocation.documents import NotADocument
from booking.allocation.store import Marked
from booking.appointments.contact import Contact
from booking.appointments.model import Answer, AppointmentStatus, Case, Reconfirm, ReconfirmStatus, Waiting
from booking.appointments.policy import NOTHING_BACK, Terms
from booking.appointments.twins import AnotherBooked, LimitReached
from booking.availability.model import Item, Slot, TimeOfDay, Visit
from booking.catalogue.draft import LineError
from booking.catalogue.import_diff import Change
from booking.catalogue.import_format import NEEDED, OPTIONAL
from booking.catalogue.import_report import Counts, InTheWay
from booking.catalogue.model import Channel, City, Fee, Office, Service, ServiceDetail, ServiceHit
from booking.catalogue.nearby import Point
from booking.catalogue.questions import Kind, Question
from booking.catalogue.uploads import CatalogueChanged
from booking.holds.model import Hold
from booking.invitations.model import Invitation, InvitationStatus, Invited, Way
from booking.invitations.model import Terms as InvitationTerms
from booking.rebooking.model import Offered as RebookingTime
from booking.rebooking.model import Rebooking, RebookingStatus
from frontend.allocation.views import CallCard, CallsPage, MarkedLine, MarkedPage, MarkPage
from frontend.bank import wording as bank_wording
from frontend.bank.views import PaymentsPage, StatementsPage
from frontend.bookings.views import NeedPage as NeedPageOfStaff
from frontend.bookings.views import RequestPage as RequestPageOfStaff
from frontend.catalogue import wording as catalogue_wording
from frontend.catalogue.views import ComparedPage, UploadPage
from frontend.citizen import guard_views
from frontend.citizen.busy import busy_page
from frontend.citizen.case import CaseFacts, case_page
from frontend.citizen.choosing import Offered, Wanted, Why, gone_page, times_page
from frontend.citizen.contact_form import asked, empty, read, typed_before
from frontend.citizen.finding import Choice, Place, add_page, service_page, start_page
from frontend.citizen.frame import frame
from frontend.citizen.holding import Chosen, check_page, contact_page
from frontend.citizen.invitation_pages import code_page
from frontend.citizen.invitation_wording import invited_page
from frontend.citizen.moving import move_page
from frontend.citizen.need_form import NeedForm
from frontend.citizen.need_views import DocumentLine, NeedPage, NoticePage, RequestPage, RunLine, RunsPage
from frontend.citizen.need_wording import rule
from frontend.citizen.overview_pages import ask_page
from frontend.citizen.overview_views import ListedCase, ListPage, OpenPage
from frontend.citizen.rebooking import rebooking_page
from frontend.citizen.refund_pages import code_page as refund_code_page
from frontend.citizen.twin_pages import twin_page
from frontend.citizen.views import ErrorPage, MovePage, RebookingPage, Row, ShownError, Tick, WaitlistPart
from frontend.citizen.views import OfferedTime as ShownTime
from frontend.citizen.waitlist_views import leave_page, read_wish, wish_page, wished_before
from frontend.citizen.who import who_page
from frontend.citizen.wishes import Nearby, Wishes
from frontend.citizen.words import Words
from frontend.closing.views import (
    AffectedLine,
    CaseLine,
    ClosingLine,
    EntryPage,
    FormPage,
    Group,
    PreviewPage,
    TrackPage,
)
from frontend.guard.views import AllowanceLine, GuardPage
from frontend.guard.views import ServiceLine as GuardedLine
from frontend.guard.views import ServicePage as GuardedPage
from frontend.invitations.people import COLUMNS
from frontend.invitations.views import ListPage as InvitationListPage
from frontend.invitations.views import ManyPage as ManyInvitationsPage
from frontend.invitations.views import NewPage as NewInvitationPage
from frontend.invitations.views import OnePage as OneInvitationPage
from frontend.invitations.wording import line, rows
from frontend.room.calling import room_page
from frontend.staff.views import NavLink, PrintRun, StaffFrame
from payment.bank.model import FoundPayment, Refusal, StoredStatement
from payment.bank.refusing import OtherCurrency
from tests.frontend.at_till import at_till_pages
from tests.frontend.charge_samples import charge_pages, charged_pages
from tests.frontend.finance_samples import finance_pages
from tests.frontend.reduced import CARD, counter_pages, reduced_pages
from tests.frontend.refund_samples import refund_pages
from tests.frontend.till_samples import till_pages

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
ID = UUID("0b8a6d0e-4a52-4f0e-9d0b-6a1f0e6f7a11")
KEY = "7f1f0f3e-52d0-4a3f-8a3b-0d8d4f4b5c6a"
MONDAY = date(2026, 11, 23)
POLICY = {
    "de": "Sie können bis zum Beginn absagen. Die ganze Gebühr wird von selbst erstattet.",
    "en": "You may cancel until the start. The whole fee is returned by itself.",
}


CITY = City(
    name={"de": "Stuttgart"},
    time_zone="Europe/Berlin",
    holidays="DE-BW",
    contact={"phone": "115", "address": "Landeshauptstadt Stuttgart\nMarktplatz 1\n70173 Stuttgart\n"},
    languages=("de", "en"),
    version=1,
)


def office(n: int, name: str, street: str, postcode: str, *, is_step_free: bool = True) -> Office:
    return Office(
        id=n,
        key=f"o{n}",
        name={"de": name},
        street=street,
        postcode=postcode,
        place="Stuttgart",
        latitude=48.77,
        longitude=9.18,
        is_step_free=is_step_free,
        directions={"de": "U-Bahn Rathaus" if n == 1 else ""},
        time_zone="Europe/Berlin",
    )


OFFICES = (
    office(1, "Bürgerbüro Mitte", "Eberhardstraße 39", "70173"),
    office(2, "Bürgerbüro Bad Cannstatt", "Marktplatz 10", "70372"),
    office(3, "Bürgerbüro Vaihingen", "Rathausplatz 1", "70563", is_step_free=False),
    office(4, "Bürgerbüro Feuerbach", "Wilhelm-Geiger-Platz 10", "70469"),
)


def service(
    n: int, de: str, en: str, *, channels: tuple[Channel, ...] = (Channel.ONSITE,), minutes: int | None = 20
) -> Service:
    return Service(
        id=n,
        key=f"s{n}",
        leika_key=None,
        name={"de": de, "en": en},
        summary={
            "de": "Neu beantragen, verlängern oder nach Verlust ersetzen.",
            "en": "Apply, renew, or replace after loss.",
        }
        if n == 1
        else {},
        search_words={},
        documents={
            "de": (
                "Alter Ausweis oder Reisepass",
                "Digitales biometrisches Foto mit QR-Code (nicht älter als sechs Monate)",
                "Bei Verlust: Verlustanzeige der Polizei",
            ),
            "en": ("Old ID card or passport", "Digital biometric photo with QR code", "If lost: police report"),
        }
        if n == 1
        else {},
        channels=channels,
        duration_min=minutes if channels else None,
        topic="",
        top=None,
        source="sample",
    )


EVERY = (Channel.ONSITE, Channel.VIDEO, Channel.PHONE)
ID_CARD = service(1, "Personalausweis beantragen", "Apply for an ID card", channels=EVERY)
SERVICES = (
    ID_CARD,
    service(2, "Wohnsitz anmelden oder ummelden", "Register a change of address", minutes=15),
    service(3, "Führungszeugnis beantragen", "Apply for a certificate of conduct", minutes=10),
    service(4, "Reisepass beantragen", "Apply for a passport"),
    service(5, "Fahrzeug zulassen", "Register a vehicle", minutes=25),
    service(6, "Aufenthaltserlaubnis verlängern", "Extend a residence permit", minutes=40),
    service(7, "Beratung zur Baugenehmigung", "Advice on building permits", channels=EVERY, minutes=30),
    service(8, "Bewohnerparkausweis beantragen", "Apply for a resident parking permit", channels=()),
)
CENTS = {1: 3700, 2: 0, 3: 1300, 4: 7000, 5: 3000, 6: 9300}


def question(ident: int, kind: Kind, german: str, english: str, condition: tuple[str, str] = ("", "")) -> Question:
    return Question(
        id=ident,
        service_id=1,
        key=str(ident),
        text={"de": german, "en": english},
        kind=kind,
        choices=(),
        is_required=ident < 3,
        condition_key=condition[0] or None,
        condition_value=condition[1] or None,
        kept_days=14,
    )


def fee(n: int) -> Fee | None:
    basis = {"de": "§ 1 Abs. 1 Personalausweisgebührenverordnung"} if n == 1 else {}
    return (
        Fee(
            id=n,
            service_id=n,
            amount_cents=CENTS[n],
            currency="EUR",
            legal_basis=basis,
            valid_from=None,
            valid_until=None,
        )
        if n in CENTS
        else None
    )


HITS = tuple(ServiceHit(service=one, fee=fee(one.id)) for one in SERVICES)
QUESTIONS = (
    question(1, Kind.YESNO, "Haben Sie schon einen Aufenthaltstitel?", "Do you already have a residence title?"),
    question(
        2, Kind.DATE, "Wann läuft Ihr Aufenthaltstitel ab?", "When does your residence title expire?", ("1", "yes")
    ),
    question(3, Kind.NUMBER, "Wie viele Personen ziehen mit Ihnen um?", "How many people move with you?"),
    question(4, Kind.TEXT, "Wie heißt Ihre Hochschule?", "What is your university called?"),
)
ANSWERED = (Answer(QUESTIONS[0], "yes"), Answer(QUESTIONS[1], "2027-01-31"))
DETAIL = ServiceDetail(service=ID_CARD, fee=fee(1), offices=dict.fromkeys(EVERY, OFFICES), reductions=(CARD,))


def slot(office_id: int, day: int, hour: int, minute: int) -> Slot:
    start = datetime(2026, 11, 23, hour, minute, tzinfo=UTC) + timedelta(days=day)
    return Slot(office_id, start, start + timedelta(minutes=20))


NEXT = {1: slot(1, 0, 13, 40), 2: slot(2, 1, 7, 20), 4: slot(4, 3, 10, 0)}
SOON = (NEXT[1], slot(2, 0, 14, 20), slot(1, 1, 7, 0))
DAY = tuple(
    slot(one, 2, hour, minute)
    for hour in (7, 8, 9, 12, 13, 14)
    for minute in (0, 20, 40)
    for one in (1, 2)
    if (hour * minute) % 7
)
COUNTS = {MONDAY + timedelta(days=n): (2, 14, 20, 1, 0, 0, 0, 9, 8, 7)[n] for n in range(10)}
PLACES = tuple(Place(office, 30 if office.id == 2 else 20, NEXT.get(office.id)) for office in OFFICES)
FULL = tuple(Place(office, 20, None) for office in OFFICES)
WANTED = Wanted(1, Channel.ONSITE)
WISHES = Wishes(TimeOfDay.AFTER_WORK, step_free=True, near="Bad Cannstatt")
NEARBY = Nearby(("70173", "Bad Cannstatt"), Point(48.81, 9.21))
CARS = replace(SERVICES[4], most=3, further_min=10, counted={"de": "Fahrzeuge", "en": "Vehicles"})
SECOND = ServiceDetail(service=CARS, fee=fee(5), offices={Channel.ONSITE: OFFICES})
BEFORE = ((Item(1), ID_CARD),)
VISIT = Wanted(1, Channel.ONSITE, visit=Visit(1, (Item(5, 3),)))
CHOSEN = Chosen(
    service=ID_CARD,
    office=OFFICES[0],
    channel=Channel.ONSITE,
    starts_at=slot(1, 2, 8, 40).starts_at,
    ends_at=slot(1, 2, 8, 40).ends_at,
    fee=Money(3700),
    legal_basis={"de": "§ 1 Abs. 1 Personalausweisgebührenverordnung"},
)
TOGETHER = replace(CHOSEN, visit=VISIT.visit, others=(CARS,), fee=Money(12700))
CALL = replace(CHOSEN, channel=Channel.PHONE)
FREE = Chosen(
    service=SERVICES[1],
    office=OFFICES[0],
    channel=Channel.VIDEO,
    starts_at=CHOSEN.starts_at,
    ends_at=CHOSEN.ends_at,
    fee=Money(0),
    legal_basis={},
)
TYPED = MultiDict(
    name="Kim Mustermann",
    email="kim@example.org",
    mobile="0151 23456789",
    street="Königstraße 1",
    postcode="70173",
    place="Stuttgart",
    language="de",
    needs="interpreter",
    note="Ukrainisch",
)
WRONG = MultiDict(name="", email="kim@example", mobile="12", street="Königstraße 1", postcode="7017")
ASKED, KEPT, RELEASED = (
    Reconfirm(ReconfirmStatus(status), NOW + timedelta(hours=20), releases=True)
    for status in ("asked", "kept", "released")
)
UNTIL = NOW + timedelta(minutes=15)
ALL_BACK = Terms.of(100, (), ())
WAITING = Waiting(hold_id=ID, starts_at=SOON[1].starts_at, hold_until=UNTIL, difference=Money(900))
WAITED = replace(WAITING, hold_until=NOW)
STEPS = Terms.of(100, (48, 24), (100, 50))


def case(
    status: str,
    payment: str = "",
    refund: str = "",
    *,
    has_email: bool = True,
    free: bool = False,
    terms: Terms = ALL_BACK,
    refund_cents: int = 3700,
    moves_left: int = 5,
    **more: Any,
) -> CaseFacts:
    return CaseFacts(
        id=ID,
        number="K7F-3QM",
        status=status,
        chosen=FREE if free else CHOSEN,
        payment=payment,
        refund=refund,
        reach="kim@example.org" if has_email else "",
        hold_until=UNTIL if status == "held" else None,
        can_cancel=status in ("held", "confirmed"),
        can_move=status == "confirmed",
        moves_left=moves_left,
        cancellation=POLICY,
        terms=terms,
        refund_now=Money(refund_cents) if (status, payment) == ("confirmed", "paid") else None,
        keep_url=f"https://termin.example/de/case/{'A' * 43}",
        **more,
    )


def booked(moves_left: int = 5, terms: Terms = ALL_BACK) -> Case:
    return Case(
        id=ID,
        number="K7F-3QM",
        status=AppointmentStatus.CONFIRMED,
        service_id=1,
        office_id=1,
        channel="onsite",
        language="de",
        items=(Item(1),),
        starts_at=CHOSEN.starts_at,
        ends_at=CHOSEN.ends_at,
        time_zone="Europe/Berlin",
        hold_until=None,
        fee=CHOSEN.fee,
        terms=terms,
        refund_policy=POLICY,
        sequence=1,
        created_at=NOW,
        contact=Contact(name="Kim", email="kim@example.org", language="de"),
        moves_left=moves_left,
    )


def move(words: Words, moves_left: int, terms: Terms = ALL_BACK, fee_cents: int = 3700) -> MovePage:
    was = booked(moves_left, terms)
    hold = Hold(
        id=ID,
        token="",
        service_id=1,
        channel="onsite",
        office_id=1,
        starts_at=SOON[1].starts_at,
        ends_at=SOON[1].ends_at,
        expires_at=UNTIL,
        fee=CHOSEN.fee,
    )
    will = replace(CHOSEN, starts_at=hold.starts_at, ends_at=hold.ends_at, fee=Money(fee_cents))
    return move_page(words, was, hold, was=CHOSEN, will=will, request_key=KEY)


def need_pages(words: Words) -> dict[str, tuple[str, Callable[[], object]]]:
    """Of services that are given out by need."""
    marked = Marked(
        service_id=1,
        key="title",
        name={"de": "Titel"},
        is_on=True,
        class_days=(7, 21, 42),
        offer_hours=48,
        rhythm_days=7,
        time_zone="Europe/Berlin",
        city={},
    )
    offices = tuple(Tick(value=str(n), label=f"Amt {n}", is_chosen=n == 1) for n in (1, 2))
    wrong = {"birth_date": words._("Enter your date of birth")}
    errors = tuple(ShownError(field=name, message=text) for name, text in wrong.items())
    need = NeedPage(
        frame=frame(words, "Termin anfragen", "/need/1", errors=errors),
        rule=rule(words, marked),
        action="/need/1",
        request_key=KEY,
        values={"name": "Kim", "language": words.language},
        messages=wrong,
        languages=(Tick(value="de", label="Deutsch", is_chosen=True),),
        offices=offices,
        times=(Tick(value="morning", label="Vormittags", is_chosen=False),),
        asks=("letters", "postcode", "kind"),
        kinds=(
            Tick(value="study", label="Studium", is_chosen=False),
            Tick(value="work", label="Arbeit", is_chosen=True),
        ),
        runs_url="/need/runs",
    )
    rows = (Row(label="SHA-256", value="9b968ca8b13b4b70829853d291bea2bc5a9ad8d4c5a249c7d06271e9b9706b4b"),)
    request = RequestPage(
        frame=frame(words, "Ihre Anfrage", f"/requests/{ID}"),
        text="…",
        rows=rows,
        explained=("…", "…"),
        documents=tuple(DocumentLine(name=f"Dokument {n}: PDF, 240 KB", remove_action="/remove") for n in (1, 2)),
        send_action="/documents",
        messages={"file": words._(NotADocument.message)},
        verify_action="/verify",
        withdraw_action="/withdraw",
        request_key=KEY,
        runs_url="/need/runs",
    )
    command = f"schalter verify-rank list.jsonl result.jsonl --seed '4 9' --hash {64 * 'a'} --id …"
    run = RunLine(title="Titel", rows=rows, list_url="/list", result_url="/result", command=command)
    return {
        "need": ("need", lambda: need),
        "need-request": ("need_request", lambda: request),
        "need-runs": ("need_runs", lambda: RunsPage(frame=frame(words, "Vergaben", "/need/runs"), runs=(run,))),
        "need-sent": ("need_notice", lambda: NoticePage(frame=frame(words, "E-Mail", "/need/sent"), text="…")),
    }


def overview_pages(words: Words) -> dict[str, tuple[str, Callable[[], object]]]:
    """My appointments."""
    wrong = {"email": words._("Enter the e-mail address or the mobile number that you gave when booking")}
    errors = tuple(ShownError(field=name, message=text) for name, text in wrong.items())
    here = frame(words, words._("My appointments"), f"/my-appointments/{ID}")
    rows = (
        Row(label="Wann", value="Mittwoch, 25. November 2026, 09:40 Uhr"),
        Row(label="Wo", value="Amt", lines=("…",)),
    )
    case = ListedCase(title="Personalausweis beantragen", url=f"/case/{'A' * 43}", rows=rows)
    return {
        "overview-ask": ("overview_ask", lambda: ask_page(words, {}, {}, can_text=True)),
        "overview-wrong": (
            "overview_ask",
            lambda: ask_page(words, {"mobile": "12"}, wrong, errors, can_text=True, problem="…"),
        ),
        "overview-open": ("overview_open", lambda: OpenPage(frame=here, action="/open", request_key=KEY)),
        "overview-list": ("overview_list", lambda: ListPage(frame=here, cases=(case, case))),
        "overview-empty": ("overview_list", lambda: ListPage(frame=here, cases=())),
    }


def invitation(status: InvitationStatus = InvitationStatus.OPEN) -> Invitation:
    first = SOON[0].starts_at.date()
    return Invitation(
        id=ID,
        terms=InvitationTerms(
            office_id=OFFICES[0].id,
            service_id=ID_CARD.id,
            channel="onsite",
            first_day=first,
            last_day=first + timedelta(days=30),
            answer_by=first + timedelta(days=9),
        ),
        language="de",
        way=Way.EMAIL,
        answer_until=NOW + timedelta(days=9),
        made_at=NOW,
        reminded_at=None,
        printed_at=None,
        status=status,
        case_id=ID if status is InvitationStatus.BOOKED else None,
        invited=Invited(Contact(name="Kim Mustermann", email="kim@example.org", language="de"), "32-17/2026"),
    )


def invitation_pages(words: Words) -> dict[str, tuple[str, Callable[[], object]]]:
    first = datetime.combine(invitation().terms.first_day, time(8), UTC)
    slots = [
        Slot(OFFICES[0].id, at, at + timedelta(minutes=20))
        for days in range(9)
        for at in (first + timedelta(days=days, minutes=20 * n) for n in range(0, 24, 3))
    ]

    def shown(status: InvitationStatus, slots: Sequence[Slot] = (), **more: Any) -> Callable[[], object]:
        return lambda: invited_page(words, invitation(status), ID_CARD, OFFICES[0], slots, None, KEY, **more)

    return {
        "invitation": ("invitation", shown(InvitationStatus.OPEN, slots)),
        "invitation-over": ("invitation", shown(InvitationStatus.OPEN, slots, has_run_out=True)),
        "invitation-full": ("invitation", shown(InvitationStatus.OPEN)),
        "invitation-booked": ("invitation", shown(InvitationStatus.BOOKED, case_url="/case")),
        "invitation-lapsed": ("invitation", shown(InvitationStatus.LAPSED)),
        "invitation-withdrawn": ("invitation", shown(InvitationStatus.WITHDRAWN)),
        "refund-code": ("letter_code", lambda: refund_code_page(words, "K7F", words._("This is missing."))),
        "invitation-code": ("letter_code", lambda: code_page(words, "K7F", words._("This is missing."))),
    }


def who_pages(words: Words) -> dict[str, tuple[str, Callable[[], object]]]:
    """What decides who is responsible."""
    wanted = Wanted(ID_CARD.id, Channel.ONSITE)
    kinds = (Tick(value="work", label="Arbeit", is_chosen=False), Tick(value="study", label="Studium", is_chosen=False))
    asks, wrong = ("letters", "postcode", "kind"), {"letters": words._("Who is responsible depends on this.")}
    return {
        "who": ("who", lambda: who_page(words, wanted, asks, kinds, {}, {})),
        "who-wrong": ("who", lambda: who_page(words, wanted, asks, kinds, {"letters": "1"}, wrong, "…")),
    }


def check_pages(words: Words) -> dict[str, tuple[str, Callable[[], object]]]:
    """The check before a time of a guarded service."""
    fields = (("service", "1"), ("channel", "onsite"), ("slot", "1@1"), ("request_key", KEY))
    wrong = {"code_email": words._("Enter an e-mail address or a mobile number")}
    said = words._("The check did not succeed, or took too long. Please try again, or have a code sent.")
    challenge = '{"parameters": {}}'

    def first(**more: Any) -> Callable[[], object]:
        return lambda: guard_views.check_page(words, "/holds", fields, challenge, can_text=True, **more)

    def code(**more: Any) -> Callable[[], object]:
        return lambda: guard_views.code_page(
            words, "/holds", fields, fields, sent_to="kim@example.org", until="10:15", **more
        )

    return {
        "check-first": ("check_first", first()),
        "check-first-wrong": ("check_first", first(messages=wrong, problem=said)),
        "check-code": ("check_code", code()),
        "check-code-wrong": ("check_code", code(typed="12", wrong=said)),
    }


def guard_pages(words: Words) -> dict[str, tuple[str, object]]:
    """Staff's pages of guarded services."""
    line = GuardedLine(name=words.pick(ID_CARD.name), state=words._("Not guarded"), refused=17, url="/service")
    allowance = AllowanceLine(
        name="Hilfsverein Mitte",
        reason="Begleitet Geflüchtete",
        used="3 von 20",
        state="Bis 24. Dez.",
        end_action="/end",
    )
    wrong = {"quota": words._("Please write something here.")}
    service = GuardedPage(
        frame=staff(words, words.pick(ID_CARD.name)),
        is_guarded=True,
        action="/guard",
        lift_action="/lift",
        allow_action="/allow",
        back_url="/back",
        request_key=KEY,
        link="https://termine.stuttgart.example/de/allowance/" + "q7Jc-0_x" * 5,
        refused=(Row(label=words._("Proof wrong or too late"), value="12"),),
        allowances=(allowance, replace(allowance, end_action="")),
        values={"per_network": "30", "per_contact": "5"},
    )
    errors = tuple(ShownError(field=name, message=text) for name, text in wrong.items())
    return {
        "guard-services": (
            "guard/services.html",
            GuardPage(frame=staff(words, words._("Guarded services")), q="", action="/guard/", lines=(line, line)),
        ),
        "guard-service": ("guard/service.html", service),
        "guard-service-wrong": (
            "guard/service.html",
            replace(service, frame=staff(words, "…", errors), link="", refused=(), allowances=(), messages=wrong),
        ),
    }


def catalogue_pages(words: Words) -> dict[str, tuple[str, object]]:
    """Files of the catalogue, wrong and right."""
    lines = (
        LineError(
            "fees.csv", 640, "legal_basis_de", "fee_without_legal_basis", "A fee needs its legal basis, a fee of 0 too."
        ),
        LineError("alles.zip", 0, "", "broken_zip", "This zip file cannot be read."),
    )
    name = words._("Lines of the files are wrong: nothing was changed")
    form = UploadPage(
        frame=staff(words, words._("Catalogue"), (ShownError(field="files", message=name),)),
        action="/catalogue",
        request_key=KEY,
        needed=catalogue_wording.files(words, NEEDED),
        optional=catalogue_wording.files(words, OPTIONAL),
        wrong=tuple(catalogue_wording.wrong_line(words, one) for one in lines),
        messages={"files": name},
    )
    changes = (
        Change("+", "service", "anmeldung-einer-nebenwohnung-fuer-minderjaehrige"),
        Change("-", "service", "beglaubigung"),
        Change("~", "service", "ausweis", "name", "de: Personalausweis", "de: Ausweis"),
        *(Change("~", "rule", f"buergerbuero-mitte service-{n}", "duration_min", "15", "20") for n in range(30)),
    )
    compared = ComparedPage(
        frame=staff(words, words._("What these files change")),
        back_url="/back",
        told="",
        problem="",
        rows=catalogue_wording.counts(
            words, dict.fromkeys(("offices", "counters", "services", "fees"), Counts(total=640, added=1, changed=2))
        ),
        kinds=catalogue_wording.kinds(words, changes),
        in_the_way=(),
        action="/apply",
        digest="0" * 64,
        request_key=KEY,
        until="Sie können das bis Freitag, 27. November 2026, 09:40 Uhr übernehmen.",
    )
    blocked = InTheWay(counter="buergerbuero-mitte/desk-1", times=("2026-12-01 09:00", "2026-12-01 09:15"), more=4)
    return {
        "catalogue-upload-wrong": ("catalogue/upload.html", form),
        "catalogue-compared": ("catalogue/compared.html", compared),
        "catalogue-in-the-way": (
            "catalogue/compared.html",
            replace(compared, in_the_way=catalogue_wording.in_the_way(words, (blocked,)), action=""),
        ),
        "catalogue-changed": (
            "catalogue/compared.html",
            replace(compared, problem=words._(CatalogueChanged.message), action=""),
        ),
    }


def bank_pages(words: Words) -> dict[str, tuple[str, object]]:
    wrong = words._(OtherCurrency.message, line=13, element="Amt", value="USD")
    iban = "DE02120300000000202051"
    stored = [
        StoredStatement(
            id=n,
            file_id=UUID(int=n),
            iban=iban,
            statement_id=f"S-{n}",
            year=2026,
            sequence=n,
            from_on=date(2026, 11, n),
            to_on=date(2026, 11, n),
            opening_cents=100_000,
            closing_cents=223_450,
            entries=12,
            follows=None,
        )
        for n in (1, 2, 5)
    ]
    refused = Refusal(
        name="auszug-3.xml",
        refused_at=NOW,
        code="bank_file_element_missing",
        fields={"line": 5, "element": "Stmt", "missing": "ElctrncSeqNb"},
    )
    payment = FoundPayment(
        entry=1,
        position=1,
        amount_cents=-1300,
        is_reversal=True,
        booked_on=date(2026, 11, 2),
        value_on=None,
        acct_svcr_ref="B-1",
        end_to_end_id="5f0c7a52-8f2e-4a53-9d0a-0d8a6c1e7b11",
        name="Kim <Einhorn> Mustermann",
        iban="DE89370400440532013000",
        remittance="RF26SCH000000001",
        return_reason="AC04",
    )
    title = words._("Bank statements")
    return {
        "bank-statements": (
            "bank/statements.html",
            StatementsPage(
                frame=staff(words, title, (ShownError(field="file", message=wrong),)),
                action="/bank",
                request_key=KEY,
                notice="",
                messages={"file": wrong},
                refused=(bank_wording.refused_line(words, refused),),
                accounts=(bank_wording.account(words, iban, stored),),
                search_url="/search",
            ),
        ),
        "bank-payments": (
            "bank/payments.html",
            PaymentsPage(
                frame=staff(words, "Auszug 1 von 2026"),
                back_url="/back",
                search_url="/search",
                asked="Kim",
                facts=((words._("Account"), bank_wording.spaced(iban)),),
                lines=(bank_wording.payment(words, payment),),
                more="",
            ),
        ),
    }


def waitlist_pages(words: Words) -> dict[str, tuple[str, Callable[[], object]]]:
    wrong = read_wish(
        MultiDict(
            [("first", "2026-12-20"), ("last", "2026-11-01"), ("day", "3"), ("part", "evening"), ("office", "2")]
        ),
        OFFICES,
        MONDAY,
    )
    here = f"/{words.language}/appointments/{ID}/waitlist"
    on_list = WaitlistPart(
        text=words._("You are on the list. When an earlier time that suits you becomes free, we write to you."),
        wish_url=here,
        wish_label=words._("Change what you wish for"),
        leave_action=f"{here}/leave",
        request_key=KEY,
    )
    offered = replace(
        on_list,
        offered=(
            Row(label=words._("Earlier time"), value=words.when(SOON[2].starts_at, "Europe/Berlin")),
            Row(label=words._("Place"), value=words.pick(OFFICES[0].name), lines=(words.address(OFFICES[0]),)),
            Row(label=words._("Kept until"), value=words.when(SOON[0].starts_at, "Europe/Berlin")),
        ),
        answers=f"{here}/offers/{ID}",
    )
    may_join = WaitlistPart(
        text=words._("When somebody gives back an earlier time, we can offer it to you before all others."),
        wish_url=here,
        wish_label=words._("Wish for an earlier time"),
    )

    def on_case(part: WaitlistPart) -> Callable[[], object]:
        return lambda: replace(case_page(words, case("confirmed", "paid"), KEY), waitlist=part)

    return {
        "waitlist": (
            "waitlist",
            lambda: wish_page(words, booked(), wished_before(None, booked()), OFFICES, is_on=False),
        ),
        "waitlist-wrong": ("waitlist", lambda: wish_page(words, booked(), wrong, OFFICES, is_on=True)),
        "waitlist-leave": ("waitlist_leave", lambda: leave_page(words, ID, "t" * 43, is_on=True)),
        "waitlist-left": ("waitlist_leave", lambda: leave_page(words, ID, "t" * 43, is_on=False)),
        "case-may-wait": ("case", on_case(may_join)),
        "case-waiting": ("case", on_case(on_list)),
        "case-earlier": ("case", on_case(offered)),
    }


def rebooking(words: Words, status: RebookingStatus, answer: str = "", **more: Any) -> RebookingPage:
    found = Rebooking(
        id=ID,
        closing_id=ID,
        office_id=1,
        appointment_id=ID,
        number="K7F-3QM",
        status=status,
        because=None,
        answer_until=NOW + timedelta(days=1),
        service_id=1,
        service=ID_CARD.name,
        channel="onsite",
        sold_by=1,
        starts_at=CHOSEN.starts_at,
        reason="Wasserschaden",
        fee_id=1,
        fee_cents=3700,
        times=1,
        now_at=CHOSEN.starts_at,
        now_counter=None,
        now_office=None,
        has_email=True,
        has_mobile=False,
    )
    offered = [
        RebookingTime(rebooking_id=ID, n=n, hold_id=ID, office_id=one.office_id, starts_at=one.starts_at, is_held=True)
        for n, one in enumerate(SOON, 1)
    ]
    offices = {one.id: one for one in OFFICES}
    return rebooking_page(words, found, offered, offices, KEY, answer=answer, **more)


def staff_pages(translations: Translations, language: str) -> Mapping[str, tuple[str, object]]:
    """As pages(), for staff: closings."""
    words = Words(translations, language, NOW, CITY)
    back = NavLink(label="Bürgerbüro Mitte", url="/back", is_current=False)
    wrong = {"starts_at": words._("Enter the day and time from which it is closed")}
    errors = tuple(ShownError(field=name, message=text) for name, text in wrong.items())
    title = "Die ganze Dienststelle: Mi., 25. Nov., 08:00 Uhr – Do., 26. Nov., 12:00 Uhr"
    rows = (Row(label="Grund", value="Wasserschaden"), Row(label="Geschlossen von", value="Petra Boss"))
    when = words.when(SOON[0].starts_at, "Europe/Berlin")
    affected = AffectedLine(
        who="Kim Mustermann",
        when=words.near(SOON[0].starts_at, "Europe/Berlin"),
        service=words.pick(ID_CARD.name),
        channel=words.channel("onsite"),
        counter="Schalter 3",
        reach="+49 1512 3456789, kim@example.org",
    )
    states = (("call", "warning"), ("asked", "info"), ("settled", "success"))
    lines = tuple(
        Group(
            id=ident,
            title=ident,
            lines=(
                CaseLine(
                    who="Kim Mustermann",
                    url="/case",
                    was=affected.when,
                    service=affected.service,
                    status="Mehrere Zeiten oder eine nicht mehr angebotene Leistung",
                    badge=badge,
                    reach=affected.reach,
                ),
            )
            * 2,
        )
        for ident, badge in states
    )
    times = tuple(ShownTime(value=f"1@{n}", when=when, office="Bürgerbüro Mitte", address="") for n in range(3))
    form = FormPage(
        frame=staff(words, "Schließen: Bürgerbüro Mitte", errors),
        back=back,
        action="/preview",
        counters=(Tick(value="", label="Die ganze Dienststelle", is_chosen=True),),
        if_silent=(Tick(value="telephone", label="Kommt auf die Liste derer, die wir anrufen", is_chosen=True),),
        closings=(
            ClosingLine(
                title=title, url="/c", reason="Wasserschaden", counts="12 Personen betroffen", is_settled=False
            ),
        ),
        values={"reason": "Wasserschaden", "answer_hours": "72"},
        messages=wrong,
    )
    preview = PreviewPage(
        frame=staff(words, "Schließen und neue Zeiten suchen?"),
        title="Bürgerbüro Mitte",
        rows=rows,
        count="2 Personen haben dann einen Termin",
        waiting="3 Personen sind gerade in der Dienststelle: Die Warteschlange läuft weiter.",
        affected=(affected, affected),
        action="/close",
        hidden=(("reason", "Wasserschaden"),),
        request_key=KEY,
        change_url="/change",
    )
    track = TrackPage(frame=staff(words, title), back=back, rows=rows, groups=lines, refresh_url="/again")
    entry = EntryPage(
        frame=staff(words, "Kim Mustermann"),
        back=back,
        rows=rows,
        status="Möchte eine andere Zeit",
        badge="warning",
        offered=times[:1],
        near=times,
        day="2026-11-25",
        day_action="/day",
        take_action="/take",
        cancel_action="/cancel",
        booking_url="/booking",
        request_key=KEY,
    )
    return {
        "closing-form": ("closing/form.html", form),
        "closing-preview": ("closing/preview.html", preview),
        "closing-track": ("closing/track.html", track),
        "closing-entry": ("closing/entry.html", entry),
        **allocation_pages(words),
        **guard_pages(words),
        **catalogue_pages(words),
        **bank_pages(words),
        **till_pages(words, staff(words, "Kasse")),
        **finance_pages(lambda title, errors: staff(words, title, errors)),
        **staff_invitations(words, back),
        **refund_pages(
            words, staff(words, "Erstattungen", (ShownError(field="iban", message="Diese IBAN stimmt nicht."),))
        ),
        **counter_pages(words, staff(words, "Bürgerbüro Mitte"), KEY),
        **charged_pages(words, staff(words, "Bürgerbüro Mitte"), KEY),
    }


def allocation_pages(words: Words) -> dict[str, tuple[str, object]]:
    """What staff see of giving out by need."""
    wrong = {"from_at": words._("Enter a date with time, or leave it empty: from now on")}
    errors = tuple(ShownError(field=name, message=text) for name, text in wrong.items())
    rule = "wird nach Dringlichkeit vergeben (Gruppen: bis 7, 21, 42 Tage, später; ein Angebot gilt 48 Std.)"
    marked = MarkedPage(
        frame=staff(words, words._("Services given out by need")),
        q="",
        action="/services",
        back_url="/back",
        lines=(MarkedLine(name="Aufenthaltstitel verlängern", state=words._("By need"), url="/1"),) * 2,
    )
    mark = MarkPage(
        frame=staff(words, "Nach Dringlichkeit: Aufenthaltstitel verlängern", errors),
        state=f"Derzeit: {rule}.",
        is_on=True,
        action="/mark",
        unmark_action="/unmark",
        consequence="12 offene Anfragen enden.",
        history=(Row(label="Mi., 25. Nov., 08:00 Uhr", value=f"Rosa: ab sofort {rule}", lines=("Genug Plätze",)),) * 2,
        back_url="/back",
        values={"class_days": "7, 21, 42", "offer_hours": "48", "rhythm_days": "7"},
        messages=wrong,
    )
    typed = NeedForm(
        values={"name": "Kim", "language": words.language, "street": "Weg 1"},
        wrong={"postcode": "Enter a postcode of five digits"},
    )
    messages = {name: words._(text) for name, text in typed.wrong.items()}
    need = NeedPageOfStaff(
        frame=staff(
            words,
            "Termin anfragen: Aufenthaltstitel verlängern",
            tuple(ShownError(field=name, message=text) for name, text in messages.items()),
        ),
        rule=("…", "…"),
        action="/need",
        back_url="/back",
        request_key=KEY,
        values=typed.values,
        messages=messages,
        languages=typed.language_ticks(),
        offices=typed.office_ticks(words, OFFICES),
        times=typed.time_ticks(words),
        asks=("letters", "postcode"),
        kinds=(),
        opens_post=True,
    )
    rows = (Row(label="Nummer Ihrer Anfrage", value="A6TZGGYGTC05"), Row(label="Stand", value="Nimmt teil"))
    request = RequestPageOfStaff(
        frame=staff(words, "Anfrage A6TZGGYGTC05"),
        notice="Bitte lesen Sie die Nummer vor.",
        rows=rows,
        person=(Row(label="Name", value="Kim Mustermann"), Row(label="Mobilnummer", value="+4915123456789")),
        explained=("12 Anfragen stehen in der geschlossenen Liste. Ihre hat Rang 3.", "Keine Anfrage war dringender."),
        case_url="/case",
        withdraw_action="/withdraw",
        back_url="/back",
    )
    card = CallCard(
        title="Kim Mustermann",
        message="Es gibt einen Termin: Do., 3. Dez., 08:00 Uhr, Bürgerbüro Mitte. Er ist zurückgelegt bis Do., 06:00 Uhr.",
        rows=request.person,
        explained=request.explained,
        say_action="/said",
        book_action="/book",
    )
    calls = CallsPage(
        frame=staff(words, words._("To be called or written to")),
        calls=(card, replace(card, book_action="")),
        back_url="/back",
    )
    return {
        "allocation-calls": ("allocation/calls.html", calls),
        "desk-need": ("bookings/need.html", need),
        "desk-request": ("bookings/request.html", request),
        "allocation-services": ("allocation/services.html", marked),
        "allocation-service": ("allocation/service.html", mark),
    }


def staff_invitations(words: Words, back: NavLink) -> dict[str, tuple[str, object]]:
    services = {ID_CARD.id: ID_CARD}
    shown = [invitation(one) for one in InvitationStatus]
    shown.append(replace(shown[0], is_told=False))
    lines = tuple(line(words, services, one, "/i") for one in shown)
    wrong = {"service": words._("Choose a service"), "first_day": words._("This is missing.")}
    errors = tuple(ShownError(field=name, message=text) for name, text in wrong.items())
    new = NewInvitationPage(
        frame=staff(words, words._("Invite somebody"), errors),
        back=back,
        action="/i",
        request_key=KEY,
        services=(Tick(value="1", label=words.pick(ID_CARD.name), is_chosen=False),),
        channels=(Tick(value="onsite", label=words.channel("onsite"), is_chosen=True),),
        languages=(
            Tick(value="de", label="Deutsch", is_chosen=True),
            Tick(value="en", label="English", is_chosen=False),
        ),
        opens_post=True,
        values={"reference": "32-17/2026"},
        messages=wrong,
    )
    many = ManyInvitationsPage(
        frame=staff(words, words._("Invite everybody of a list"), (ShownError(field="people", message="…"),)),
        back=back,
        action="/list",
        request_key=KEY,
        services=new.services,
        channels=new.channels,
        columns=tuple(heads[0] for heads in COLUMNS.values()),
        wrong=tuple(f"Zeile {n}: {words._('This is missing.')}" for n in (2, 7)),
        values={},
        messages={"people": words._("Lines of the file are wrong: nobody was invited")},
    )
    one = OneInvitationPage(
        frame=staff(words, "Kim Mustermann"),
        back=back,
        state=words._("Invited"),
        badge="info",
        rows=rows(words, services, OFFICES[0], invitation()),
        request_key=KEY,
        problem="…",
        case_url="/case",
        send_action="/send",
        letter_url="/letter.pdf",
        withdraw_action="/withdraw",
    )
    listed = InvitationListPage(
        frame=staff(words, words._("Invitations")),
        office="Bürgerbüro Mitte",
        new_url="/new",
        list_url="/list",
        told="12 …",
        lines=lines,
        print_label="12 Briefe drucken",
        print_action="/prints",
        request_key=KEY,
        problem="…",
        runs=(PrintRun(id="r", when="Mittwoch, 25. November 2026, 09:40 Uhr", letters="12", url="/p.pdf"),),
    )
    return {
        "invitations": ("invitations/list.html", listed),
        "invitations-new": ("invitations/new.html", new),
        "invitations-many": ("invitations/many.html", many),
        "invitations-many-new": ("invitations/many.html", replace(many, wrong=(), messages={})),
        "invitations-one": ("invitations/one.html", one),
    }


def staff(words: Words, title: str, errors: tuple[ShownError, ...] = ()) -> StaffFrame:
    return StaffFrame(
        language=words.language,
        title=title,
        city=words.pick(CITY.name),
        home_url="/",
        languages=(),
        who="",  # whoever has signed in has a form of their own there, without a key
        areas=(NavLink(label=words._("Closings"), url="/closings/", is_current=True),),
        sign_out_url="/out",
        password_url="/password",
        errors=errors,
    )


def _in_groups(offered: Offered) -> Offered:
    return replace(
        offered,
        next_free=[replace(one, places=n + 1) for n, one in enumerate(offered.next_free)],
        slots=[replace(one, places=8) for one in offered.slots],
    )


def twin_pages(words: Words) -> dict[str, tuple[str, Callable[[], object]]]:
    """The same service once more."""
    found, kept = words._(AnotherBooked.message), (("name", "Kim"), ("language", words.language))
    return {
        "twin": ("twin", lambda: twin_page(words, ID, found, None, kept, is_limit=False)),
        "twin-limit": ("twin", lambda: twin_page(words, ID, words._(LimitReached.message), ID, kept, is_limit=True)),
    }


def pages(translations: Translations, language: str, city: City | None = CITY) -> Mapping[str, tuple[str, object]]:
    """Name of the state -> template and view model."""
    words = Words(translations, language, NOW, city)
    offered = Offered(SOON, COUNTS, MONDAY, MONDAY + timedelta(days=60), MONDAY + timedelta(days=2), DAY)
    one_office = Offered(
        SOON[:1],
        COUNTS,
        MONDAY + timedelta(days=7),
        MONDAY + timedelta(days=60),
        MONDAY + timedelta(days=8),
        [s for s in DAY if s.office_id == 1],
    )
    nothing = Offered((), dict.fromkeys(COUNTS, 0), MONDAY, MONDAY + timedelta(days=3), MONDAY, ())
    offline = ServiceDetail(service=SERVICES[7], fee=None, offices={})
    typed, wrong = read(TYPED, language, Channel.ONSITE), read(WRONG, language, Channel.ONSITE)
    contact = typed.contact
    assert contact is not None
    made: dict[str, tuple[str, Callable[[], object]]] = {
        "start": ("start", lambda: start_page(words, "", HITS)),
        "start-found": ("start", lambda: start_page(words, "ausweis", HITS[:3])),
        "start-many": ("start", lambda: start_page(words, "Perso", (HITS * 4)[:27])),
        "start-all": ("start", lambda: start_page(words, "Perso", (HITS * 4)[:27], shows_all=True)),
        "start-nothing": ("start", lambda: start_page(words, "<Einhorn>", ())),
        "service": (
            "service",
            lambda: service_page(words, DETAIL, Choice(Channel.ONSITE, frozenset({1})), PLACES),
        ),
        "service-full": ("service", lambda: service_page(words, DETAIL, Choice(Channel.VIDEO), FULL)),
        "service-offline": ("service", lambda: service_page(words, offline, Choice(None), ())),
        "service-second": (
            "service",
            lambda: service_page(words, SECOND, Choice(Channel.ONSITE, frozenset(), 2, BEFORE), PLACES[:2]),
        ),
        "service-apart": (
            "service",
            lambda: service_page(words, SECOND, Choice(Channel.ONSITE, before=BEFORE), ()),
        ),
        "start-add": ("start", lambda: add_page(words, "", HITS, VISIT, (DETAIL, SECOND))),
        "times-group": ("times", lambda: times_page(words, DETAIL, WANTED, _in_groups(offered), KEY)),
        "times-visit": ("times", lambda: times_page(words, DETAIL, VISIT, offered, KEY, (SECOND,))),
        "times": ("times", lambda: times_page(words, DETAIL, WANTED, offered, KEY)),
        "times-wishes": (
            "times",
            lambda: times_page(words, DETAIL, replace(WANTED, wishes=WISHES), offered, KEY, nearby=NEARBY),
        ),
        "times-nowhere": (
            "times",
            lambda: times_page(words, DETAIL, WANTED, offered, KEY, nearby=Nearby(("70173",), unknown="Entenhausen")),
        ),
        "times-one-office": (
            "times",
            lambda: times_page(words, DETAIL, Wanted(1, Channel.ONSITE, (1,)), one_office, KEY),
        ),
        "times-move": ("times", lambda: times_page(words, DETAIL, replace(WANTED, moves=ID), offered, KEY)),
        "times-move-gone": (
            "times",
            lambda: gone_page(words, DETAIL, replace(WANTED, moves=ID), SOON[:3], KEY, why=Why.TAKEN, gone=SOON[0]),
        ),
        "move": ("move", lambda: move(words, 5)),
        "move-cheaper": ("move", lambda: move(words, 5, fee_cents=3000)),
        "move-dearer": ("move", lambda: move(words, 5, fee_cents=4600)),
        "case-dearer": ("case", lambda: case_page(words, case("confirmed", "paid", waiting=WAITING), KEY)),
        "case-dearer-late": ("case", lambda: case_page(words, case("confirmed", "paid", waiting=WAITED), KEY)),
        "move-last": ("move", lambda: move(words, 1, STEPS)),
        "times-nothing": ("times", lambda: times_page(words, DETAIL, WANTED, nothing, KEY)),
        "times-gone": ("times", lambda: gone_page(words, DETAIL, WANTED, SOON[:3], KEY, why=Why.TAKEN, gone=SOON[0])),
        "times-run-out": (
            "times",
            lambda: gone_page(words, DETAIL, WANTED, SOON[:3], KEY, why=Why.RUN_OUT, gone=SOON[0], kept=typed.kept),
        ),
        "busy": (
            "busy",
            lambda: busy_page(words, (("service", "1"), ("slot", "1@2026-12-01T09:00Z"), ("request_key", KEY))),
        ),
        "contact": ("contact", lambda: contact_page(words, ID, CHOSEN, UNTIL, empty(language), KEY, can_text=True)),
        "contact-typed": ("contact", lambda: contact_page(words, ID, CHOSEN, UNTIL, typed, KEY)),
        "contact-wrong": ("contact", lambda: contact_page(words, ID, CHOSEN, UNTIL, wrong, KEY, is_sent=True)),
        "contact-asked": (
            "contact",
            lambda: contact_page(
                words, ID, CHOSEN, UNTIL, asked(typed, QUESTIONS), KEY, is_sent=True, questions=QUESTIONS
            ),
        ),
        "check": ("check", lambda: check_page(words, ID, ID, CHOSEN, contact, UNTIL, POLICY, KEY, answers=ANSWERED)),
        "contact-call": (
            "contact",
            lambda: contact_page(words, ID, CALL, UNTIL, typed_before(contact, Channel.PHONE), KEY),
        ),
        "check-visit": ("check", lambda: check_page(words, ID, ID, TOGETHER, contact, UNTIL, POLICY, KEY)),
        "check-not-paid": (
            "check",
            lambda: check_page(words, ID, ID, CHOSEN, contact, UNTIL, POLICY, KEY, problem="…"),
        ),
        "check-free": ("check", lambda: check_page(words, ID, None, FREE, contact, UNTIL, {}, KEY)),
        "case-confirmed": ("case", lambda: case_page(words, case("confirmed", "paid"), KEY)),
        "case-asked": (
            "case",
            lambda: case_page(words, case("confirmed", "paid", reconfirm=ASKED), KEY),
        ),
        "case-kept": ("case", lambda: case_page(words, case("confirmed", reconfirm=KEPT), KEY)),
        "case-released": ("case", lambda: case_page(words, case("cancelled", reconfirm=RELEASED), KEY)),
        "case-moved": ("case", lambda: case_page(words, case("confirmed", "paid"), KEY, was_moved=True)),
        "case-moved-often": ("case", lambda: case_page(words, case("confirmed", "paid", moves_left=0), KEY)),
        "case-video": ("case", lambda: case_page(words, replace(case("confirmed", "paid"), has_call=True), KEY)),
        "room": ("room", lambda: room_page(words, ID, frame(words, words._("Video call"), f"/room/{ID}"))),
        "case-keep-link": ("case", lambda: case_page(words, case("confirmed", has_email=False, free=True), KEY)),
        "case-cancel": ("case", lambda: case_page(words, case("confirmed", "paid"), KEY, asks_to_cancel=True)),
        "case-cancel-half": (
            "case",
            lambda: case_page(
                words, case("confirmed", "paid", terms=STEPS, refund_cents=1850), KEY, asks_to_cancel=True
            ),
        ),
        "case-cancel-nothing": (
            "case",
            lambda: case_page(
                words, case("confirmed", "paid", terms=NOTHING_BACK, refund_cents=0), KEY, asks_to_cancel=True
            ),
        ),
        "case-cancelled-nothing": ("case", lambda: case_page(words, case("cancelled", "paid"), KEY)),
        "check-steps": ("check", lambda: check_page(words, ID, ID, CHOSEN, contact, UNTIL, POLICY, KEY, terms=STEPS)),
        "case-undelivered": ("case", lambda: case_page(words, case("confirmed", "paid", is_told=False), KEY)),
        "case-call": ("case", lambda: case_page(words, case("confirmed", call_number="+49 711 2161"), KEY)),
        "case-give-back": ("case", lambda: case_page(words, case("held", "open"), KEY, asks_to_cancel=True)),
        "case-open": ("case", lambda: case_page(words, case("held", "open"), KEY)),
        "case-not-booked": ("case", lambda: case_page(words, case("held", free=True), KEY)),
        "case-processing": ("case", lambda: case_page(words, case("held", "processing"), KEY)),
        "case-failed": ("case", lambda: case_page(words, case("held", "failed"), KEY)),
        "case-expiring": ("case", lambda: case_page(words, case("expiring", "open"), KEY)),
        "case-expired": ("case", lambda: case_page(words, case("expired"), KEY)),
        "case-lost": ("case", lambda: case_page(words, case("expired", "paid", "under_way"), KEY)),
        "case-to-fetch": ("case", lambda: case_page(words, case("cancelled", "paid", "at_till"), KEY)),
        "case-cancelled": ("case", lambda: case_page(words, case("cancelled", "paid", "under_way"), KEY)),
        "case-refunded": ("case", lambda: case_page(words, case("cancelled", "paid", "done"), KEY)),
        "case-refund-failed": ("case", lambda: case_page(words, case("cancelled", "paid", "failed"), KEY)),
        "case-finished": ("case", lambda: case_page(words, case("finished", "paid"), KEY)),
        "case-displaced": ("case", lambda: case_page(words, case("confirmed", "paid", is_displaced=True), KEY)),
        "rebooking": ("rebooking", lambda: rebooking(words, RebookingStatus.OFFERED)),
        "rebooking-time": ("rebooking", lambda: rebooking(words, RebookingStatus.OFFERED, "2")),
        "rebooking-other": ("rebooking", lambda: rebooking(words, RebookingStatus.OFFERED, "other", problem="…")),
        "rebooking-cancel": ("rebooking", lambda: rebooking(words, RebookingStatus.OFFERED, "cancel")),
        "rebooking-declined": (
            "rebooking",
            lambda: rebooking(words, RebookingStatus.DECLINED, times_url="/de/times"),
        ),
        "error": (
            "error",
            lambda: ErrorPage(frame=frame(words, "Das wurde nicht gefunden.", "/"), text="…", advice="…"),
        ),
    }
    made |= reduced_pages(words, ID, CHOSEN, contact, UNTIL, KEY)
    made |= at_till_pages(words, ID, CHOSEN, contact, case("held", "open"), KEY)
    made |= charge_pages(words, KEY)
    for others in (need_pages, overview_pages, twin_pages, waitlist_pages, check_pages, who_pages, invitation_pages):
        more = others(words)
        assert not made.keys() & more.keys()  # one state would hide another
        made |= more
    folders = {"room": "room"}
    return {
        name: (f"{folders.get(template, 'citizen')}/{template}.html", build())
        for name, (template, build) in made.items()
    }
