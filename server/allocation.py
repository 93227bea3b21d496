"""`schalter verify-rank` and `schalter simulate allocation`: files and figures alone, so no settings and no database."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from base.i18n import DEFAULT_LANGUAGE, LANGUAGES, Translations
from booking.allocation.market import Assumptions
from booking.allocation.simulating import compare
from booking.allocation.verifying import verify

_WAYS = {
    "first_click": "first click",
    "first_click_guarded": "first click, captcha and limits",
    "by_need": "by need",
    "by_need_stubborn_traders": "by need, traders never give up",
}
_COLUMNS = {
    "bot_share": "to bots",
    "unused_share": "unused",
    "paid_in_vain_share": "paid in vain",
    "urgent_in_time": "urgent in time",
    "unserved_share": "unserved",
}


def add_commands(commands: Any) -> None:
    checking = commands.add_parser("verify-rank", help="check a rank of a need-based allocation; needs no database")
    checking.add_argument("list", type=Path, help="the closed list as published")
    checking.add_argument("result", type=Path, help="the result as published")
    checking.add_argument("--seed", required=True, help="as the public source gave it")
    checking.add_argument("--id", required=True, help="the number that you were given for your request")
    checking.add_argument("--hash", help="of the list, as it was published before the draw")
    checking.add_argument("--deadline", type=date.fromisoformat, help="as you were told it is confirmed: 2026-12-31")
    checking.add_argument("--language", choices=sorted(LANGUAGES), default=DEFAULT_LANGUAGE)
    simulating = commands.add_parser("simulate", help="what a rule does to the people it is for; needs no database")
    simulating.add_argument("what", choices=["allocation"])
    simulating.add_argument("--seeds", type=int, default=5, help="how many worlds; the figures are their means")
    simulating.add_argument("--json", type=Path, help="where to write figures and assumptions, too")


def verify_rank(arguments: argparse.Namespace) -> int:
    """0 right, 1 not, 2 a file cannot be read."""
    try:
        list_file, result_file = arguments.list.read_bytes(), arguments.result.read_bytes()
    except OSError as error:
        sys.stderr.write(f"{error.filename}: {error.strerror}\n")
        return 2
    verdict = verify(
        Translations.load(),
        arguments.language,
        list_file,
        result_file,
        seed=arguments.seed,
        request_id="".join(sign for sign in arguments.id.upper() if sign.isalnum()),  # as it is read out, in groups
        published_hash=arguments.hash,
        deadline=arguments.deadline,
    )
    sys.stdout.write("\n".join(verdict.lines) + "\n")
    return 0 if verdict.is_right else 1


def simulate(arguments: argparse.Namespace) -> int:
    """A table of shares and of days waited; and the assumptions that they follow from."""
    given, seeds = Assumptions(), range(1, max(1, arguments.seeds) + 1)
    figures = compare(given, seeds)
    if arguments.json is not None:
        found = {"assumptions": asdict(given), "seeds": list(seeds), "figures": figures}
        arguments.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(_table(figures))
    sys.stdout.write("".join(f"  {name} = {value}\n" for name, value in asdict(given).items()))
    return 0


def _table(figures: Mapping[str, Mapping[str, float]]) -> str:
    width = max(map(len, _WAYS.values()))
    lines = [f"{'':{width}}" + "".join(f"{name:>16}" for name in _COLUMNS.values()) + f"{'days p50/90/95':>18}"]
    for way, row in figures.items():
        shares = "".join(f"{row[key]:>16.2%}" for key in _COLUMNS)
        days = "/".join(f"{row[key]:.0f}" for key in ("wait_p50", "wait_p90", "wait_p95"))
        lines.append(f"{_WAYS[way]:{width}}{shares}{days:>18}")
    return "\n".join(lines) + "\n"
