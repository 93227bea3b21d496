"""What the build makes, and the tokens of our own colours."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pytest

from base.templates import Assets

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "frontend" / "static"
SHEETS = ("citizen.css", "citizen.rtl.css")
MOST_CSS_BYTES, MOST_SCRIPT_BYTES = 30 * 1024, 1024


@pytest.fixture(scope="module")
def manifest(assets: Assets) -> dict[str, str]:
    names: dict[str, str] = json.loads((STATIC / "manifest.json").read_text("utf-8"))
    return names


def test_manifest_names_every_file_and_every_asset_of_a_template(manifest: dict[str, str]) -> None:
    on_disk = {
        file.name for file in STATIC.iterdir() if file.suffix not in (".gz", ".json") and not file.name.startswith(".")
    }
    assert set(manifest.values()) == on_disk
    templates = "\n".join(file.read_text("utf-8") for file in (ROOT / "frontend" / "templates").rglob("*.html"))
    wanted = {
        name for call in re.findall(r"asset\((.*?)\)", templates) for name in re.findall(r"'([^']+\.[a-z0-9]+)'", call)
    }
    assert wanted <= manifest.keys()
    assert set(SHEETS) <= wanted


def test_names_change_with_their_contents(manifest: dict[str, str]) -> None:
    assert all(re.search(r"-[A-Z0-9]{8}\.[a-z0-9]+$", hashed) for hashed in manifest.values())


def test_compressed_twins(manifest: dict[str, str]) -> None:
    for name, hashed in manifest.items():
        if not name.endswith(".woff2"):
            assert gzip.decompress((STATIC / f"{hashed}.gz").read_bytes()) == (STATIC / hashed).read_bytes()


def test_budget(manifest: dict[str, str]) -> None:
    for name in SHEETS:
        assert (STATIC / f"{manifest[name]}.gz").stat().st_size <= MOST_CSS_BYTES
    assert (STATIC / manifest["citizen.js"]).stat().st_size <= MOST_SCRIPT_BYTES


@pytest.mark.parametrize("name", SHEETS)
def test_sheet_works_in_old_browsers_and_under_the_csp(manifest: dict[str, str], name: str) -> None:
    css = (STATIC / manifest[name]).read_text("utf-8")
    assert "oklch(" not in css
    assert not re.search(r"--kern-[a-z0-9-]+-(?:lightness|chroma|hue)", css)
    for url in re.findall(r"url\(\"?([^)\"]+)", css):
        assert url.startswith("data:image/svg") or (STATIC / url).exists()
    used = set(re.findall(r"var\((--kern-[a-z0-9-]+)", css))
    defined = set(re.findall(r"(--kern-[a-z0-9-]+):", css))
    assert defined <= used  # nothing is carried that nobody uses


def test_rtl_sheet_is_mirrored(manifest: dict[str, str]) -> None:
    ltr, rtl = ((STATIC / manifest[name]).read_text("utf-8") for name in SHEETS)
    assert ltr != rtl
    error = re.compile(r"\.kern-form-input--error\{border-(left|right):")
    assert [found.group(1) for found in map(error.search, (ltr, rtl)) if found] == ["left", "right"]


def test_every_icon_of_a_template_is_in_the_sheet(manifest: dict[str, str]) -> None:
    css = (STATIC / manifest["citizen.css"]).read_text("utf-8")
    templates = "\n".join(file.read_text("utf-8") for file in (ROOT / "frontend" / "templates").rglob("*.html"))
    icons = set(re.findall(r"kern-icon--([a-z-]+)", templates)) | {
        "success",
        "info",
        "warning",
        "danger",
        "calendar-today",
        "autorenew",
    }
    assert all(f".kern-icon--{icon}{{" in css for icon in icons)


def test_lock_file_names_no_registry_and_pins_exactly() -> None:
    lock = json.loads((ROOT / "package-lock.json").read_text("utf-8"))
    assert [name for name, package in lock["packages"].items() if "resolved" in package] == []
    assert all("integrity" in package for name, package in lock["packages"].items() if name)
    asked = json.loads((ROOT / "package.json").read_text("utf-8"))
    versions = {**asked["dependencies"], **asked["devDependencies"]}
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in versions.values())


def _tokens(scheme: str) -> dict[str, str]:
    scss = (ROOT / "frontend" / "assets" / "scss" / "_ground.scss").read_text("utf-8")
    block = re.search(rf"@mixin {scheme} \{{(.*?)\n\}}", scss, re.S)
    assert block is not None
    return dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6});", block.group(1)))


def _contrast(one: str, other: str) -> float:
    """WCAG 2.2: (lighter + 0.05) / (darker + 0.05)."""

    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast(scheme: str) -> None:
    tokens = _tokens(scheme)
    for ground in ("paper", "ground"):
        assert _contrast(tokens["ink"], tokens[ground]) >= 7  # text: AAA
        assert _contrast(tokens["edge"], tokens[ground]) >= 3  # what can be pressed: 1.4.11
