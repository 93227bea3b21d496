"""A media worker as it runs in production: an own process, spoken to by its control connection."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import AF_INET, SOCK_DGRAM, socket

from video.control import MediaPool

PROJECT = Path(__file__).parents[2]
LIMIT_S = 20.0


@dataclass
class Running:
    """`control` and `port` stay the same over restarts."""

    control: str
    port: int
    secret: str = ""
    address: str = "127.0.0.1"
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        env = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "SECRET_KEY")}
        env |= {"MEDIA_CONTROL": self.control, "MEDIA_PORT": str(self.port), "MEDIA_SECRET": self.secret}
        env |= {"MEDIA_ADDRESS": self.address}
        self.process = subprocess.Popen([sys.executable, "-m", "server", "media"], cwd=PROJECT, env=env)

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """As a supervisor does; the exit code."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(timeout=10)


def free_udp_port() -> int:
    with socket(AF_INET, SOCK_DGRAM) as trial:
        trial.bind(("127.0.0.1", 0))
        port: int = trial.getsockname()[1]
        return port


async def until(condition: Callable[[], object], what: str, limit_s: float = LIMIT_S) -> None:
    end = asyncio.get_running_loop().time() + limit_s
    while not condition():
        assert asyncio.get_running_loop().time() < end, f"{what}: not within {limit_s} s"
        await asyncio.sleep(0.01)


@asynccontextmanager
async def media(*, secret: str = "", control: str = "") -> AsyncIterator[tuple[Running, MediaPool]]:
    """A worker that is up, and the port to it."""
    with tempfile.TemporaryDirectory(prefix="schalter-media-") as folder:
        running = Running(control or f"{folder}/control", free_udp_port(), secret)
        running.start()
        pool = MediaPool([running.control], secret)
        await pool.start()
        try:
            await until(lambda: pool.is_up, "the worker")
            yield running, pool
        finally:
            await pool.stop()
            if running.process is not None and running.process.poll() is None:
                assert running.stop() == 0
