"""What each message of a browser does: one use case, or the media worker between two looks at the seat."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from base.clock import Clock
from base.errors import DomainError, Unavailable
from base.i18n import Translations
from base.i18n import mark as _
from video.ports import Media, MediaRefused, MediaUnavailable, Source
from video.rooms.model import SeatState
from video.rooms.usecases import NotAdmitted, Rooms
from video.signalling import messages
from video.signalling.messages import Message
from video.signalling.session import Session
from video.signalling.workers import Workers
from video.turn import Relays


class MediaAway(Unavailable):
    code = "media_unavailable"
    message = _("Sound and picture are not available at the moment. We keep trying.")


class MediaDeclined(DomainError):
    """`reason` is the media worker's word."""

    code = "media_refused"
    status = 422
    message = _("Sound and picture could not be connected. Please use a current browser.")


class NotNow(DomainError):
    code = "not_now"
    status = 400
    message = _("This message does not belong here.")


class Talk:
    def __init__(
        self, rooms: Rooms, media: Media, workers: Workers, relays: Relays, translations: Translations, clock: Clock
    ) -> None:
        self._rooms = rooms
        self._media = media
        self._workers = workers
        self._relays = relays
        self._translations = translations
        self._clock = clock

    async def hear(self, session: Session, connection: UUID, message: Message) -> None:
        """The reply goes into the stream. A message that was heard before was replied to before."""
        if isinstance(message, messages.Ack):
            session.acknowledge(message.seq)
            return
        if message.id <= session.handled:
            return
        try:
            await self._do(session, connection, message)
        except DomainError as error:
            self.refuse(session, error, message.id)
        except MediaUnavailable:
            self.refuse(session, MediaAway(), message.id)
        except MediaRefused as error:
            self.refuse(session, MediaDeclined(reason=error.code), message.id)
        session.handled = message.id

    def refuse(self, session: Session, error: DomainError, message_id: int) -> None:
        session.say("error", re=message_id, **self.members(error, session.language))

    def members(self, error: DomainError, language: str) -> dict[str, object]:
        return {"code": error.code, "text": self._translations.gettext(language, error.message), **error.fields}

    def ice_servers(self, session: Session) -> Sequence[object]:
        return self._relays.ice_servers(f"{session.room_id}:{session.number}", self._clock())

    async def _do(self, session: Session, connection: UUID, message: Message) -> None:
        room_id, number = session.room_id, session.number
        match message:
            case messages.Offer():
                await self._publish(session, connection, message)
            case messages.Subscribe():
                await self._subscribe(session, connection, message)
            case messages.Answer():
                await self._rooms.speaker(room_id, number, connection, message.epoch)
                await self._media.answered(room_id, message.epoch, number, message.sdp)
                session.say("ok", re=message.id)
            case messages.Mute() | messages.Camera():
                await self._mute(session, connection, message)
            case messages.Ice():
                session.say("ice", re=message.id, ice_servers=self.ice_servers(session))
            case messages.Admit():
                await self._rooms.admit(room_id, message.participant, by=number)
                session.say("ok", re=message.id)
            case messages.Dismiss():
                await self._rooms.dismiss(room_id, message.participant, by=number)
                session.say("ok", re=message.id)
            case messages.Leave():
                await self._rooms.leave(room_id, number, connection)
            case messages.End():
                await self._rooms.end(room_id, by=number)
            case _:
                raise NotNow

    async def _publish(self, session: Session, connection: UUID, offer: messages.Offer) -> None:
        room_id, number, epoch = session.room_id, session.number, offer.epoch
        seat = await self._rooms.speaker(room_id, number, connection, epoch)
        await self._workers.make_room(room_id, epoch)
        for kind in sorted(
            set(offer.mids.values())
        ):  # before the connection is there: nothing of it gets through meanwhile
            await self._media.mute(room_id, epoch, number, kind, kind in seat.muted)
        answer = await self._media.publish(room_id, epoch, number, offer.sdp, dict(offer.mids))
        await self._rooms.published(room_id, number, connection, epoch, set(offer.mids.values()))
        session.say("answer", re=offer.id, pc="pub", sdp=answer)

    async def _subscribe(self, session: Session, connection: UUID, wish: messages.Subscribe) -> None:
        room_id, number, epoch = session.room_id, session.number, wish.epoch
        await self._rooms.speaker(room_id, number, connection, epoch)
        gathering = await self._rooms.gathering(room_id)
        wanted = []
        for one in wish.wanted:
            source = gathering.find(one.participant)
            if source is None or source.state is not SeatState.ADMITTED or source.number == number:
                raise NotAdmitted
            if one.kind in source.sends:  # what has just been taken away is left out; a delta is on its way
                wanted.append(Source(one.participant, one.kind))
        await self._workers.make_room(room_id, epoch)
        offer = await self._media.subscribe(room_id, epoch, number, wanted, restart=wish.restart)
        mids = {mid: {"participant": source.participant, "kind": source.kind} for mid, source in offer.mids.items()}
        session.say("offer", re=wish.id, pc="sub", sdp=offer.sdp, mids=mids)

    async def _mute(self, session: Session, connection: UUID, wish: messages.Mute | messages.Camera) -> None:
        room_id, number, epoch = session.room_id, session.number, wish.epoch
        kind, muted = ("audio", wish.muted) if isinstance(wish, messages.Mute) else ("camera", wish.off)
        seat = await self._rooms.speaker(room_id, number, connection, epoch)
        if kind in seat.sends:
            await self._media.mute(room_id, epoch, number, kind, muted)
        await self._rooms.mute(room_id, number, connection, epoch, kind, muted=muted)
        session.say("ok", re=wish.id)
