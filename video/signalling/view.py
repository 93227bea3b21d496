"""What one participant is shown of a room, and what of it is new. Who waits learns no more than whether somebody of the office is there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from video.rooms.model import Gathering, Role, Seat, SeatState

_INSIDE = (SeatState.WAITING, SeatState.ADMITTED)


def view(gathering: Gathering, me: Seat) -> Mapping[str, Any]:
    return {
        "state": me.state.value,
        "is_called": gathering.is_called and me.state is SeatState.WAITING,
        "participants": {
            seat.number: _participant(seat, is_inside=me.state is SeatState.ADMITTED)
            for seat in gathering.seats
            if _is_shown(seat, me)
        },
    }


def snapshot(gathering: Gathering, me: Seat) -> Mapping[str, Any]:
    shown = view(gathering, me)
    return {
        "version": gathering.room.version,
        "state": shown["state"],
        "is_called": shown["is_called"],
        "participants": list(shown["participants"].values()),
    }


def delta(before: Mapping[str, Any], now: Mapping[str, Any], version: int) -> Mapping[str, Any] | None:
    """None where this participant sees nothing new."""
    if before == now:
        return None
    old, new = before["participants"], now["participants"]
    return {
        "version": version,
        "state": now["state"],
        "is_called": now["is_called"],
        "changed": [one for number, one in new.items() if old.get(number) != one],
        "gone": [number for number in old if number not in new],
    }


def _is_shown(seat: Seat, me: Seat) -> bool:
    if seat.state not in _INSIDE:
        return False
    if seat.number == me.number:
        return True
    if seat.state is SeatState.WAITING:
        return me.role is Role.CLERK
    return me.state is SeatState.ADMITTED or seat.role is Role.CLERK


def _participant(seat: Seat, *, is_inside: bool) -> Mapping[str, Any]:
    return {
        "participant": seat.number,
        "role": seat.role.value,
        "state": seat.state.value,
        "is_present": seat.connection is not None,
        "sends": list(seat.sends) if is_inside else [],
        "muted": list(seat.muted) if is_inside else [],
    }
