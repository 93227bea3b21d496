"""The folder that a bank's program writes into (BANK_FOLDER): each `*.xml` is taken and goes to `read`, or is refused and goes to
`refused`.

Who writes gives a file its name when it is whole. First the database, then the move: after a crash between them the same bytes are
found stored already, and only moved.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from pathlib import Path

from base.failpoint import point
from payment.bank.refusing import BankFileRefused
from payment.bank.usecases import MOST_BYTES, Bank

log = logging.getLogger(__name__)
bank_file_moved = point("bank.file-moved")


class BankFolder:
    def __init__(self, bank: Bank, folder: str) -> None:
        """`folder`: empty where there is none."""
        self._bank = bank
        self._folder = Path(folder) if folder else None

    async def run(self) -> int:
        """How many files were taken or refused."""
        if self._folder is None:
            return 0
        files = await asyncio.to_thread(_files, self._folder)
        for file in files:
            await self._take(file)
        return len(files)

    async def _take(self, file: Path) -> None:
        raw = await asyncio.to_thread(file.read_bytes)
        try:
            await self._bank.take(file.name, raw, None)
        except BankFileRefused as refusal:
            log.warning("bank.file-refused", extra={"code": refusal.code, "line": refusal.fields["line"]})
            await self._bank.refused(file.name, raw, refusal)
            await asyncio.to_thread(_move, file, raw, "refused")
        else:
            await asyncio.to_thread(_move, file, raw, "read")
        bank_file_moved()


def _files(folder: Path) -> list[Path]:
    """What is too large stays where it is: nobody has read it, so nobody may say what is wrong with it."""
    if not folder.is_dir():
        return []
    found = [one for one in folder.iterdir() if one.suffix.lower() == ".xml" and one.is_file()]
    return sorted(one for one in found if one.stat().st_size <= MOST_BYTES)


def _move(file: Path, raw: bytes, into: str) -> None:
    """Under a name that no other content has."""
    goal = file.parent / into
    goal.mkdir(exist_ok=True)
    file.replace(goal / f"{hashlib.sha256(raw).hexdigest()[:16]}-{file.name}")
