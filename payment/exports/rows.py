"""From the day's vouchers to the rows that its files hold. Pure: the same day always gives the same rows, in the same order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from payment.exports.model import Day, Item, ItemKind, Posting, Total, Voucher
from payment.ledger import CASH, CASH_IN_TRANSIT, PSP_CLEARING, REVENUE, TERMINAL_CLEARING, JournalKind, shared
from payment.model import Line

PSP_FEES = "psp_fees"
_MONEY = frozenset({PSP_CLEARING, "bank", "bank_in_transit", TERMINAL_CLEARING, CASH_IN_TRANSIT})
_KINDS: Mapping[str, ItemKind] = {
    JournalKind.FEE: ItemKind.PAYMENT,
    JournalKind.REFUND: ItemKind.REFUND,
    JournalKind.REFUND_FAILED: ItemKind.REFUND,
}


def items(day: Day) -> list[Item]:
    """By voucher. The money ones sum to what the accounts of money grew by, those of revenue to the accounts of revenue."""
    return [item for voucher in day.vouchers for item in _items(day, voucher)]


def _items(day: Day, voucher: Voucher) -> Iterator[Item]:
    fees = sum(cents for account, cents in voucher.entries if account == PSP_FEES)
    moved = sum(cents for account, cents in voucher.entries if is_money(account)) + fees
    for kind, cents in ((_KINDS.get(voucher.kind, ItemKind.OTHER), moved), (ItemKind.PROVIDER_FEE, -fees)):
        for line, share in _by_line(cents, voucher.lines):
            yield _item(day, voucher, kind, line, share)
    for account, cents in voucher.entries:
        if account.startswith(REVENUE):
            product = account.removeprefix(REVENUE)
            lines = [line for line in voucher.lines if line.product == product]
            for line, share in _by_line(-cents, lines or [Line(product=product, amount_cents=1)]):
                yield _item(day, voucher, ItemKind.REVENUE, line, share)


def _item(day: Day, voucher: Voucher, kind: ItemKind, line: Line, cents: int) -> Item:
    return Item(
        voucher=voucher.label,
        kassenzeichen=voucher.kassenzeichen,
        day=day.business_day,
        kind=kind,
        product=line.product,
        method=voucher.method,
        cents=cents,
        tax_percent=line.tax_percent,
    )


def _by_line(cents: int, lines: Sequence[Line]) -> Iterator[tuple[Line, int]]:
    """In proportion, as the ledger shares revenue."""
    lines = lines or [Line(product="", amount_cents=1)]
    sign = 1 if cents > 0 else -1
    for line, share in zip(lines, shared(abs(cents), [line.amount_cents for line in lines]), strict=True):
        if share:
            yield line, sign * share


def is_money(account: str) -> bool:
    return account in _MONEY or account.startswith(CASH)


def totals(listed: Iterable[Item]) -> list[Total]:
    """One for each product account and method, by their names."""
    groups: dict[tuple[str, str], list[Item]] = defaultdict(list)
    for item in listed:
        groups[item.product, item.method].append(item)
    return [
        Total(
            day=group[0].day,
            product=product,
            method=method,
            count=len({item.voucher for item in group if item.kind is ItemKind.PAYMENT}),
            gross_cents=sum_of(group, ItemKind.PAYMENT),
            refund_cents=sum_of(group, ItemKind.REFUND),
            fee_cents=sum_of(group, ItemKind.PROVIDER_FEE),
            other_cents=sum_of(group, ItemKind.OTHER),
            revenue_cents=sum_of(group, ItemKind.REVENUE),
        )
        for (product, method), group in sorted(groups.items())
    ]


def sum_of(listed: Iterable[Item], *kinds: ItemKind) -> int:
    return sum(item.cents for item in listed if item.kind in kinds)


def postings(day: Day) -> list[Posting]:
    """Each voucher as bookings between two accounts, which change every account by as much as its entries do."""
    return [
        Posting(
            voucher=voucher.label, kassenzeichen=voucher.kassenzeichen, kind=voucher.kind,
            debit=debit, credit=credit, cents=cents,
        )
        for voucher in day.vouchers
        for debit, credit, cents in _pairs(voucher.entries)
    ]  # fmt: skip


def _pairs(entries: Sequence[tuple[str, int]]) -> Iterator[tuple[str, str, int]]:
    """Debits meet credits in the order in which they were booked."""
    debits = [(account, cents) for account, cents in entries if cents > 0]
    credits = [(account, -cents) for account, cents in entries if cents < 0]
    d = c = met_debit = met_credit = 0
    while d < len(debits):
        (debit, of_debit), (credit, of_credit) = debits[d], credits[c]
        cents = min(of_debit - met_debit, of_credit - met_credit)
        if debit != credit:  # else it changes nothing
            yield debit, credit, cents
        met_debit, met_credit = met_debit + cents, met_credit + cents
        if met_debit == of_debit:
            d, met_debit = d + 1, 0
        if met_credit == of_credit:
            c, met_credit = c + 1, 0


def accounts(day: Day) -> list[tuple[str, int, int]]:
    """Account, debit and credit cents: what the trial balance says of the day."""
    sides: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for voucher in day.vouchers:
        for account, cents in voucher.entries:
            sides[account][cents < 0] += abs(cents)
    return [(account, debit, credit) for account, (debit, credit) in sorted(sides.items())]
