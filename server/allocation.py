"""`schalter verify-rank`: works on the two published files alone, so no settings and no database."""

from __future__ import annotations

import argparse
import sys
from datetime import date
from pathlib import Path
from typing import Any

from base.i18n import DEFAULT_LANGUAGE, LANGUAGES, Translations
from booking.allocation.verifying import verify


def add_commands(commands: Any) -> None:
    checking = commands.add_parser("verify-rank", help="check a rank of a need-based allocation; needs no database")
    checking.add_argument("list", type=Path, help="the closed list as published")
    checking.add_argument("result", type=Path, help="the result as published")
    checking.add_argument("--seed", required=True, help="as the public source gave it")
    checking.add_argument("--id", required=True, help="the number that you were given for your request")
    checking.add_argument("--hash", help="of the list, as it was published before the draw")
    checking.add_argument("--deadline", type=date.fromisoformat, help="as you were told it is confirmed: 2026-12-31")
    checking.add_argument("--language", choices=sorted(LANGUAGES), default=DEFAULT_LANGUAGE)


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
        request_id=arguments.id.strip().upper(),
        published_hash=arguments.hash,
        deadline=arguments.deadline,
    )
    sys.stdout.write("\n".join(verdict.lines) + "\n")
    return 0 if verdict.is_right else 1
