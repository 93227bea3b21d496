"""The counter's pages as a table: the day of an office, live, and the steps of the queue."""

from __future__ import annotations

from base.errors import DomainError, NotFound
from base.web import SIGNED_IN, Endpoint, Who, can
from base.web.endpoint import Handler
from booking.queue.usecases import (
    CounterBusy,
    CounterTaken,
    NobodyWaits,
    NoCounter,
    NotExpected,
    NotServedHere,
    TicketMoved,
)
from frontend.counter import handlers

_OFFICE = "/{language}/counter/{office}"
_CALL = can("queue.call", "office")


def _page(
    method: str,
    path: str,
    handler: Handler,
    who: Who,
    summary: str,
    *refuses: type[DomainError],
    media: str = "text/html",
) -> Endpoint:
    return Endpoint(
        method=method,
        path=path,
        handler=handler,
        who=who,
        summary=summary,
        refuses=refuses,
        media=media,
        page=True,
    )


ENDPOINTS = [
    _page("GET", "/{language}/counter/", handlers.offices, SIGNED_IN, "Choose the office"),
    _page("GET", _OFFICE, handlers.show_day, _CALL, "The office's day", NotFound),
    _page("GET", f"{_OFFICE}/live", handlers.live, _CALL, "The same as events", NotFound, media="text/event-stream"),
    _page("POST", f"{_OFFICE}/take", handlers.take, _CALL, "Work at a counter", CounterTaken, CounterBusy),
    _page("POST", f"{_OFFICE}/leave", handlers.leave, _CALL, "Leave the counter", CounterBusy),
    _page("POST", f"{_OFFICE}/free", handlers.free, can("queue.manage", "office"), "Free somebody's counter"),
    _page("POST", f"{_OFFICE}/check-in", handlers.check_in, _CALL, "Somebody has arrived", NotExpected),
    _page("POST", f"{_OFFICE}/walk-in", handlers.walk_in, _CALL, "Somebody without an appointment", NotServedHere),
    _page(
        "POST",
        f"{_OFFICE}/next",
        handlers.call_next,
        _CALL,
        "Call the next person",
        NoCounter,
        CounterBusy,
        NobodyWaits,
    ),
    _page(
        "POST",
        f"{_OFFICE}/tickets/{{ticket}}/{{step}}",
        handlers.step,
        _CALL,
        "One step",
        NotFound,
        NoCounter,
        TicketMoved,
    ),
]
