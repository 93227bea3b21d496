"""A month of trade: the provider's and the bank's sandboxes, and our books beside them, with faults planted and labelled.

The same seed gives the same month. Every fault leaves a label (cause and subject of the difference it must show as), and nothing else is
to show. Trade begins on 28 September 2026, so that October has a payout on each of its 22 business days.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import cast
from uuid import UUID, uuid4

from base.clock import SettableClock
from base.db import Connection, Database
from base.money import Money
from payment import dispute_store
from payment import stripe_words as words
from payment.bank.refusing import NotTheSum
from payment.bank.usecases import Bank as BankFiles
from payment.books_pg import PgBooks
from payment.exports import store as export_store
from payment.exports.batch import Profile, files
from payment.exports.model import Day
from payment.exports.usecases import Exports
from payment.ledger import (
    dispute_journal,
    dispute_lost_journal,
    dispute_won_journal,
    fee_journal,
    refund_failed_journal,
    refund_journal,
)
from payment.ledgers.store import find_closed_day
from payment.ledgers.usecases import Ledgers
from payment.matching import store as matching_store
from payment.matching.model import Cause
from payment.matching.pricing import Pricing
from payment.matching.usecases import Matching
from payment.model import Dispute, DisputeStatus, Payment, PaymentStatus, Refund, RefundReason, RefundStatus
from payment.ports import PaymentOrder, RefundOrder
from payment.provider_records.usecases import ProviderRecords
from payment.store import insert_journal, insert_payment, insert_refund, update_refund
from payment.usecases import Payments
from sandbox.bank.bank import Bank
from sandbox.bank.faults import KINDS as SANDBOX_KINDS
from sandbox.bank.faults import TILL_KINDS, Fault, Kind
from sandbox.bank.model import Booking
from sandbox.bank.model import Payment as BankPayment
from sandbox.stripe.errors import Json
from sandbox.stripe.machine import Machine
from sandbox.stripe.methods import METHODS
from tests.payment.machine_provider import MachineProvider
from tests.payment.making import RecordingHooks
from tests.payment.matching.tills import TwoTills

FIRST, LAST_TRADE, LAST = date(2026, 9, 28), date(2026, 10, 27), date(2026, 11, 4)
PAYOUTS = 22
_DAY = timedelta(days=1)
_PRICES = (600, 1300, 2240, 3700, 3750, 5650, 7000, 10_200)
Label = tuple[str, str]  # cause and subject


@dataclass(frozen=True, slots=True)
class Size:
    """`faults`: of each kind that strikes payments and refunds; those of payouts and files strike once each."""

    payments: int = 10_000
    refunds: int = 600
    disputes: int = 20
    faults: int = 5


SMALL = Size(payments=500, refunds=60, disputes=6, faults=2)
PAYMENT_FAULTS = ("unbooked", "edited", "invented", "overpriced")
REFUND_FAULTS = ("by_hand", "invented", "other_amount", "failed", "came_back_unseen")
_KEEPS_FROM_ARRIVING = (Cause.AMOUNT, Cause.PAYOUT_SPLIT, Cause.PAYOUT_FAILED)
PAYOUT_FAULTS = ("failed", "bounced")
BANK_FAULTS = (
    *("credit_late", "cent_off", "payout_split", "unknown_credit", "statement_missing", "file_twice", "wrong_balance"),
    "unknown_debit",
)


@dataclass
class Month:
    db: Database
    size: Size = SMALL
    seed: int = 1
    nightly: bool = False  # runs and closed days as they go, instead of one run in the end
    labels: set[Label] = field(default_factory=set)
    twice: set[str] = field(default_factory=set)  # names of files that were known already

    def __post_init__(self) -> None:
        self.chance = Random(self.seed)
        self.clock = SettableClock(datetime(2026, 9, 28, 4, tzinfo=UTC))
        self.machine = Machine(self.clock, seed=str(self.seed), early_intents=False, payout_schedule="daily")
        self.provider = MachineProvider(
            self.machine, abilities=replace(MachineProvider(self.machine).abilities, records=True)
        )
        self.use(self.db)
        self._last_id = 0
        self._paid: list[tuple[Payment, Json]] = []
        self._given_back: set[UUID] = set()
        self._disputed = 0
        self._dispute_ends = (DisputeStatus.WON, DisputeStatus.LOST, DisputeStatus.OPEN)
        self._plan()

    def use(self, db: Database) -> None:
        """Goes on in this one: a copy, as a rule, of the one in which the month was played."""
        self.db = db
        self.records = ProviderRecords(db, {"stripe": self.provider}, self.clock)
        payments = Payments(PgBooks(db), {"stripe": self.provider}, RecordingHooks(), self.clock, uuid4)
        self.matching = Matching(db, self.records, self.clock, recognise=payments.recognise)
        self.files, self.ledgers = BankFiles(db, self.clock), Ledgers(db, self.clock)
        self.exports = Exports(db, self.clock, Profile())

    def _plan(self) -> None:
        """Who is struck is drawn before the first day; faults of payouts and files never on neighbouring days."""
        size, chance = self.size, self.chance
        days = [FIRST + n * _DAY for n in range((LAST_TRADE - FIRST).days + 1)]
        self._payments = _spread(chance, size.payments, days)
        self._refunds = _spread(chance, size.refunds, days[1:])
        self._disputes = _spread(chance, size.disputes, days[3:-3])
        self._struck = _struck(chance, PAYMENT_FAULTS, size.faults, size.payments)
        self._refunds_struck = _struck(chance, REFUND_FAULTS, size.faults, size.refunds)
        chosen = [one for n, one in enumerate(_business_days(date(2026, 10, 6), date(2026, 10, 30))) if n % 2 == 0]
        chance.shuffle(chosen)
        self._of_day = dict(zip(chosen, (*BANK_FAULTS, *PAYOUT_FAULTS), strict=True))
        sandbox = [(kind, on) for on, kind in self._of_day.items() if kind in SANDBOX_KINDS]
        sandbox += self._plan_tills()
        self.bank = Bank(faults=[Fault(cast("Kind", kind), on) for kind, on in sandbox])
        self._unacknowledged = set(chance.sample(range(1, 20), min(size.faults, 5)))

    def _plan_tills(self) -> list[tuple[str, date]]:
        """A fault of each kind on a day of its own, of which the bank tells: no statement is missing until long after."""
        lost = {on for on, kind in self._of_day.items() if kind in ("statement_missing", "wrong_balance")}
        days = [
            one
            for one in _business_days(FIRST + _DAY, LAST_TRADE - 2 * _DAY)
            if lost.isdisjoint(one + n * _DAY for n in range(9))
        ]
        struck = list(zip(TILL_KINDS, self.chance.sample(days, len(TILL_KINDS)), strict=True))
        self.tills = TwoTills(self.seed, frozenset(on for kind, on in struck if kind == "deposits_alike"))
        return struck

    async def play(self) -> None:
        day = FIRST
        async with self.db.connection() as conn:
            self.staff = await conn.fetchval(
                "INSERT INTO account (login, name, password_hash) VALUES ('kasse', 'Kim Kasse', '$argon2id$') RETURNING id"
            )
            await self.tills.set_up(conn)
        await self.enter_prices()
        while day <= LAST:
            if self.nightly:
                await self._night(day)
            await self._trade(day)
            await self._dispute(day)
            self._payouts(day)
            await self._bank(day)
            day += _DAY
        self._at(LAST, 4)

    def _at(self, day: date, hour: int, second: int = 0) -> None:
        moment = datetime(day.year, day.month, day.day, hour, tzinfo=UTC) + timedelta(seconds=second)
        self.clock.set(max(moment, self.clock()))

    async def _trade(self, day: date) -> None:
        number, refunds = self._payments.get(day, 0), self._refunds.get(day, 0)
        self._at(day, 6)
        before = list(self._paid)
        async with self.db.transaction() as conn:
            for n in range(number):
                self._at(day, 6, 3 * n)
                await self._pay(conn)
            for n in range(refunds):
                self._at(day, 15, 3 * n)
                await self._refund(conn, before)

    async def _pay(self, conn: Connection) -> None:
        ident = self._next_id()
        amount = Money(self.chance.choice(_PRICES))
        fault = self._struck.pop(0)
        now = self.clock()
        payment = Payment(
            id=ident, reference=self._next_id(), provider="stripe", amount_cents=amount.cents, currency="EUR",
            description="Gebühr", language="de", return_url="http://localhost/", attempt_at=now, created_at=now,
            status=PaymentStatus.PAID, session_id=f"cs_{ident}", charge_id=f"pi_none_{ident}", captured_cents=amount.cents,
        )  # fmt: skip
        if fault == "invented":
            self._label(Cause.MISSING_THERE, f"charge:{payment.charge_id}")
            await _book_payment(conn, payment, now)
            return
        charge = self._charge(payment)
        payment = replace(payment, charge_id=charge["payment_intent"])
        if fault == "unbooked":
            payment = replace(payment, status=PaymentStatus.OPEN, captured_cents=0, pay_url="http://pay")
            await insert_payment(conn, payment)
            self._label(Cause.MISSING_HERE, f"charge:{payment.charge_id}")
            return
        await _book_payment(conn, payment, now)
        if fault == "overpriced":
            self._overprice(charge)
        if fault == "edited":
            self.machine.edit_charge(charge["id"], amount.cents - self.chance.randint(1, 300))
            self._label(Cause.AMOUNT, f"charge:{payment.charge_id}")
        else:
            self._paid.append((payment, charge))

    def _overprice(self, charge: Json) -> None:
        """Before anybody has read it: it is booked as it was taken, and deviates from the list."""
        [row] = [row for row in self.machine.state.rows("balance_transactions") if row["source"] == charge["id"]]
        self.machine.edit_fee(row["id"], row["fee"] + self.chance.choice((-9, 9, 40)))
        self._label(Cause.FEE, f"price:{row['id']}")

    async def enter_prices(self) -> None:
        """As the sandbox takes them; of an earlier year another one, which holds no more."""
        pricing = Pricing(self.db, ["stripe"], self.clock)
        card = METHODS["card"]
        for year, more in ((2025, 90), (2026, 0)):
            await pricing.set(
                "card", percent_bp=card.fee_per_mille * 10 + more, fixed_cents=card.fee_fixed_cents, tolerance_cents=1,
                valid_from=date(year, 1, 1), by=self.staff,
            )  # fmt: skip

    def _charge(self, payment: Payment) -> Json:
        order = PaymentOrder(
            payment_id=payment.id, amount=payment.amount, description=payment.description, language="de",
            return_url=payment.return_url, expires_at=self.clock() + timedelta(hours=1),
        )  # fmt: skip
        session = self.machine.create_session(words.session_params(order))
        self.machine.pay(session["id"])
        intent = self.machine.get("sessions", session["id"])["payment_intent"]
        return self.machine.get("charges", self.machine.get("payment_intents", intent)["latest_charge"])

    async def _refund(self, conn: Connection, before: list[tuple[Payment, Json]]) -> None:
        """Of a payment of an earlier day; each payment at most once."""
        fault = self._refunds_struck.pop(0)
        while True:
            place = self.chance.randrange(len(before))
            payment, charge = before[place]
            before[place] = before[-1]
            before.pop()
            if payment.id not in self._given_back:
                break
        self._given_back.add(payment.id)
        cents = payment.amount_cents if self.chance.random() < 0.5 else payment.amount_cents // 2
        if fault == "by_hand":
            made = self.machine.create_refund({"charge": charge["id"], "amount": cents})
            self._label(Cause.REFUND_AT_PROVIDER, f"refund:{made['id']}")
            return
        now = self.clock()
        refund = Refund(
            id=self._next_id(), payment_id=payment.id, amount_cents=cents, reason=RefundReason.CANCELLED,
            attempt_at=now, created_at=now, status=RefundStatus.APPROVED,
        )  # fmt: skip
        provider_id = self._refund_there(fault, refund, payment)
        booked = refund_journal(refund, replace(payment, advance_cents=payment.amount_cents))
        await insert_refund(conn, refund)
        await insert_journal(conn, booked, now)
        done = replace(refund, status=RefundStatus.SUCCEEDED, provider_id=provider_id)
        await update_refund(conn, done, RefundStatus.APPROVED)
        if fault in ("failed", "came_back_unseen"):
            self.machine.fail_refund(provider_id, "lost_or_stolen_card")
        if fault == "failed":
            await insert_journal(conn, refund_failed_journal(booked), now)
            failed = replace(done, status=RefundStatus.FAILED, failure="lost_or_stolen_card")
            await update_refund(conn, failed, RefundStatus.SUCCEEDED)
            self._label(Cause.FAILED_REFUND, f"refund:{refund.id}")

    def _refund_there(self, fault: str, refund: Refund, payment: Payment) -> str:
        if fault == "invented":
            self._label(Cause.MISSING_THERE, f"refund:re_none_{refund.id}")
            return f"re_none_{refund.id}"
        assert payment.charge_id is not None
        asked = Money(refund.amount_cents - (7 if fault == "other_amount" else 0))
        order = RefundOrder(refund_id=refund.id, payment_id=payment.id, charge_id=payment.charge_id, amount=asked)
        made = self.machine.create_refund(words.refund_params(order))
        if fault in ("other_amount", "came_back_unseen"):
            self._label(Cause.AMOUNT, f"refund:{made['id']}")
        return str(made["id"])

    async def _dispute(self, day: date) -> None:
        """Of payments of the day before; a third of them each is won, lost and left open."""
        self._at(day, 17)
        for _n in range(self._disputes.get(day, 0)):
            payment, charge = next(
                (payment, charge)
                for payment, charge in reversed(self._paid)
                if payment.id not in self._given_back and payment.created_at.date() < day
            )
            self._given_back.add(payment.id)
            made = self.machine.dispute(charge["id"])
            now, outcome = self.clock(), self._dispute_ends[self._disputed % 3]
            self._disputed += 1
            dispute = Dispute(
                id=self._next_id(), payment_id=payment.id, provider_id=made["id"], status=DisputeStatus.OPEN, reason="fraudulent",
                amount_cents=payment.amount_cents, taken_cents=payment.amount_cents, opened_at=now, created_at=now,
                evidence_due_at=now + timedelta(days=60),
            )  # fmt: skip
            async with self.db.transaction() as conn:
                await dispute_store.insert(conn, dispute)
                await insert_journal(conn, dispute_journal(dispute), now)
            await self._decide(dispute, outcome)

    async def _decide(self, dispute: Dispute, outcome: DisputeStatus) -> None:
        now = self.clock()
        if outcome is DisputeStatus.OPEN:
            self.machine.update_dispute(dispute.provider_id, {"evidence": {"product_description": "Gebühr"}})
            self._label(Cause.OPEN_DISPUTE, f"dispute:{dispute.provider_id}")
            return
        self.machine.decide_dispute(dispute.provider_id, won=outcome is DisputeStatus.WON)
        back = dispute.taken_cents if outcome is DisputeStatus.WON else 0
        decided = replace(dispute, status=outcome, returned_cents=back, closed_at=now)
        booked = dispute_won_journal(decided) if back else dispute_lost_journal(decided)
        async with self.db.transaction() as conn:
            await dispute_store.update(conn, decided, DisputeStatus.OPEN)
            await insert_journal(conn, booked, now)
        if not back:
            self._label(Cause.LOST_DISPUTE, f"dispute:{dispute.provider_id}")

    def _payouts(self, day: date) -> None:
        """Noon: those of today are on their way, those of the days before have arrived."""
        self._at(day, 18)
        self.machine.sweep()
        for row in self.machine.state.rows("payouts"):
            arrival = datetime.fromtimestamp(row["arrival_date"], UTC).date()
            fault = self._of_day.get(arrival)
            if (fault == "failed" and row["status"] == "in_transit") or (
                fault == "bounced" and row["status"] == "paid" and day > arrival
            ):
                self.machine.fail_payout(row["id"], "account_closed")
                self._label(Cause.PAYOUT_FAILED, f"payout:{row['id']}")

    async def _bank(self, day: date) -> None:
        self.bank.take_payouts(self.machine.state.rows("payouts"))
        if day <= LAST_TRADE and day.weekday() < 5:
            async with self.db.transaction() as conn:
                self.bank.take_from_tills(await self.tills.day(conn, day, self.staff))
        if self._of_day.get(day) == "unknown_debit":
            fee = BankPayment(amount_cents=-990, name="Sparkasse", remittance="Kontoführung")
            self.bank.account.book(day, Booking(payments=(fee,), info="ENTGELT"))
        for file in self.bank.close(day):
            try:
                stored = await self.files.take(file.name, file.content, None)
            except NotTheSum:
                if self._of_day.get(day) != "wrong_balance":
                    raise
            else:
                self.twice |= {file.name} - {stored.name}

    async def label_bank(self) -> None:
        """What the sandboxes struck, named as our stores know it."""
        kinds = {"cent_off": Cause.AMOUNT, "payout_split": Cause.PAYOUT_SPLIT, "credit_late": Cause.PAYOUT_LATE}
        for one in self.bank.labels:
            if one.kind in kinds:
                self._label(kinds[one.kind], f"payout:{one.payout}")
            if one.kind in ("statement_missing", "wrong_balance"):
                number = len(_business_days(FIRST, one.on))
                self._label(Cause.STATEMENT_GAP, f"statement:{self.bank.account.iban}:2026:{number}")
        await self._label_tills()
        sql = """
            SELECT statement_id, entry, position, amount_cents FROM bank_detail
             WHERE amount_cents IN (4711, -990) AND end_to_end_id = ''"""
        async with self.db.connection() as conn:
            for row in await conn.fetch(sql):
                cause = Cause.UNKNOWN_CREDIT if row["amount_cents"] > 0 else Cause.UNKNOWN_DEBIT
                self._label(cause, f"bank:{row['statement_id']}.{row['entry']}.{row['position']}")

    async def _label_tills(self) -> None:
        causes = {
            "deposit_short": Cause.TILL_AMOUNT,
            "terminal_fee": Cause.TILL_AMOUNT,
            "deposits_alike": Cause.TILL_AMBIGUOUS,
            "deposit_late": Cause.TILL_LATE,
            "deposit_lost": Cause.TILL_NOT_AT_BANK,
        }
        sql = """
            SELECT d.statement_id, d.entry, d.position FROM bank_detail d
              JOIN bank_entry e ON e.statement_id = d.statement_id AND e.position = d.entry
             WHERE d.remittance = $1 AND ($2::bigint = 0 OR d.amount_cents = $2::bigint)
               AND e.booked_on BETWEEN $3::date + 1 AND $3::date + 4"""
        async with self.db.connection() as conn:
            for one in self.bank.labels:
                if one.kind in causes and one.text:
                    for row in await conn.fetch(sql, one.text, one.cents, one.on):
                        self._label(causes[one.kind], f"bank:{row[0]}.{row[1]}.{row[2]}")
                elif one.kind in causes:
                    self._label(causes[one.kind], one.sent)

    async def _night(self, day: date) -> None:
        """At half past four in summer: a run, then the treasury closes yesterday and takes its batch."""
        self._at(day, 3)
        await self.matching.by_night()
        while await self.ledgers.seal_due():
            pass
        open_days, _closed = await self.ledgers.days()
        for one in open_days:
            if one.day < day:
                await self.ledgers.close(one.day, by=self.staff)
                await self.deliver(one.day)

    async def close_all(self) -> None:
        """All days up to the last of the month, with their batches: for a month without its nights."""
        while await self.ledgers.seal_due():
            pass
        open_days, _closed = await self.ledgers.days()
        for one in open_days:
            if one.day < self.clock().date():
                await self.ledgers.close(one.day, by=self.staff)
                await self.deliver(one.day)
        self.clock.advance(days=4)

    async def reported(self, state: str = "open") -> set[Label]:
        async with self.db.connection() as conn:
            rows = await conn.fetch("SELECT cause, subject FROM difference WHERE state = $1", state)
        return {(row["cause"], row["subject"]) for row in rows}

    async def unmatched(self) -> set[str]:
        """What of our journals and of the provider's transactions has nothing beside it."""
        async with self.db.connection() as conn:
            start, end = (
                await matching_store.zone_start(conn, FIRST),
                await matching_store.zone_start(conn, LAST + _DAY),
            )
            span = matching_store.Span(FIRST, LAST, start, end)
            booked, moved = await matching_store.books_and_provider(conn, span, self.records.names)
            linked = {row["journal_id"] for row in await conn.fetch("SELECT journal_id FROM matching_link")}
        matched = {one.key for one in booked if one.journal_id in linked}
        return {one.key for one in booked if one.journal_id not in linked} | ({one.key for one in moved} - matched)

    async def arrived(self) -> set[str]:
        """Payouts that have their line of the bank's, without anybody's help."""
        sql = "SELECT payout_id FROM bank_match WHERE payout_id IS NOT NULL AND request_id IS NULL"
        async with self.db.connection() as conn:
            return {row["payout_id"] for row in await conn.fetch(sql)}

    def payouts_at_bank(self) -> dict[str, int]:
        """In cents, as they must arrive by themselves: on a day whose statement has come, whole, in one credit, and not sent back."""
        struck = {subject.removeprefix("payout:") for cause, subject in self.labels if cause in _KEEPS_FROM_ARRIVING}
        unseen = {day for day, fault in self._of_day.items() if fault in ("statement_missing", "wrong_balance")}
        return {
            row["id"]: row["amount"]
            for row in self.machine.state.rows("payouts")
            if row["status"] == "paid"
            and row["id"] not in struck
            and datetime.fromtimestamp(row["arrival_date"], UTC).date() not in unseen
        }

    def sent_back(self) -> set[str]:
        """Payouts that were at the bank and are not any more."""
        rows = [row for row in self.machine.state.rows("payouts") if row["status"] == "failed"]
        arrivals = {row["id"]: datetime.fromtimestamp(row["arrival_date"], UTC).date() for row in rows}
        return {ident for ident, arrival in arrivals.items() if self._of_day.get(arrival) == "bounced"}

    async def deliver(self, day: date) -> None:
        batch = await self.exports.make(day, by=self.staff)
        if batch.number in self._unacknowledged:
            self._label(Cause.EXPORT_NOT_ACKNOWLEDGED, f"batch:{day}")
        else:
            await self.exports.acknowledge(batch.number, by=self.staff, reference=f"HKR {batch.number}")

    async def made_again(self) -> dict[date, tuple[dict[str, bytes], dict[str, bytes]]]:
        """By day: the files of its batch as they are kept, and as the books give them now."""
        found = {}
        _days, batches = await self.exports.batches()
        for batch in batches:
            async with self.db.connection() as conn:
                closed = await find_closed_day(conn, batch.day)
                vouchers = await export_store.vouchers(conn, batch.day)
                rows = await conn.fetch("SELECT format, content FROM export_file WHERE batch = $1", batch.number)
            assert closed is not None
            day = Day(
                batch=batch.number, business_day=batch.day, closed_at=closed.closed_at, root_sha256=closed.root_sha256, vouchers=vouchers
            )  # fmt: skip
            kept = {row["format"]: row["content"] for row in rows}
            found[batch.day] = kept, {one.format: one.content for one in files(day, Profile())}
        return found

    async def change_prices(self) -> None:
        """After it was read and booked, the provider takes more for some of its transactions."""
        dear = {subject.removeprefix("price:") for _cause, subject in self.labels}
        rows = [
            row
            for row in self.machine.state.rows("balance_transactions")
            if row["type"] == "charge" and row["id"] not in dear
        ]
        for row in self.chance.sample(rows, self.size.faults):
            self.machine.edit_fee(row["id"], row["fee"] + 11)
            self._label(Cause.FEE, f"fee:{row['id']}")

    def _label(self, cause: Cause, subject: str) -> None:
        self.labels.add((cause.value, subject))

    def _next_id(self) -> UUID:
        self._last_id += 1
        return UUID(int=self._last_id)


async def _book_payment(conn: Connection, payment: Payment, at: datetime) -> None:
    assert await insert_payment(conn, payment)
    await insert_journal(conn, fee_journal(payment), at)


def _spread(chance: Random, number: int, days: Sequence[date]) -> dict[date, int]:
    found = dict.fromkeys(days, 0)
    for day in chance.choices(days, k=number):
        found[day] += 1
    return found


def _struck(chance: Random, kinds: Sequence[str], each: int, number: int) -> list[str]:
    """For each of them the fault that strikes it, "" for none; the last ones stay whole."""
    found = [kind for kind in kinds for _n in range(each)]
    found += [""] * (number - len(found))
    chance.shuffle(found)
    return found


def _business_days(first: date, last: date) -> list[date]:
    days = [first + n * _DAY for n in range((last - first).days + 1)]
    return [day for day in days if day.weekday() < 5]


@dataclass(frozen=True, slots=True)
class Score:
    """Against the labels: of what is reported how much was planted, of what was planted how much is reported."""

    missed: frozenset[Label]
    wrong: frozenset[Label]
    found: int

    @property
    def precision(self) -> float:
        return self.found / (self.found + len(self.wrong)) if self.found else 0.0

    @property
    def recall(self) -> float:
        return self.found / (self.found + len(self.missed)) if self.found else 0.0


def score(reported: set[Label], labels: set[Label]) -> Score:
    return Score(frozenset(labels - reported), frozenset(reported - labels), len(reported & labels))
