"""A process of the product with the command and the environment of an operator, and its end."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
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
    pid: int
    log: Path
    status: asyncio.Task[int] = field(repr=False)

    @classmethod
    async def start(cls, role: str, arguments: Sequence[str], env: Mapping[str, str], spec: str, log: Path) -> Child:
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        given = inherited | dict(env) | ({"FAILPOINT": spec} if spec else {})
        reader, writer = await asyncio.open_unix_connection(_nursery())
        writer.write(json.dumps({"argv": arguments, "env": given, "log": str(log)}).encode() + b"\n")
        pid = int(await reader.readline())
        return cls(role=role, spec=spec, pid=pid, log=log, status=asyncio.create_task(_status(reader, writer)))

    async def ready(self, http: aiohttp.ClientSession, origin: str) -> None:
        async with asyncio.timeout(START_S):
            while not await _answers(http, f"{origin}/readyz"):
                assert not self.status.done(), f"{self} ended at its start:\n{self.said()}"
                await asyncio.sleep(_LOOK_EVERY_S)

    async def end(self, within_s: float = END_S) -> int:
        """Its exit status once it has ended by itself."""
        async with asyncio.timeout(within_s):
            return await asyncio.shield(self.status)

    async def kill(self) -> None:
        """kill -9, by us."""
        if not self.status.done():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            await self.status

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")[-4000:]


async def _answers(http: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with http.get(url) as response:
            return response.status == 200
    except aiohttp.ClientError:
        return False


async def _status(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
    try:
        return int(await reader.readline())
    finally:
        writer.close()
        await writer.wait_closed()


@functools.cache
def _nursery() -> str:
    """Where to ask for children: one process for the whole run of tests."""
    folder = tempfile.mkdtemp(prefix="nursery-")
    path = f"{folder}/socket"
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.nursery", path], cwd=PROJECT, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    said = process.stdout.readline()
    assert said == b"ready\n", said

    def end() -> None:
        process.kill()
        process.wait()
        shutil.rmtree(folder)

    atexit.register(end)
    return path
