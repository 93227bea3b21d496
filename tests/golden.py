"""Golden files: what was looked at once and found good. `GOLDEN=1` writes them anew; then look at the difference."""

from __future__ import annotations

import os
from pathlib import Path


def check_golden(path: Path, text: str) -> None:
    """Byte for byte, line ends included."""
    if os.environ.get("GOLDEN") == "1":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    assert path.exists(), f"{path.name} is missing: run with GOLDEN=1"
    assert path.read_bytes().decode() == text
