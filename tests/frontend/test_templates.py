"""Every page in every state and language, as HTML: whole, valid, translated, and without anything that the CSP forbids."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from base.i18n import LANGUAGES, Translations
from base.templates import Assets, Templates
from tests.frontend.samples import CITY, pages, staff_pages

ROOT = Path(__file__).parents[2]
TRANSLATIONS = Translations.load()
STATES = sorted(pages(TRANSLATIONS, "de"))


@pytest.fixture(scope="session")
def rendered(assets: Assets) -> dict[tuple[str, str], str]:
    templates = Templates([ROOT / "frontend" / "templates"], TRANSLATIONS, assets)
    return {
        (language, name): templates.render(template, language, page=view)
        for language in LANGUAGES
        for name, (template, view) in {**pages(TRANSLATIONS, language), **staff_pages(TRANSLATIONS, language)}.items()
    }


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("state", STATES)
def test_page_is_whole(rendered: dict[tuple[str, str], str], language: str, state: str) -> None:
    html = rendered[language, state]
    assert html.startswith("<!DOCTYPE html>")
    assert f'<html lang="{language}" dir="ltr">' in html
    assert html.count("<h1") == 1
    assert "None" not in html
    assert "<Einhorn>" not in html
    # what the CSP refuses: inline style, inline script, handlers, strangers
    assert not re.search(r"<style|style=|<script(?! src=\"/static/)|\son[a-z]+=|javascript:", html)
    assert not re.search(r'(?:src|href|action)="(?:https?:)?//', html)
    for form in re.findall(r'<form[^>]*method="post".*?</form>', html, re.S):
        assert 'name="request_key"' in form


def test_titles_tell_pages_apart(rendered: dict[tuple[str, str], str]) -> None:
    kinds = ("start", "service", "times", "contact", "check", "case-confirmed", "case-expired", "error")
    titles = {re.findall("<title>(.*?)</title>", rendered["de", kind])[0] for kind in kinds}
    assert len(titles) == len(kinds)
    assert all(title.endswith("– Stadt Stuttgart") for title in titles)


def test_an_error_comes_first_in_the_title_and_leads_to_its_field(rendered: dict[tuple[str, str], str]) -> None:
    html = rendered["de", "contact-wrong"]
    assert "<title>Fehler: Ihre Angaben" in html
    summary = html[html.index("error-summary") : html.index("<h1")]
    wanted = re.findall(r'href="#([a-z]+)"', summary)
    assert wanted == ["name", "email", "mobile", "postcode", "place"]
    for field in wanted:
        assert re.search(
            rf'<input[^>]*id="{field}"[^>]*aria-describedby="[^"]*{field}-error"[^>]*aria-invalid="true"', html
        )
    assert 'value="kim@example"' in html  # nothing is lost
    assert 'value="Königstraße 1"' in html


def test_details_are_kept_when_the_time_is_gone(rendered: dict[tuple[str, str], str]) -> None:
    html = rendered["de", "times-run-out"]
    assert html.count('name="slot"') == 3
    assert '<input type="hidden" name="email" value="kim@example.org">' in html
    assert '<input type="hidden" name="needs" value="interpreter">' in html


def test_the_switch_keeps_the_page(rendered: dict[tuple[str, str], str]) -> None:
    html = rendered["de", "times-one-office"]
    assert 'href="/en/times?service=1&amp;channel=onsite&amp;office=1&amp;day=2026-12-01" lang="en"' in html


def test_another_city_speaks_in_its_own_name(assets: Assets) -> None:
    contact = {"phone": "0731 161-0", "email": "stadt@ulm.example", "address": "Stadt Ulm\nMarktplatz 1\n89073 Ulm"}
    ulm = replace(CITY, name={"de": "Ulm"}, contact=contact)
    templates = Templates([ROOT / "frontend" / "templates"], TRANSLATIONS, assets)
    for name, (template, view) in pages(TRANSLATIONS, "de", ulm).items():
        html = templates.render(template, "de", page=view)
        html = html.replace('value="Stuttgart"', "")  # what a person typed
        frame = html[: html.index("<main")] + html[html.index("<footer") :]  # the sample's offices are in Stuttgart
        assert "Stuttgart" not in frame, name
        assert "115" not in html, name
        assert "– Stadt Ulm</title>" in html
        assert "<p><bdi>Stadt Ulm</bdi><br><bdi>Marktplatz 1</bdi><br><bdi>89073 Ulm</bdi></p>" in html
        assert 'href="tel:07311610">0731 161-0 anrufen</a>' in html
        assert 'href="mailto:stadt@ulm.example"' in html


def test_before_the_first_import_no_city_is_invented(assets: Assets) -> None:
    template, view = pages(TRANSLATIONS, "de", None)["error"]
    html = Templates([ROOT / "frontend" / "templates"], TRANSLATIONS, assets).render(template, "de", page=view)
    assert "Stuttgart" not in html
    assert "Impressum" not in html
    assert "– Termine</title>" in html
    assert 'href="tel:115"' in html


def test_the_best_hits_come_first(rendered: dict[tuple[str, str], str]) -> None:
    cut, whole = rendered["de", "start-many"], rendered["de", "start-all"]
    assert "27 Leistungen gefunden" in cut
    assert cut.count('class="card"') == 8
    assert "Weitere Treffer zeigen" in cut
    assert 'href="/de/?q=Perso&amp;all=1#hit-9"' in cut
    assert whole.count('class="card"') == 27
    assert "Weitere Treffer" not in whole
    assert 'href="/en/?q=Perso&amp;all=1"' in whole  # the switch keeps it
    assert 'id="hit-9"' in whole


def test_the_button_that_costs_says_so(rendered: dict[tuple[str, str], str]) -> None:
    assert "Zahlungspflichtig buchen" in rendered["de", "check"]
    assert "Zahlungspflichtig" not in rendered["de", "check-free"]
    assert "Termin verbindlich buchen" in rendered["de", "check-free"]


def test_every_sentence_has_its_german() -> None:
    command = [sys.executable, str(ROOT / "tools" / "i18n.py"), "frontend"]
    report = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert report.returncode == 0, report.stdout


def test_html_is_valid(rendered: dict[tuple[str, str], str], tmp_path: Path) -> None:
    for (language, name), html in rendered.items():
        (tmp_path / f"{language}-{name}.html").write_text(html, encoding="utf-8")
    report = _validate(tmp_path)
    assert report.returncode == 0, report.stdout + report.stderr


def test_the_validator_finds_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "bad.html").write_text(
        '<!DOCTYPE html><html lang="de"><head><title>x</title></head><p style="color:red">', "utf-8"
    )
    assert _validate(tmp_path).returncode == 1


def _validate(folder: Path) -> subprocess.CompletedProcess[str]:
    """The exit code is the truth: what it prints may be cut where standard output is a pipe."""
    program = ROOT / "node_modules" / "html-validate" / "bin" / "html-validate.mjs"
    command = ["node", str(program), "--config", str(ROOT / ".htmlvalidate.json"), str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
