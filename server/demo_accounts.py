"""Invented staff and tills for `make run`: one person per role, two where a rule needs two.

Only the demo lets them in (account.is_invented).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path

from base.clock import utcnow
from base.config import Settings
from base.db import Database
from base.identity.usecases import Identity, LoginTaken
from base.seal import Sealer
from payment.till import store

MITTE = "buergerbuero-mitte"
VIDEO = "service-center"
# login -> name, and roles with the key of the office, None for the whole city
STAFF: Mapping[str, tuple[str, tuple[tuple[str, str | None], ...]]] = {
    "clerk": ("Robin Beispiel", (("clerk", MITTE), ("clerk", VIDEO))),
    "clerk2": ("Sascha Muster", (("clerk", MITTE), ("clerk", VIDEO))),
    "supervisor": ("Alex Vorlage", (("supervisor", MITTE), ("supervisor", VIDEO))),
    "cashier": ("Mika Beispiel", (("cashier", MITTE),)),
    "kiosk": ("Kassenautomat", (("kiosk", MITTE),)),
    "finance": ("Toni Kasse", (("finance", None),)),
    "finance2": ("Luca Kasse", (("finance", None),)),
    "assessor": ("Ada Prüfstelle", (("assessor", None),)),
    "treasury": ("Noa Kasse", (("treasury", None),)),
    "auditor": ("Eike Prüfung", (("auditor", None),)),
    "allocation": ("Kim Vergabe", (("allocation", None),)),
    "admin": ("Charlie Verwaltung", (("admin", None),)),
}


TILLS = (
    "Kasse 1, Erdgeschoss",
    "Kassenautomat, Eingang",
)  # with a drawer and a card terminal each, in the office of the cashier


async def invent_staff(environ: Mapping[str, str], data: Path) -> str:
    """Once; the password stays in the data folder. Returns it."""
    settings = Settings.from_env(environ)
    password = _password(data / "demo_password")
    async with Database(settings.database_url, size=2) as db:
        identity = Identity(db, utcnow, Sealer(settings.secret_key), allows_invented=True)
        for login, (name, roles) in STAFF.items():
            try:
                await identity.add_account(login, name, password, is_invented=True)
            except LoginTaken:
                continue
            for role, office in roles:
                await identity.give_role(login, role, office)
        await _invent_tills(db)
    return password


async def _invent_tills(db: Database) -> None:
    """Where there is none yet; a cashier opens their drawers."""
    async with db.transaction() as conn:
        office = await store.find_office(conn, MITTE)
        if office is None or await store.tills(conn, office):
            return
        for name in TILLS:
            await store.insert_till(conn, office, name)


def _password(file: Path) -> str:
    if not file.exists():
        unfinished = file.with_suffix(".unfinished")
        unfinished.unlink(missing_ok=True)
        unfinished.touch(mode=0o600)
        unfinished.write_text(secrets.token_hex(6))
        unfinished.rename(file)
    return file.read_text()
