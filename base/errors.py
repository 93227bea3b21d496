"""Refusals that people are told of. A class stands beside its raiser; these are the ones that everybody needs.

DomainError
  NotFound 404 · Unauthenticated 401 · Forbidden 403 · Conflict 409 · Gone 410 · Invalid 422 · Unavailable 503
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar


class DomainError(Exception):
    """A refusal with a stable code, an HTTP status and a sentence for people.

    `message` is an English msgid with {placeholders}; the keyword arguments fill them and go out as members of the
    problem document (RFC 9457).
    """

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 400
    message: ClassVar[str] = "This did not work."

    def __init__(self, **fields: Any) -> None:
        self.fields = fields
        super().__init__(self.code, fields)


class Malformed(DomainError):
    code = "malformed"
    status = 400
    message = "The request could not be read."


class Unauthenticated(DomainError):
    code = "unauthenticated"
    status = 401
    message = "This needs a valid link or sign-in."


class Forbidden(DomainError):
    code = "forbidden"
    status = 403
    message = "You may not do this."


class NotFound(DomainError):
    code = "not_found"
    status = 404
    message = "This was not found."


class Conflict(DomainError):
    code = "conflict"
    status = 409
    message = "This no longer fits the present state."


class Gone(DomainError):
    code = "gone"
    status = 410
    message = "This is over."


class Unavailable(DomainError):
    code = "unavailable"
    status = 503
    message = "This is not available at the moment. Please try again."


@dataclass(frozen=True, slots=True)
class FieldError:
    """One wrong field: an RFC 6901 pointer into the body, a stable code, an English msgid."""

    pointer: str
    code: str
    message: str


class Invalid(DomainError):
    """Well-formed, but wrong: all wrong fields at once."""

    code = "invalid"
    status = 422
    message = "Please check what you entered."

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__()
        self.errors = errors
