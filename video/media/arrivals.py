"""When packets came, told to their sender (draft-holmer-rmcat-transport-wide-cc-extensions-01). Pure; times are monotonic seconds.

All streams of a connection share one sequence. Arrivals are kept a while, because a late packet re-opens the report at its number.
"""

from __future__ import annotations

from struct import pack

from video.media.rtcp import TRANSPORT_CC, TRANSPORT_FEEDBACK

TICKS_PER_S = 4000  # deltas are counted in 250 µs
REPORTED_MOST = 1000
KEPT = 600


class Arrivals:
    __slots__ = ("_count", "_highest", "_new", "_times")

    def __init__(self) -> None:
        self._times: dict[int, int] = {}
        self._new: list[int] = []
        self._highest: int | None = None
        self._count = 0

    def add(self, number: int, now: float) -> None:
        """`number`: the packet's 16 bit."""
        highest = self._highest
        if highest is None:
            self._highest = number = number + 0x10000
        else:
            number = highest + ((number - highest + 32768) & 0xFFFF) - 32768
            if number > highest:
                self._highest = number
        if number not in self._times:
            self._times[number] = int(now * TICKS_PER_S)
            self._new.append(number)

    def feedback(self, own: bytes, media: bytes) -> bytes | None:
        """What came since the last call; None where nothing did."""
        if not self._new:
            return None
        last = max(self._new)
        base = max(min(self._new), last - REPORTED_MOST)
        while base not in self._times:  # the report begins with a packet that came
            base += 1
        self._new = []
        symbols, deltas = [], bytearray()
        reference = self._times[base] // 256
        before = reference * 256
        for number in range(base, last + 1):
            time = self._times.get(number)
            if time is None:
                symbols.append(0)
                continue
            delta, before = time - before, time
            if 0 <= delta <= 255:
                symbols.append(1)
                deltas.append(delta)
            else:
                symbols.append(2)
                deltas += pack("!h", max(-32768, min(32767, delta)))
        body = pack("!HHI", base & 0xFFFF, len(symbols), (reference & 0xFFFFFF) << 8 | self._count & 0xFF)
        body += _chunks(symbols) + deltas
        self._count += 1
        self._forget()
        padding = -len(body) % 4
        if padding:
            body += bytes(padding - 1) + bytes((padding,))
        first = (0xA0 if padding else 0x80) | TRANSPORT_CC
        return pack("!BBH4s4s", first, TRANSPORT_FEEDBACK, 2 + len(body) // 4, own, media) + body

    def _forget(self) -> None:
        if len(self._times) > 2 * KEPT:
            for number in sorted(self._times)[:-KEPT]:
                del self._times[number]


def _chunks(symbols: list[int]) -> bytes:
    out, at, end = bytearray(), 0, len(symbols)
    while at < end:
        symbol, until = symbols[at], at
        while until < end and symbols[until] == symbol and until - at < 0x1FFF:
            until += 1
        if until - at > 7:
            out += pack("!H", symbol << 13 | until - at)
            at = until
        else:
            vector = 0xC000
            for place, value in enumerate(symbols[at : at + 7]):
                vector |= value << (12 - 2 * place)
            out += pack("!H", vector)
            at += 7
    return bytes(out)
