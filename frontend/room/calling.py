"""The page of a call: device check, waiting room and call are parts of one page, shown by its script; every word comes from here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from booking.appointments.model import AppointmentStatus, Brief
from frontend.citizen.views import Frame, Row
from frontend.citizen.words import Words
from frontend.staff.views import StaffFrame
from video.rooms.model import Look, RoomStatus

_NO_CASE = "Europe/Berlin"  # a room without an appointment is made in tests only


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomPage:
    """`back_url`: the counter's, for whoever works there; nobody else has one."""

    frame: Frame | StaffFrame
    room: str
    socket: str  # path of the WebSocket
    texts: str  # JSON: what the script says
    rows: tuple[Row, ...] = ()
    back_url: str = ""
    fees: tuple[tuple[str, str], ...] = ()  # further fees to be paid: a sentence and an address, for the citizen
    part: str = "room/call.html"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedPage:
    frame: Frame | StaffFrame
    text: str
    rows: tuple[Row, ...]
    here_url: str
    opens_in_s: int = 0  # 0: it does not open any more
    back_url: str = ""
    part: str = "room/closed.html"


def room_page(
    words: Words,
    room_id: UUID,
    around: Frame | StaffFrame,
    *,
    rows: tuple[Row, ...] = (),
    back_url: str = "",
    fees: tuple[tuple[str, str], ...] = (),
) -> RoomPage:
    return RoomPage(
        frame=around,
        room=str(room_id),
        socket=f"/api/rooms/{room_id}/socket",
        texts=json.dumps({**_texts(words), **(_staff_texts(words) if back_url else {})}, ensure_ascii=False),
        rows=rows,
        back_url=back_url,
        fees=fees,
    )


@dataclass(frozen=True, slots=True)
class Door:
    """Whether the room can be entered now; if not, what its page says."""

    title: str
    text: str = ""
    opens_in_s: int = 0

    @property
    def is_open(self) -> bool:
        return not self.text


def door(words: Words, look: Look, case: Brief | None) -> Door:
    room, window = look.room, look.link.window
    if case is not None and case.status is AppointmentStatus.CANCELLED:
        return Door(words._("This appointment was cancelled"), words._("There is no video call any more."))
    if room.status is RoomStatus.ENDED or words.now >= window.ends_at:
        return Door(words._("This video call is over"), words._("It can no longer be entered."))
    if words.now < window.starts_at:
        when = words.when(window.starts_at, case.time_zone if case else _NO_CASE)
        seconds = int((window.starts_at - words.now).total_seconds()) + 1
        return Door(words._("It is too early for this video call"), words._("It opens: {when}.", when=when), seconds)
    return Door(words._("Video call"))


def _staff_texts(words: Words) -> Mapping[str, str]:
    _ = words._
    return {
        "ended": _("The call has ended."),
        "dismissed": _("You are no longer in the call."),
        "no_devices": _("No microphone was found. Connect one and try again."),
    }


def _texts(words: Words) -> Mapping[str, str]:
    _ = words._
    return {
        "asking": _("Please allow camera and microphone: your browser asks for it."),
        "ready": _("Camera and microphone work."),
        "only_sound": _("The microphone works. Without a camera the others hear you, and you see them."),
        "no_devices": _("No microphone was found. Connect one and try again, or call us."),
        "devices_busy": _("Camera or microphone are in use by another program. Close it and try again."),
        "refused": _("Camera and microphone are blocked for this page."),
        "connecting": _("You are being connected."),
        "connected": _("You are connected."),
        "waiting_alone": _("You are in the waiting room. Nobody of the office is there yet. Leave this page open."),
        "waiting_staff": _("You are in the waiting room. The office knows that you are here and lets you in."),
        "waiting_called": _("It is your turn: you will be let in in a moment."),
        "in_call_alone": _("You are in the call. The other person is not connected yet."),
        "lost": _("The connection is interrupted. We are restoring it; you need not do anything."),
        "media_lost": _("Sound and picture are interrupted. We are restoring them; you need not do anything."),
        "media_away": _("Sound and picture are not available at the moment. We keep trying."),
        "audio_only": _("Your connection is weak: we go on with sound only."),
        "other_gone": _("The other person's connection is interrupted. The place is kept for one minute."),
        "came": _("{who} is in the call."),
        "went": _("{who} has left the call."),
        "waits": _("{who} is waiting to be let in."),
        "left": _("You have left the call."),
        "dismissed": _("You are no longer in the call. If that was a mistake, you can come back to the waiting room."),
        "ended": _("The call has ended. You may close this page."),
        "muted": _("Your microphone is off."),
        "unmuted": _("Your microphone is on."),
        "camera_off": _("Your camera is off."),
        "camera_on": _("Your camera is on."),
        "citizen": _("Citizen"),
        "clerk": _("Office"),
        "guest": _("Guest"),
        "you": _("You"),
        "is_muted": _("microphone off"),
        "is_off": _("camera off"),
        "is_away": _("interrupted"),
        "admit": _("Let in"),
        "dismiss": _("Turn away"),
        "admit_who": _("Let in: {who}"),
        "dismiss_who": _("Turn away: {who}"),
        "nobody_waits": _("Nobody is waiting."),
        "mute": _("Microphone off"),
        "unmute": _("Microphone on"),
        "camera_stop": _("Camera off"),
        "camera_start": _("Camera on"),
        "device": _("Device {n}"),
    }
