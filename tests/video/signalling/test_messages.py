"""What a browser may ask for in one message."""

from __future__ import annotations

from uuid import uuid4

import pytest
from pydantic import ValidationError

from video.model import KINDS, PARTICIPANTS_MOST
from video.signalling.messages import Subscribe

ALL = [{"participant": number, "kind": kind} for number in range(2, PARTICIPANTS_MOST + 1) for kind in KINDS]


def test_everything_that_five_others_send_may_be_asked_for_and_no_more() -> None:
    asked = {"v": 1, "id": 1, "type": "subscribe", "room": str(uuid4()), "epoch": 1, "wanted": ALL}
    assert len(Subscribe.model_validate(asked).wanted) == 15
    with pytest.raises(ValidationError, match="too_long"):
        Subscribe.model_validate(asked | {"wanted": [*ALL, ALL[0]]})
