"""The nouns of identity."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

IDLE_LIMIT = timedelta(hours=2)
ABSOLUTE_LIMIT = timedelta(hours=12)  # one working day
SEEN_EVERY = timedelta(minutes=1)  # a session's last use is written no more often
LEAST_PASSWORD, MOST_PASSWORD = 12, 200  # characters


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

    def may_somewhere(self, permission: str) -> bool:
        return any(grant.permission == permission for grant in self.grants)


@dataclass(frozen=True, slots=True)
class Limit:
    """How often sign-in may be tried: `burst` times at once, then once in `every`. A success gives its attempt back."""

    burst: int
    every: timedelta


LOGIN_LIMIT = Limit(5, timedelta(minutes=1))  # of one name from one network
LOGIN_ANYWHERE_LIMIT = Limit(200, timedelta(seconds=10))  # of one name: six networks at full speed do not use it up
ADDRESS_LIMIT = Limit(30, timedelta(seconds=5))  # an office behind one address comes to work at eight
