"""`sub`: the connection by which a client receives."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from video.media import rtcp
from video.media.dtls import (
    OUT,
    encrypt_out,
)
from video.media.incoming import Incoming
from video.media.outgoing import Outgoing
from video.media.peers import Peer, Site
from video.model import (
    Answered,
    Layout,
    MediaType,
    Source,
    SubLine,
)
from video.sdp.codecs import ABS_SEND_TIME_ID, AUDIO_LEVEL_ID, OPUS, RTX, VP8


@dataclass(slots=True)
class _Line:
    mid: str
    media: MediaType
    outgoing: Outgoing
    wanted: Source | None = None


class Subscriber(Peer):
    def __init__(self, site: Site, on_lost: Callable[[Peer], None]) -> None:
        super().__init__(site, on_lost)
        self.estimate_bit_s = 0  # what the receiver thinks that its link can take
        self._lines: list[_Line] = []
        self._by_ssrc: dict[bytes, Outgoing] = {}
        self._is_restarting = False

    def want(self, wanted: Sequence[Source], *, restart: bool) -> Layout:
        """Exactly these sources: a line that is free is used again, before a new one is added."""
        before = [line.wanted for line in self._lines]
        for line in self._lines:
            if line.wanted not in wanted:
                line.wanted = None
                line.outgoing.switch(None)
        there = {line.wanted for line in self._lines}
        for source in wanted:
            if source not in there:
                self._line_for("audio" if source.kind == "audio" else "video").wanted = source
        if restart and not self._is_restarting and self.dtls is not None:
            self.new_credentials()
            self._is_restarting = True
            self._version += 1
        elif before != [line.wanted for line in self._lines] or self._version == 0:
            self._version += 1
        return self.layout

    @property
    def layout(self) -> Layout:
        return Layout(
            self.endpoint,
            tuple(
                SubLine(
                    mid=line.mid,
                    media=line.media,
                    source=line.wanted,
                    ssrc=int.from_bytes(line.outgoing.ssrc, "big"),
                    rtx_ssrc=int.from_bytes(line.outgoing.rtx_ssrc, "big") if line.media == "video" else None,
                )
                for line in self._lines
            ),
        )

    def connect(self, find: Callable[[Source], Incoming | None]) -> None:
        """Puts behind each line the stream that it is to carry, as far as it is there."""
        for line in self._lines:
            line.outgoing.switch(find(line.wanted) if line.wanted is not None else None)

    def answered(self, answer: Answered) -> bool:
        """False where it does not answer the present offer."""
        if [line.mid for line in self._lines] != [line.mid for line in answer.lines]:
            return False
        for line, told in zip(self._lines, answer.lines, strict=True):
            line.outgoing.answered(
                takes=told.takes,
                rtx=told.rtx,
                send_time_id=ABS_SEND_TIME_ID if told.abs_send_time else 0,
                level_id=AUDIO_LEVEL_ID if told.audio_level else 0,
            )
        self._is_restarting = False
        if answer.lines:
            self.expect(answer.fingerprints)
        return True

    def connected(self) -> None:
        for line in self._lines:
            line.outgoing.hold_back()

    def control_in(self, packet: rtcp.Packet, now: float) -> None:
        if len(packet.body) < 8:
            return
        if packet.kind == rtcp.PAYLOAD_FEEDBACK and packet.count == rtcp.REMB:
            self.estimate_bit_s = rtcp.remb_bit_s(packet.body) or self.estimate_bit_s
            return
        # A FIR names its stream behind the common header (RFC 5104, 4.3.1).
        at = 8 if packet.kind == rtcp.PAYLOAD_FEEDBACK and packet.count == rtcp.FIR else 4
        outgoing = self._by_ssrc.get(packet.body[at : at + 4])
        if outgoing is None:
            return
        if packet.kind == rtcp.PAYLOAD_FEEDBACK and packet.count in (rtcp.PLI, rtcp.FIR):
            if outgoing.source is not None and outgoing.source.is_video and outgoing.complains(now):
                outgoing.source.want_key_frame()
        elif packet.kind == rtcp.TRANSPORT_FEEDBACK and packet.count == rtcp.NACK:
            counters = self.site.counters
            counters.nacks_in += 1
            for number in rtcp.nacked(packet.body):
                if outgoing.send_again(number, now):
                    counters.retransmitted += 1
                else:
                    counters.retransmission_missing += 1

    def close(self) -> None:
        super().close()
        for line in self._lines:
            line.outgoing.switch(None)

    def _line_for(self, media: MediaType) -> _Line:
        for line in self._lines:
            if line.media == media and line.wanted is None:
                return line
        ssrc, rtx_ssrc = secrets.token_bytes(4), secrets.token_bytes(4)
        outgoing = Outgoing(ssrc, OPUS if media == "audio" else VP8, rtx_ssrc, RTX, self._send_media, self.send_control)
        line = _Line(str(len(self._lines)), media, outgoing)
        self._lines.append(line)
        self._by_ssrc[ssrc] = outgoing
        return line

    def _send_media(self, length: int) -> bool:
        dtls, address = self.dtls, self._address
        if dtls is None or dtls.tx is None or address is None:
            return False
        length = encrypt_out(dtls.tx, length)
        if length < 0:
            return False
        self.site.port.send(OUT[0:length], address)
        counters = self.site.counters
        counters.packets_out += 1
        counters.bytes_out += length
        return True
