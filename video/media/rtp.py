"""RTP packets in bytes (RFC 3550, RFC 8285 one-byte extensions, RFC 4588, RFC 7741). Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

HEADER_BYTES = 12


class Malformed(ValueError):
    """The packet's own lengths do not fit."""


def newer_by(a: int, b: int) -> int:
    """How far sequence number `a` is ahead of `b` on the circle of 16 bits: -32768 to 32767."""
    return ((a - b + 32768) & 0xFFFF) - 32768


def payload_offset(packet: bytes | bytearray | memoryview, length: int) -> int:
    """Where the payload begins, behind contributing sources and extension. Raises Malformed."""
    if length < HEADER_BYTES:
        raise Malformed
    offset = HEADER_BYTES + 4 * (packet[0] & 15)
    if packet[0] & 16:
        if offset + 4 > length:
            raise Malformed
        offset += 4 + 4 * (packet[offset + 2] << 8 | packet[offset + 3])
    if offset > length:
        raise Malformed
    return offset


def extensions(packet: bytes | bytearray | memoryview, payload_at: int) -> Iterator[tuple[int, int, int]]:
    """(id, where its data begin, how many bytes) of each; nothing where the form is not the one-byte one."""
    at = HEADER_BYTES + 4 * (packet[0] & 15)
    if not packet[0] & 16 or packet[at] != 0xBE or packet[at + 1] != 0xDE:
        return
    at += 4
    while at < payload_at:
        head = packet[at]
        if head == 0:
            at += 1
            continue
        length = (head & 15) + 1
        if head >> 4 == 15 or at + 1 + length > payload_at:
            return
        yield head >> 4, at + 1, length
        at += 1 + length


def is_only_padding(packet: bytes | bytearray | memoryview, payload_at: int, length: int) -> bool:
    return length > payload_at and bool(packet[0] & 32) and length - payload_at <= packet[length - 1]


def unwrapped_rtx(rtx: bytes, payload_at: int, ssrc: bytes, payload_type: int) -> bytes | None:
    """The original packet in a retransmission, without extensions; None where it holds nothing (probing)."""
    end = len(rtx)
    if rtx[0] & 32:
        end -= rtx[-1]
    if end - payload_at <= 2:
        return None
    head = bytes((0x80, rtx[1] & 128 | payload_type))
    return head + rtx[payload_at : payload_at + 2] + rtx[4:8] + ssrc + rtx[payload_at + 2 : end]


@dataclass(frozen=True, slots=True)
class Vp8:
    """The descriptor before VP8's bytes: always in the clear, also where the frames are encrypted end to end."""

    picture_id_at: int | None
    picture_id: int
    picture_id_bits: int
    tl0_at: int | None
    starts_key_frame: bool


def vp8(packet: bytes | bytearray | memoryview, payload_at: int, length: int) -> Vp8 | None:
    """None where the descriptor is cut off."""
    at = payload_at
    if at >= length:
        return None
    first = packet[at]
    at += 1
    picture_id_at, picture_id, bits, tl0_at = None, 0, 7, None
    if first & 0x80:
        if at + 4 > length:
            return None
        flags = packet[at]
        at += 1
        if flags & 0x80:
            picture_id_at = at
            if packet[at] & 0x80:
                picture_id, bits = (packet[at] & 0x7F) << 8 | packet[at + 1], 15
                at += 2
            else:
                picture_id = packet[at]
                at += 1
        if flags & 0x40:
            tl0_at = at
            at += 1
        if flags & 0x30:
            at += 1
    if at >= length:
        return None
    # S bit, partition 0, and the inverse key frame bit of the first byte (RFC 7741, 4.2 and 4.3)
    is_key = bool(first & 0x10) and not first & 7 and not packet[at] & 1
    return Vp8(picture_id_at, picture_id, bits, tl0_at, is_key)


def find_extension(packet: bytes, payload_at: int, wanted: int) -> int:
    """Where the data of the extension begin, 0 where it is not there. The same walk as `extensions`, on every packet's way."""
    at = HEADER_BYTES + 4 * (packet[0] & 15)
    if packet[at] != 0xBE or packet[at + 1] != 0xDE:
        return 0
    at += 4
    while at < payload_at:
        head = packet[at]
        if head >> 4 == wanted:
            end = at + 2 + (head & 15)
            return at + 1 if end <= payload_at else 0
        at += (head & 15) + 2 if head else 1
    return 0
