"""The published files: UTF-8, one JSON object a line, keys sorted. What is read must be what would be written, byte for byte.

Teams stand there only where the service has some: so older lists keep their one form.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time
from typing import Any

from booking.allocation.model import ClosedList, Listed, Place, Result, Slot, Terms, Window

LIST_FORMAT = "schalter-allocation-list/1"
RESULT_FORMAT = "schalter-allocation-result/1"


class NotCanonical(Exception):
    """The file is not one of ours, or not as we wrote it."""


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def list_bytes(closed: ClosedList) -> bytes:
    terms = closed.terms
    head = {
        "format": LIST_FORMAT,
        "run": terms.run,
        "service": terms.service,
        "closes_on": terms.closes_on.isoformat(),
        "class_days": terms.class_days,
        "seed_source": terms.seed_source,
        "seed_at": f"{terms.seed_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "slots": len(closed.slots),
        "requests": len(closed.requests),
    }
    slots = (
        {
            "slot": s.id,
            "office": s.office,
            "starts_at": s.starts_at.isoformat(),
            "ends_at": s.ends_at.isoformat(),
            **({"team": s.team} if s.team else {}),
        }
        for s in closed.slots
    )
    requests = (
        {
            "request": r.id,
            "class": r.deadline_class,
            "waited_days": r.waited_days,
            "offices": r.offices,
            "windows": [
                {"days": w.days, "from": f"{w.from_time:%H:%M}", "to": f"{w.to_time:%H:%M}"} for w in r.windows
            ],
            **({"teams": r.teams} if r.teams else {}),
        }
        for r in closed.requests
    )
    return _lines([head, *slots, *requests])


def result_bytes(result: Result) -> bytes:
    head = {
        "format": RESULT_FORMAT,
        "run": result.run,
        "list_sha256": result.list_sha256,
        "seed": result.seed,
        "requests": len(result.places),
    }
    places = ({"rank": p.rank, "request": p.id, "draw": p.draw, "slot": p.slot, "free": p.free} for p in result.places)
    return _lines([head, *places])


def parse_list(content: bytes) -> ClosedList:
    """Raises NotCanonical."""
    try:
        head, *rest = _objects(content)
        count = int(head["slots"])
        closed = ClosedList(
            Terms(
                run=head["run"],
                service=head["service"],
                closes_on=date.fromisoformat(head["closes_on"]),
                class_days=tuple(head["class_days"]),
                seed_source=head["seed_source"],
                seed_at=datetime.fromisoformat(head["seed_at"]),
            ),
            tuple(_slot(line) for line in rest[:count]),
            tuple(_listed(line) for line in rest[count:]),
        )
        same = list_bytes(closed) == content
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NotCanonical("this is not a closed list") from error
    ids = [request.id for request in closed.requests]
    if not same or ids != sorted(set(ids)):
        raise NotCanonical("the closed list is not in its one form")
    return closed


def parse_result(content: bytes) -> Result:
    """Raises NotCanonical."""
    try:
        head, *rest = _objects(content)
        places = tuple(
            Place(rank=line["rank"], id=line["request"], draw=line["draw"], slot=line["slot"], free=line["free"])
            for line in rest
        )
        result = Result(head["run"], head["list_sha256"], head["seed"], places)
        same = result_bytes(result) == content
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NotCanonical("this is not a result") from error
    if not same:
        raise NotCanonical("the result is not in its one form")
    return result


def _slot(line: Mapping[str, Any]) -> Slot:
    starts_at, ends_at = datetime.fromisoformat(line["starts_at"]), datetime.fromisoformat(line["ends_at"])
    return Slot(id=line["slot"], office=line["office"], starts_at=starts_at, ends_at=ends_at, team=line.get("team", ""))


def _listed(line: Mapping[str, Any]) -> Listed:
    return Listed(
        id=line["request"],
        deadline_class=line["class"],
        waited_days=line["waited_days"],
        offices=tuple(line["offices"]),
        windows=tuple(window(one) for one in line["windows"]),
        teams=tuple(line.get("teams", ())),
    )


def window(line: Mapping[str, Any]) -> Window:
    return Window(tuple(line["days"]), time.fromisoformat(line["from"]), time.fromisoformat(line["to"]))


def _objects(content: bytes) -> list[dict[str, Any]]:
    return [
        json.loads(line) for line in content.decode().removesuffix("\n").split("\n")
    ]  # Unicode has more ends of line than JSON


def _lines(objects: Iterable[Mapping[str, Any]]) -> bytes:
    return "".join(
        json.dumps(line, ensure_ascii=False, sort_keys=True, separators=(",", ":")) + "\n" for line in objects
    ).encode()
