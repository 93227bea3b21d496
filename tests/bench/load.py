"""A load generator on raw sockets: keep-alive connections, one request at a time each, answers counted by Content-Length."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import cast

import uvloop


class _Connection(asyncio.Protocol):
    def __init__(self, request: bytes, until: float, done: asyncio.Future[None], counts: dict[int, int]) -> None:
        self._request = request
        self._until = until
        self._done = done
        self._counts = counts
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but its base class
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
        if len(rest) < length:
            return
        self._buffer = rest[length:]
        status = int(head[9:12])
        self._counts[status] = self._counts.get(status, 0) + 1
        if time.perf_counter() >= self._until:
            self._transport.close()
        else:
            self._transport.write(self._request)

    def connection_lost(self, _: Exception | None) -> None:
        if not self._done.done():
            self._done.set_result(None)


async def requests_per_second(
    host: str, port: int, path: str, *, seconds: float, connections: int = 32
) -> tuple[float, dict[int, int]]:
    """Rate over the time asked for, and the answers by status. Packed answers are taken, as every browser does."""
    loop = asyncio.get_running_loop()
    request = f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nAccept: application/json, text/html\r\nAccept-Encoding: gzip\r\n\r\n".encode()
    counts: dict[int, int] = {}
    began = time.perf_counter()
    done = []
    for _ in range(connections):
        future: asyncio.Future[None] = loop.create_future()
        done.append(future)
        await loop.create_connection(lambda f=future: _Connection(request, began + seconds, f, counts), host, port)  # type: ignore[misc]
    await asyncio.gather(*done)
    return sum(counts.values()) / (time.perf_counter() - began), counts


async def load_from_beside(host: str, port: int, path: str, *, seconds: float) -> tuple[float, dict[int, int]]:
    """From a process of its own, so that what is measured is the server."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__, host, str(port), path, str(seconds), stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await child.communicate()
    rate, statuses = json.loads(printed)
    return rate, {int(status): count for status, count in statuses.items()}


if __name__ == "__main__":
    _host, _port, _path, _seconds = sys.argv[1:]
    print(json.dumps(uvloop.run(requests_per_second(_host, int(_port), _path, seconds=float(_seconds)))))
