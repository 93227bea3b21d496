"""schemathesis on openapi.json: whatever is sent, no 5xx, and nothing undeclared comes back."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from base.clock import SettableClock
from tests.town import Town, town

ROOT = Path(__file__).parents[2]
EXAMPLES = {"ci": 50, "full": 500}[os.environ.get("SCALE", "ci")]
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


@pytest.fixture
async def opened(city_dsn: str, clock: SettableClock) -> AsyncIterator[Town]:
    async with town(city_dsn, clock) as here:
        yield here


async def test_strangers_get_no_5xx(opened: Town, tmp_path: Path) -> None:
    await _run(opened, tmp_path, "", "")


@pytest.mark.parametrize(
    ("owned", "paths"),
    [("appointment", "^/api/(appointments|services|slots|offices$)"), ("hold", "^/api/(holds|appointments$)")],
)
async def test_the_owner_gets_no_5xx(opened: Town, tmp_path: Path, owned: str, paths: str) -> None:
    """With true ids and tokens, so that requests come through to the use cases."""
    service = (await opened.service("Führungszeugnis"))["id"]
    made = await opened.appointment("Führungszeugnis") if owned == "appointment" else await opened.hold(service)
    parameters = (
        f'[parameters]\n"path.{owned}" = "{made["id"]}"\n"path.service" = {service}\n"query.service" = {service}\n'
    )
    key = f'"header.Idempotency-Key" = "{uuid4()}"\n'
    await _run(opened, tmp_path, f'headers = {{ Authorization = "Bearer {made["token"]}" }}\n{parameters}{key}', paths)


async def _run(opened: Town, folder: Path, settings: str, paths: str) -> None:
    (folder / "schemathesis.toml").write_text(settings)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "schemathesis.cli",
        "--config-file",
        str(folder / "schemathesis.toml"),
        "run",
        str(ROOT / "openapi.json"),
        "--url",
        opened.origin,
        "--checks",
        CHECKS,
        "--max-examples",
        str(EXAMPLES),
        "--seed",
        "1",
        "--phases",
        "examples,coverage,fuzzing",
        "--suppress-health-check",
        "all",
        "--generation-database",
        "none",
        "--no-color",
        *(("--include-path-regex", paths) if paths else ()),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output = (await process.communicate())[0].decode()
    assert process.returncode == 0, output[-8000:]
