"""Between the web processes: a hold is made by the one that owns the office, whose memory no other disturbs."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from uuid import UUID

from base.errors import DomainError
from base.lines import Message
from booking.holds.finder import Finder
from booking.holds.links import Silent
from booking.holds.making import Maker
from booking.holds.model import Asked, Hold, told, understood
from booking.holds.owners import Owners
from booking.holds.refusals import PASS_REFUSALS, SlotTaken, StartNotOffered, TooBusy
from booking.holds.refusing import Refusing
from booking.holds.sharing import Sharing

log = logging.getLogger(__name__)


class ByOwner:
    def __init__(
        self,
        owners: Owners,
        maker: Maker,
        sharing: Sharing,
        refusing: Refusing,
        finder: Finder,
        release: Callable[[UUID], Awaitable[None]],
    ) -> None:
        self._owners = owners
        self._maker = maker
        self._sharing = sharing
        self._refusing = refusing
        self._finder = finder
        self._release = release

    async def make(self, asked: Asked) -> Hold:
        """By the process that owns the office, or here where that is away or silent: under the same key, so it is one hold."""
        owner = self._owners.owner_of(asked.office_id)
        if owner is None:
            return await self._maker.make(asked)
        try:
            answer = await self._owners.ask(owner, asked.told())
        except Silent as silent:
            try:
                return await self._maker.make(asked)
            except DomainError:
                silent.withdraw()  # what it makes all the same would be kept for somebody who was sent away
                raise
        match answer:
            case {"hold": made}:
                found = understood(made)
                return replace(found, token=self._finder.token(found.id))
            case {"refused": SlotTaken.code}:
                raise self._refusing.taken(asked)
            case {"refused": StartNotOffered.code}:
                raise StartNotOffered
            case {"refused": TooBusy.code}:
                raise TooBusy
            case {"refused": code} if code in PASS_REFUSALS:
                raise PASS_REFUSALS[code]
        return await self._maker.make(asked)

    async def answer(self, message: Message) -> Message:
        """To another process, for an office that is ours. Raises nothing: what it cannot use, it does by itself."""
        try:
            if "withdrawn" in message:
                await self._withdraw(Asked.understood(message["asked"]))
                return {}
            asked = Asked.understood(message)
            return told(await self._sharing.shared(asked.ident, self._maker.make(asked)))
        except DomainError as error:
            return {"refused": error.code}
        except Exception:  # told in the log; whoever asked goes on without us
            log.exception("holds.answer-failed")
            return {"refused": ""}

    async def _withdraw(self, asked: Asked) -> None:
        await self._sharing.ended(asked.ident)
        made = await self._maker.made(asked)
        if made is not None:
            await self._release(made.id)
