"""`schalter ledger verify|procedure`: whether the books are what they were when they were sealed, and by which rules they are kept."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from datetime import date
from typing import Any

from base.clock import utcnow
from base.config import Settings
from base.db import Database
from base.i18n import DEFAULT_LANGUAGE, LANGUAGES, Translations
from payment.ledgers.model import Broken, Fault
from payment.ledgers.procedure import TITLE, document, markdown
from payment.ledgers.usecases import Ledgers

_FAULTS: Mapping[Fault, str] = {
    Fault.GAP: "seal {seq} is missing",
    Fault.PREVIOUS: "seal {seq} (journal {journal_id}) does not follow the one before it",
    Fault.JOURNAL_GONE: "seal {seq}: journal {journal_id} is gone",
    Fault.CHANGED: "seal {seq}: journal {journal_id} is not what was sealed",
    Fault.UNSEALED: "journal {journal_id} has no seal and waits for none",
    Fault.DAY: "the root of {day} is not that of its seals",
    Fault.DAY_COUNT: "{day} has another number of journals than when it was closed",
    Fault.ROOT: "the root of {day} is not the one given",
}


def add_commands(commands: Any) -> None:
    ledger = commands.add_parser("ledger", help="the books: verify, procedure")
    actions = ledger.add_subparsers(dest="action", required=True)
    verifying = actions.add_parser("verify", help="work the chain of seals and the roots of closed days out anew")
    writing = actions.add_parser("procedure", help="write the procedure document (GoBD) as Markdown to standard output")
    writing.add_argument("--language", choices=sorted(LANGUAGES), default=DEFAULT_LANGUAGE)
    verifying.add_argument(
        "--root",
        type=_root,
        action="append",
        default=[],
        metavar="DAY=HEX",
        help="a closed day's root as somebody else has kept it; may be given several times",
    )


def _root(text: str) -> tuple[date, bytes]:
    day, _sign, root = text.partition("=")
    return date.fromisoformat(day), bytes.fromhex(root)


async def look_after_books(settings: Settings, arguments: argparse.Namespace) -> int:
    """0 sound or written, 1 broken, with one line that says where."""
    if arguments.action == "procedure":
        return await _write_procedure(settings, arguments.language)
    async with Database(settings.database_url, size=1) as db:
        found = await Ledgers(db, utcnow).verify(dict(arguments.root))
    if found.broken is not None:
        sys.stderr.write(f"BROKEN: {in_words(found.broken)}\n")
        return 1
    sys.stdout.write(
        f"sound: {found.seals} journals sealed, {found.waiting} to be sealed, {found.days} days closed; head {found.head.hex()}\n"
    )
    return 0


async def _write_procedure(settings: Settings, language: str) -> int:
    texts = Translations.load()
    async with Database(settings.database_url, size=1) as db:
        facts = await Ledgers(db, utcnow).procedure()
    sections = document(facts, lambda one: texts.gettext(language, one))
    sys.stdout.write(markdown(texts.gettext(language, TITLE), sections))
    return 0


def in_words(broken: Broken) -> str:
    return _FAULTS[broken.fault].format(seq=broken.seq, journal_id=broken.journal_id, day=broken.day)
