"""What `schalter export` takes; apart from what it does, which loads the whole product."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any


def add_commands(commands: Any) -> None:
    export = commands.add_parser(
        "export", help="the batch of a closed day as files in a folder: made, or sent once more"
    )
    which = export.add_mutually_exclusive_group(required=True)
    which.add_argument("day", type=date.fromisoformat, nargs="?", help="2026-12-01; its batch is made if it has none")
    which.add_argument("--waiting", action="store_true", help="every closed day that the treasury has not acknowledged")
    export.add_argument(
        "--to", type=Path, required=True, metavar="FOLDER", help="a folder for each batch is made in it"
    )
    export.add_argument(
        "--by", required=True, metavar="LOGIN", help="the account that sends it: needs what its page needs"
    )
