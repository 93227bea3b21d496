"""Relays (coturn, `use-auth-secret`) for networks that let no UDP through: none by default."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

CREDENTIAL_LASTS = timedelta(minutes=10)  # asked for again at each ICE restart


@dataclass(frozen=True, slots=True)
class Relays:
    urls: tuple[str, ...] = ()
    secret: str = field(default="", repr=False)

    def ice_servers(self, user: str, now: datetime) -> Sequence[dict[str, Any]]:
        """As RTCPeerConnection takes it. The name says when it ends: the relay checks that against its own clock."""
        if not self.urls:
            return ()
        name = f"{int((now + CREDENTIAL_LASTS).timestamp())}:{user}"
        password = base64.b64encode(hmac.digest(self.secret.encode(), name.encode(), "sha1")).decode()
        return ({"urls": list(self.urls), "username": name, "credential": password},)
