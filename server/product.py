"""Every object of the product, built by constructor arguments: once for the web, the worker and the commands."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from random import SystemRandom
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from base.clock import Clock, utcnow
from base.config import SettingError, Settings
from base.db import Database
from base.feed import Feed
from base.i18n import CITY_ZONE, Translations, zone
from base.identity.usecases import Identity
from base.jobs import Jobs
from base.outbound import outbound_session
from base.seal import Sealer
from booking.allocation.documents import Documents
from booking.allocation.feed import NeedSource
from booking.allocation.marking import Marking
from booking.allocation.runs import Runs
from booking.allocation.telling import Teller as NeedTeller
from booking.allocation.usecases import Allocation
from booking.allocation.words import Words
from booking.appointments.announce import Announcer
from booking.appointments.by_name import ByName
from booking.appointments.calls import Calls
from booking.appointments.hooks import CaseHooks
from booking.appointments.reductions import Reductions
from booking.appointments.slots_pg import PgSlots
from booking.appointments.till_holds import TillHolds
from booking.appointments.transfer_telling import TransferTelling
from booking.appointments.usecases import Appointments
from booking.availability.mirror import Mirror
from booking.availability.usecases import Availability
from booking.catalogue.hours_changes import HoursChanges
from booking.catalogue.uploads import Uploads
from booking.catalogue.usecases import Catalogue
from booking.charges.forgetting import Forgetting
from booking.charges.hooks import ChargeHooks
from booking.charges.usecases import Charges
from booking.charges.walk_ins import WalkIns
from booking.guard.figures import Figures
from booking.guard.rules import Rules
from booking.guard.usecases import Guard
from booking.holds.batch import Batcher
from booking.holds.owners import Owners
from booking.holds.usecases import Holds
from booking.invitations.printing import Printing
from booking.invitations.sealing import Sealing
from booking.invitations.usecases import Invitations
from booking.overview.usecases import Overviews
from booking.queue.arriving import CallHooks, has_arrived, is_called, let_go
from booking.queue.feed import QueueSource
from booking.queue.usecases import Queue
from booking.rebooking.rebooker import Rebooker
from booking.rebooking.usecases import Rebookings
from booking.refunds.letters import RefundLetters
from booking.refunds.usecases import Refunds
from booking.waitlist.passing_on import PassingOn
from booking.waitlist.telling import Teller
from booking.waitlist.usecases import Waitlist
from notifications.letters import Letters
from notifications.mail_smtp import SmtpSender
from notifications.messages import Messages
from notifications.ports import TextSender
from notifications.sms_twilio import TwilioSender
from notifications.usecases import Notifications
from payment.bank.folder import BankFolder
from payment.bank.pain import Account, WrongIban, checked_iban
from payment.bank.usecases import Bank
from payment.books_pg import PgBooks
from payment.exports import profile
from payment.exports.batch import Profile
from payment.exports.usecases import Exports
from payment.figures.usecases import FigureBook
from payment.ledgers.reversals import Reversals
from payment.ledgers.usecases import Ledgers
from payment.matching.pricing import Pricing
from payment.matching.usecases import Matching
from payment.matching.worklist import Differences
from payment.payouts.usecases import Payouts
from payment.ports import Tx
from payment.provider_records.usecases import ProviderRecords
from payment.psp_counter import CounterProvider
from payment.psp_none import NONE, NoProvider
from payment.psp_stripe import StripeProvider
from payment.psp_xbezahl import Access, XBezahlProvider
from payment.receipts.usecases import Receipts
from payment.reconciliation.usecases import Reconciliation
from payment.retention.usecases import Retention
from payment.till.model import COUNTER
from payment.till.usecases import Tills
from payment.transfers.files import TransferFiles
from payment.transfers.usecases import Transfers
from payment.usecases import Payments
from payment.xbezahl_words import Version
from server.offers import CatalogueOffers, CatalogueSource
from server.retention import elsewhere
from video.rooms.feed import RoomSource
from video.rooms.usecases import Rooms


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    settings: Settings
    clock: Clock
    db: Database
    sealer: Sealer
    translations: Translations
    identity: Identity
    catalogue: Catalogue
    uploads: Uploads
    hours: HoursChanges
    availability: Availability
    feed: Feed
    batcher: Batcher
    owners: Owners
    holds: Holds
    payments: Payments
    tills: Tills
    reconciliation: Reconciliation
    matching: Matching
    differences: Differences
    pricing: Pricing
    receipts: Receipts
    ledgers: Ledgers
    bank: Bank
    bank_folder: BankFolder
    reversals: Reversals
    exports: Exports
    by_name: ByName
    figure_book: FigureBook
    payouts: Payouts
    retention: Retention
    transfers: Transfers
    transfer_files: TransferFiles
    refunds: Refunds
    refund_letters: RefundLetters
    walk_ins: WalkIns
    appointments: Appointments
    till_holds: TillHolds
    reductions: Reductions
    charges: Charges
    allocation: Allocation
    marking: Marking
    runs: Runs
    need_words: Words
    need_documents: Documents
    need_source: NeedSource
    overviews: Overviews
    invitations: Invitations
    printing: Printing
    guard: Guard
    guard_rules: Rules
    figures: Figures
    waitlist: Waitlist
    rebookings: Rebookings
    rebooker: Rebooker
    passing_on: PassingOn
    queue: Queue
    queue_source: QueueSource
    rooms: Rooms
    notifications: Notifications
    jobs: Jobs

    def today(self) -> date:
        """Where the city is."""
        return self.clock().astimezone(_zone_of(self.catalogue)).date()


@asynccontextmanager
async def open_product(settings: Settings, clock: Clock = utcnow) -> AsyncIterator[Product]:
    """The whole product on an open database; the feed and the hold batches are started by whoever serves requests."""
    async with AsyncExitStack() as stack:
        db = await stack.enter_async_context(Database(settings.database_url, size=settings.database_pool))
        sealer = Sealer(settings.secret_key)
        translations = Translations.load()
        catalogue = Catalogue(
            db, clock, horizon_days=settings.horizon_days, draw=sealer.draw, can_reserve=can_reserve(settings)
        )
        offers = CatalogueOffers(catalogue)
        mirror = Mirror(clock, settings.horizon_days)
        availability = Availability(
            mirror, offers, clock, lead_minutes=settings.lead_minutes, gap_minutes=settings.gap_minutes
        )
        owners = Owners(db, sealer, settings.holds_listen)
        batcher = Batcher(db, clock, hold_minutes=settings.hold_minutes)
        notifications = Notifications(
            db=db,
            sealer=sealer,
            clock=clock,
            messages=Messages(translations, mail_from=settings.mail_from),
            mail=SmtpSender(settings.smtp_url, ca_file=settings.ca_file) if settings.smtp_url else None,
            texts=await _texts(settings, stack),
            public_url=settings.public_url,
        )
        rooms = Rooms(db, CallHooks(clock), sealer, clock)
        calls = Calls(rooms, settings.public_url)
        announcer = Announcer(notifications, sealer, clock, settings.public_url, calls)
        slots = PgSlots(announcer)
        books = PgBooks(db)
        queue_source, need_source = QueueSource(), NeedSource()
        figures = Figures(db, clock)
        guard = Guard(db, notifications, sealer, figures, clock)
        providers: dict[str, StripeProvider | XBezahlProvider | CounterProvider | NoProvider] = {
            **await _providers(settings, stack),
            COUNTER: CounterProvider(db, clock),
        }
        with_records = [name for name, one in providers.items() if one.abilities.records]
        need_teller = NeedTeller(notifications, sealer, clock, settings.public_url)
        allocation = Allocation(db, need_teller, sealer, clock, retention_days=settings.retention_days)
        transfers = Transfers(
            db,
            sealer,
            clock,
            TransferTelling(slots),
            lambda: clock().astimezone(_zone_of(catalogue)).date(),
            _payer(settings),
        )
        cases = CaseHooks(
            slots, clock, has_arrived, let_go, books.serve_on, transfers.arise, transfers.disputed, transfers.given_back
        )

        async def earn(tx: Tx, payment_id: UUID) -> int:
            return await payments.earn(tx, payment_id)

        payments = Payments(
            books, providers, ChargeHooks(cases, earn, clock), clock, uuid4, settings.refund_approval_cents
        )
        reductions = Reductions(db, slots, payments, clock)
        charges = Charges(db, payments, translations, sealer, clock, settings.public_url, reductions, slots.announce)
        forgetting = Forgetting(payments)
        appointments = Appointments(
            db,
            books.transaction,
            slots,
            payments,
            notifications,
            announcer,
            translations,
            sealer,
            clock,
            calls,
            offers,
            is_called,
            has_arrived,
            let_go,
            settings.moves_most,
            retention_days=settings.retention_days,
        )
        refunds = Refunds(db, appointments, transfers, sealer, clock)
        tills = Tills(db, payments.settle, payments.submit_refund, clock)
        till_holds = TillHolds(
            db,
            appointments,
            announcer,
            notifications,
            sealer,
            clock,
            tills.offices,
            when_down_hours=settings.till_when_down_hours,
        )
        teller = Teller(announcer, sealer, settings.public_url)
        hours = HoursChanges(db, clock, draw=sealer.draw, horizon_days=settings.horizon_days)
        rebookings = Rebookings(db, hours, appointments, slots, offers, clock)
        holds = Holds(
            db,
            availability,
            batcher,
            offers.fee_on,
            sealer,
            clock,
            owners,
            at_once=settings.holds_at_once,
            by_need=need_source.gives_out,
            guarded=guard.guards,
            refused=figures.count,
        )
        runs = Runs(db, allocation, availability, offers.fee_on, appointments, sealer, translations, clock)
        bank = Bank(db, clock)
        yield Product(
            settings=settings,
            clock=clock,
            db=db,
            sealer=sealer,
            translations=translations,
            identity=Identity(db, clock, sealer, allows_invented=bool(settings.demo)),
            catalogue=catalogue,
            uploads=Uploads(
                db, clock, horizon_days=settings.horizon_days, draw=sealer.draw, can_reserve=can_reserve(settings)
            ),
            hours=hours,
            availability=availability,
            feed=Feed(db, [CatalogueSource(catalogue), mirror, queue_source, RoomSource(), need_source, guard]),
            batcher=batcher,
            owners=owners,
            holds=holds,
            guard=guard,
            guard_rules=Rules(db, guard, figures, sealer, clock, settings.public_url),
            figures=figures,
            payments=payments,
            tills=tills,
            reconciliation=Reconciliation(
                db, {name: one for name, one in providers.items() if not isinstance(one, NoProvider)}, clock
            ),
            matching=Matching(
                db,
                ProviderRecords(
                    db, {name: one for name, one in providers.items() if isinstance(one, StripeProvider)}, clock
                ),
                clock,
                transfers,
                payments.recognise,
                due_days=settings.treasury_due_days,
            ),
            differences=Differences(db, clock, with_records),
            pricing=Pricing(db, with_records, clock),
            ledgers=Ledgers(db, clock),
            reversals=Reversals(db, clock),
            retention=Retention(
                db,
                clock,
                {
                    "transfer_bank_data": transfers.erase_bank_data,
                    "visit_note": forgetting.visit_notes,
                    "receipt_text": forgetting.receipt_texts,
                },
                elsewhere(settings),
            ),
            exports=Exports(db, clock, treasury_profile(settings), due_days=settings.treasury_due_days),
            by_name=ByName(db, sealer),
            figure_book=FigureBook(db),
            payouts=Payouts(db),
            transfers=transfers,
            transfer_files=TransferFiles(transfers),
            refunds=refunds,
            walk_ins=WalkIns(db, transfers),
            refund_letters=RefundLetters(refunds, catalogue, Letters(translations), clock, settings.public_url),
            receipts=Receipts(db, clock, lambda moment: moment.astimezone(_zone_of(catalogue)).year),
            bank=bank,
            bank_folder=BankFolder(bank, settings.bank_folder),
            appointments=appointments,
            till_holds=till_holds,
            reductions=reductions,
            charges=charges,
            allocation=allocation,
            marking=Marking(db, need_teller, clock),
            need_source=need_source,
            runs=runs,
            need_documents=Documents(db, sealer, clock),
            need_words=Words(db, runs, need_teller, appointments, clock),
            overviews=Overviews(db, appointments, notifications, sealer, clock, settings.public_url),
            invitations=Invitations(
                db,
                holds,
                appointments,
                availability,
                notifications,
                Sealing(sealer),
                clock,
                settings.public_url,
                by_need=need_source.gives_out,
                retention_days=settings.retention_days,
            ),
            printing=Printing(db, Letters(translations), Sealing(sealer), clock, settings.public_url),
            waitlist=Waitlist(db, appointments, availability, teller, clock, by_need=need_source.gives_out),
            passing_on=PassingOn(db, appointments, offers, teller, clock, SystemRandom().random),
            rebookings=rebookings,
            rebooker=Rebooker(
                db,
                catalogue,
                offers,
                appointments,
                rebookings,
                slots,
                has_arrived,
                clock,
                horizon_days=settings.horizon_days,
            ),
            queue=Queue(db, slots, calls.call_off, clock, rooms.tell_anew, payments.charge),
            queue_source=queue_source,
            rooms=rooms,
            notifications=notifications,
            jobs=Jobs(db, clock, {}),
        )


def treasury_profile(settings: Settings) -> Profile:
    """Raises SettingError."""
    if not settings.treasury_formats:
        return Profile()
    try:
        return profile.understood(Path(settings.treasury_formats).read_bytes())
    except ValueError as error:
        raise SettingError(f"TREASURY_FORMATS: {error}") from None


def _payer(settings: Settings) -> Account | None:
    """From which account the city pays. Raises SettingError."""
    if not settings.transfer_iban:
        return None
    if not settings.transfer_name:
        raise SettingError("TRANSFER_NAME is not set: a transfer says who pays")
    try:
        iban = checked_iban(settings.transfer_iban)
    except WrongIban:
        raise SettingError("TRANSFER_IBAN: this is not an IBAN") from None
    return Account(name=settings.transfer_name, iban=iban, bic=settings.transfer_bic)


def _zone_of(catalogue: Catalogue) -> ZoneInfo:
    """Where the city is, as far as this process has read; a worker may not have."""
    return zone(catalogue.known.city.time_zone if catalogue.known else CITY_ZONE)


async def _texts(settings: Settings, stack: AsyncExitStack) -> TextSender | None:
    """None without an account: booking then writes no text messages."""
    if not settings.twilio_account_sid:
        return None
    return TwilioSender(
        await stack.enter_async_context(outbound_session(settings)),
        account_sid=settings.twilio_account_sid,
        auth_token=settings.twilio_auth_token,
        sender=settings.twilio_from,
        api_base=settings.twilio_api_base,
    )


def can_reserve(settings: Settings) -> bool:
    """Whether the provider that gets new payments can reserve money, as far as the settings tell."""
    configured = {
        NONE: (False, NoProvider.abilities),
        "stripe": (settings.stripe_api_key, StripeProvider.abilities),
        "xbezahldienste": (settings.xbezahl_api_base, XBezahlProvider.abilities),
    }
    if NONE in settings.payment_providers:
        return False
    order = (*settings.payment_providers, *configured)
    first = next((abilities for is_set, abilities in map(configured.__getitem__, order) if is_set), None)
    return first is not None and first.capture


async def _providers(
    settings: Settings, stack: AsyncExitStack
) -> dict[str, StripeProvider | XBezahlProvider | NoProvider]:
    """In the order that is asked for; none without a key: services with a fee then say that they cannot be paid online."""
    found: dict[str, StripeProvider | XBezahlProvider | NoProvider] = {}
    if NONE in settings.payment_providers:
        found[NONE] = NoProvider()
    if settings.stripe_api_key:
        found["stripe"] = StripeProvider(
            await stack.enter_async_context(outbound_session(settings)),
            api_key=settings.stripe_api_key,
            webhook_secrets=settings.stripe_webhook_secrets,
            api_base=settings.stripe_api_base,
        )
    if settings.xbezahl_api_base:
        access = Access(
            base=settings.xbezahl_api_base,
            originator=settings.xbezahl_originator,
            endpoint=settings.xbezahl_endpoint,
            user=settings.xbezahl_user,
            password=settings.xbezahl_password,
            token_url=settings.xbezahl_token_url,
        )
        found["xbezahldienste"] = XBezahlProvider(
            await stack.enter_async_context(outbound_session(settings)),
            access,
            version=Version(settings.xbezahl_version),
            booking_data=dict(settings.xbezahl_booking_data),
        )
    return {name: found[name] for name in (*settings.payment_providers, *found)}
