"""`pub`: the connection by which a client sends."""

from __future__ import annotations

from collections.abc import Callable
from struct import pack

from video.media import rtcp
from video.media.arrivals import Arrivals
from video.media.dtls import (
    IN,
    decrypt_in,
)
from video.media.incoming import Incoming
from video.media.peers import Peer, Site
from video.media.rtp import Malformed, extensions, find_extension, payload_offset, unwrapped_rtx
from video.model import (
    Publication,
    PubLine,
    Source,
)
from video.sdp.codecs import AUDIO_LEVEL, MID, TRANSPORT_CC


class Publisher(Peer):
    def __init__(self, site: Site, participant: int, on_lost: Callable[[Peer], None]) -> None:
        super().__init__(site, on_lost)
        self.participant = participant
        self.incoming: dict[str, Incoming] = {}  # by kind
        self._lines: dict[str, PubLine] = {}
        self._by_ssrc: dict[bytes, Incoming] = {}
        self._by_rtx_ssrc: dict[bytes, Incoming] = {}
        self._transport_cc_id = 0
        self._arrivals = Arrivals()
        self._published: Publication | None = None

    def publish(self, published: Publication) -> None:
        """The same again changes nothing; with another ufrag it is an ICE restart."""
        if published == self._published:
            return
        if self._published is not None and published.ufrag != self._published.ufrag:
            self.new_credentials()
        self._published, self._version = published, self._version + 1
        kinds = {line.kind for line in published.lines}
        for kind in [kind for kind in self.incoming if kind not in kinds]:
            incoming = self.incoming.pop(kind)
            for outgoing in list(incoming.outgoing):
                outgoing.switch(None)
        for line in published.lines:
            self._add(line)
        self.expect(published.fingerprints)

    def _add(self, line: PubLine) -> None:
        incoming = self.incoming.get(line.kind)
        if incoming is None:
            source = Source(self.participant, line.kind)
            level_id = line.extensions.get(AUDIO_LEVEL, 0)
            incoming = Incoming(source, line.payload_type, level_id, self.site.counters)
            self.incoming[line.kind] = incoming
        self._lines[line.kind] = line
        self._transport_cc_id = line.extensions.get(TRANSPORT_CC, self._transport_cc_id)
        if line.ssrc is not None:
            self._bind(pack("!I", line.ssrc), incoming)
        if line.rtx_ssrc is not None:
            self._by_rtx_ssrc[pack("!I", line.rtx_ssrc)] = incoming

    def rtp_in(self, length: int, now: float) -> None:
        dtls, counters = self.dtls, self.site.counters
        if dtls is None or dtls.rx is None:
            return
        length = decrypt_in(dtls.rx, length)
        if length < 0:
            counters.srtp_refused += 1
            return
        counters.packets_in += 1
        counters.bytes_in += length
        packet = IN[0:length]
        try:
            payload_at = payload_offset(packet, length)
        except Malformed:
            counters.malformed += 1
            return
        has_extensions = packet[0] & 16
        if has_extensions and self._transport_cc_id:
            at = find_extension(packet, payload_at, self._transport_cc_id)
            if at and at + 1 < payload_at:
                self._arrivals.add(packet[at] << 8 | packet[at + 1], now)
        ssrc = packet[8:12]
        incoming = self._by_ssrc.get(ssrc)
        if incoming is None:
            rtx_of = self._by_rtx_ssrc.get(ssrc) or self._unknown(packet, payload_at, ssrc)
            if rtx_of is not None:
                original = unwrapped_rtx(packet, payload_at, rtx_of.ssrc, rtx_of.payload_type)
                if original is not None:
                    rtx_of.recover(original, now)
                return
            incoming = self._by_ssrc.get(ssrc)
        if incoming is None or packet[1] & 127 != incoming.payload_type:
            return  # DTMF, comfort noise, another codec: not agreed
        level = 0
        if has_extensions and incoming.level_id:
            at = find_extension(packet, payload_at, incoming.level_id)
            level = packet[at] if at else 0
        incoming.receive(packet, payload_at, level, now)

    def _unknown(self, packet: bytes, payload_at: int, ssrc: bytes) -> Incoming | None:
        """An SSRC that the offer did not name: by its mid, else by a payload type that only one line has.

        Binds it; returns the stream that it repeats where it is one of retransmissions.
        """
        if len(self._by_ssrc) + len(self._by_rtx_ssrc) >= 4 * max(1, len(self._lines)):
            return None
        payload_type = packet[1] & 127
        fitting = [line for line in self._lines.values() if payload_type in (line.payload_type, line.rtx_payload_type)]
        found = {number: packet[at : at + size] for number, at, size in extensions(packet, payload_at)}
        named = [line for line in fitting if found.get(line.extensions.get(MID, 0)) == line.mid.encode()]
        chosen = named or fitting
        if len(chosen) != 1:
            return None
        line, incoming = chosen[0], self.incoming[chosen[0].kind]
        if payload_type == line.rtx_payload_type:
            self._by_rtx_ssrc[ssrc] = incoming
            return incoming
        self._bind(ssrc, incoming)
        return None

    def _bind(self, ssrc: bytes, incoming: Incoming) -> None:
        for old in [old for old, bound in self._by_ssrc.items() if bound is incoming and old != ssrc]:
            del self._by_ssrc[old]
        self._by_ssrc[ssrc] = incoming
        incoming.bind(ssrc)

    def control_in(self, packet: rtcp.Packet, now: float) -> None:
        if packet.kind != rtcp.SENDER_REPORT or len(packet.body) < 24:
            return
        incoming = self._by_ssrc.get(packet.body[0:4])
        if incoming is None:
            return
        ntp, timestamp = packet.body[4:12], int.from_bytes(packet.body[12:16], "big")
        incoming.reported(ntp, now)
        for outgoing in incoming.outgoing:
            outgoing.report(ntp, timestamp)

    def repair(self, now: float) -> None:
        """Asks for what is missing and for key frames; called every 20 ms."""
        for incoming in self.incoming.values():
            if not incoming.is_video or not incoming.ssrc:
                continue
            if missing := incoming.asks_again(now):
                self.site.counters.nacks_out += 1
                self.send_control(rtcp.nack(self.ssrc, incoming.ssrc, missing))
            if self.dtls is not None and self.dtls.tx is not None and incoming.asks_key_frame(now):
                self.send_control(rtcp.pli(self.ssrc, incoming.ssrc))

    def feed_back(self) -> None:
        """Tells when packets came; called every 100 ms."""
        media = next((incoming.ssrc for incoming in self.incoming.values() if incoming.ssrc), bytes(4))
        if packet := self._arrivals.feedback(self.ssrc, media):
            self.send_control(packet)

    def next_second(self, now: float) -> None:
        super().next_second(now)
        receptions = [found for incoming in self.incoming.values() if (found := incoming.reception(now))]
        if receptions:
            self.send_control(rtcp.receiver_report(self.ssrc, receptions))

    def close(self) -> None:
        super().close()
        for incoming in self.incoming.values():
            for outgoing in list(incoming.outgoing):
                outgoing.switch(None)
