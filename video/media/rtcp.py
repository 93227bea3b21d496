"""RTCP packets in bytes (RFC 3550, RFC 4585, RFC 5104, REMB). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from struct import pack, unpack_from

SENDER_REPORT, RECEIVER_REPORT, TRANSPORT_FEEDBACK, PAYLOAD_FEEDBACK = 200, 201, 205, 206
NACK, TRANSPORT_CC = 1, 15  # of TRANSPORT_FEEDBACK
PLI, FIR, REMB = 1, 4, 15  # of PAYLOAD_FEEDBACK
REPORTS_MOST = 31


@dataclass(frozen=True, slots=True)
class Packet:
    """`count` is the number of reports, or the kind of feedback; `body` is everything behind the first four bytes."""

    kind: int
    count: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Reception:
    """What we say of one stream (RFC 3550, 6.4.1)."""

    ssrc: bytes
    lost_fraction: float
    lost_total: int
    highest: int
    jitter: int
    last_report: int
    delay_s: float


def packets(compound: bytes) -> Iterator[Packet]:
    """Those that are whole; what follows a broken one is left out."""
    at = 0
    while at + 4 <= len(compound):
        length = 4 * (compound[at + 2] << 8 | compound[at + 3]) + 4
        if compound[at] >> 6 != 2 or at + length > len(compound):
            return
        yield Packet(compound[at + 1], compound[at] & 31, compound[at + 4 : at + length])
        at += length


def nacked(body: bytes) -> Iterator[int]:
    """The sequence numbers that are asked for."""
    for at in range(8, len(body) - 3, 4):
        first, others = unpack_from("!HH", body, at)
        yield first
        for bit in range(16):
            if others >> bit & 1:
                yield (first + bit + 1) & 0xFFFF


def remb_bit_s(body: bytes) -> int | None:
    """The bit rate that a receiver estimates; None where it is no REMB."""
    if len(body) < 16 or body[8:12] != b"REMB":
        return None
    return ((body[13] & 3) << 16 | body[14] << 8 | body[15]) << (body[13] >> 2)


def sender_report(ssrc: bytes, ntp: bytes, timestamp: int, packet_count: int, byte_count: int) -> bytes:
    return pack("!BBH4s8sIII", 0x80, SENDER_REPORT, 6, ssrc, ntp, timestamp, packet_count, byte_count & 0xFFFFFFFF)


def receiver_report(own: bytes, receptions: Sequence[Reception]) -> bytes:
    body = b"".join(
        reception.ssrc
        + bytes((min(255, int(reception.lost_fraction * 256)),))
        + max(0, min(0x7FFFFF, reception.lost_total)).to_bytes(3, "big")
        + pack(
            "!IIII",
            reception.highest & 0xFFFFFFFF,
            reception.jitter,
            reception.last_report,
            int(reception.delay_s * 65536) & 0xFFFFFFFF,
        )
        for reception in receptions[:REPORTS_MOST]
    )
    return pack("!BBH4s", 0x80 | len(body) // 24, RECEIVER_REPORT, 1 + len(body) // 4, own) + body


def pli(own: bytes, media: bytes) -> bytes:
    return pack("!BBH4s4s", 0x80 | PLI, PAYLOAD_FEEDBACK, 2, own, media)


def nack(own: bytes, media: bytes, missing: Iterable[int]) -> bytes:
    pairs: list[list[int]] = []
    for number in sorted(missing):
        if pairs and 0 < number - pairs[-1][0] <= 16:
            pairs[-1][1] |= 1 << (number - pairs[-1][0] - 1)
        else:
            pairs.append([number, 0])
    body = b"".join(pack("!HH", first, others) for first, others in pairs)
    return pack("!BBH4s4s", 0x80 | NACK, TRANSPORT_FEEDBACK, 2 + len(pairs), own, media) + body
