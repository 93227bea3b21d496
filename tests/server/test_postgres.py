"""The embedded PostgreSQL, really started, really killed."""

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from server import postgres, postgres_footing
from server.postgres import EmbeddedPostgres
from server.postgres_footing import NoPostgres, find_binaries

PROJECT = Path(__file__).parents[2]
KEEP_ALIVE = """
import pathlib, sys, time
from server.postgres import EmbeddedPostgres
with EmbeddedPostgres(pathlib.Path(sys.argv[1])) as url:
    print(url, flush=True)
    time.sleep(600)
"""

is_root = os.geteuid() == 0


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users may enter, which pytest's own are not."""
    folder = Path(tempfile.mkdtemp(prefix="schalter-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def newborn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cluster made once: initdb waits for the disk, seconds on a busy machine."""
    folder = tmp_path_factory.mktemp("newborn")
    with EmbeddedPostgres(folder):
        pass
    return folder


@pytest.fixture
def data(newborn: Path, tmp_path: Path) -> Path:
    return shutil.copytree(newborn, tmp_path / "data")


async def ask(url: str, statement: str) -> object:
    conn = await asyncpg.connect(url)
    try:
        return await conn.fetchval(statement)
    finally:
        await conn.close()


def servers_of(folder: Path) -> list[int]:
    """Processes whose command line names the folder: the server itself."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if any(word.endswith(b"/postgres") for word in words[:1]) and bytes(folder / "postgres") in words:
            found.append(int(path.parent.name))
    return found


async def test_data_outlive_the_server_and_the_form_is_right(data: Path) -> None:
    server = EmbeddedPostgres(data)
    url = server.start()
    await ask(url, "CREATE TABLE kept AS SELECT 1")
    form = (
        "SELECT datcollate || ' ' || pg_encoding_to_char(encoding) FROM pg_database WHERE datname = current_database()"
    )
    assert await ask(url, form) == "C UTF8"
    assert await ask(url, "SHOW data_checksums") == "on"
    assert await ask(url, "SHOW fsync") == "on"
    assert await ask(url, "SHOW listen_addresses") == ""
    server.stop()
    assert servers_of(data) == []
    with EmbeddedPostgres(data) as url:
        assert await ask(url, "SELECT count(*) FROM kept") == 1


async def test_a_killed_parent_leaves_no_server(data: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", KEEP_ALIVE, data], cwd=PROJECT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout:
        url = parent.stdout.readline().strip()
    await ask(url, "CREATE TABLE kept AS SELECT 1")
    parent.kill()
    parent.wait()
    # At once, while the former server may still be shutting down.
    with EmbeddedPostgres(data) as url:
        assert await ask(url, "SELECT count(*) FROM kept") == 1
        assert len(servers_of(data)) == 1
    assert servers_of(data) == []


async def test_a_killed_server_recovers_at_the_same_address(data: Path) -> None:
    server = EmbeddedPostgres(data)
    url = server.start()
    await ask(url, "CREATE TABLE kept AS SELECT 1")
    os.kill(servers_of(data)[0], signal.SIGKILL)
    end = time.monotonic() + 10
    while server.is_running and time.monotonic() < end:
        time.sleep(0.02)
    # A stale lock file with the number of a living stranger, as after the reboot of a container.
    lock = data / "postgres" / "postmaster.pid"
    lock.write_text(lock.read_text().replace(lock.read_text().split("\n")[0], str(os.getpid()), 1))
    assert server.start() == url
    assert await ask(url, "SELECT count(*) FROM kept") == 1
    server.stop()


def test_a_second_server_on_the_same_data_is_refused(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "FORMER_SERVER_LIMIT_S", 0.2)
    with EmbeddedPostgres(data), pytest.raises(NoPostgres, match="is in use by a running PostgreSQL"):
        EmbeddedPostgres(data).start()


async def test_a_long_temporary_path_does_not_matter(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / ("long" * 20)
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    with EmbeddedPostgres(data) as url:
        assert await ask(url, "SELECT 1") == 1


def test_data_of_another_version_are_named(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("14\n")
    with pytest.raises(NoPostgres, match="was made by PostgreSQL 14, but postgres"):
        EmbeddedPostgres(tmp_path).start()


def test_the_newest_usable_system_server_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(postgres_footing, "SYSTEM_FOLDERS", tmp_path)
    with pytest.raises(NoPostgres, match=r"No PostgreSQL found: .* or set DATABASE_URL"):
        find_binaries()
    for version in ("9.6", "14", "15", "17"):
        (tmp_path / version / "bin").mkdir(parents=True)
    for version in ("14", "15"):
        (tmp_path / version / "bin" / "postgres").touch()
    assert find_binaries() == tmp_path / "15" / "bin"


@pytest.mark.parametrize("is_hidden", [False, True], ids=["open folder", "folder of mode 0700"])
async def test_root_without_user_namespaces_gives_its_rights_up(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch, is_hidden: bool
) -> None:
    if not is_root:
        return  # only root has rights to give up
    aside = open_folder / "aside"
    aside.mkdir()
    project = open_folder / "project"
    project.mkdir(mode=0o700 if is_hidden else 0o755)
    monkeypatch.setattr(postgres_footing, "ASIDE", aside)
    monkeypatch.setattr(postgres_footing, "_succeeds", lambda command: False)
    for _ in ("new", "kept"):
        with EmbeddedPostgres(project / "data") as url:
            assert await ask(url, "SELECT 1") == 1
    folder = next(aside.iterdir()) if is_hidden else project / "data"
    assert (folder / "postgres").stat().st_uid != 0
