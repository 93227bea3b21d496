"""`schalter account add|password|role|sign-out`: accounts from the command line. Passwords come from standard input or a prompt, never as
an argument, which every process of the machine could read."""

from __future__ import annotations

import argparse
import getpass
import sys
from typing import Any

from base.clock import utcnow
from base.config import Settings
from base.db import Database
from base.errors import DomainError, NotFound
from base.identity.usecases import Identity
from base.seal import Sealer


def add_commands(commands: Any) -> None:
    account = commands.add_parser("account", help="accounts of staff: add, password, role, sign-out")
    actions = account.add_subparsers(dest="action", required=True)
    adding = actions.add_parser("add", help="a new account; the password is asked for, or read from standard input")
    adding.add_argument("login")
    adding.add_argument("--name", required=True, help="as colleagues see it")
    adding.add_argument(
        "--role", help="clerk, supervisor, allocation, cashier, kiosk, finance, assessor, treasury, auditor, admin"
    )
    adding.add_argument("--office", metavar="KEY", help="where the role holds; left out: in the whole city")
    password = actions.add_parser("password", help="a new password; ends every session of the account")
    password.add_argument("login")
    role = actions.add_parser("role", help="give a role, or take it away")
    role.add_argument("login")
    role.add_argument("role")
    role.add_argument("--office", metavar="KEY", help="where the role holds; left out: in the whole city")
    role.add_argument("--remove", action="store_true")
    sign_out = actions.add_parser("sign-out", help="end every session of the account")
    sign_out.add_argument("login")


async def change_account(settings: Settings, arguments: argparse.Namespace) -> int:
    """0 done, 1 refused with one line that says why."""
    async with Database(settings.database_url, size=2) as db:
        identity = Identity(db, utcnow, Sealer(settings.secret_key))
        try:
            await _change(identity, arguments)
        except NotFound:
            sys.stderr.write("There is no such account, role or office.\n")
            return 1
        except DomainError as error:
            sys.stderr.write(f"{error.message}\n")
            return 1
    return 0


async def _change(identity: Identity, arguments: argparse.Namespace) -> None:
    match arguments.action:
        case "add":
            await identity.add_account(arguments.login, arguments.name, _password())
            if arguments.role:
                await identity.give_role(arguments.login, arguments.role, arguments.office)
        case "password":
            await identity.set_password(arguments.login, _password())
        case "role":
            await identity.give_role(arguments.login, arguments.role, arguments.office, takes_away=arguments.remove)
        case "sign-out":
            await identity.sign_out_everywhere(arguments.login)


def _password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != password:
        raise DifferentPasswords
    return password


class DifferentPasswords(DomainError):
    code = "different_passwords"
    message = "The two were not the same."
