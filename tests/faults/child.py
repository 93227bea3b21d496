"""A process of the product, started as an operator would start it, and its end."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

PROJECT = Path(__file__).parents[2]
START_S = 30.0
END_S = 60.0
_LOOK_EVERY_S = 0.02
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "PYTHONPATH", "VIRTUAL_ENV", "LD_LIBRARY_PATH")


@dataclass(kw_only=True)
class Child:
    """`spec` is its FAILPOINT, "" where it should live."""

    role: str
    spec: str
    process: asyncio.subprocess.Process = field(repr=False)
    log: Path

    @classmethod
    async def start(cls, role: str, arguments: Sequence[str], env: Mapping[str, str], spec: str, log: Path) -> Child:
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        with log.open("ab") as sink:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *arguments,
                cwd=PROJECT,
                env=inherited | dict(env) | ({"FAILPOINT": spec} if spec else {}),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
            )
        return cls(role=role, spec=spec, process=process, log=log)

    async def ready(self, http: aiohttp.ClientSession, origin: str) -> None:
        async with asyncio.timeout(START_S):
            while not await _answers(http, f"{origin}/readyz"):
                assert self.process.returncode is None, f"{self} ended at its start:\n{self.said()}"
                await asyncio.sleep(_LOOK_EVERY_S)

    async def end(self, within_s: float = END_S) -> int:
        """Its exit status once it has ended by itself."""
        async with asyncio.timeout(within_s):
            return await self.process.wait()

    async def kill(self) -> None:
        """kill -9, by us."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGKILL)
            await self.process.wait()

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")[-4000:]


async def _answers(http: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with http.get(url) as response:
            return response.status == 200
    except aiohttp.ClientError:
        return False
