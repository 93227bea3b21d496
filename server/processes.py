"""A child process of the demo: its log in a file, started again when it dies, gone when we are."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from server.lifeline import die_with_parent

STOP_LIMIT_S = 20.0
LONGEST_PAUSE_S = 10.0
STEADY_AFTER_S = 30.0


class ProcessFailed(Exception):
    """Says in one line which process ended and what it said last."""


class Process:
    def __init__(self, name: str, command: Sequence[str], *, env: Mapping[str, str], folder: Path, log: Path) -> None:
        self.name = name
        self._command = command
        self._env = env
        self._folder = folder
        self._log = log
        self._running: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._pause_s = 0.0

    def start(self) -> None:
        self._log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._log.open("ab") as log:
            self._running = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
                env=self._env,
                start_new_session=True,  # Ctrl-C reaches us alone, and we stop the children in order
                preexec_fn=die_with_parent(signal.SIGKILL),
            )
        self._started_at = time.monotonic()

    def check(self) -> None:
        """Raises ProcessFailed when it has ended."""
        code = self._running.poll() if self._running else None
        if code is not None:
            raise ProcessFailed(f"{self.name} ended with code {code} ({last_line(self._log)}); all of it: {self._log}")

    def keep_alive(self) -> str | None:
        """Starts it again when it has ended, less and less eagerly; returns the line to tell."""
        now = time.monotonic()
        try:
            self.check()
        except ProcessFailed as failure:
            if now - self._started_at > STEADY_AFTER_S:
                self._pause_s = 0.0
            if now - self._started_at < self._pause_s:
                return None
            self._pause_s = min(LONGEST_PAUSE_S, self._pause_s * 2 + 0.5)
            self.start()
            return f"{failure}; started again."
        return None

    def stop(self) -> None:
        if self._running is None:
            return
        self._running.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._running.wait(STOP_LIMIT_S)
        with suppress(ProcessLookupError):  # what is left of its session, itself included if it did not obey
            os.killpg(self._running.pid, signal.SIGKILL)
        self._running.wait()


def last_line(log: Path) -> str:
    """The last one with words: a traceback may end with a frame around it."""
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return next((line.strip(" |") for line in reversed(lines) if re.search("[a-z]", line)), "it said nothing")
