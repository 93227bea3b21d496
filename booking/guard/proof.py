"""The proof of work: ALTCHA's second protocol (https://altcha.org/docs/v2/), by its own library.

How much work it is, is drawn by us, so nobody has bad luck: the browser derives keys (PBKDF2) from 0 on until one begins as ours does.
An answer is looked at without deriving a key again, so wrong ones cost us nothing. Until when it counts stands in `data`: what stands in
`expiresAt` the library compares with a clock of its own.
"""

from __future__ import annotations

import binascii
import hashlib
import json
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import altcha

from base.seal import Sealer

GOOD = timedelta(minutes=20)
ROUNDS = 5000  # PBKDF2 iterations a key: 1.5 ms of ours per challenge
FEWEST_KEYS, MOST_KEYS = 60, 140
LONGEST = 2000  # characters of an answer


class Proofs:
    def __init__(self, sealer: Sealer) -> None:
        self._secret = sealer.mac("guard: challenge")
        self._key_secret = sealer.mac("guard: key of a challenge")

    def challenge(self, service_id: int, now: datetime) -> Mapping[str, Any]:
        """As ALTCHA's clients take it."""
        made = altcha.create_challenge(
            "PBKDF2/SHA-256",
            ROUNDS,
            counter=FEWEST_KEYS + secrets.randbelow(MOST_KEYS - FEWEST_KEYS + 1),
            data={"service": service_id, "until": int((now + GOOD).timestamp())},
            hmac_secret=self._secret,
            hmac_key_secret=self._key_secret,
        )
        return made.to_dict()

    def check(self, answer: str, service_id: int, now: datetime) -> UUID | None:
        """What the pass for it is called: the same answer, the same pass. None: wrong, over, or of another service."""
        try:
            payload = altcha.Payload.from_base64(answer[:LONGEST])
        except (
            binascii.Error,
            UnicodeDecodeError,
            json.JSONDecodeError,
            KeyError,
            TypeError,
            ValueError,
            AttributeError,
            RecursionError,
        ):
            return None
        given = payload.challenge
        if not altcha.verify_solution(payload, self._secret, hmac_key_secret=self._key_secret).verified:
            return None
        signed = given.parameters.data or {}
        if signed["service"] != service_id or signed["until"] <= now.timestamp():
            return None
        return UUID(bytes=hashlib.sha256(str(given.signature).encode()).digest()[:16])
