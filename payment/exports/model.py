"""A closed day as it is exported. Integer cents; positive is what the city got, negative what it gave."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from payment.model import Line


@dataclass(frozen=True, slots=True, kw_only=True)
class Voucher:
    """A journal as it is exported. `number`: its place in the chain of seals, so without a gap; `method`: how it was paid, or
    where nobody told the provider.

    `kassenzeichen` and `lines` are those of its payment: empty where it has none (a payout). `entries`: account, cents (debit positive).
    `journal_id` and `payment_id` stand in no file: they lead from a batch to its journals.
    """

    number: int
    kind: str
    method: str
    kassenzeichen: str = ""
    lines: tuple[Line, ...] = ()
    entries: tuple[tuple[str, int], ...]
    journal_id: int = 0
    payment_id: UUID | None = None

    @property
    def label(self) -> str:
        return f"{self.number:09d}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """`batch`: its number. `root_sha256`: of the day in the chain of the books. Raises ValueError where a voucher does not balance."""

    batch: int
    business_day: date
    closed_at: datetime
    root_sha256: bytes
    currency: str = "EUR"
    vouchers: tuple[Voucher, ...] = ()

    def __post_init__(self) -> None:
        if any(sum(cents for _account, cents in voucher.entries) for voucher in self.vouchers):
            raise ValueError("a voucher balances")


class ItemKind(StrEnum):
    PAYMENT = "payment"
    REFUND = "refund"  # positive where one that failed is taken back
    PROVIDER_FEE = "provider_fee"
    OTHER = "other"  # money without a payment or a refund: a dispute, a difference of a drawer
    REVENUE = "revenue"  # no money: what was received in advance is earned, or was earned and is given back


MONEY_KINDS = (ItemKind.PAYMENT, ItemKind.REFUND, ItemKind.PROVIDER_FEE, ItemKind.OTHER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A line of the itemised list. `product`: the product account, empty where no payment says; `tax_cents` is contained in `cents`."""

    voucher: str
    kassenzeichen: str
    day: date
    kind: ItemKind
    product: str
    method: str
    cents: int
    tax_percent: int

    @property
    def tax_cents(self) -> int:
        """Rounded half away from zero, as an invoice does."""
        whole = 100 + self.tax_percent
        tax = (abs(self.cents) * self.tax_percent * 2 + whole) // (2 * whole)
        return tax if self.cents > 0 else -tax


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """A product account and a method of one day. `count`: payments. `net_cents`: by how much the money grew."""

    day: date
    product: str
    method: str
    count: int
    gross_cents: int
    refund_cents: int
    fee_cents: int
    other_cents: int
    revenue_cents: int

    @property
    def net_cents(self) -> int:
        return self.gross_cents + self.refund_cents + self.fee_cents + self.other_cents


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What the books say of the day of a batch, which is what its files say. `items`: with the voucher that each is of."""

    batch: int
    day: date
    currency: str
    totals: tuple[Total, ...]
    items: tuple[tuple[Item, Voucher], ...]

    def of(self, product: str | None, method: str | None) -> tuple[tuple[Item, Voucher], ...]:
        """Those behind a total; None: whatever it is."""
        return tuple(
            (item, voucher)
            for item, voucher in self.items
            if product in (None, item.product) and method in (None, item.method)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """A booking with one account on each side; `cents` is positive."""

    voucher: str
    kassenzeichen: str
    kind: str
    debit: str
    credit: str
    cents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """`rows` without headings; `sum_cents`: what the rows come to, as the manifest's words for its format say."""

    name: str
    format: str
    rows: int
    sum_cents: int
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A row of `export_batch` with its acknowledgement. `made_by`, `acknowledged_by`: accounts, `maker` and `acknowledger` their names;
    `reference`: the treasury's own number."""

    number: int
    day: date
    made_by: int
    made_at: datetime
    manifest_sha256: bytes
    acknowledged_by: int | None = None
    acknowledged_at: datetime | None = None
    reference: str | None = None
    maker: str = ""
    acknowledger: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """A file of a batch without its content."""

    format: str
    name: str
    rows: int
    sum_cents: int
    size_bytes: int
    sha256: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """Somebody fetched a file of a batch."""

    format: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Unacknowledged:
    """A closed day of which the treasury has not said yet that it has it. `batch`: None where none is made."""

    day: date
    closed_at: datetime
    batch: int | None
    is_overdue: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatch:
    """All of one batch: what was made, what is in it, who fetched it."""

    batch: Batch
    files: tuple[StoredFile, ...]
    downloads: tuple[Download, ...]
