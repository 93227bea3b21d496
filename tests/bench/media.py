"""Forwarding RTP: processor time per packet, beside Janus where it is installed (Debian: janus), in alternating rounds.

One 1:1 room is 398 packets/s: voice 50 and picture 149 from each side. Server and load generator have a core each where there are two;
the cost falls as load rises and rises with what else the machine does, so only the rounds of one run are to be compared.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from tests.bench.janus import janus
from tests.video.client import Client, picture, pub_offer, sub_answer, voice
from tests.video.worker_process import media
from video.control import MediaPool
from video.model import Source

ROUNDS = 3
ROOMS = 16
SECONDS = 8.0
WARM_SECONDS = 2.0
TRIES = 4  # of a round
ARRIVING_LEAST = 0.95
FRAMES_PER_S, PACKETS_PER_FRAME, VOICES_PER_S = 30, 5, 50
PICTURE_BYTES = 1000
PACKETS_PER_S = ROOMS * 2 * (FRAMES_PER_S * PACKETS_PER_FRAME + VOICES_PER_S)
CHECKED_EVERY = 50  # received packets whose encryption is looked at


class Forwarder(Protocol):
    """What is measured: brings `count` people into a room, everybody hearing and seeing the one other."""

    pid: int

    async def pair(self, clients: list[Person]) -> None: ...


@dataclass
class Person:
    pub: Client = field(default_factory=Client)
    sub: Client = field(default_factory=Client)
    received: int = 0

    def listen(self) -> None:
        def came(packet: bytes) -> None:
            self.received += 1
            if self.received % CHECKED_EVERY == 0:
                self.sub.dtls._rx_srtp.unprotect(packet)

        self.sub.on_rtp = came

    async def talk(self, until: float) -> None:
        """Voice and picture at their pace; what is late is made up for at once."""
        began, frames, voices, packets = time.monotonic(), 0, 0, 0
        rest = bytes(PICTURE_BYTES)
        while (now := time.monotonic()) < until:
            while frames < (now - began) * FRAMES_PER_S:
                for place in range(PACKETS_PER_FRAME):
                    begins = place == 0
                    key = begins and frames % FRAMES_PER_S == 0
                    self.pub.send(picture(packets, key=key, begins=begins, rest=rest))
                    packets += 1
                frames += 1
            while voices < (now - began) * VOICES_PER_S:
                self.pub.send(voice(voices, transport=packets + voices, payload=bytes(80)))
                voices += 1
            await asyncio.sleep(0.01)


class Ours:
    def __init__(self, pid: int, pool: MediaPool) -> None:
        self.pid, self._pool = pid, pool

    async def pair(self, clients: list[Person]) -> None:
        room = uuid4()
        await self._pool.create_room(room, 1)
        for number, person in enumerate(clients):
            answer = await self._pool.publish(room, 1, number, pub_offer(person.pub), {"a": "audio", "v": "camera"})
            await person.pub.connect(answer)
        for number, person in enumerate(clients):
            wanted = [Source(1 - number, "audio"), Source(1 - number, "camera")]
            offer = await self._pool.subscribe(room, 1, number, wanted)
            await self._pool.answered(room, 1, number, sub_answer(person.sub, offer.sdp))
            await person.sub.connect(offer.sdp)


@asynccontextmanager
async def ours() -> AsyncIterator[Forwarder]:
    async with media() as (running, pool):
        assert running.process is not None
        yield Ours(running.process.pid, pool)


async def measure(_: str) -> Mapping[str, list[float]]:
    samples: dict[str, list[float]] = {"rtp_us_per_packet": [], "loadgen_pps": []}
    with_janus = shutil.which("janus") is not None
    if with_janus:
        samples |= {"janus_us_per_packet": [], "rtp_ratio_to_janus": []}
    cores = os.sched_getaffinity(0)
    if len(cores) > 1:
        os.sched_setaffinity(0, {min(cores)})
    try:
        for _round in range(ROUNDS):
            samples["loadgen_pps"].append(await _loadgen())
            theirs = await _cost(janus) if with_janus else 0.0
            mine = await _cost(ours)
            samples["rtp_us_per_packet"].append(mine)
            if with_janus:
                samples["janus_us_per_packet"].append(theirs)
                samples["rtp_ratio_to_janus"].append(mine / theirs)
    finally:
        os.sched_setaffinity(0, cores)
    return samples


async def _cost(forwarder: Callable[[], AbstractAsyncContextManager[Forwarder]]) -> float:
    """Microseconds of processor time, user and system, for each packet that reached a receiver.

    A round in which packets were lost is run again: then the load generator was starved, and the figure says nothing.
    """
    received = 0.0
    for _ in range(TRIES):
        spent, received = await _round(forwarder)
        if received >= ARRIVING_LEAST * PACKETS_PER_S * SECONDS:
            return 1e6 * spent / received
    raise RuntimeError(f"only {received / SECONDS:.0f} of {PACKETS_PER_S} packets/s came: the machine is too busy")


async def _round(forwarder: Callable[[], AbstractAsyncContextManager[Forwarder]]) -> tuple[float, int]:
    """(seconds of processor time, packets received)"""
    async with forwarder() as server:
        others = set(range(os.cpu_count() or 1)) - os.sched_getaffinity(0)
        if others:
            for thread in Path(f"/proc/{server.pid}/task").iterdir():
                os.sched_setaffinity(int(thread.name), others)
        people = [[Person(), Person()] for _ in range(ROOMS)]
        for pair in people:
            await server.pair(pair)
        everybody = [person for pair in people for person in pair]
        for person in everybody:
            person.listen()
        until = time.monotonic() + WARM_SECONDS + SECONDS
        talking = [asyncio.create_task(person.talk(until)) for person in everybody]
        await asyncio.sleep(WARM_SECONDS)
        received, spent = sum(person.received for person in everybody), _spent(server.pid)
        await asyncio.sleep(SECONDS)
        received, spent = sum(person.received for person in everybody) - received, _spent(server.pid) - spent
        await asyncio.gather(*talking)
        for person in everybody:
            person.pub.vanish()
            person.sub.vanish()
    return spent, received


def _spent(pid: int) -> float:
    """Seconds of processor time of all threads, user and system (proc(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def _loadgen() -> float:
    """Packets per second that the load generator alone can encrypt and send: well above what it is to send."""
    async with ours() as server:
        pair = [Person(), Person()]
        await server.pair(pair)
        client = pair[0].pub
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
            sink.bind(("127.0.0.1", 0))
            rest, sent, began = bytes(PICTURE_BYTES), 0, time.perf_counter()
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as source:
                while (passed := time.perf_counter() - began) < 1:
                    for _ in range(100):
                        source.sendto(client.dtls._tx_srtp.protect(picture(sent, rest=rest)), sink.getsockname())
                        sent += 1
        for person in pair:
            person.pub.vanish()
            person.sub.vanish()
    return sent / passed
