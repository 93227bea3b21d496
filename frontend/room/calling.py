"""The page of a call: device check, waiting room and call are parts of one page, shown by its script; every word comes from here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from frontend.citizen.frame import frame
from frontend.citizen.views import Frame
from frontend.citizen.words import Words


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomPage:
    frame: Frame
    room: str
    socket: str  # path of the WebSocket
    texts: str  # JSON: what the script says


def room_page(words: Words, room_id: UUID) -> RoomPage:
    return RoomPage(
        frame=frame(words, words._("Video call"), f"/room/{room_id}"),
        room=str(room_id),
        socket=f"/api/rooms/{room_id}/socket",
        texts=json.dumps(_texts(words), ensure_ascii=False),
    )


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
