"""A browser's place taken by bare packets: ICE checks, aiortc's DTLS and SRTP, and RTP that the test writes itself."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from struct import pack
from typing import Any, cast

from aioice import stun
from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport

LIMIT_S = 10.0
CHECK_EVERY_S = 0.05


@dataclass(frozen=True, slots=True)
class Far:
    """The other end, as its description tells."""

    ufrag: str
    pwd: str
    host: str
    port: int
    fingerprint: str

    @classmethod
    def of(cls, sdp: str) -> Far:
        def first(pattern: str) -> str:
            found = re.search(pattern, sdp)
            assert found, pattern
            return found[1]

        return cls(
            first(r"a=ice-ufrag:(\S+)"),
            first(r"a=ice-pwd:(\S+)"),
            first(r"a=candidate:.* (\S+) \d+ typ host"),
            int(first(r"a=candidate:.* (\d+) typ host")),
            first(r"a=fingerprint:sha-256 (\S+)"),
        )


@dataclass(slots=True)
class Client(asyncio.DatagramProtocol):
    """One connection. What comes is collected, or given to `on_rtp` (still encrypted) where that is set."""

    ufrag: str = field(default_factory=lambda: secrets.token_hex(4))
    pwd: str = field(default_factory=lambda: secrets.token_hex(12))
    certificate: RTCCertificate = field(default_factory=RTCCertificate.generateCertificate)
    rtp: list[bytes] = field(default_factory=list)
    rtcp: list[bytes] = field(default_factory=list)
    on_rtp: Callable[[bytes], None] | None = None
    host: str = "127.0.0.1"
    checks_answered: int = 0
    role, state = "controlling", "completed"
    dtls: RTCDtlsTransport = field(init=False)
    _far: Far = field(init=False)
    _udp: asyncio.DatagramTransport = field(init=False)
    _handshake: asyncio.Queue[bytes] = field(default_factory=asyncio.Queue)
    _checking: asyncio.Task[None] | None = None
    _is_open: bool = False

    @property
    def fingerprint(self) -> str:
        return next(found.value for found in self.certificate.getFingerprints() if found.algorithm == "sha-256")

    @property
    def port(self) -> int:
        return int(self._udp.get_extra_info("sockname")[1])

    async def open(self) -> None:
        if self._is_open:
            return
        self._is_open = True
        loop = asyncio.get_running_loop()
        self._udp, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(self.host, 0))

    async def connect(self, sdp: str) -> None:
        """Checks, then DTLS; as client unless the other end wants to be it."""
        await self.open()
        await self.check(Far.of(sdp))
        self.dtls = RTCDtlsTransport(cast("Any", self), [self.certificate])
        self.dtls._set_role("server" if "a=setup:active" in sdp else "client")
        async with asyncio.timeout(LIMIT_S):
            await self.dtls.start(RTCDtlsParameters([RTCDtlsFingerprint("sha-256", self._far.fingerprint)]))
        assert self.dtls.state == "connected"

    async def check(self, far: Far, *, limit_s: float = LIMIT_S) -> None:
        """Until the other end answers; from then on once a second. Raises TimeoutError."""
        self._far = far
        before = self.checks_answered
        if self._checking is not None:
            self._checking.cancel()
        async with asyncio.timeout(limit_s):
            while self.checks_answered == before:
                self.send_check()
                await asyncio.sleep(CHECK_EVERY_S)
        self._checking = asyncio.create_task(self._keep_checking())

    def send_check(self) -> None:
        request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        request.attributes["USERNAME"] = f"{self._far.ufrag}:{self.ufrag}"
        request.attributes["PRIORITY"] = 1845501695
        request.attributes["ICE-CONTROLLING"] = 1
        request.attributes["USE-CANDIDATE"] = None
        request.add_message_integrity(self._far.pwd.encode())
        self._udp.sendto(bytes(request), (self._far.host, self._far.port))

    def send(self, plain: bytes) -> None:
        is_rtcp = 192 <= plain[1] < 224
        session = self.dtls._tx_srtp
        self.send_raw(session.protect_rtcp(plain) if is_rtcp else session.protect(plain))

    def send_raw(self, datagram: bytes) -> None:
        self._udp.sendto(datagram, (self._far.host, self._far.port))

    def vanish(self) -> None:
        """As when the machine loses its network: nothing is said any more."""
        if self._checking is not None:
            self._checking.cancel()
        if hasattr(self, "dtls") and self.dtls._task is not None:
            self.dtls._task.cancel()
        if hasattr(self, "_udp"):
            self._udp.close()

    def datagram_received(self, datagram: bytes, source: tuple[str | Any, int]) -> None:
        first = datagram[0]
        if first < 2:
            message = stun.parse_message(datagram)
            if message.message_class == stun.Class.REQUEST:  # Janus asks too, although it says that it is ICE-lite
                response = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, message.transaction_id)
                response.attributes["XOR-MAPPED-ADDRESS"] = source
                response.add_message_integrity(self.pwd.encode())
                self._udp.sendto(bytes(response), source)
                return
            if message.message_class == stun.Class.RESPONSE:
                assert message.check_message_integrity(self._far.pwd.encode())
                self.checks_answered += 1
        elif 20 <= first < 64:
            self._handshake.put_nowait(datagram)
        elif 192 <= datagram[1] < 224:
            if self.dtls._rx_srtp is not None:
                self.rtcp.append(self.dtls._rx_srtp.unprotect_rtcp(datagram))
        elif self.on_rtp is not None:
            self.on_rtp(datagram)
        elif self.dtls._rx_srtp is not None:
            self.rtp.append(self.dtls._rx_srtp.unprotect(datagram))

    async def _keep_checking(self) -> None:
        while True:
            await asyncio.sleep(1)
            self.send_check()

    async def _recv(self) -> bytes:
        return await self._handshake.get()

    async def _send(self, datagram: bytes) -> None:
        self.send_raw(datagram)


AUDIO_SSRC, VIDEO_SSRC, RTX_SSRC = 1001, 2002, 2003
TRANSPORT_CC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"


def pub_offer(client: Client) -> str:
    """Voice and camera, with payload types and extension ids like no browser's."""
    common = [
        "c=IN IP4 0.0.0.0",
        "a=rtcp-mux",
        "a=sendonly",
        f"a=ice-ufrag:{client.ufrag}",
        f"a=ice-pwd:{client.pwd}",
        f"a=fingerprint:sha-256 {client.fingerprint}",
        "a=setup:actpass",
    ]
    lines = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE a v"]
    lines += ["m=audio 9 UDP/TLS/RTP/SAVPF 109", "a=mid:a", *common]
    lines += [
        "a=rtpmap:109 opus/48000/2",
        f"a=extmap:7 {TRANSPORT_CC}",
        f"a=extmap:5 {LEVEL}",
        f"a=ssrc:{AUDIO_SSRC} cname:x",
    ]
    lines += ["m=video 9 UDP/TLS/RTP/SAVPF 120 124", "a=mid:v", *common, "a=rtpmap:120 VP8/90000"]
    lines += ["a=rtpmap:124 rtx/90000", "a=fmtp:124 apt=120", f"a=extmap:7 {TRANSPORT_CC}"]
    lines += [f"a=ssrc-group:FID {VIDEO_SSRC} {RTX_SSRC}", f"a=ssrc:{VIDEO_SSRC} cname:x", f"a=ssrc:{RTX_SSRC} cname:x"]
    return "\r\n".join(lines) + "\r\n"


def sub_answer(client: Client, offer: str) -> str:
    """Everything of the offer is taken."""
    kept = []
    for line in offer.split("\r\n"):
        if line.startswith(("a=candidate", "a=end-of", "a=ice-", "a=fingerprint", "a=setup", "a=msid", "a=ssrc")):
            continue
        kept.append({"a=sendonly": "a=recvonly"}.get(line, line))
        if line.startswith("a=mid:"):
            kept += [f"a=ice-ufrag:{client.ufrag}", f"a=ice-pwd:{client.pwd}", "a=setup:active"]
            kept.append(f"a=fingerprint:sha-256 {client.fingerprint}")
    return "\r\n".join(kept)


def voice(number: int, *, ssrc: int = AUDIO_SSRC, payload: bytes = b"\xfcvoice", transport: int | None = None) -> bytes:
    words = bytes((0x50, 0x85)) + (bytes((0x71,)) + pack("!H", transport & 0xFFFF) if transport is not None else b"")
    words += bytes(-len(words) % 4)
    head = pack("!BBHII", 0x90, 0x80 | 109, number & 0xFFFF, number * 960 & 0xFFFFFFFF, ssrc)
    return head + pack("!HH", 0xBEDE, len(words) // 4) + words + payload


def picture(
    number: int, *, key: bool = False, begins: bool = True, ssrc: int = VIDEO_SSRC, rest: bytes = b"picture"
) -> bytes:
    """One packet, one frame; the picture id goes with the number."""
    descriptor = bytes((0x90 if begins else 0x80, 0x80)) + pack("!H", 0x8000 | number & 0x7FFF)
    head = pack("!BBHII", 0x80, 0x80 | 120, number & 0xFFFF, number * 3000 & 0xFFFFFFFF, ssrc)
    return head + descriptor + (b"\x10" if key else b"\x11") + rest
