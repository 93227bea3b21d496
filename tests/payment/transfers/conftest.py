from __future__ import annotations

import pytest

from base.db import Database
from tests.payment.transfers.making import Desk, open_desk


@pytest.fixture
async def desk(db: Database) -> Desk:
    return await open_desk(db)
