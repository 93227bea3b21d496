"""`make bench`: figures as ratios to a floor measured in the same run, into build/bench.json; raw samples beside it.

python -m tests.bench            all groups
ONLY=booking python -m tests.bench
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import uvloop

from server.postgres import EmbeddedPostgres
from tests.bench import booking, media, money, paying

Samples = Mapping[str, list[float]]
GROUPS: Mapping[str, Callable[[str], Awaitable[Samples]]] = {
    "booking": booking.measure,
    "media": media.measure,
    "money": money.measure,
    "paying": paying.measure,
}
WITHOUT_DATABASE = ("media",)
BUILD = Path(__file__).resolve().parents[2] / "build"


def main() -> int:
    only = os.environ.get("ONLY")
    if only and only not in GROUPS:
        print(f"ONLY={only}: there is {', '.join(GROUPS)}", file=sys.stderr)
        return 2
    BUILD.mkdir(exist_ok=True)
    results_file, raw_file = BUILD / "bench.json", BUILD / "bench-raw.json"
    results = _read(results_file)
    raw = _read(raw_file)
    failed = []
    for name, measure in GROUPS.items():
        if only in (None, "", name):
            samples = uvloop.run(measure("")) if name in WITHOUT_DATABASE else _run(measure)  # type: ignore[arg-type]
            raw[name] = {key: [round(value, 2) for value in values] for key, values in samples.items()}
            exact = {key: statistics.median(values) for key, values in samples.items()}
            if (short := money.shortfall(exact)) is not None:
                failed.append(short)
            figures = {key: round(value, 2) for key, value in exact.items()}
            results |= {
                **figures,
                **booking.ratios(figures),
                f"{name}_at": datetime.now(UTC).isoformat(timespec="seconds"),
            }
            for key, value in {**figures, **booking.ratios(figures)}.items():
                print(f"{key:32} {value:>12}   {_spread(samples.get(key, []))}")
    results |= {"commit": _commit(), "machine": _machine()}
    results_file.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
    raw_file.write_text(json.dumps(raw, indent=1, sort_keys=True) + "\n")
    print(f"wrote {results_file.relative_to(Path.cwd()) if results_file.is_relative_to(Path.cwd()) else results_file}")
    for one in failed:
        print(one, file=sys.stderr)
    return 1 if failed else 0


def _run(measure: Callable[[str], Awaitable[Samples]]) -> Samples:
    if url := os.environ.get("DATABASE_URL"):
        return uvloop.run(measure(url))  # type: ignore[arg-type]
    with tempfile.TemporaryDirectory(prefix="schalter-bench-") as folder, EmbeddedPostgres(Path(folder)) as url:
        return uvloop.run(measure(url))  # type: ignore[arg-type]


def _spread(values: list[float]) -> str:
    return f"({min(values):.0f}-{max(values):.0f}, {len(values)} rounds)" if values else ""


def _read(file: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads(file.read_text()) if file.exists() else {}
    return found


def _commit() -> str:
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def _machine() -> str:
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"


if __name__ == "__main__":
    sys.exit(main())
