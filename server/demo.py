"""`make run`: PostgreSQL, sample city, sandboxes, web and worker as one process tree that ends as a whole."""

from __future__ import annotations

import asyncio
import http.client
import importlib.util
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from socket import SO_REUSEADDR, SOL_SOCKET, create_connection, socket
from types import FrameType
from typing import TextIO

from server.lifeline import die_with_parent
from server.postgres import EmbeddedPostgres
from server.postgres_footing import NoPostgres
from server.processes import Process, ProcessFailed

PROJECT = Path(__file__).resolve().parents[1]
SAMPLE_CITY = Path("samples") / "stuttgart"
NEEDED = ("asyncpg", "aiohttp", "stripe", "twilio", "aiosmtpd", "sandbox")
WEB, PAYMENT_SANDBOX, INBOX, SMTP, TEXT_SANDBOX, XBEZAHL_SANDBOX = range(6)  # each at PORT plus this
LAST = XBEZAHL_SANDBOX
READY_LIMIT_S = 120.0


class CannotRun(Exception):
    """Says in one line why the demo does not run."""


def main(environ: Mapping[str, str] = os.environ) -> int:
    """Runs until Ctrl-C, SIGTERM or SIGHUP; returns the exit code."""
    stop = StopAsked()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if (
            signal.getsignal(number) is not signal.SIG_IGN
        ):  # a shell that puts us into the background wants no Ctrl-C for us
            signal.signal(number, stop)
    if "MAKELEVEL" in environ:  # a `kill -9` of make would leave nobody to press Ctrl-C
        die_with_parent(signal.SIGTERM, parent=os.getppid())()
    code, last_words = 0, "\nStopped. The data are kept."
    running = ExitStack()
    try:
        Demo(environ, running, stop).run()
    except KeyboardInterrupt:
        pass
    except (CannotRun, NoPostgres, ProcessFailed) as problem:
        code, last_words = 1, str(problem)
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # stopping is bounded in time and in order
        running.close()
    say(last_words, file=sys.stdout if code == 0 else sys.stderr)
    return code


class StopAsked:
    """A signal handler. It interrupts at once; where the interruption is lost, as in the event loop's last step or in the garbage
    collector, the next look at it finds that it was asked."""

    def __init__(self) -> None:
        self._is_asked = False

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        self._is_asked = True
        raise KeyboardInterrupt

    def check(self) -> None:
        if self._is_asked:
            raise KeyboardInterrupt


class Demo:
    def __init__(self, environ: Mapping[str, str], running: ExitStack, stop: StopAsked) -> None:
        self._environ = environ
        self._stop = stop
        self._running = running
        self._host = environ.get("HOST") or "127.0.0.1"
        self._port = _port(environ)
        self._data = Path(environ.get("DATA_DIR") or PROJECT / ".data").absolute()
        self._postgres: EmbeddedPostgres | None = None
        self._password = ""
        self._has_xbezahl = "xbezahldienste" in environ.get("PAYMENT_PROVIDERS", "")  # its sandbox beside Stripe's

    def run(self) -> None:
        missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
        if missing:
            raise CannotRun(
                f"Not installed for {sys.executable}: {', '.join(missing)}. `make run` makes the environment .venv."
            )
        _check_free(self._host, self._port)
        for offset in self._sandboxes:
            _check_free("127.0.0.1", self._port + offset)
        try:
            self._data.mkdir(parents=True, exist_ok=True)
            env = self._child_environment(_secret_key(self._data))
        except OSError as error:
            raise CannotRun(f"The data folder cannot be used: {error}") from None
        self._prepare_database(env)
        processes = self._processes(env)
        for process in processes:
            self._running.callback(process.stop)
            process.start()
        self._wait_until_ready(processes)
        say(self._table())
        while True:
            self._stop.check()
            time.sleep(0.2)
            if self._postgres is not None and not self._postgres.is_running:
                say("PostgreSQL ended; started again.")
                self._postgres.start()
            for process in processes:
                if line := process.keep_alive():
                    say(line)

    @property
    def _sandboxes(self) -> list[int]:
        return [PAYMENT_SANDBOX, INBOX, SMTP, TEXT_SANDBOX, *([XBEZAHL_SANDBOX] if self._has_xbezahl else [])]

    def _child_environment(self, secret_key: Path) -> dict[str, str]:
        port = self._port
        ours = {
            "DATABASE_URL": self._database_url(),
            "PORT": str(port),
            "PUBLIC_URL": f"http://localhost:{port}",
            "DATA_DIR": str(self._data),
            "MEDIA_CONTROL": str(self._data / "media"),
            "MEDIA_PORT": str(port),  # UDP, so it is not the web's
            "STRIPE_API_BASE": f"http://127.0.0.1:{port + PAYMENT_SANDBOX}",
            "STRIPE_API_KEY": "sk_test_sandbox",
            "STRIPE_PAY_ORIGINS": f"http://127.0.0.1:{port + PAYMENT_SANDBOX},http://localhost:{port + PAYMENT_SANDBOX}",
            "STRIPE_WEBHOOK_SECRETS": "whsec_sandbox",
            "TRANSFER_NAME": "Landeshauptstadt Stuttgart, Stadtkasse",
            "TRANSFER_IBAN": "DE02600501010002034304",  # the bank sandbox's
            "TRANSFER_BIC": "SOLADEST600",
            "SMTP_URL": f"smtp://127.0.0.1:{port + SMTP}",
            "MAIL_FROM": "termine@stuttgart.example",
            "TWILIO_ACCOUNT_SID": "AC" + "0" * 31 + "5",
            "TWILIO_AUTH_TOKEN": "sandbox",
            "TWILIO_FROM": "Stuttgart",
            "TWILIO_API_BASE": f"http://127.0.0.1:{port + TEXT_SANDBOX}",
            "DEMO": "1",  # the invented staff may sign in here, and nowhere else
            "OUTBOUND_PROXY": "",  # all vendors are on this machine
        }
        if self._has_xbezahl:
            ours |= {
                "XBEZAHL_API_BASE": f"http://127.0.0.1:{port + XBEZAHL_SANDBOX}",
                "XBEZAHL_ORIGINATOR": "schalter",
                "XBEZAHL_ENDPOINT": "stadtkasse",
                "XBEZAHL_USER": "schalter",
                "XBEZAHL_PASSWORD": "sandbox",
                "XBEZAHL_PAY_ORIGINS": f"http://127.0.0.1:{port + XBEZAHL_SANDBOX}",
            }
        theirs = {name: value for name, value in self._environ.items() if name.removesuffix("_FILE") not in ours}
        theirs.setdefault("DRAIN_SECONDS", "0")  # no balancer needs the time
        if "SECRET_KEY" not in theirs:
            theirs.setdefault("SECRET_KEY_FILE", str(secret_key))
        return theirs | ours

    def _database_url(self) -> str:
        if url := self._environ.get("DATABASE_URL"):
            return url
        if file := self._environ.get("DATABASE_URL_FILE"):
            return Path(file).read_text().strip()
        self._postgres = EmbeddedPostgres(self._data)
        self._running.callback(self._postgres.stop)
        return self._postgres.start()

    def _prepare_database(self, env: Mapping[str, str]) -> None:
        import asyncpg  # not at the top: a missing package gets its own sentence

        from base.db import CannotConnect
        from base.migrate import MigrationError

        try:
            is_new = asyncio.run(_migrate(env["DATABASE_URL"]))
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, CannotConnect, MigrationError) as error:
            raise CannotRun(f"The database cannot be used: {error}") from None
        if is_new:
            say("Importing the sample city …")
            done = subprocess.run(
                [sys.executable, "-m", "server", "import", "catalogue", str(SAMPLE_CITY)],
                check=False,
                cwd=PROJECT,
                env=env,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                preexec_fn=die_with_parent(signal.SIGKILL),
            )
            if done.returncode != 0:
                raise CannotRun(f"{done.stdout.strip()}\nThe sample city could not be imported.")
        self._invent_staff(env)

    def _invent_staff(self, env: Mapping[str, str]) -> None:
        """In a city of its own making only: into another one nobody is invented."""
        from base.errors import NotFound
        from server.demo_accounts import invent_staff

        try:
            self._password = asyncio.run(invent_staff(env, self._data))
        except NotFound:  # the database holds another city, without these offices
            self._password = ""

    def _processes(self, env: Mapping[str, str]) -> list[Process]:
        """In the order of their start; stopped in the opposite order, web first."""
        port, data = self._port, self._data
        payment = [
            "--port",
            str(port + PAYMENT_SANDBOX),
            "--data",
            str(data / "stripe"),
            "--web",
            f"http://127.0.0.1:{port}",
            "--late-intents",  # as Stripe does: the intent is made at the first attempt to pay
        ]
        texts = f"http://127.0.0.1:{port + TEXT_SANDBOX}"
        mail = [
            "--port",
            str(port + INBOX),
            "--smtp-port",
            str(port + SMTP),
            "--data",
            str(data / "smtp"),
            "--texts",
            texts,
        ]
        commands = {
            "payment-sandbox": ["sandbox.stripe", *payment],
            "text-sandbox": ["sandbox.twilio", "--port", str(port + TEXT_SANDBOX), "--data", str(data / "twilio")],
            "mail-sandbox": ["sandbox.smtp", *mail],
            "worker": ["server", "worker"],
            "web": ["server", "web"],
            "media": ["server", "media"],
        }
        if self._has_xbezahl:
            xbezahl = ["--port", str(port + XBEZAHL_SANDBOX), "--data", str(data / "xbezahldienste")]
            commands = {"xbezahl-sandbox": ["sandbox.xbezahldienste", *xbezahl], **commands}
        return [
            Process(name, [sys.executable, "-m", *words], env=env, folder=PROJECT, log=data / "log" / f"{name}.log")
            for name, words in commands.items()
        ]

    def _wait_until_ready(self, processes: list[Process]) -> None:
        end = time.monotonic() + READY_LIMIT_S
        waiting = [*self._sandboxes, WEB]
        while waiting:
            self._stop.check()
            for process in processes:
                process.check()
            if time.monotonic() > end:
                ports = ", ".join(str(self._port + offset) for offset in waiting)
                raise CannotRun(
                    f"Not ready after {READY_LIMIT_S:.0f} seconds: port {ports}; the logs: {self._data / 'log'}"
                )
            port = self._port + waiting[0]
            if _is_ready(self._host, port) if waiting[0] == WEB else _listens(port):
                waiting.pop(0)
            else:
                time.sleep(0.05)

    def _table(self) -> str:
        rows = {
            "Citizen page": f"http://localhost:{self._port}/de/",
            **self._staff_rows(),
            "Inbox (mails and texts)": f"http://localhost:{self._port + INBOX}/",
            "Payment sandbox": f"http://localhost:{self._port + PAYMENT_SANDBOX}/",
            **(
                {"XBezahldienste sandbox": f"http://localhost:{self._port + XBEZAHL_SANDBOX}/"}
                if self._has_xbezahl
                else {}
            ),
            "Text message sandbox": f"http://localhost:{self._port + TEXT_SANDBOX}/",
            "Database": str(self._postgres.data) if self._postgres else "as DATABASE_URL says",
            "Other data, logs": str(self._data),
        }
        lines = [f"  {name:<24}{value}" for name, value in rows.items()]
        rule = "-" * max(len(line) + 2 for line in lines)
        return "\n".join([rule, *lines, rule, "Ctrl-C stops everything."])

    def _staff_rows(self) -> dict[str, str]:
        if not self._password:
            return {}
        from server.demo_accounts import STAFF

        return {
            "Staff pages": f"http://localhost:{self._port}/de/staff/",
            "  sign in as": ", ".join(STAFF),
            "  with the password": self._password,
        }


def say(line: str, file: TextIO | None = None) -> None:
    print(line, file=file, flush=True)


async def _migrate(url: str) -> bool:
    """Whether there is no city yet."""
    import asyncpg

    from base.migrate import migrate

    await migrate(url)
    conn = await asyncpg.connect(url)
    try:
        return not await conn.fetchval("SELECT EXISTS (SELECT FROM office)")
    finally:
        await conn.close()


def _port(environ: Mapping[str, str]) -> int:
    text = environ.get("PORT") or "8080"
    if not text.isdigit() or not 0 < int(text) <= 65535 - LAST:
        raise CannotRun(f"PORT={text} is no port number from 1 to {65535 - LAST}.")
    return int(text)


def _check_free(host: str, port: int) -> None:
    with closing(socket()) as trial:
        trial.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
        try:
            trial.bind((host, port))
        except OSError as error:
            raise CannotRun(
                f"Port {port} cannot be used ({error.strerror}): free it, or set PORT; PORT to PORT+{LAST} are needed."
            ) from None


def _secret_key(data_dir: Path) -> Path:
    file = data_dir / "secret_key"
    if not file.exists():
        unfinished = file.with_suffix(".unfinished")
        unfinished.unlink(missing_ok=True)
        unfinished.touch(mode=0o600)
        unfinished.write_text(secrets.token_urlsafe(48))
        unfinished.rename(file)
    return file


def _listens(port: int) -> bool:
    try:
        create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _is_ready(host: str, port: int) -> bool:
    web = http.client.HTTPConnection("127.0.0.1" if host == "0.0.0.0" else host, port, timeout=2)  # noqa: S104
    with closing(web):
        try:
            web.request("GET", "/readyz")
            return web.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False


if __name__ == "__main__":
    sys.exit(main())
