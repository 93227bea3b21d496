"""DTLS and SRTP for one connection: aiortc's RTCDtlsTransport over a socket that all connections share.

Only public classes of aiortc are built, but four private names are relied on: `_recv` and `_send` of the transport below it,
and its SRTP sessions `_rx_srtp` and `_tx_srtp`, whose packets are worked on here in place, in buffers made once.
tests/contract/test_aiortc.py holds aiortc to that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport
from pylibsrtp._binding import ffi, lib

from video.model import Fingerprint

DATAGRAM_BYTES_MOST = 2048
_WAITING_MOST = 64  # handshake datagrams not yet read

# A worker has one thread: one buffer for what comes, one for what goes.
_in = ffi.new(f"char[{DATAGRAM_BYTES_MOST}]")
_out = ffi.new(f"char[{DATAGRAM_BYTES_MOST}]")
_length = ffi.new("int *")
IN = ffi.buffer(_in)
IN_BYTES = ffi.cast("uint8_t *", _in)  # one byte is a number here
OUT = ffi.buffer(_out)
OUT_PACKET_BYTES_MOST = DATAGRAM_BYTES_MOST - 160  # SRTP adds at most 144
_unprotect, _protect = lib.srtp_unprotect, lib.srtp_protect
_unprotect_rtcp, _protect_rtcp = lib.srtp_unprotect_rtcp, lib.srtp_protect_rtcp

Session = Any  # a pointer of libsrtp


def decrypt_in(session: Session, length: int) -> int:
    """The packet in IN becomes plain, in place. Its new length; -1 where it is forged or a repetition."""
    _length[0] = length
    return -1 if _unprotect(session, _in, _length) else _length[0]


def decrypt_rtcp_in(session: Session, length: int) -> int:
    _length[0] = length
    return -1 if _unprotect_rtcp(session, _in, _length) else _length[0]


def encrypt_out(session: Session, length: int) -> int:
    """The packet in OUT becomes secret, in place. Its new length, -1 where libsrtp refuses."""
    _length[0] = length
    return -1 if _protect(session, _out, _length) else _length[0]


def encrypt_rtcp_out(session: Session, length: int) -> int:
    _length[0] = length
    return -1 if _protect_rtcp(session, _out, _length) else _length[0]


def make_certificate() -> tuple[RTCCertificate, Fingerprint]:
    certificate = RTCCertificate.generateCertificate()
    found = next(print_ for print_ in certificate.getFingerprints() if print_.algorithm == "sha-256")
    return certificate, Fingerprint(found.algorithm, found.value)


class Dtls:
    """We are always the server. `rx` and `tx` are the SRTP sessions, None until the handshake is done and after the end."""

    role, state = "controlled", "completed"  # what RTCDtlsTransport asks of the transport below it

    def __init__(
        self,
        certificate: RTCCertificate,
        fingerprints: Sequence[Fingerprint],
        send: Callable[[bytes], None],
        on_change: Callable[[Dtls], None],
    ) -> None:
        self.fingerprints = tuple(fingerprints)
        self.rx: Session = None
        self.tx: Session = None
        self.is_over = False
        self._send_datagram = send
        self._on_change = on_change
        self._arrived: asyncio.Queue[bytes | None] = asyncio.Queue(_WAITING_MOST)
        self._transport = RTCDtlsTransport(self, [certificate])  # type: ignore[arg-type]  # all that it uses is here
        self._transport._set_role("server")
        self._transport.on("statechange", self._changed)
        theirs = [RTCDtlsFingerprint(found.algorithm, found.value) for found in fingerprints]
        self._starting = asyncio.ensure_future(self._transport.start(RTCDtlsParameters(theirs)))

    def arrived(self, datagram: bytes) -> None:
        if not self._arrived.full():
            self._arrived.put_nowait(datagram)

    async def stop(self) -> None:
        """Tells the client, if it still listens."""
        self.is_over, self.rx, self.tx = True, None, None
        self._starting.cancel()
        await self._transport.stop()

    def _changed(self) -> None:
        state = self._transport.state
        if state == "connected":
            self.rx, self.tx = self._transport._rx_srtp._srtp[0], self._transport._tx_srtp._srtp[0]
        elif state in ("closed", "failed") and not self.is_over:
            self.is_over, self.rx, self.tx = True, None, None
        else:
            return
        self._on_change(self)

    async def _recv(self) -> bytes:
        datagram = await self._arrived.get()
        if datagram is None:
            raise ConnectionError
        return datagram

    async def _send(self, datagram: bytes) -> None:
        self._send_datagram(datagram)
