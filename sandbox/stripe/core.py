"""What every rule of the machine stands on: state, clock, ids, and the record of events."""

import contextlib
from collections.abc import Callable, Iterator
from datetime import datetime

from sandbox.stripe.errors import ApiError, Json, missing_object
from sandbox.stripe.objects import API_VERSION
from sandbox.stripe.state import IdSource, State

Clock = Callable[[], datetime]
Schedule = Callable[[int, str, str], None]
"""Time in Unix seconds, name of the step, id of its object; see agenda.py."""
EventSink = Callable[[Json], int]
"""Takes a new event, gives the number of webhooks that will carry it."""

NOUNS = {  # collection -> how Stripe's "No such ..." names it, and the parameter it blames
    "sessions": ("checkout.session", "session"),
    "payment_intents": ("payment_intent", "intent"),
    "charges": ("charge", "id"),
    "refunds": ("refund", "id"),
    "disputes": ("dispute", "dispute"),
    "payouts": ("payout", "payout"),
    "events": ("event", "id"),
    "balance_transactions": ("balance transaction", "id"),
}


class Core:
    def __init__(self, state: State, clock: Clock, seed: str, origin: str) -> None:
        self.state, self.origin = state, origin
        self.new_id = IdSource(state, seed)
        self.event_sink: EventSink = lambda event: 0
        self.cause: Json = {"id": None, "idempotency_key": None}  # the API request that is running, for event.request
        self.schedule: Schedule = lambda at, step, object_id: None
        self._clock = clock
        self._at: int | None = None

    def now(self) -> int:
        """Unix seconds, shifted by the control plane's clock offset; while a step of the agenda runs, its time."""
        if self._at is not None:
            return self._at
        return int(self._clock().timestamp()) + self.clock_offset_s

    @contextlib.contextmanager
    def at(self, at: int) -> Iterator[None]:
        self._at = at
        try:
            yield
        finally:
            self._at = None

    @property
    def clock_offset_s(self) -> int:
        return int((self.state.find("meta", "clock") or {"offset_s": 0})["offset_s"])

    @clock_offset_s.setter
    def clock_offset_s(self, offset_s: int) -> None:
        self.state.put("meta", "clock", {"offset_s": offset_s})

    def get(self, collection: str, row_id: str, param: str | None = None, status: int = 404) -> Json:
        row = self.state.find(collection, row_id)
        if row is None:
            noun, blamed = NOUNS[collection]
            error = missing_object(noun, row_id, param or blamed)
            error.status = status
            raise error
        return row

    def emit(self, type: str, row: Json) -> Json:
        """Record an event. Source: docs.stripe.com/api/events/types."""
        event: Json = {
            "id": self.new_id("evt"),
            "object": "event",
            "api_version": API_VERSION,
            "created": self.now(),
            "data": {"object": row},
            "livemode": False,
            "pending_webhooks": 0,
            "request": self.cause,
            "type": type,
        }
        event["pending_webhooks"] = self.event_sink(event)
        return self.state.put("events", event["id"], event)


def unexpected_state(message: str, code: str | None = None, param: str | None = None) -> ApiError:
    return ApiError(message, status=400, code=code, param=param)
