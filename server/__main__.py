"""The command `schalter`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import uvloop

from base import failpoint, log
from base.config import SettingError, Settings
from base.db import CannotConnect
from base.migrate import MigrationError, migrate
from server import accounts, allocation, kassenzeichen, ledger
from server.export_options import add_commands as export_options

Command = Callable[[Settings, argparse.Namespace], Coroutine[Any, Any, int]]


async def _web(settings: Settings, _: argparse.Namespace) -> int:
    from server.web import serve

    await serve(settings)
    return 0


async def _worker(settings: Settings, _: argparse.Namespace) -> int:
    from server.worker import work

    await work(settings)
    return 0


async def _drain(settings: Settings, _: argparse.Namespace) -> int:
    from server.product import open_product
    from server.worker import drain

    async with open_product(settings) as product:
        await drain(product)
    return 0


async def _migrate(settings: Settings, _: argparse.Namespace) -> int:
    for name in await migrate(settings.database_url):
        print(f"applied {name}")
    return 0


async def _import(settings: Settings, arguments: argparse.Namespace) -> int:
    from server.imports import import_folder

    return await import_folder(settings, arguments.path, is_dry=arguments.dry_run)


async def _account(settings: Settings, arguments: argparse.Namespace) -> int:
    from server.accounts import change_account

    return await change_account(settings, arguments)


async def _export(settings: Settings, arguments: argparse.Namespace) -> int:
    from server.export import export

    return await export(settings, arguments)


async def _media(settings: Settings, arguments: argparse.Namespace) -> int:
    from video.media.worker import serve

    if not 0 <= arguments.number < len(settings.media_control):
        print(f"MEDIA_CONTROL: names no worker {arguments.number}", file=sys.stderr)
        return 2
    try:
        await serve(settings, arguments.number)
    except OSError as error:
        print(f"The media worker cannot start: {error}", file=sys.stderr)
        return 1
    return 0


def _openapi(path: Path) -> int:
    from server.app import openapi

    path.write_text(json.dumps(openapi(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"wrote {path}")
    return 0


def _demo() -> int:
    from server.demo import main as demo

    return demo()


_COMMANDS: dict[str, tuple[Command, str]] = {
    "web": (_web, "serve pages and API"),
    "worker": (_worker, "do what is due: messages, expiry, payments, hours"),
    "drain": (_drain, "do everything that is due once, then stop"),
    "migrate": (_migrate, "bring the database's schema up to date"),
}


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="schalter", description="Appointments, payments and counters of a city.")
    commands = made.add_subparsers(dest="command", required=True)
    for name, (_command, meaning) in _COMMANDS.items():
        commands.add_parser(name, help=meaning)
    importing = commands.add_parser("import", help="read a catalogue: all or nothing, every wrong line named")
    importing.add_argument("what", choices=["catalogue"])
    importing.add_argument("path", type=Path)
    importing.add_argument(
        "--dry-run", action="store_true", help="say what would change, field by field; change nothing"
    )
    accounts.add_commands(commands)
    allocation.add_commands(commands)
    ledger.add_commands(commands)
    export_options(commands)
    naming = commands.add_parser("kassenzeichen", help="show or change what the city's payment references begin with")
    naming.add_argument("prefix", nargs="?", help="at most ten capital letters and figures; from the next payment on")
    media = commands.add_parser("media", help="forward the video calls; needs no database")
    media.add_argument("--number", type=int, default=0, help="which of the workers in MEDIA_CONTROL")
    commands.add_parser("openapi", help="write openapi.json").add_argument(
        "path", type=Path, nargs="?", default=Path("openapi.json")
    )
    commands.add_parser("demo", help="everything on this machine: database, sample city, sandboxes, web and worker")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    arguments = parser().parse_args(argv)
    if arguments.command == "openapi":
        return _openapi(arguments.path)
    if arguments.command == "demo":
        return _demo()
    if arguments.command == "verify-rank":
        return allocation.verify_rank(arguments)
    if arguments.command == "simulate":
        return allocation.simulate(arguments)
    others = {
        "import": _import,
        "account": _account,
        "media": _media,
        "export": _export,
        "ledger": ledger.look_after_books,
        "kassenzeichen": kassenzeichen.kassenzeichen,
    }
    command = others.get(arguments.command) or _COMMANDS[arguments.command][0]
    try:
        settings = Settings.from_env(unneeded=("DATABASE_URL", "SECRET_KEY") if arguments.command == "media" else ())
    except SettingError as error:
        print(error, file=sys.stderr)
        return 2
    log.set_up(settings.log_level)
    if settings.failpoint:
        failpoint.arm(failpoint.killer(settings.failpoint))
    try:
        return uvloop.run(command(settings, arguments))
    except (MigrationError, CannotConnect) as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
