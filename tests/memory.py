"""Where the tests' PostgreSQL lies: in memory, where the machine has room.

A database is some 400 files. On ext4 without a journal, as small virtual machines have it, a new file costs a search through
all files deleted in the last minutes, and a clone 300 ms of system time instead of 20 ms.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MEMORY = Path("/dev/shm")  # a container has 64 MB of it unless told otherwise
NEEDED_BYTES = 1 << 30
PREFIX = "schalter-tests-"


@contextmanager
def folder_in_memory(otherwise: Path) -> Iterator[Path]:
    """A folder, gone afterwards; `otherwise` where the machine has no room in memory."""
    if not (os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= NEEDED_BYTES):
        yield otherwise
        return
    _sweep()
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-", dir=MEMORY, ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)  # a root without user namespaces runs PostgreSQL as somebody else
        yield Path(name)


def _sweep() -> None:
    """What a killed run has left would hold memory until the machine restarts."""
    for folder in MEMORY.glob(f"{PREFIX}*"):
        if not Path("/proc", folder.name.removeprefix(PREFIX).partition("-")[0]).exists():
            shutil.rmtree(folder, ignore_errors=True)
