"""The API as others see it: the checked-in document is what the endpoint table says, and the served API answers as declared."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from openapi_spec_validator import validate

from base.web import ANYONE
from server.app import ENDPOINTS, openapi
from tests.golden import check_golden

ROOT = Path(__file__).parents[2]


def test_the_checked_in_document_is_true() -> None:
    check_golden(ROOT / "openapi.json", json.dumps(openapi(), indent=1, ensure_ascii=False) + "\n")


def test_the_document_is_openapi_3_1() -> None:
    validate(openapi())


def test_operation_ids_are_unique() -> None:
    ids = Counter(operation["operationId"] for path in openapi()["paths"].values() for operation in path.values())
    assert [ident for ident, count in ids.items() if count > 1] == []


def test_a_path_is_in_the_table_once() -> None:
    assert Counter((e.method, e.path) for e in ENDPOINTS).most_common(1)[0][1] == 1


def test_what_belongs_to_somebody_is_not_for_everybody() -> None:
    """An id in the path that is not of the catalogue asks for a token."""
    public = {e.path for e in ENDPOINTS if e.who == ANYONE and "{" in e.path}
    assert public == {
        "/api/services/{service}",
        "/{language}",
        "/{language}/",
        "/{language}/services/{service}",
        "/{language}/times",
        "/{language}/holds",
        "/{language}/case/{token}",
        "/{language}/case/{token}/rebooking",
        "/{language}/case/{token}/rebooking/{answer}",
        "/{language}/board/{office}",  # numbers and counters only: what hangs on the wall
        "/{language}/board/{office}/live",
        "/{language}/staff/sign-in",
        "/{language}/staff/sign-out",
        "/{language}/join/{token}",
        "/{language}/need/runs",  # what is published of runs: without names, to be checked by everybody
        "/{language}/need/sent",
        "/{language}/need/{service}",
        "/{language}/requests/{request}/link/{token}",
        "/{language}/waitlist/{appointment}/leave/{token}",  # the handler asks for the link's token
        "/{language}/invitation",  # to type in the code of a letter
        "/{language}/invitation/link/{token}",
        "/{language}/refunds/link/{token}",
        "/{language}/refund",  # to type in the code of a letter
        "/{language}/charge/{token}",
        "/{language}/allowance/{token}",  # it opens nothing by itself: each reservation asks for it
        "/{language}/my-appointments",  # to ask for a link; the answer is always the same
        "/{language}/my-appointments/sent",
        "/{language}/my-appointments/link/{token}",
        "/api/allocation/runs/{run}/list",
        "/api/allocation/runs/{run}/result",
        "/{language}/holds/{hold}/keep-the-other",  # as the next
        "/{language}/holds/{hold}",  # its handler asks for the token of the hold or of the case made of it
    }
