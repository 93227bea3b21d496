"""Every reason for which the importer refuses a line, and every kind of thing that it compares, has words on the page of the catalogue."""

from __future__ import annotations

import ast
from pathlib import Path

import booking.catalogue
from booking.catalogue import import_state_store
from frontend.catalogue import wording

# Where in its arguments each of these takes the code.
_PLACES = {"LineError": 3, "wrong": 1, "_error": 2, "_policy_error": 0}


def codes() -> set[str]:
    found = set()
    for file in Path(booking.catalogue.__path__[0]).glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                code = node.args[_PLACES[name]] if name in _PLACES and len(node.args) > _PLACES[name] else None
                if isinstance(code, ast.Constant) and isinstance(code.value, str):
                    found.add(code.value)
    return found


def test_every_code_is_known_by_the_page() -> None:
    assert len(codes()) > 40
    assert codes() - wording._WRONG.keys() == set()
    assert wording._WRONG.keys() >= wording._PLAIN


def test_every_kind_that_is_compared_is_known_by_the_page() -> None:
    assert import_state_store.QUERIES.keys() == wording._KINDS.keys()
