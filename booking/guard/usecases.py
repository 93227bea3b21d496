"""Who may hold a time of a guarded service: whoever proves work, has a code that was sent, or an allowance (docs/adr/0037)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID, uuid5

from base.clock import Clock
from base.db import Connection, Database
from base.errors import DomainError, NotFound
from base.i18n import mark as _
from base.i18n import pick
from base.identity.usecases import network_of
from base.seal import Sealer, same, token_sha256
from booking.appointments.contact import mailbox
from booking.appointments.unasked import (
    CODE_GOOD,
    CODE_TRIES,
    CodeWrong,
    NoTexts,
    SentTooOften,
    may_write,
    new_code,
)
from booking.catalogue.store import find_city
from booking.guard import store
from booking.guard.figures import Figures
from booking.guard.model import (
    FIGURES_KEPT,
    PASS_GOOD,
    CodeSent,
    Pass,
    Way,
)
from booking.guard.proof import Proofs
from booking.holds.refusals import AllowanceOver, QuotaUsedUp
from notifications.usecases import Notifications

_CODES = UUID("7f0c1c37-5a4b-4f0f-9a59-3c8b4d0c9f21")  # name spaces of what is made of a request's key
_PASSES = UUID("2b6c0a52-8f6e-4d57-8a9b-6f2f6f0e8d13")


class ProofWrong(DomainError):
    code = "proof_wrong"
    status = 422
    message = _("The check did not succeed, or took too long. Please try again, or have a code sent.")


class AllowanceUnknown(DomainError):
    code = "allowance_unknown"
    status = 422
    message = _("This allowance is not known for this service.")


class Guard:
    """Also a feed source: which services are guarded is asked at every hold, and kept in memory."""

    name = "guard"

    def __init__(
        self, db: Database, notifications: Notifications, sealer: Sealer, figures: Figures, clock: Clock
    ) -> None:
        self._db = db
        self._notifications = notifications
        self._sealer = sealer
        self._figures = figures
        self._clock = clock
        self._proofs = Proofs(sealer)
        self._services: frozenset[int] = frozenset()

    @property
    def can_text(self) -> bool:
        return self._notifications.can_text

    def note(self, service_id: int, *, is_guarded: bool) -> None:
        """Changed here just now; the feed says so a moment later."""
        self._services = self._services | {service_id} if is_guarded else self._services - {service_id}

    def of(self, services: Iterable[int]) -> int | None:
        """Of a visit's services the one whose pass covers it: the guarded one with the lowest number (the schema: hold_visit)."""
        return min(filter(self.guards, services), default=None)

    def guards(self, service_id: int) -> bool:
        return service_id in self._services

    async def start(self, conn: Connection) -> int:
        return (await self.poll(conn, 0))[0]

    async def poll(self, conn: Connection, watermark: int) -> tuple[int, frozenset[str]]:
        before, self._services = self._services, await store.guarded(conn)
        return watermark, frozenset() if self._services == before else frozenset({self.name})

    def challenge(self, service_id: int) -> Mapping[str, Any]:
        """Raises NotFound where nothing is to be proven."""
        self._known(service_id)
        return self._proofs.challenge(service_id, self._clock())

    async def by_proof(self, service_id: int, answer: str) -> Pass:
        """The same answer again is the same pass. Raises NotFound, ProofWrong."""
        self._known(service_id)
        ident = self._proofs.check(answer, service_id, self._clock())
        if ident is None:
            self._figures.count(service_id, ProofWrong.code)
            raise ProofWrong
        return await self._make(ident, service_id, Way.PROOF)

    async def send_code(
        self, service_id: int, contact: str, language: str, key: str, address: str, *, is_mobile: bool
    ) -> CodeSent:
        """By mail, or by text to a mobile number (E.164). The same key sends once. Raises NotFound, SentTooOften, NoTexts."""
        self._known(service_id)
        if is_mobile and not self.can_text:
            raise NoTexts
        now = self._clock()
        ident, code, until = uuid5(_CODES, f"{service_id} {contact} {key}"), new_code(), now + CODE_GOOD
        async with self._db.transaction() as conn:
            known = await store.find_code(conn, ident)
            if known is not None:
                return CodeSent(ident, known.good_until)
            by_network = self._sealer.look_up(network_of(address), "guard.code.network")
            by_contact = self._sealer.look_up(contact if is_mobile else mailbox(contact), "guard.code.contact")
            is_allowed = await may_write(conn, now, network=by_network, contact=by_contact)
            if is_allowed and await store.insert_code(conn, ident, service_id, self._code(ident, code), until):
                await self._send(conn, ident, code, contact, language, is_mobile=is_mobile)
        if not is_allowed:
            self._figures.count(service_id, SentTooOften.code)
            raise SentTooOften
        return CodeSent(ident, until)

    async def by_code(self, service_id: int, ident: UUID, code: str) -> Pass:
        """Raises NotFound, CodeWrong: five times wrong, and it counts no more."""
        self._known(service_id)
        async with self._db.transaction() as conn:
            expected = await store.try_code(conn, ident, service_id, self._clock(), CODE_TRIES)
        if expected is None or not same(self._code(ident, code.strip()), expected):
            self._figures.count(service_id, CodeWrong.code)
            raise CodeWrong
        return await self._make(
            uuid5(_PASSES, f"{ident} {self._sealer.mac(f'guard.pass:{ident}')}"), service_id, Way.CODE
        )

    async def by_allowance(self, service_id: int, token: str, key: str) -> Pass:
        """Counted at the hold. Raises NotFound, AllowanceUnknown, AllowanceOver, QuotaUsedUp."""
        self._known(service_id)
        now = self._clock()
        async with self._db.connection() as conn:
            found = await store.find_allowance(conn, service_id, token_sha256(token)) if token.isascii() else None
        if found is None:
            self._figures.count(service_id, AllowanceUnknown.code)
            raise AllowanceUnknown
        if found.is_over(now):
            raise QuotaUsedUp if found.used >= found.quota else AllowanceOver
        ident = uuid5(_PASSES, f"{self._sealer.mac(f'guard.allowance:{token}')} {key}")
        return await self._make(ident, service_id, Way.ALLOWANCE, found.id)

    async def service_of(self, token: str) -> int | None:
        """Of an allowance, over or not."""
        async with self._db.connection() as conn:
            return await store.service_of_allowance(conn, token_sha256(token)) if token.isascii() else None

    async def is_good(self, ident: UUID, service_id: int) -> bool:
        """Whether this pass still opens a hold of the service."""
        async with self._db.connection() as conn:
            return await store.is_unused(conn, ident, service_id, self._clock())

    async def forget_over(self) -> int:
        """Passes, codes and counts, and what was written with the codes."""
        now = self._clock()
        async with self._db.transaction() as conn:
            gone = await store.forget(conn, now, (now - FIGURES_KEPT).date())
            for ident in gone:
                await self._notifications.erase(conn, ident)
        return len(gone)

    def _known(self, service_id: int) -> None:
        if not self.guards(service_id):
            raise NotFound

    async def _make(self, ident: UUID, service_id: int, way: Way, allowance_id: int | None = None) -> Pass:
        made = Pass(ident, service_id, way, self._clock() + PASS_GOOD)
        async with self._db.connection() as conn:
            await store.insert_pass(conn, made, allowance_id)
            return await store.find_pass(conn, ident) or made

    def _code(self, ident: UUID, code: str) -> bytes:
        """Six digits are guessed from a plain hash at once."""
        return self._sealer.look_up(f"{ident} {code}", "guard.code")

    async def _send(
        self, conn: Connection, ident: UUID, code: str, contact: str, language: str, *, is_mobile: bool
    ) -> None:
        city = await find_city(conn)
        await self._notifications.enqueue(
            conn,
            key=f"guard_code:{ident}",
            reference=ident,
            template="guard_code",
            channel="sms" if is_mobile else "email",
            language=language,
            recipient=contact,
            fields={
                "city": pick(city.name, language) if city else "",
                "time_zone": city.time_zone if city else None,
                "code": code,
                "good_until": (self._clock() + CODE_GOOD).isoformat(),
            },
            due_at=self._clock(),
        )
