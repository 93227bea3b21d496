"""Days to export: one that a person has looked through, and any that the ledger could book."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime

from hypothesis import strategies as st

from payment.exports.batch import Profile
from payment.exports.datev import DatevFormat
from payment.exports.model import Day, Voucher
from payment.ledger import Journal, earned_journal, fee_journal, moved, refund_failed_journal, refund_journal
from payment.model import Line, Payment
from tests.payment.making import a_payment, a_refund

ON = date(2026, 11, 26)
CLOSED = datetime(2026, 11, 27, 3, 5, 9, 123456, tzinfo=UTC)
PRODUCTS = ("122-01.anmeldung", "122-02.pass", "573-01.parken")
KASSENZEICHEN = "RF18539007547034"
ACCOUNTS = {
    "psp_clearing": 1360,
    "bank": 1200,
    "received_in_advance": 1710,
    "refund_payable": 1755,
    "psp_fees": 4970,
    "dispute_receivable": 1500,
    **{f"revenue:{product}": 8200 + n for n, product in enumerate(PRODUCTS)},
}
PROFILE = Profile(datev=DatevFormat(consultant=29098, client=55003, accounts=ACCOUNTS, chart="03"))


def paid(*lines: Line, advance_cents: int = 0) -> Payment:
    return a_payment(lines=lines, amount_cents=sum(line.amount_cents for line in lines), advance_cents=advance_cents)


def of(payment: Payment, journal: Journal) -> Callable[[int], Voucher]:
    """A voucher that wants its number."""
    entries = tuple((entry.account, entry.amount_cents) for entry in journal.entries)
    return lambda number: Voucher(
        number=number,
        kind=journal.kind,
        method=payment.provider,
        kassenzeichen=KASSENZEICHEN,
        lines=payment.lines,
        entries=entries,
    )


def bare(kind: str, cents: int, debit: str, credit: str) -> Callable[[int], Voucher]:
    """Without a payment."""
    entries = tuple((entry.account, entry.amount_cents) for entry in moved(cents, debit=debit, credit=credit))
    return lambda number: Voucher(number=number, kind=kind, method="stripe", entries=entries)


def day(*vouchers: Callable[[int], Voucher], first: int = 41) -> Day:
    numbered = tuple(make(number) for number, make in enumerate(vouchers, start=first))
    return Day(batch=7, business_day=ON, closed_at=CLOSED, root_sha256=bytes(range(32)), vouchers=numbered)


def looked_through() -> Day:
    """Two payments, one of two products with VAT in one; a visit served; a refund that came back; provider's fees, payout, dispute."""
    pass_ = paid(Line(product=PRODUCTS[1], amount_cents=3700))
    both = paid(
        Line(product=PRODUCTS[0], amount_cents=1301), Line(product=PRODUCTS[2], amount_cents=1190, tax_percent=19)
    )
    refund = refund_journal(a_refund(amount_cents=1000), paid(*both.lines, advance_cents=400))
    return day(
        of(pass_, fee_journal(pass_)),
        of(both, fee_journal(both)),
        of(pass_, earned_journal(pass_, 3700)),
        of(both, earned_journal(both, 2091)),
        of(both, refund),
        of(both, refund_failed_journal(refund)),
        bare("psp_fee", 97, "psp_fees", "psp_clearing"),
        bare("payout", 6094, "bank", "psp_clearing"),
        bare("dispute", 3700, "dispute_receivable", "psp_clearing"),
    )


def empty() -> Day:
    return day()


_cents = st.integers(1, 9_999_999)
_lines = st.lists(
    st.builds(Line, product=st.sampled_from(PRODUCTS), amount_cents=_cents, tax_percent=st.sampled_from([0, 7, 19])),
    min_size=1,
    max_size=4,
)


@st.composite
def _of_payment(draw: st.DrawFn) -> list[Callable[[int], Voucher]]:
    lines = draw(_lines)
    whole = paid(*lines)
    made = [of(whole, fee_journal(whole))]
    if earned := draw(st.integers(0, whole.amount_cents)):
        made.append(of(whole, earned_journal(whole, earned)))
    if cents := draw(st.integers(0, whole.amount_cents)):
        refund = refund_journal(a_refund(amount_cents=cents), paid(*lines, advance_cents=whole.amount_cents - earned))
        made.append(of(whole, refund))
        if draw(st.booleans()):
            made.append(of(whole, refund_failed_journal(refund)))
    return made


_bare = st.builds(
    lambda cents, how: [bare(how[0], cents, how[1], how[2])],
    _cents,
    st.sampled_from(
        [
            ("psp_fee", "psp_fees", "psp_clearing"),
            ("payout", "bank", "psp_clearing"),
            ("dispute", "dispute_receivable", "psp_clearing"),
        ]
    ),
)
any_day = st.lists(st.one_of(_of_payment(), _bare), max_size=6).map(
    lambda groups: day(*(make for group in groups for make in group))
)
