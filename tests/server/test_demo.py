"""`make run` as a person meets it: one process tree, one table, one line for each thing that can be wrong."""

import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener

import pytest

from server.processes import Process

PROJECT = Path(__file__).parents[2]
LIMIT_S = 180.0
STEPS = 5


def free_port() -> int:
    """The first of five free ones in a row."""
    for first in range(20_000 + os.getpid() % 1000 * 10, 32_000, 10):  # below the ports that clients get
        with ExitStack() as tried:
            try:
                for port in range(first, first + STEPS):
                    tried.enter_context(closing(socket.socket())).bind(("127.0.0.1", port))
            except OSError:
                continue
            return first
    raise AssertionError("no free ports")


class RunningDemo:
    def __init__(self, data: Path, *, below_make: bool = False) -> None:
        self.port = free_port()
        self.data = data
        without = {"DATABASE_URL", "SECRET_KEY", "SECRET_KEY_FILE", "HOST", "MAKELEVEL"}
        env = {name: value for name, value in os.environ.items() if name not in without}
        command = [sys.executable, "-m", "server.demo"]
        if below_make:
            command = ["sh", "-c", 'MAKELEVEL=1 "$@"; exit $?', "make", *command]
        self.process = subprocess.Popen(
            command,
            cwd=PROJECT,
            env=env | {"PORT": str(self.port), "DATA_DIR": str(data)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.said = ""

    def read_until(self, pattern: str) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said += line
            if re.search(pattern, line):
                return line
        raise AssertionError(f"ended with {self.process.wait()} before {pattern!r}: {self.said}")

    def tree(self) -> dict[int, str]:
        """Every process that has our data folder in its command line or environment."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                command = (folder / "cmdline").read_bytes()
                if bytes(self.data) in command or bytes(self.data) in (folder / "environ").read_bytes():
                    found[int(folder.name)] = command.replace(b"\0", b" ").decode(errors="replace")
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
        return found

    def find(self, words: str) -> int:
        return next(pid for pid, command in self.tree().items() if words in command)

    def get(self, path: str) -> int:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)) as web:
            web.request("GET", path)
            return web.getresponse().status

    def tills(self) -> list[str]:
        """As the invented cashier sees them."""
        own = f"http://localhost:{self.port}"  # as PUBLIC_URL says
        browser = build_opener(HTTPCookieProcessor())
        given = {"login": "cashier", "password": (self.data / "demo_password").read_text()}
        browser.open(Request(f"{own}/de/staff/sign-in", urlencode(given).encode(), {"Origin": own}), timeout=10).close()
        with browser.open(f"{own}/de/till/", timeout=10) as page:
            return re.findall(r'href="/de/till/\d+/\d+">([^<]+)</a>', page.read().decode())

    def assert_nothing_left(self) -> None:
        end = time.monotonic() + 15
        while (left := self.tree()) and time.monotonic() < end:
            time.sleep(0.1)
        assert left == {}

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    """Below a folder that nobody else may enter."""
    parent = Path(tempfile.mkdtemp(prefix="schalter-test-"))
    yield parent / "data"
    shutil.rmtree(parent)


def start(data: Path, *, below_make: bool = False) -> RunningDemo:
    demo = RunningDemo(data, below_make=below_make)
    try:
        demo.read_until("Ctrl-C stops everything")
    except BaseException:
        demo.close()
        raise
    return demo


def test_the_whole_tree_starts_mends_itself_and_stops(data: Path) -> None:
    demo = start(data)
    try:
        for address in (f"{demo.port}/de/", f"{demo.port + 1}/", f"{demo.port + 2}/", f"{demo.port + 4}/", str(data)):
            assert address in demo.said
        staff = "clerk, clerk2, supervisor, cashier, kiosk, finance, finance2, assessor, treasury, auditor, allocation, admin"
        assert staff in demo.said
        assert (data / "demo_password").read_text() in demo.said
        assert (data / "demo_password").stat().st_mode & 0o777 == 0o600
        assert demo.get("/de/") == 200
        assert demo.tills() == ["Kasse 1, Erdgeschoss", "Kassenautomat, Eingang"]
        assert (data / "secret_key").stat().st_mode & 0o777 == 0o600

        os.kill(demo.find("server worker"), signal.SIGKILL)
        assert "worker ended with code -9" in demo.read_until("started again")
        os.kill(demo.find("/postgres -D"), signal.SIGKILL)
        demo.read_until("PostgreSQL ended; started again")
        end = time.monotonic() + 30
        while (status := demo.get("/readyz")) != 200 and time.monotonic() < end:
            time.sleep(0.2)
        assert status == 200

        demo.process.send_signal(signal.SIGINT)
        assert demo.process.wait(LIMIT_S) == 0
        demo.assert_nothing_left()
    finally:
        demo.close()


@pytest.mark.parametrize("below_make", [False, True], ids=["the demo killed", "make killed"])
def test_a_second_start_keeps_the_data_and_a_kill_leaves_nothing(data: Path, below_make: bool) -> None:
    key = (data / "secret_key").read_bytes()
    demo = start(data, below_make=below_make)
    try:
        assert "Importing" not in demo.said
        assert (data / "secret_key").read_bytes() == key
        assert len(demo.tree()) >= 6
        demo.process.kill()
        demo.process.wait()
        demo.assert_nothing_left()
    finally:
        demo.close()


@pytest.mark.parametrize("after_s", [0.3, 0.9])
def test_a_start_can_be_given_up(data: Path, after_s: float) -> None:
    demo = RunningDemo(data)
    try:
        time.sleep(after_s)
        demo.process.send_signal(signal.SIGINT)
        assert demo.process.wait(LIMIT_S) in (0, -signal.SIGINT)  # the latter before Python has begun our code
        demo.assert_nothing_left()
    finally:
        demo.close()


def failure(tmp_path: Path, **environ: str) -> str:
    """The one line that a demo which cannot run says."""
    env = dict(os.environ) | {"DATA_DIR": str(tmp_path / "data")} | environ
    done = subprocess.run(
        [sys.executable, "-m", "server.demo"],
        cwd=PROJECT,
        env=env,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    return done.stderr.strip()


@pytest.mark.parametrize("offset", [0, STEPS - 1])
def test_a_taken_port_is_named(tmp_path: Path, offset: int) -> None:
    port = free_port()
    with closing(socket.socket()) as other:
        other.bind(("127.0.0.1", port + offset))
        other.listen()
        said = failure(tmp_path, PORT=str(port))
    assert said.startswith(f"Port {port + offset} cannot be used (Address already in use)")


def test_a_wrong_port_is_named(tmp_path: Path) -> None:
    assert failure(tmp_path, PORT="http") == "PORT=http is no port number from 1 to 65530."


def test_an_unusable_data_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    assert failure(tmp_path, PORT=str(free_port())).startswith("The data folder cannot be used: ")


def test_a_database_that_does_not_answer_is_named(tmp_path: Path) -> None:
    said = failure(tmp_path, PORT=str(free_port()), DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")
    assert said.startswith("The database cannot be used: ")


def test_a_missing_environment_is_named(tmp_path: Path) -> None:
    """`python3 -m server.demo` with a Python that has nothing installed."""
    done = subprocess.run(
        [sys.executable, "-S", "-m", "server.demo"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"Not installed for {sys.executable}: asyncpg, aiohttp")
    assert "`make run` makes the environment .venv" in done.stderr


def test_a_process_that_ends_at_once_is_named_with_its_last_words(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import sys; sys.exit('no such table')"]
    process = Process("web", command, env={}, folder=tmp_path, log=tmp_path / "log" / "web.log")
    process.start()
    said = None
    end = time.monotonic() + 10
    while said is None and time.monotonic() < end:
        time.sleep(0.02)
        said = process.keep_alive()
    process.stop()
    assert said == f"web ended with code 1 (no such table); all of it: {tmp_path / 'log' / 'web.log'}; started again."
