"""The built assets: `make test` builds them first; a test run without them fails rather than skips."""

from __future__ import annotations

from pathlib import Path

import pytest

from base.templates import Assets

STATIC = Path(__file__).parents[2] / "frontend" / "static"


@pytest.fixture(scope="session")
def assets() -> Assets:
    built = Assets(STATIC)
    assert built.built, "frontend/static is empty: npm ci --ignore-scripts && npm run build"
    return built
