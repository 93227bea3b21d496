"""One stream as it goes to one receiver: always the same SSRC, whatever source stands behind it.

Sequence number, timestamp and VP8's picture numbers go on without a gap where the source changes, pauses or begins anew. Video begins
with a key frame: what comes before it is held back.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct, pack

from video.media.dtls import OUT, OUT_PACKET_BYTES_MOST
from video.media.incoming import Incoming
from video.media.rtcp import sender_report
from video.media.rtp import newer_by, vp8

KEY_FRAME_PER_RECEIVER_S = (
    2.0  # a receiver that asks all the time (it has no key, say) must not ruin the picture for others
)

_PLAIN = Struct("!HHI4s")
_TIMED = Struct("!HHI4sII")  # with abs-send-time
_VOICE = Struct("!HHI4sIII")  # with abs-send-time and audio level

Send = Callable[[int], bool]  # encrypts that many bytes of OUT and sends them


class Outgoing:
    def __init__(
        self,
        ssrc: bytes,
        payload_type: int,
        rtx_ssrc: bytes,
        rtx_payload_type: int,
        send: Send,
        send_control: Callable[[bytes], None],
    ) -> None:
        self.ssrc = ssrc
        self.rtx_ssrc = rtx_ssrc
        self.source: Incoming | None = None
        self.takes = False  # the receiver has said so in its answer
        self.rtx = False
        self.send_time_id = 0
        self.level_id = 0
        self.packets = 0
        self.bytes = 0
        self._payload_type = payload_type
        self._rtx_payload_type = rtx_payload_type
        self._rtx_number = 0
        self._send = send
        self._send_control = send_control
        self._waits = True  # for the packet with which the source begins
        self._known: Incoming | None = None  # the source that the offsets are for
        self._known_ssrc = b""
        self._number_offset = self._time_offset = self._picture_offset = self._tl0_offset = 0
        self._base = 0  # the source's number with which it began
        self._last_number: int | None = None
        self._last_time = 0
        self._last_at = 0.0
        self._last_payload = b""
        self._complained_at = -KEY_FRAME_PER_RECEIVER_S

    def switch(self, source: Incoming | None) -> None:
        """From the next suitable packet on, this source."""
        if source is self.source:
            return
        if self.source is not None:
            self.source.outgoing.remove(self)
        self.source = source
        if source is not None:
            source.outgoing.append(self)
            self.hold_back()

    def hold_back(self) -> None:
        """Nothing more until the source can begin: at a key frame, or with the next sound."""
        self._waits = True
        if self.source is not None and self.source.is_video and self.takes:
            self.source.want_key_frame()

    def answered(self, *, takes: bool, rtx: bool, send_time_id: int, level_id: int) -> None:
        began = takes and not self.takes
        self.takes, self.rtx, self.send_time_id, self.level_id = takes, rtx, send_time_id, level_id
        if began:
            self.hold_back()

    def send(
        self, head: int, number: int, timestamp: int, payload: bytes, level: int, starts_key_frame: bool, now: float
    ) -> None:
        """`head`: padding and marker bit of the packet's first two bytes."""
        source = self.source
        if source is None or not self.takes:
            return
        if self._waits or source.ssrc != self._known_ssrc:
            if source.is_video and not starts_key_frame:
                source.want_key_frame()
                return
            self._begin(source, number, timestamp, payload, now)
        elif newer_by(number, self._base) < 0:
            return
        if self._picture_offset or self._tl0_offset:
            payload = self._renumbered(payload)
        out_number = (number + self._number_offset) & 0xFFFF
        out_time = (timestamp + self._time_offset) & 0xFFFFFFFF
        if self._write(head | self._payload_type, out_number, out_time, self.ssrc, payload, level, now):
            self.packets += 1
            self.bytes += len(payload)
        if self._last_number is None or newer_by(out_number, self._last_number) > 0:
            self._last_number, self._last_time, self._last_at, self._last_payload = out_number, out_time, now, payload

    def send_again(self, out_number: int, now: float) -> bool:
        """As RTX (RFC 4588). False where we do not have it, or the receiver takes none."""
        source = self.source
        if source is None or not self.rtx or source.ssrc != self._known_ssrc:
            return False
        number = (out_number - self._number_offset) & 0xFFFF
        kept = source.packet(number)
        if kept is None or newer_by(number, self._base) < 0:
            return False
        _, packet, payload_at = kept
        payload = packet[payload_at:]
        if packet[0] & 32 and payload:
            payload = payload[: -payload[-1] or None]
        if self._picture_offset or self._tl0_offset:
            payload = self._renumbered(payload)
        self._rtx_number = (self._rtx_number + 1) & 0xFFFF
        out_time = (int.from_bytes(packet[4:8], "big") + self._time_offset) & 0xFFFFFFFF
        head = packet[1] & 0x80 | self._rtx_payload_type
        return self._write(head, self._rtx_number, out_time, self.rtx_ssrc, pack("!H", out_number) + payload, 0, now)

    def report(self, ntp: bytes, timestamp: int) -> None:
        """Passes on the source's sender report, its RTP time in the receiver's numbers: by it voice and face stay in step."""
        if self._waits or self.source is None or self.source.ssrc != self._known_ssrc:
            return
        out_time = (timestamp + self._time_offset) & 0xFFFFFFFF
        self._send_control(sender_report(self.ssrc, ntp, out_time, self.packets, self.bytes))

    def complains(self, now: float) -> bool:
        """Whether the receiver's wish for a key frame counts."""
        if now - self._complained_at < KEY_FRAME_PER_RECEIVER_S:
            return False
        self._complained_at = now
        return True

    def _write(
        self, head: int, number: int, timestamp: int, ssrc: bytes, payload: bytes, level: int, now: float
    ) -> bool:
        if self.send_time_id:
            head |= 0x9000
            sent = (self.send_time_id << 4 | 2) << 24 | int(now * 262144) & 0xFFFFFF
            if level and self.level_id:
                level_word = (self.level_id << 4) << 24 | level << 16
                start = _VOICE.pack(head, number, timestamp, ssrc, 0xBEDE0002, sent, level_word)
            else:
                start = _TIMED.pack(head, number, timestamp, ssrc, 0xBEDE0001, sent)
        else:
            start = _PLAIN.pack(head | 0x8000, number, timestamp, ssrc)
        size = len(start)
        length = size + len(payload)
        if length > OUT_PACKET_BYTES_MOST:
            return False
        OUT[0:size] = start
        OUT[size:length] = payload
        return self._send(length)

    def _begin(self, source: Incoming, number: int, timestamp: int, payload: bytes, now: float) -> None:
        is_same = source is self._known and source.ssrc == self._known_ssrc
        if self._last_number is not None:
            self._number_offset = (self._last_number + 1 - number) & 0xFFFF
            if not is_same:
                passed = max(1, int((now - self._last_at) * source.clock_rate))
                self._time_offset = (self._last_time + passed - timestamp) & 0xFFFFFFFF
                if source.is_video:
                    self._continue_pictures(payload)
        self._known, self._known_ssrc, self._base, self._waits = source, source.ssrc, number, False

    def _continue_pictures(self, payload: bytes) -> None:
        last, first = vp8(self._last_payload, 0, len(self._last_payload)), vp8(payload, 0, len(payload))
        self._picture_offset = self._tl0_offset = 0
        if last is None or first is None:
            return
        self._picture_offset = (last.picture_id + 1 - first.picture_id) & 0x7FFF
        if last.tl0_at is not None and first.tl0_at is not None:
            self._tl0_offset = (self._last_payload[last.tl0_at] + 1 - payload[first.tl0_at]) & 0xFF

    def _renumbered(self, payload: bytes) -> bytes:
        descriptor = vp8(payload, 0, len(payload))
        if descriptor is None:
            return payload
        changed = bytearray(payload)
        if (at := descriptor.picture_id_at) is not None:
            picture_id = (descriptor.picture_id + self._picture_offset) & 0x7FFF
            if descriptor.picture_id_bits == 15:
                changed[at : at + 2] = pack("!H", 0x8000 | picture_id)
            else:
                changed[at] = picture_id & 0x7F
        if (at := descriptor.tl0_at) is not None:
            changed[at] = (changed[at] + self._tl0_offset) & 0xFF
        return bytes(changed)
