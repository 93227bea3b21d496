"""The worker's end of a client's two connections: `pub`, by which it sends, and `sub`, by which it receives."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from struct import pack

from aiortc.rtcdtlstransport import RTCCertificate

from video.media import rtcp, stun
from video.media.arrivals import Arrivals
from video.media.counters import Counters
from video.media.dtls import (
    IN,
    OUT,
    OUT_PACKET_BYTES_MOST,
    Dtls,
    decrypt_in,
    decrypt_rtcp_in,
    encrypt_out,
    encrypt_rtcp_out,
)
from video.media.incoming import Incoming
from video.media.outgoing import Outgoing
from video.media.rtp import Malformed, extensions, find_extension, payload_offset, unwrapped_rtx
from video.media.stun import Address
from video.media.udp import UdpPort
from video.model import (
    CONSENT_S,
    INGRESS_KBIT_S,
    Answered,
    Endpoint,
    Fingerprint,
    Layout,
    MediaType,
    Publication,
    PubLine,
    Source,
    SubLine,
)
from video.sdp import ABS_SEND_TIME_ID, AUDIO_LEVEL, AUDIO_LEVEL_ID, MID, OPUS, RTX, TRANSPORT_CC, VP8

ADDRESSES_MOST = 8  # of one client: it moves between networks
EARLY_MOST = 4  # handshake datagrams kept until we know whom to expect
BUDGET_BYTES = INGRESS_KBIT_S * 1000 // 8  # in a second


@dataclass(slots=True)
class Site:
    """What all connections of a worker share."""

    port: UdpPort
    certificate: RTCCertificate
    fingerprint: Fingerprint
    addresses: tuple[tuple[str, int], ...]
    counters: Counters
    ending: set[asyncio.Task[None]] = field(default_factory=set)


class Peer:
    """ICE-lite and DTLS. `on_lost` is called once, when the client is gone; not after `close`."""

    def __init__(self, site: Site, on_lost: Callable[[Peer], None]) -> None:
        self.site = site
        self.budget = BUDGET_BYTES
        self.dtls: Dtls | None = None
        self.heard_at: float | None = None  # None until the client is expected
        self.is_closed = False
        self._on_lost = on_lost
        self._credentials: dict[str, str] = {}  # ufrag -> pwd; the old one stays until the new one is nominated
        self._ufrag = ""
        self._address: Address | None = None
        self._addresses: list[Address] = []
        self._early: list[bytes] = []
        self._session, self._version = secrets.randbits(62), 0
        self.ssrc = secrets.token_bytes(4)  # of our reports
        self.new_credentials()

    def new_credentials(self) -> None:
        """An ICE restart: the DTLS session lives on."""
        self._ufrag, pwd = secrets.token_hex(8), secrets.token_hex(16)
        self._credentials[self._ufrag] = pwd
        self.site.port.add_user(self._ufrag, self)

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint(
            ufrag=self._ufrag,
            pwd=self._credentials[self._ufrag],
            fingerprint=self.site.fingerprint,
            addresses=self.site.addresses,
            session=self._session,
            version=self._version,
        )

    def expect(self, fingerprints: Sequence[Fingerprint]) -> None:
        """The client with this certificate comes now."""
        if self.dtls is not None and self.dtls.fingerprints == tuple(fingerprints):
            return
        if self.dtls is not None:
            self._end(self.dtls)
        self.heard_at = time.monotonic()
        self.dtls = Dtls(self.site.certificate, fingerprints, self._send, self._dtls_changed)
        for datagram in self._early:
            self.dtls.arrived(datagram)
        self._early.clear()

    def checked(self, check: stun.Check, source: Address) -> bytes | None:
        pwd = self._credentials.get(check.ours)
        if pwd is None or not check.is_signed(pwd):
            return None
        if self.site.port.owner(source) not in (None, self):
            return None  # a participant must not take another's address by writing it as the sender's
        if self.heard_at is not None:
            self.heard_at = time.monotonic()
        if source not in self._addresses:
            self._addresses.append(source)
            self.site.port.add_address(source, self)
            if len(self._addresses) > ADDRESSES_MOST:
                oldest = next(address for address in self._addresses if address != self._address)
                self._addresses.remove(oldest)
                self.site.port.drop_address(oldest, self)
        if self._address is None or check.nominates:
            self._address = source
        if check.nominates and check.ours == self._ufrag:
            for old in [ufrag for ufrag in self._credentials if ufrag != self._ufrag]:
                del self._credentials[old]
                self.site.port.drop_user(old)
        return stun.answer(check, pwd, source)

    def dtls_in(self, datagram: bytes) -> None:
        if self.dtls is not None:
            self.dtls.arrived(datagram)
        elif len(self._early) < EARLY_MOST:
            self._early.append(datagram)

    def rtp_in(self, length: int, now: float) -> None:
        """`sub` takes no media."""

    def rtcp_in(self, length: int, now: float) -> None:
        if self.dtls is None or self.dtls.rx is None:
            return
        plain = decrypt_rtcp_in(self.dtls.rx, length)
        if plain < 0:
            self.site.counters.srtp_refused += 1
            return
        self.site.counters.rtcp_in += 1
        for packet in rtcp.packets(IN[0:plain]):
            self.control_in(packet, now)

    def control_in(self, packet: rtcp.Packet, now: float) -> None:
        raise NotImplementedError

    def send_control(self, packet: bytes) -> None:
        if self.dtls is None or self.dtls.tx is None or self._address is None or len(packet) > OUT_PACKET_BYTES_MOST:
            return
        OUT[0 : len(packet)] = packet
        length = encrypt_rtcp_out(self.dtls.tx, len(packet))
        if length > 0:
            self.site.port.send(OUT[0:length], self._address)

    def next_second(self, now: float) -> None:
        self.budget = BUDGET_BYTES
        if self.heard_at is not None and now - self.heard_at > CONSENT_S:
            self.lose()

    def lose(self) -> None:
        if not self.is_closed:
            self.close()
            self._on_lost(self)

    def close(self) -> None:
        self.is_closed = True
        for ufrag in self._credentials:
            self.site.port.drop_user(ufrag)
        for address in self._addresses:
            self.site.port.drop_address(address, self)
        if self.dtls is not None:
            self._end(self.dtls)

    def _end(self, dtls: Dtls) -> None:
        task = asyncio.ensure_future(dtls.stop())
        dtls.is_over, dtls.rx, dtls.tx = True, None, None
        self.site.ending.add(task)
        task.add_done_callback(self.site.ending.discard)

    def _send(self, datagram: bytes) -> None:
        if self._address is not None:
            self.site.port.send(datagram, self._address)

    def _dtls_changed(self, dtls: Dtls) -> None:
        if dtls is not self.dtls:
            return
        if dtls.is_over:
            self.lose()
        else:
            self.connected()

    def connected(self) -> None:
        """The handshake is done."""


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
