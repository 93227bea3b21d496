"""The bank's files are read by the product's own parser: they chain, add up, and each fault is where its label says."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from payment.bank import camt
from payment.bank.model import Statement
from payment.bank.refusing import NotTheSum
from sandbox.bank.account import IBAN, Account
from sandbox.bank.bank import Bank
from sandbox.bank.camt import Version
from sandbox.bank.faults import KINDS, TILL_KINDS, Fault, Kind, Label
from sandbox.bank.model import Booking, Carried, File, Payment
from sandbox.stripe.machine import Machine
from tests.sandbox.running import HandClock, session_body

MONDAY = date(2026, 11, 2)
BOTH: tuple[Version, ...] = ("02", "08")


def day(number: int) -> date:
    return MONDAY + timedelta(days=number)


def read(*files: File) -> list[Statement]:
    return [statement for file in files for statement in camt.read(file.content)]


def fortnight(bank: Bank, *, days: int = 14) -> tuple[Machine, list[File]]:
    """A payment a day, paid out daily, each day closed in the evening."""
    clock = HandClock()
    clock.at = datetime(2026, 11, 2, 8, tzinfo=UTC)
    machine = Machine(clock, payout_schedule="daily")
    files = []
    for number in range(days):
        machine.pay(machine.create_session(session_body(1000 + number))["id"])
        clock.advance(hours=12)
        machine.sweep()
        bank.take_payouts(machine.state.rows("payouts"))
        files += bank.close(day(number))
        clock.advance(hours=12)
    return machine, files


@pytest.mark.parametrize("version", BOTH)
def test_each_payout_arrives_as_one_credit_and_the_statements_chain(version: Version) -> None:
    machine, files = fortnight(Bank(Account(opening_cents=100_00), version=version))
    statements = read(*files)
    assert [one.sequence for one in statements] == list(range(1, 11))  # ten business days
    assert {one.iban for one in statements} == {IBAN}
    balance = 100_00
    for one in statements:
        assert one.opening_cents == balance
        balance = one.closing_cents
    credits = [(one.to_on, entry) for one in statements for entry in one.entries]
    paid = [row for row in machine.state.rows("payouts") if row["status"] == "paid"]
    assert len(paid) > 4
    assert [(str(on), entry.amount_cents, entry.details[0].end_to_end_id) for on, entry in credits] == [
        (str(datetime.fromtimestamp(row["arrival_date"], UTC).date()), row["amount"], row["trace_id"]["value"])
        for row in paid
    ]
    first = credits[0][1]
    assert first.details[0].debtor.name == "STRIPE TECHNOLOGY EUROPE LTD"
    assert first.details[0].remittance == "STADT STUTTGART"
    assert first.acct_svcr_ref == f"{credits[0][0]:%Y%m%d}000001"


@pytest.mark.parametrize("version", BOTH)
def test_a_batch_of_transfers_and_one_that_comes_back(version: Version) -> None:
    bank = Bank(Account(opening_cents=50_000), version=version)
    orders = [
        Payment(amount_cents=1290, name="Erika Mustermann", iban="DE89370400440532013000", end_to_end_id="RF-1"),
        Payment(amount_cents=500, name="Max Mustermann", iban="DE89370400440532013000", end_to_end_id="RF-2"),
    ]
    bank.account.transfer(day(0), *orders, message_id="M-1", payment_information_id="P-1")
    bank.account.give_back(day(1), orders[1])
    (sent,), (back,) = read(*bank.close(day(0))), read(*bank.close(day(1)))
    (entry,) = sent.entries
    assert (entry.amount_cents, entry.msg_id, entry.pmt_inf_id) == (-1790, "M-1", "P-1")
    assert [(one.amount_cents, one.end_to_end_id, one.creditor.name) for one in entry.details] == [
        (-1290, "RF-1", "Erika Mustermann"),
        (-500, "RF-2", "Max Mustermann"),
    ]
    (returned,) = back.entries[0].details
    assert (returned.amount_cents, returned.end_to_end_id, returned.return_reason) == (500, "RF-2", "AC04")
    assert back.closing_cents == 50_000 - 1290


def test_what_is_booked_at_the_weekend_stands_on_monday_and_a_day_is_closed_once() -> None:
    account = Account()
    account.book(day(5), Booking(payments=(Payment(amount_cents=1),)))
    assert account.close(day(5)) is None
    assert account.close(day(6)) is None
    monday = account.close(day(7))
    assert monday is not None
    assert (monday.sequence, monday.stated_closing_cents) == (1, 1)
    with pytest.raises(ValueError, match="is closed"):
        account.close(day(7))


def test_a_payout_that_fails_after_its_credit_goes_back_once() -> None:
    bank = Bank()
    machine, _ = fortnight(bank)
    payout = next(row for row in machine.state.rows("payouts") if row["status"] == "paid")
    failed = machine.fail_payout(payout["id"])
    bank.take_payouts([failed])
    bank.take_payouts([failed])
    (statement,) = read(*bank.close(day(14)))
    assert [entry.amount_cents for entry in statement.entries] == [-payout["amount"]]


def test_the_same_days_give_the_same_bytes() -> None:
    assert fortnight(Bank())[1] == fortnight(Bank())[1]


def strike(kind: Kind, on: date) -> tuple[list[File], list[File], Bank]:
    """The files without and with the fault."""
    bank = Bank(faults=[Fault(kind, on)])
    return fortnight(Bank())[1], fortnight(bank)[1], bank


def booked(files: list[File]) -> dict[date, list[int]]:
    return {one.to_on: [entry.amount_cents for entry in one.entries] for one in read(*files)}


FRIDAY = day(4)
"""The first payout arrives on it."""


def test_faults_of_credits() -> None:
    right = booked(fortnight(Bank())[1])
    ((amount,), (monday,)) = right[FRIDAY], right[day(7)]
    late = booked(strike("credit_late", FRIDAY)[1])
    assert (late[FRIDAY], sorted(late[day(7)])) == ([], sorted([amount, monday]))
    assert booked(strike("cent_off", FRIDAY)[1])[FRIDAY] == [amount - 1]
    split = booked(strike("payout_split", FRIDAY)[1])[FRIDAY]
    assert (len(split), sum(split)) == (2, amount)
    assert booked(strike("unknown_credit", FRIDAY)[1])[FRIDAY] == [amount, 4711]


def test_faults_of_files() -> None:
    right, missing, _ = strike("statement_missing", FRIDAY)
    assert [file.name for file in missing] == [file.name for file in right if "2026-11-06" not in file.name]
    assert [one.sequence for one in read(*missing)][:5] == [1, 2, 3, 4, 6]
    right, twice, _ = strike("file_twice", FRIDAY)
    again = [file for file in twice if file.name.startswith("again_")]
    assert [file.content for file in again] == [right[4].content]
    right, wrong, _ = strike("wrong_balance", FRIDAY)
    with pytest.raises(NotTheSum):
        camt.read(wrong[4].content)
    assert wrong[5] == right[5]  # the bank's own books were right


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in TILL_KINDS])
def test_each_fault_strikes_once_and_leaves_its_label(kind: Kind) -> None:
    right, faulty, bank = strike(kind, FRIDAY)
    assert right != faulty
    (label,) = bank.labels
    assert (label.kind, label.on) == (kind, FRIDAY)
    of_a_payout = kind in ("credit_late", "cent_off", "payout_split")
    assert label.payout.startswith("po_") == of_a_payout
    sunday = Bank(faults=[Fault(kind, day(6))])
    assert (fortnight(sunday)[1], sunday.labels) == (right, list[Label]())


def test_files_appear_whole_in_the_folder(tmp_path: Path) -> None:
    bank = Bank(faults=[Fault("file_twice", MONDAY)])
    paths = bank.close_into(tmp_path / "in", MONDAY)
    assert [path.name for path in paths] == [
        "2026-11-02_C53_DE02600501010002034304_00001.xml",
        "again_2026-11-02_C53_DE02600501010002034304_00001.xml",
    ]
    assert sorted((tmp_path / "in").iterdir()) == sorted(paths)
    assert camt.read(paths[0].read_bytes())[0].sequence == 1


CARRIED = [
    Carried(id="change:1", kind="change", day=MONDAY, cents=-10_000),
    Carried(id="deposit:1", kind="deposit", day=MONDAY, cents=20_000, reference="SB-1001"),
    Carried(id="deposit:2", kind="deposit", day=MONDAY, cents=5_000, reference="SB-1002"),
    Carried(id="terminal:1", kind="terminal", day=MONDAY, cents=4_000, reference="5400-0001"),
]
OF_TILLS: dict[Kind | None, tuple[dict[int, list[int]], tuple[str, int]]] = {
    None: ({0: [-10_000], 1: [4_000, 20_000, 5_000]}, ("", 0)),
    "deposit_short": ({0: [-10_000], 1: [4_000, 19_000, 5_000]}, ("deposit:1", 19_000)),
    "deposits_together": ({0: [-10_000], 1: [4_000, 25_000]}, ("deposit:1,deposit:2", 0)),
    "deposits_alike": ({0: [-10_000], 1: [4_000, 20_000, 5_000]}, ("", 0)),
    "deposit_late": ({0: [-10_000], 1: [4_000, 5_000], 4: [20_000]}, ("deposit:1", 0)),
    "deposit_lost": ({0: [-10_000], 1: [4_000, 5_000]}, ("deposit:1", 0)),
    "terminal_fee": ({0: [-10_000], 1: [3_940, 20_000, 5_000]}, ("terminal:1", 3_940)),
}


@pytest.mark.parametrize("kind", OF_TILLS)
def test_what_tills_send_is_booked_once_and_its_faults_leave_a_label(kind: Kind | None) -> None:
    bank = Bank(faults=[Fault(kind, MONDAY)] if kind else [])
    booked: dict[int, list[int]] = {}
    for n in range(5):
        bank.take_from_tills(CARRIED)
        [file] = bank.close(day(n))
        [statement] = camt.read(file.content)
        if statement.entries:
            booked[n] = [one.amount_cents for one in statement.entries]
    expected, struck = OF_TILLS[kind]
    assert booked == expected
    assert [(one.sent, one.cents) for one in bank.labels] == ([struck] if kind else [])
