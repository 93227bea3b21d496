"""A release: everybody wants the same office at once, over two web processes.

`hot`: 200 clients at the hold use case. `release10k`: 10,000 clients over HTTP, each until it has a final answer: a reservation, or told
that nothing is left. Children of this module are the processes that hold.

python -m tests.bench.release URL FOLDER SERVICE OFFICE CLIENTS    prints one JSON object
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import resource
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import uvloop

from base.collecting import leave_what_stays
from base.config import Settings
from booking.availability.model import Slot, Window
from booking.holds.refusals import SlotTaken
from booking.holds.usecases import Holds
from server.product import open_product

PROCESSES, SLOTS, HOT_CLIENTS, CROWD = 2, 500, 200, 10_000


async def hot(url: str, service: int, office: int) -> float:
    """Holds per second of one release, from the first to the last that was sold."""
    with tempfile.TemporaryDirectory(prefix="schalter-hot-") as folder:
        children = [
            await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.bench.release", url, folder, str(service), str(office)),
                str(HOT_CLIENTS // PROCESSES),
                stdout=asyncio.subprocess.PIPE,
            )
            for _ in range(PROCESSES)
        ]
        printed = [await child.communicate() for child in children]
    sold = sorted(at for out, _ in printed for at in json.loads(out))
    await _check(url, office, len(sold))
    return float((len(sold) - 1) / (sold[-1] - sold[0]))


async def _check(url: str, office: int, sold: int) -> None:
    """Every one sold once, no overlap: else the figure is worth nothing."""
    conn = await asyncpg.connect(url)
    held = await conn.fetchval("SELECT count(*) FROM claim WHERE office_id = $1 AND kind = 0 AND status < 8", office)
    faults = await conn.fetchval("SELECT count(*) FROM claim_audit")
    await conn.close()
    if (held, faults) != (sold, 0) or sold < SLOTS:
        raise RuntimeError(f"{sold} sold, {held} held, {faults} overlap")


async def _child(url: str, folder: str, service: int, office: int, clients: int) -> list[float]:
    """When each of our holds was made. Both begin at the same moment, when both know of each other."""
    settings = Settings(database_url=url, secret_key="k" * 32, database_pool=8, port=0, holds_listen=folder)
    sold: list[float] = []
    async with open_product(settings) as product:
        await product.feed.start()
        await product.batcher.start()
        await product.owners.start(product.holds.answer)
        await _all_there(folder)
        await product.owners._renew()
        starts = _starts(product.availability.slots(service, "onsite", [office], _tomorrow()))
        elsewhere = product.availability.slots(service, "onsite", [office - 20], _tomorrow())
        for _ in range(3):  # a service that has been running: statements are prepared, code is warm
            await asyncio.gather(*(_warm(product.holds, service, slot) for slot in elsewhere))
        leave_what_stays()  # as the web process does
        await asyncio.sleep(2 - time.time() % 2)

        async def client(chance: random.Random) -> None:
            wishes = sorted(starts, key=lambda start: (start.date(), chance.random()))  # early days are preferred
            for start in wishes:
                with suppress(SlotTaken):
                    await product.holds.hold(service, "onsite", office, start, uuid4().hex)
                    sold.append(time.time())

        await asyncio.gather(*(client(random.Random(f"{os.getpid()} {n}")) for n in range(clients)))
        await product.owners.stop()
        await product.batcher.stop()
        await product.feed.stop()
    return sold


async def _warm(holds: Holds, service: int, slot: Slot) -> None:
    with suppress(SlotTaken):
        await holds.hold(service, "onsite", slot.office_id, slot.starts_at, uuid4().hex)


async def _all_there(folder: str) -> None:
    while len(list(Path(folder).glob("*.sock"))) < PROCESSES:  # noqa: ASYNC110 - other processes make them
        await asyncio.sleep(0.05)


def _tomorrow() -> Window:
    day = datetime.now(UTC).date() + timedelta(days=1)
    return Window(day, day)


def _starts(slots: Sequence[Slot]) -> list[datetime]:
    """So many that SLOTS of them can be had: ten counters, fifty starts."""
    return [slot.starts_at for slot in slots][: SLOTS // 10]


async def crowd(url: str, service: int, office: int) -> dict[str, float]:
    """Over HTTP, with a waiting room: who is told to come back does so after as long as it was told."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory(prefix="schalter-crowd-") as folder:
        port = _free_port()
        env = os.environ | {
            "DATABASE_URL": url,
            "SECRET_KEY": "k" * 32,
            "PORT": str(port),
            "HOLDS_LISTEN": folder,
            "LOG_LEVEL": "ERROR",
            "DRAIN_SECONDS": "0",
        }
        servers = [
            await asyncio.create_subprocess_exec(sys.executable, "-m", "server", "web", env=env, stderr=sys.stderr)
            for _ in range(PROCESSES)
        ]
        try:
            await _all_there(folder)
            await asyncio.sleep(1.5)  # until each has read the other's lease
            starts = await _offered(url, service, office)
            done = await asyncio.gather(*(_person(port, service, office, starts, n) for n in range(CROWD)))
        finally:
            for server in servers:
                server.terminate()
            await asyncio.gather(*(server.wait() for server in servers))
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    answers, seconds, sold = Counter[int](), [], 0
    for statuses, took, is_sold in done:
        answers.update(statuses)
        seconds.append(took)
        sold += is_sold
    await _check(url, office, sold)
    seconds.sort()
    return {
        "release10k_5xx": sum(count for status, count in answers.items() if status >= 500 or status == 0),
        "release10k_429": answers[429],
        "release10k_sold": sold,
        "release10k_p50_s": seconds[len(seconds) // 2],
        "release10k_p99_s": seconds[len(seconds) * 99 // 100],
        "release10k_last_s": seconds[-1],
    }


async def _offered(url: str, service: int, office: int) -> list[datetime]:
    settings = Settings(database_url=url, secret_key="k" * 32, database_pool=2, port=0)
    async with open_product(settings) as product:
        await product.feed.start()
        found = _starts(product.availability.slots(service, "onsite", [office], _tomorrow()))
        await product.feed.stop()
    return found


async def _person(
    port: int, service: int, office: int, starts: Sequence[datetime], number: int
) -> tuple[list[int], float, bool]:
    """Tries a time, then what was offered instead, until one is reserved or nothing is left at this office. Statuses, seconds, got one."""
    chance, statuses = random.Random(number), []
    start, key = chance.choice(starts), uuid4().hex
    began = time.perf_counter()
    while True:
        status, body = await _ask(port, service, office, start, key)
        statuses.append(status)
        if status == 201:
            return statuses, time.perf_counter() - began, True
        if status == 409:
            again = [one["starts_at"] for one in body["alternatives"] if one["office"] == office]
            wanted = [one for one in map(datetime.fromisoformat, again) if one in starts]
            if not wanted:
                return statuses, time.perf_counter() - began, False
            start, key = chance.choice(wanted), uuid4().hex
        elif status == 429:
            await asyncio.sleep(chance.uniform(0.5, 1.5))
        else:
            return statuses, time.perf_counter() - began, False


async def _ask(port: int, service: int, office: int, start: datetime, key: str) -> tuple[int, dict[str, Any]]:
    """One request on a connection of its own, as from a phone. Status 0: no answer."""
    raw = json.dumps(
        {"service": service, "channel": "onsite", "office": office, "starts_at": start.isoformat()}
    ).encode()
    try:
        async with asyncio.timeout(30):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(
                f"POST /api/holds HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Type: application/json\r\n"
                f"Idempotency-Key: {key}\r\nContent-Length: {len(raw)}\r\nConnection: close\r\n\r\n".encode()
                + raw
            )
            answer = await reader.read(-1)
            writer.close()
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head[9:12]), json.loads(body)
    except (OSError, TimeoutError, ValueError):
        return 0, {}


def _free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port: int = trial.getsockname()[1]
        return port


if __name__ == "__main__":
    _url, _folder, _service, _office, _clients = sys.argv[1:]
    print(json.dumps(uvloop.run(_child(_url, _folder, int(_service), int(_office), int(_clients)))))
