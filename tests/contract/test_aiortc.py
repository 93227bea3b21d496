"""What video/media relies on of aiortc, aioice and pylibsrtp beyond their public interface; the versions are pinned for it."""

from __future__ import annotations

import asyncio
from importlib.metadata import version

import pylibsrtp
import pytest
from aioice import stun
from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport
from pylibsrtp._binding import ffi, lib

from tests.video.client import voice
from tests.video.worker_process import until
from video.media.dtls import IN, IN_BYTES, OUT, Dtls, decrypt_in, encrypt_out, make_certificate
from video.model import Fingerprint


def test_the_versions_are_the_ones_that_were_looked_at() -> None:
    assert version("aiortc") == "1.16.0"


class Wire:
    """The two ends of a wire, one of ours and one of aiortc's alone."""

    role, state = "controlling", "completed"

    def __init__(self) -> None:
        self.to_here: asyncio.Queue[bytes] = asyncio.Queue()
        self.there: Dtls | None = None

    async def _recv(self) -> bytes:
        return await self.to_here.get()

    async def _send(self, datagram: bytes) -> None:
        assert self.there is not None
        self.there.arrived(datagram)


async def joined(fingerprint: Fingerprint | None = None) -> tuple[RTCDtlsTransport, Dtls, list[Dtls]]:
    """Handshake between a client and our server, which expects `fingerprint` instead of the client's where given."""
    wire, certificate = Wire(), RTCCertificate.generateCertificate()
    client = RTCDtlsTransport(wire, [certificate])  # type: ignore[arg-type]
    client._set_role("client")
    theirs = next(found for found in certificate.getFingerprints() if found.algorithm == "sha-256")
    own, own_fingerprint = make_certificate()
    changes: list[Dtls] = []
    expected = fingerprint or Fingerprint(theirs.algorithm, theirs.value)
    server = wire.there = Dtls(own, [expected], wire.to_here.put_nowait, changes.append)
    told = RTCDtlsParameters([RTCDtlsFingerprint(own_fingerprint.algorithm, own_fingerprint.value)])
    async with asyncio.timeout(10):
        await client.start(told)
    await until(lambda: changes, "the server's end of the handshake")
    return client, server, changes


async def test_the_handshake_runs_over_an_object_of_ours_and_gives_srtp_sessions() -> None:
    client, server, changes = await joined()
    assert changes == [server]
    assert client.state == "connected"
    assert isinstance(client._tx_srtp, pylibsrtp.Session)
    plain = voice(1)
    secret = client._tx_srtp.protect(plain)
    IN[0 : len(secret)] = secret
    assert IN_BYTES[0] == secret[0]
    assert IN[0 : decrypt_in(server.rx, len(secret))] == plain
    IN[0 : len(secret)] = secret
    assert decrypt_in(server.rx, len(secret)) == -1  # the same packet twice
    OUT[0 : len(plain)] = plain
    length = encrypt_out(server.tx, len(plain))
    assert client._rx_srtp.unprotect(OUT[0:length]) == plain
    await server.stop()
    await client.stop()


async def test_another_certificate_than_announced_is_refused() -> None:
    client, server, _ = await joined(Fingerprint("sha-256", ":".join(["00"] * 32)))
    assert server.is_over
    assert (server.rx, server.tx) == (None, None)
    await client.stop()


async def test_the_clients_goodbye_ends_it() -> None:
    client, server, changes = await joined()
    await client.stop()
    await until(lambda: len(changes) == 2, "the end")
    assert server.is_over
    assert server.rx is None


def test_libsrtp_is_reached_by_the_names_that_are_used() -> None:
    for name in ("srtp_protect", "srtp_unprotect", "srtp_protect_rtcp", "srtp_unprotect_rtcp"):
        assert callable(getattr(lib, name))
    assert ffi.sizeof(IN_BYTES) == ffi.sizeof("void *")


def test_a_stun_message_keeps_its_signature_from_being_moved() -> None:
    message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    message.attributes["USERNAME"] = "a:b"
    message.add_message_integrity(b"password")
    parsed = stun.parse_message(bytes(message))
    assert parsed.check_message_integrity(b"password")
    assert not parsed.check_message_integrity(b"passwort")
    unsigned = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    assert not stun.parse_message(bytes(unsigned)).check_message_integrity(b"password")
    with pytest.raises(ValueError, match="fingerprint"):
        stun.parse_message(bytes(message)[:-1] + b"\0")
