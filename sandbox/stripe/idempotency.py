"""Idempotency keys. Source: docs.stripe.com/api/idempotent_requests.

The first answer (status and body, a 500 too) is kept once an endpoint began; the same key with other parameters is refused;
while the first is under way, a second gets 409; after 24 hours a key is forgotten and the call would be done again.
"""

import hashlib
import json
from dataclasses import dataclass

from sandbox.stripe.errors import ApiError, Json
from sandbox.stripe.state import State

KEEP_S = 24 * 3600
MAX_LENGTH = 255


def fingerprint(path: str, arguments: Json) -> str:
    return hashlib.sha256(json.dumps([path, arguments], sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Kept:
    status: int
    body: Json
    request_id: str


class Keys:
    def __init__(self, state: State) -> None:
        self._state = state
        self._under_way: set[str] = set()  # in memory on purpose: a request does not outlive the process

    def begin(self, key: str, print: str, now: int) -> Kept | None:
        """The kept answer, or None: the key is now under way, until `keep` or `let_go`."""
        if len(key) > MAX_LENGTH:
            raise ApiError(f"Idempotency keys must be at most {MAX_LENGTH} characters.", executed=False)
        if key in self._under_way:
            raise ApiError(
                "There is currently another in-progress request using this Idempotent Key (that probably means you "
                f"submitted twice, and the other request is still going through): {key}. Please try again later.",
                status=409,
                code="idempotency_key_in_use",
                executed=False,
            )
        row = self._state.find("idempotency", key)
        if row is None or row["created"] + KEEP_S <= now:
            self._under_way.add(key)
            return None
        if row["fingerprint"] != print:
            raise ApiError(
                "Keys for idempotent requests can only be used with the same parameters they were first used with. "
                f"Try using a key other than '{key}' if you meant to execute a different request.",
                type="idempotency_error",
                executed=False,
            )
        return Kept(row["status"], row["body"], row["request_id"])

    def keep(self, key: str, print: str, now: int, answer: Kept) -> None:
        self._under_way.discard(key)
        row = {
            "fingerprint": print,
            "created": now,
            "status": answer.status,
            "body": answer.body,
            "request_id": answer.request_id,
        }
        self._state.put("idempotency", key, row)

    def let_go(self, key: str) -> None:
        self._under_way.discard(key)
