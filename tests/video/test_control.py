"""The control connection: who may speak to a worker, and what several workers share."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from base import lines
from tests.video.worker_process import PROJECT, Running, free_udp_port, media, until
from video.control import MediaPool
from video.ports import MediaUnavailable

SECRET = "s" * 32


def free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port: int = trial.getsockname()[1]
        return port


async def test_over_a_network_both_sides_show_that_they_know_the_secret() -> None:
    async with media(control=f"127.0.0.1:{free_port()}", secret=SECRET) as (running, pool):
        await pool.create_room(uuid4(), 1)
        stranger = MediaPool([running.control], "x" * 32)
        await stranger.start()
        assert not stranger.is_up
        with pytest.raises(MediaUnavailable):
            await stranger.create_room(uuid4(), 1)
        await stranger.stop()
        host, _, port = running.control.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        assert set(lines.decoded(await reader.readline())) == {"nonce"}
        writer.write(lines.encoded({"id": 1, "do": "stats"}))  # without a proof
        assert await reader.read() == b""
        writer.close()
        assert await pool.stats()


def test_a_proof_is_no_use_to_the_other_side() -> None:
    assert lines.proof(SECRET, "nonce", "web") != lines.proof(SECRET, "nonce", "worker")


async def test_the_socket_belongs_to_its_owner_alone() -> None:
    async with media() as (running, _):
        assert Path(running.control).stat().st_mode & 0o777 == 0o600


async def test_a_room_is_found_by_another_web_process_and_outlives_its_connection() -> None:
    room = uuid4()
    async with media() as (running, first):
        await first.create_room(room, 1)
        offer = await first.subscribe(room, 1, 1, [])
        second = MediaPool([running.control], "")
        await second.start()
        await first.stop()
        assert await second.subscribe(room, 1, 1, []) == offer
        await second.stop()


async def test_rooms_go_where_the_load_is_least_and_the_rest_goes_on_when_one_worker_dies(tmp_path: Path) -> None:
    workers = [Running(str(tmp_path / name), free_udp_port()) for name in ("one", "two")]
    for worker in workers:
        worker.start()
    pool = MediaPool([worker.control for worker in workers], "")
    await pool.start()
    await until(lambda: pool.up == 2, "both workers")
    room = uuid4()
    await pool.create_room(room, 1)
    placed = pool.worker_of(room)
    assert placed is not None
    dead = next(worker for worker in workers if worker.control == placed[0])
    dead.kill()
    await until(lambda: pool.up == 1, "the death", 3)
    await pool.create_room(room, 2)
    moved = pool.worker_of(room)
    assert moved is not None
    assert moved[0] != placed[0]
    assert (await pool.stats())["rooms"] == 1
    await pool.stop()
    for worker in workers:
        if worker is not dead:
            assert worker.stop() == 0


async def test_a_second_worker_on_the_same_port_says_so_and_leaves_the_first_alone() -> None:
    async with media() as (running, pool):
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "server",
            "media",
            cwd=PROJECT,
            env={"PATH": "/usr/bin:/bin", "MEDIA_CONTROL": running.control, "MEDIA_PORT": str(running.port)},
            stderr=asyncio.subprocess.PIPE,
        )
        _, said = await process.communicate()
        assert process.returncode == 1
        assert said.decode().startswith("The media worker cannot start: ")
        late = MediaPool([running.control], "")
        await late.start()
        assert late.is_up
        await late.stop()
        assert pool.is_up


def test_a_worker_that_nobody_named_does_not_start() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "server", "media", "--number", "3"],
        cwd=PROJECT,
        env={"PATH": "/usr/bin:/bin", "MEDIA_CONTROL": "/nowhere/control"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == "MEDIA_CONTROL: names no worker 3\n"
