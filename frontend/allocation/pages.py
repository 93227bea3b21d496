"""The staff's pages of need-based allocation as a table."""

from __future__ import annotations

from base.errors import DomainError, Malformed, NotFound
from base.web import Endpoint, can
from base.web.endpoint import Handler
from frontend.allocation import calls, handlers, marking, seeds

_RUN = "/{language}/allocation/runs/{run}"
_CALLS = "/{language}/allocation/calls"
_SERVICES = "/{language}/allocation/services"


def _page(
    method: str, path: str, handler: Handler, permission: str, summary: str, *refuses: type[DomainError]
) -> Endpoint:
    return Endpoint(
        method=method,
        path=path,
        handler=handler,
        who=can(permission),
        summary=summary,
        refuses=refuses,
        media="text/html",
        page=True,
    )


ENDPOINTS = [
    _page("GET", "/{language}/allocation/", handlers.show_work, "allocation.check", "Requests and runs", NotFound),
    _page(
        "POST",
        "/{language}/allocation/requests/{request}/check",
        handlers.check,
        "allocation.check",
        "Confirm, correct or refuse a request",
        *(NotFound, Malformed),
    ),
    _page(
        "POST", "/{language}/allocation/runs", handlers.open_run, "allocation.run", "Open a run", NotFound, Malformed
    ),
    _page("GET", f"{_RUN}/seed", seeds.look_again, "allocation.run", "A seed once more before it is entered", NotFound),
    _page("POST", f"{_RUN}/seed", seeds.enter, "allocation.run", "Enter the seed", NotFound, Malformed),
    _page(
        "POST",
        f"{_RUN}/seed/set-right",
        seeds.set_right,
        "allocation.run",
        "Set an entered seed right, by another person",
        *(NotFound, Malformed),
    ),
    _page("POST", f"{_RUN}/release", handlers.release, "allocation.run", "Release the offers", NotFound),
    _page("POST", f"{_RUN}/give-up", handlers.give_up, "allocation.run", "Give a run up", NotFound, Malformed),
    _page("GET", _CALLS, calls.show, "allocation.check", "Who is to be called or written to"),
    _page("POST", f"{_CALLS}/{{call}}/said", calls.say, "allocation.check", "It was said", NotFound),
    _page("POST", f"{_CALLS}/{{call}}/book", calls.book, "allocation.check", "Book it for the person", NotFound),
    _page("GET", _SERVICES, marking.show_marked, "allocation.mark", "Services given out by need"),
    _page("GET", f"{_SERVICES}/{{service}}", marking.show_service, "allocation.mark", "Rule and history", NotFound),
    _page(
        "POST",
        f"{_SERVICES}/{{service}}/mark",
        marking.mark,
        "allocation.mark",
        "Give a service out by need, or change the rule",
        *(NotFound, Malformed),
    ),
    _page(
        "POST",
        f"{_SERVICES}/{{service}}/unmark",
        marking.unmark,
        "allocation.mark",
        "Let a service be booked like any other",
        *(NotFound, Malformed),
    ),
]
