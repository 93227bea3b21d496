"""`make prove-booking`: the same tests at full size, part by part. What has passed for this commit is not run again.

python -m tests.prove booking
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parents[1]
RESULTS = HERE / "build" / "prove.json"
PARTS = {
    "booking": {
        "memory against plain SQL": ["tests/booking/test_engine.py", "tests/booking/availability"],
        "hours": ["tests/booking/catalogue"],
        "holds": ["tests/booking/holds"],
        "cases": ["tests/booking/appointments", "tests/booking/queue"],
        "giving out by need": ["tests/booking/allocation"],
        "the earlier-time list": ["tests/booking/waitlist"],
        "races": ["tests/races"],
        "parallel processes": ["tests/faults/test_parallel_holds.py"],
        "processes killed": ["tests/faults/test_killed.py", "tests/faults/test_storm.py"],
    },
}


def main(proof: str) -> int:
    """0 when every part has passed. Stopped and called again, it goes on where it was."""
    commit, begun, seconds_before = _commit(), time.monotonic(), 0.0
    for name, paths in PARTS[proof].items():
        known = _passed().get(f"{proof}: {name}", {})
        if commit and known.get("commit") == commit:
            seconds_before += known["seconds"]
            print(f"{name:28} passed before, in {known['seconds']:.0f} s", flush=True)
            continue
        started = time.monotonic()
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--durations=3", *paths]
        if subprocess.run(command, cwd=HERE, env={**os.environ, "SCALE": "full"}, check=False).returncode:
            print(f"{name}: failed", flush=True)
            return 1
        seconds = time.monotonic() - started
        print(f"{name:28} passed in {seconds:.0f} s", flush=True)
        _remember(f"{proof}: {name}", {"commit": commit, "seconds": seconds})
    minutes = (time.monotonic() - begun + seconds_before) / 60
    print(f"proved: {proof} at {commit or 'an uncommitted state'}, {len(PARTS[proof])} parts, {minutes:.1f} min")
    return 0


def _commit() -> str:
    """Empty while something is not committed: then nothing is known from before."""
    changed = _git("status", "--porcelain", "--untracked-files=no")
    return "" if changed else _git("rev-parse", "--short", "HEAD")


def _git(*args: str) -> str:
    return subprocess.run(["git", *args], cwd=HERE, capture_output=True, text=True, check=True).stdout.strip()


def _passed() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    return found


def _remember(part: str, result: dict[str, object]) -> None:
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(_passed() | {part: result}, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in PARTS:
        print(f"usage: python -m tests.prove {'|'.join(PARTS)}", file=sys.stderr)
        sys.exit(2)
    sys.exit(main(sys.argv[1]))
