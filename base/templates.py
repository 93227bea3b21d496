"""Jinja2 with our languages, and the names of built assets."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2
from jinja2.bccache import Bucket

from base.i18n import LANGUAGES, Translations


class Assets:
    """Built files with a hash in their name, from the manifest that the build writes: {"citizen.css": "citizen-AB12.css"}."""

    def __init__(self, folder: Path, prefix: str = "/static/") -> None:
        self.folder = folder
        self._prefix = prefix
        manifest = folder / "manifest.json"
        self._names: dict[str, str] = json.loads(manifest.read_text(encoding="utf-8")) if manifest.exists() else {}

    @property
    def built(self) -> bool:
        return bool(self._names)

    def url(self, name: str) -> str:
        return self._prefix + self._names[name]


class _Compiled(jinja2.BytecodeCache):
    """Of this process, by the template's text: languages, and applications of one process, compile it once."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if known := self._known.get((bucket.key, bucket.checksum)):
            bucket.bytecode_from_string(known)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._known[bucket.key, bucket.checksum] = bucket.bytecode_to_string()


_COMPILED = _Compiled()


class Templates:
    """One environment per language, so that `_()` in a template needs no argument."""

    def __init__(self, folders: Sequence[Path], translations: Translations, assets: Assets | None = None) -> None:
        self._environments: dict[str, jinja2.Environment] = {}
        for language in LANGUAGES:
            environment = jinja2.Environment(
                loader=jinja2.FileSystemLoader([str(folder) for folder in folders]),
                autoescape=jinja2.select_autoescape(("html",)),
                undefined=jinja2.StrictUndefined,
                extensions=["jinja2.ext.i18n"],
                bytecode_cache=_COMPILED,
                trim_blocks=True,
                lstrip_blocks=True,
            )
            environment.install_gettext_callables(  # type: ignore[attr-defined]
                _gettext(translations, language), _ngettext(translations, language), newstyle=True
            )
            environment.globals["language"] = language
            environment.globals["languages"] = LANGUAGES
            if assets is not None:
                environment.globals["asset"] = assets.url
            self._environments[language] = environment

    def render(self, name: str, language: str, /, **context: Any) -> str:
        return self._environments[language].get_template(name).render(**context)


def _gettext(translations: Translations, language: str) -> Any:
    return lambda message: translations.gettext(language, message)


def _ngettext(translations: Translations, language: str) -> Any:
    return lambda one, many, n: translations.ngettext(language, one, many, n)
