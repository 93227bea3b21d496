"""`schalter export`: the batch of a closed day as files in a folder, for a job of the night or for sending it once more.

The same bytes as on the page, whoever fetches them and however often; each fetch is written down under the name given.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from base.clock import utcnow
from base.config import Settings
from base.db import Database
from base.errors import DomainError, NotFound
from base.identity.model import Principal
from base.identity.usecases import Identity
from base.seal import Sealer
from payment.exports.endpoints import MAY_READ, MAY_SEND
from payment.exports.model import Dispatch, File
from payment.exports.usecases import Exports
from server.product import treasury_profile

DONE, REFUSED = 0, 1


class Refused(Exception):
    """Ends the command with this line."""


async def export(settings: Settings, arguments: argparse.Namespace) -> int:
    """0 all of it is there, 1 refused with one line that says why; what was written before that stays."""
    async with Database(settings.database_url, size=2) as db:
        exports = Exports(db, utcnow, treasury_profile(settings), due_days=settings.treasury_due_days)
        try:
            who = await _sender(Identity(db, utcnow, Sealer(settings.secret_key)), arguments.by)
            days = [arguments.day] if arguments.day else [one.day for one in (await exports.batches())[0]]
            for day in days:
                await _send(exports, day, arguments.to, who)
        except (Refused, OSError) as refusal:
            sys.stderr.write(f"{refusal}\n")
            return REFUSED
    if not days:
        sys.stdout.write("nothing waits\n")
    return DONE


async def _sender(identity: Identity, login: str) -> Principal:
    """Raises Refused."""
    try:
        who = await identity.named(login)
    except NotFound:
        raise Refused(f"There is no account {login!r}, or it is blocked.") from None
    if not who.may(MAY_READ.permission):
        raise Refused(f"{login} may not fetch batches: {MAY_READ.permission} is missing.")
    return who


async def _send(exports: Exports, day: date, to: Path, who: Principal) -> None:
    """Raises Refused, OSError."""
    found = await exports.find(day)
    if found is None:
        if not who.may(MAY_SEND.permission):
            raise Refused(f"{day}: no batch is made, and {MAY_SEND.permission} is missing to make it.")
        try:
            found = await exports.make(day, by=who.account_id)
        except DomainError as refusal:
            raise Refused(f"{day}: {refusal.message.format(**refusal.fields)}") from None
    dispatch = await exports.dispatch(found.number)
    if not dispatch.files:
        raise Refused(f"{day}: the files of batch {found.number} are over their term and deleted.")
    files = [await exports.file(found.number, one.format, by=who.account_id) for one in dispatch.files]
    folder = to / f"{day:%Y%m%d}_{found.number:06d}"
    is_new = await asyncio.to_thread(written, folder, files)
    sys.stdout.write(f"{_said(dispatch)} {'written to' if is_new else 'is the same in'} {folder}\n")


def _said(dispatch: Dispatch) -> str:
    batch, manifest = dispatch.batch, dispatch.files[-1]
    return f"batch {batch.number} of {batch.day}: {len(dispatch.files)} files, manifest {manifest.sha256.hex()}"


def written(folder: Path, files: Sequence[File]) -> bool:
    """The manifest last, each file whole or not at all, so that a program may wait for the manifest. False where they were there.

    Raises Refused where a file of that name says something else: nothing is written then.
    """
    folder.mkdir(parents=True, exist_ok=True)
    missing = []
    for one in files:
        path = folder / one.name
        if not path.exists():
            missing.append(one)
        elif path.read_bytes() != one.content:
            raise Refused(f"{path} is there and is not what was sent; nothing was written.")
    for one in missing:
        half = folder / f".{one.name}.{os.getpid()}"
        with half.open("wb") as out:
            out.write(one.content)
            out.flush()
            os.fsync(out.fileno())
        half.replace(folder / one.name)
    return bool(missing)
