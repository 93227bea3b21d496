"""The state on disk: one snapshot and a journal of changed rows, a line for each answered request, written before the answer.

A killed process loses nothing that was answered: the lines are with the operating system. A half-written last line belongs
to a request nobody got an answer for, and is dropped. (A power cut may cost the last seconds: nothing is synced to the disk.)
"""

import fcntl
import json
import os
from pathlib import Path
from typing import IO

from sandbox.stripe.state import State


class DataInUse(Exception):
    """Another sandbox works in the same folder."""


class Store:
    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._snapshot, self._journal_path = folder / "state.json", folder / "journal.jsonl"
        self._lock = (folder / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            raise DataInUse(f"{folder} is in use by another Stripe sandbox") from None
        self._journal: IO[bytes] | None = None

    def load(self) -> State:
        """Read snapshot and journal, write both as one new snapshot, and begin an empty journal."""
        state = State.load(json.loads(self._snapshot.read_bytes())) if self._snapshot.exists() else State()
        if self._journal_path.exists():
            for line in self._journal_path.read_bytes().split(b"\n")[
                :-1
            ]:  # what follows the last newline is half a line
                state.apply(json.loads(line))
        new = self._snapshot.with_suffix(".new")
        new.write_text(json.dumps(state.dump()))
        os.replace(new, self._snapshot)
        # A kill between these two lines replays the old journal over its own result: the last value of each row stays.
        self._journal = self._journal_path.open("wb", buffering=0)
        return state

    def commit(self, state: State) -> None:
        changes = state.drain()
        if changes and self._journal is not None:
            self._journal.write(json.dumps(changes).encode() + b"\n")

    def close(self) -> None:
        if self._journal is not None:
            self._journal.close()
        self._lock.close()
