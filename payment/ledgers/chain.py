"""The chain of seals, worked out once more beside the database (0061_sealed_books.sql), which made it. Pure.

A seal is SHA-256 over the seal before it and its journal's text: a line for the journal, one for each entry, tab-separated, UTF-8. A
day's root is SHA-256 over the root before it, the day's name and the day's seals. Before the first stand 32 zero bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date
from hashlib import sha256

from payment.ledgers.model import Broken, ClosedDay, Fault, Record, Seal

GENESIS = bytes(32)


def canonical(record: Record) -> bytes:
    moment = record.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    ids = (record.payment_id, record.refund_id, record.reverses)
    named = ["-" if one is None else str(one) for one in ids]
    first = ["journal", str(record.id), record.kind, *named, moment, record.business_day.isoformat()]
    lines = [[*first, record.currency or "-"]]
    lines += [["entry", str(ident), account, str(cents)] for ident, account, cents in record.entries]
    return "".join("\t".join(line) + "\n" for line in lines).encode()


def link(previous: bytes, record: Record) -> bytes:
    return sha256(previous + canonical(record)).digest()


def day_root(previous: bytes, day: date, seals: Sequence[bytes]) -> bytes:
    return sha256(previous + day.isoformat().encode() + b"".join(seals)).digest()


@dataclass(slots=True)
class Walk:
    """Along the chain, seal by seal in the order of their numbers; stops at the first that does not hold."""

    seq: int = 0
    head: bytes = GENESIS
    by_day: dict[date, list[bytes]] = field(default_factory=dict)

    def step(self, seal: Seal) -> Broken | None:
        fault = self._fault(seal)
        if fault is not None:
            at = self.seq + 1 if fault is Fault.GAP else seal.seq
            return Broken(fault=fault, seq=at, journal_id=None if fault is Fault.GAP else seal.journal_id)
        assert seal.record is not None
        self.seq, self.head = seal.seq, seal.sha256
        self.by_day.setdefault(seal.record.business_day, []).append(seal.sha256)
        return None

    def _fault(self, seal: Seal) -> Fault | None:
        if seal.seq != self.seq + 1:
            return Fault.GAP
        if seal.previous_sha256 != self.head:
            return Fault.PREVIOUS
        if seal.record is None:
            return Fault.JOURNAL_GONE
        return None if link(self.head, seal.record) == seal.sha256 else Fault.CHANGED

    def days(self, closed: Iterable[ClosedDay], known: Mapping[date, bytes]) -> Broken | None:
        """`closed`: all, oldest first; `known`: roots of days as somebody else has kept them."""
        root, seen = GENESIS, set()
        for one in closed:
            seals = self.by_day.get(one.day, [])
            root = day_root(root, one.day, seals)
            seen.add(one.day)
            if len(seals) != one.journals:
                return Broken(fault=Fault.DAY_COUNT, day=one.day)
            if root != one.root_sha256:
                return Broken(fault=Fault.DAY, day=one.day)
            if known.get(one.day, root) != root:
                return Broken(fault=Fault.ROOT, day=one.day)
        missing = sorted(set(known) - seen)
        return Broken(fault=Fault.ROOT, day=missing[0]) if missing else None
