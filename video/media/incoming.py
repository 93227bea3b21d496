"""One stream as it comes from its publisher: what is missing, what came, and the last second of it for those who missed something."""

from __future__ import annotations

from typing import TYPE_CHECKING

from video.media.counters import Counters
from video.media.rtcp import Reception
from video.media.rtp import is_only_padding, newer_by, vp8
from video.model import MEDIA_TYPE, Source

if TYPE_CHECKING:
    from video.media.outgoing import Outgoing

RING = 512  # packets kept; about a second of video
FIRST_NACK_S, NEXT_NACK_S, NACKS_MOST, NACK_FOR_S = 0.02, 0.05, 10, 1.0
GAP_MOST = 200  # a larger jump is a new beginning, not loss
MISSING_MOST = 400  # more is not repaired, but begun anew with a key frame
KEY_FRAME_EVERY_S = 0.5  # asked for at most so often, however many ask

_Missing = list[float]  # times asked, when to ask next, when found missing


class Incoming:
    """`payload_type` and `extension` ids are the publisher's. Sequence numbers wrap; `_cycles` counts."""

    def __init__(self, source: Source, payload_type: int, level_id: int, counters: Counters) -> None:
        self.source = source
        self.is_video = MEDIA_TYPE[source.kind] == "video"
        self.clock_rate = 90_000 if self.is_video else 48_000
        self.payload_type = payload_type
        self.level_id = level_id
        self.muted = False
        self.outgoing: list[Outgoing] = []
        self.key_frame_wanted = False
        self.ssrc = b""
        self.bytes = 0
        self._counters = counters
        self._asked_at = -KEY_FRAME_EVERY_S
        self._begin(0)

    def bind(self, ssrc: bytes) -> None:
        """The publisher's stream begins, or begins anew under another SSRC."""
        if ssrc != self.ssrc:
            self.ssrc = ssrc
            self._begin(0)

    def _begin(self, first: int) -> None:
        self._ring: list[tuple[int, bytes, int] | None] = [None] * RING
        self._highest: int | None = None
        self._first = first
        self._cycles = 0
        self._received = 0
        self._expected_before = self._received_before = 0
        self._jitter = 0.0
        self._transit: int | None = None
        self._missing: dict[int, _Missing] = {}
        self._last_report = 0
        self._last_report_at = 0.0

    def receive(self, packet: bytes, payload_at: int, level: int, now: float) -> None:
        """A plain packet: remember it and pass it on. `level`: of the voice, as the publisher measured it."""
        number = packet[2] << 8 | packet[3]
        highest = self._highest
        if highest is None:
            self._highest = self._first = number
        else:
            ahead = ((number - highest + 32768) & 0xFFFF) - 32768
            if ahead == 1:
                self._highest = number
                if number == 0:
                    self._cycles += 1
            elif ahead > 0:
                self._gap(highest, ahead, now)
                self._highest = number
                if number < highest:
                    self._cycles += 1
            elif self._is_known(number):
                return
            else:
                self._missing.pop(number, None)
        self._received += 1
        self.bytes += len(packet)
        timestamp = int.from_bytes(packet[4:8], "big")
        transit = int(now * self.clock_rate) - timestamp
        if self._transit is not None:
            deviation = abs(transit - self._transit)
            if deviation < self.clock_rate:
                self._jitter += (deviation - self._jitter) / 16
        self._transit = transit
        self._ring[number % RING] = (number, packet, payload_at)
        self.forward(packet, payload_at, number, timestamp, level, now)

    def recover(self, packet: bytes, now: float) -> None:
        """A packet that came again by retransmission, because it was asked for; or only to probe the way."""
        number = packet[2] << 8 | packet[3]
        highest = self._highest
        if highest is None or not -RING < newer_by(number, highest) < 0 or self._is_known(number):
            return
        self._missing.pop(number, None)
        self._received += 1
        self._counters.recovered += 1
        self._ring[number % RING] = (number, packet, 12)
        self.forward(packet, 12, number, int.from_bytes(packet[4:8], "big"), 0, now)

    def forward(self, packet: bytes, payload_at: int, number: int, timestamp: int, level: int, now: float) -> None:
        if self.muted or not self.outgoing:
            return
        starts_key_frame = False
        if self.key_frame_wanted:
            descriptor = None
            if not is_only_padding(packet, payload_at, len(packet)):
                descriptor = vp8(packet, payload_at, len(packet))
            starts_key_frame = descriptor is not None and descriptor.starts_key_frame
            if starts_key_frame:
                self.key_frame_wanted = False
        payload = packet[payload_at:]
        head = (packet[0] & 0x20) << 8 | packet[1] & 0x80  # what stays of the first two bytes: padding and marker
        for outgoing in self.outgoing:
            outgoing.send(head, number, timestamp, payload, level, starts_key_frame, now)

    def packet(self, number: int) -> tuple[int, bytes, int] | None:
        """(number, packet, where its payload begins), if it is still there."""
        kept = self._ring[number % RING]
        return kept if kept is not None and kept[0] == number else None

    def want_key_frame(self) -> None:
        """Somebody cannot go on without one: asked for until it is seen."""
        self.key_frame_wanted = True

    def asks_key_frame(self, now: float) -> bool:
        """Whether to ask the publisher now; says yes once per KEY_FRAME_EVERY_S."""
        if not self.key_frame_wanted or not self.outgoing or self.muted or now - self._asked_at < KEY_FRAME_EVERY_S:
            return False
        self._asked_at = now
        self._counters.key_frames_asked += 1
        return True

    def asks_again(self, now: float) -> list[int]:
        """The missing packets to ask the publisher for now."""
        due = []
        for number, entry in list(self._missing.items()):
            if now - entry[2] > NACK_FOR_S or entry[0] >= NACKS_MOST:
                del self._missing[number]
            elif entry[1] <= now:
                entry[0] += 1
                entry[1] = now + NEXT_NACK_S
                due.append(number)
        return due

    def reported(self, ntp: bytes, now: float) -> None:
        """A sender report came; `ntp` are its eight bytes of time."""
        self._last_report = int.from_bytes(ntp[2:6], "big")
        self._last_report_at = now

    def reception(self, now: float) -> Reception | None:
        """For the next receiver report (RFC 3550, A.3); None before the first packet."""
        if self._highest is None:
            return None
        expected = (self._cycles << 16) + self._highest - self._first + 1
        since, got = expected - self._expected_before, self._received - self._received_before
        self._expected_before, self._received_before = expected, self._received
        return Reception(
            ssrc=self.ssrc,
            lost_fraction=max(0, since - got) / since if since > 0 else 0.0,
            lost_total=expected - self._received,
            highest=(self._cycles << 16) + self._highest,
            jitter=int(self._jitter),
            last_report=self._last_report,
            delay_s=now - self._last_report_at if self._last_report else 0.0,
        )

    def _is_known(self, number: int) -> bool:
        kept = self._ring[number % RING]
        return kept is not None and kept[0] == number

    def _gap(self, highest: int, ahead: int, now: float) -> None:
        if not self.is_video:
            return  # voice is not sent again: it would come too late
        if ahead > GAP_MOST or len(self._missing) + ahead > MISSING_MOST:
            self._missing.clear()
            self.want_key_frame()
            return
        for step in range(1, ahead):
            self._missing[(highest + step) & 0xFFFF] = [0, now + FIRST_NACK_S, now]
