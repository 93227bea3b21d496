"""The worker's end of a client's connection: ICE-lite, DTLS and who is still there. What goes over it: publisher.py, subscriber.py."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from aiortc.rtcdtlstransport import RTCCertificate

from video.media import rtcp, stun
from video.media.counters import Counters
from video.media.dtls import (
    IN,
    OUT,
    OUT_PACKET_BYTES_MOST,
    Dtls,
    decrypt_rtcp_in,
    encrypt_rtcp_out,
)
from video.media.stun import Address
from video.media.udp import UdpPort
from video.model import (
    CONSENT_S,
    INGRESS_KBIT_S,
    Endpoint,
    Fingerprint,
)

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
