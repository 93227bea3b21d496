"""The nouns of identity."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

IDLE_LIMIT = timedelta(hours=2)
ABSOLUTE_LIMIT = timedelta(hours=12)  # one working day


@dataclass(frozen=True, slots=True)
class Grant:
    """A permission and where it holds: None is the whole city."""

    permission: str
    office_id: int | None


@dataclass(frozen=True, slots=True)
class Principal:
    """Who has signed in, with what they may do."""

    account_id: int
    name: str
    grants: frozenset[Grant]

    def may(self, permission: str, office_id: int | None = None) -> bool:
        """A grant for the whole city covers every office; a grant for an office covers that one only."""
        return any(
            grant.permission == permission and (grant.office_id is None or grant.office_id == office_id)
            for grant in self.grants
        )
