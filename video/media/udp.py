"""The worker's one UDP port: who a datagram is from, and what kind it is (RFC 7983).

An address belongs to a connection once a connectivity check signed with the connection's password came from it. Whatever comes from
elsewhere is dropped without an answer.
"""

from __future__ import annotations

import asyncio
import socket
import time
from typing import Protocol

from video.media import stun
from video.media.counters import Counters
from video.media.dtls import DATAGRAM_BYTES_MOST, IN, IN_BYTES
from video.media.stun import Address

SOCKET_BUFFER_BYTES = 4 << 20
DATAGRAMS_AT_ONCE = 32  # then the loop's other work has its turn
PACKET_COST_BYTES = 100  # what a packet costs beside its bytes, so that many small ones are limited too
CHECKS_PER_SOURCE = 400  # in a second; a browser that connects makes 20, and an office shares an address
SOURCES_MOST = 10_000  # counted at once; beyond it checks are dropped until the second is over


class Connection(Protocol):
    """What the port needs of a connection."""

    budget: int  # bytes that it may still send in this second

    def checked(self, check: stun.Check, source: Address) -> bytes | None:
        """The answer to a check; None where it is not signed."""

    def dtls_in(self, datagram: bytes) -> None: ...
    def rtp_in(self, length: int, now: float) -> None: ...
    def rtcp_in(self, length: int, now: float) -> None: ...


class UdpPort:
    def __init__(self, host: str, port: int, counters: Counters) -> None:
        """Raises OSError where the address is not ours or the port is taken."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            self._socket.setsockopt(socket.SOL_SOCKET, option, SOCKET_BUFFER_BYTES)
        try:
            self._socket.bind((host, port))
        except OSError:
            self._socket.close()
            raise
        self.port: int = self._socket.getsockname()[1]
        self._counters = counters
        self._by_user: dict[str, Connection] = {}
        self._by_address: dict[Address, Connection] = {}
        self._checks: dict[str, int] = {}

    def open(self) -> None:
        asyncio.get_running_loop().add_reader(self._socket.fileno(), self._readable)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._socket.fileno())
        self._socket.close()

    def add_user(self, ufrag: str, connection: Connection) -> None:
        self._by_user[ufrag] = connection

    def drop_user(self, ufrag: str) -> None:
        self._by_user.pop(ufrag, None)

    def add_address(self, address: Address, connection: Connection) -> None:
        self._by_address[address] = connection

    def owner(self, address: Address) -> Connection | None:
        return self._by_address.get(address)

    def drop_address(self, address: Address, connection: Connection) -> None:
        if self._by_address.get(address) is connection:
            del self._by_address[address]

    def next_second(self) -> None:
        self._checks.clear()

    def send(self, datagram: bytes, address: Address) -> None:
        try:
            self._socket.sendto(datagram, address)
        except OSError:  # full, or the address is gone: UDP promises nothing
            self._counters.send_failed += 1

    def _readable(self) -> None:
        receive, by_address, counters = self._socket.recvfrom_into, self._by_address, self._counters
        now = time.monotonic()
        for _ in range(DATAGRAMS_AT_ONCE):
            try:
                length, source = receive(IN, DATAGRAM_BYTES_MOST)
            except (BlockingIOError, ConnectionError, InterruptedError):
                return
            first = IN_BYTES[0] if length > 1 else 255
            if 128 <= first < 192:
                connection = by_address.get(source)
                if connection is None:
                    counters.unknown_sender += 1
                    continue
                connection.budget -= length + PACKET_COST_BYTES
                if connection.budget < 0:
                    counters.policed += 1
                elif 192 <= IN_BYTES[1] < 224:
                    connection.rtcp_in(length, now)
                else:
                    connection.rtp_in(length, now)
            elif first < 2:
                self._check(IN[0:length], source)
            elif 20 <= first < 64:
                connection = by_address.get(source)
                if connection is not None:
                    connection.dtls_in(IN[0:length])

    def _check(self, datagram: bytes, source: Address) -> None:
        counters = self._counters
        counters.stun_in += 1
        count = self._checks.get(source[0], 0)
        if count >= CHECKS_PER_SOURCE or (not count and len(self._checks) >= SOURCES_MOST):
            counters.stun_refused += 1
            return
        self._checks[source[0]] = count + 1
        check = stun.read(datagram)
        connection = self._by_user.get(check.ours) if check else None
        answer = connection.checked(check, source) if check and connection else None
        if answer is None:
            counters.stun_refused += 1
        else:
            self.send(answer, source)
