"""The API without HTTP: a call comes in, an answer goes out. Authentication, routes, idempotency, `expand`.

A call is done in two steps, so that a server can wait, fail or drop the connection between or after them:
`admit` decides whether it may begin, `perform` does it. Between the two the idempotency key is under way.
"""

import functools
import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from sandbox.stripe import params
from sandbox.stripe.checks import check
from sandbox.stripe.errors import ApiError, Json, server_error
from sandbox.stripe.expand import expand
from sandbox.stripe.idempotency import Kept, Keys, fingerprint
from sandbox.stripe.lists import PATHS
from sandbox.stripe.machine import Machine

Breakdown = Literal["before", "after"]
"""A 500 in place of the effect, or in place of its answer."""


@dataclass(frozen=True, slots=True)
class Call:
    method: str
    path: str
    arguments: Json
    api_key: str | None
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: Json
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Admitted:
    call: Call
    request_id: str
    takes: params.Fields
    run: Callable[[Json], Json]


class Api:
    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._keys = Keys(machine.state)
        self._request_numbers = itertools.count(1)

    def handle(self, call: Call) -> Answer:
        admitted = self.admit(call)
        return admitted if isinstance(admitted, Answer) else self.perform(admitted)

    def admit(self, call: Call) -> Answer | Admitted:
        request_id = f"req_{next(self._request_numbers):014}"
        try:
            _authenticate(call.api_key)
            takes, run = self._route(call)
            if call.method == "POST" and call.idempotency_key is not None:
                kept = self._keys.begin(call.idempotency_key, _print(call), self._machine.now())
                if kept is not None:
                    headers = {"Idempotent-Replayed": "true", "Original-Request": kept.request_id}
                    return _answer(kept.status, kept.body, request_id, call, headers)
        except ApiError as error:
            return _answer(error.status, error.body(), request_id, call)
        return Admitted(call, request_id, takes, run)

    def perform(self, admitted: Admitted, breakdown: Breakdown | None = None) -> Answer:
        call, keys = admitted.call, self._keys
        executed = True
        core = self._machine.core
        self._machine.sweep()  # first, since what it expires was not caused by this request
        core.cause = {"id": admitted.request_id, "idempotency_key": call.idempotency_key}
        try:
            arguments = check(admitted.takes, call.arguments)
            if breakdown == "before":
                raise server_error()
            body = expand(self._machine, admitted.run(call.arguments), arguments.get("expand", []))
            if breakdown == "after":
                raise server_error()
            status = 200
        except ApiError as error:
            status, body, executed = error.status, error.body(), error.executed
        except BaseException:
            self.abandon(admitted)
            raise
        finally:
            core.cause = {"id": None, "idempotency_key": None}
        if call.method == "POST" and call.idempotency_key is not None:
            if executed:
                kept = Kept(status, body, admitted.request_id)
                keys.keep(call.idempotency_key, _print(call), self._machine.now(), kept)
            else:
                keys.let_go(call.idempotency_key)
        return _answer(status, body, admitted.request_id, call)

    def abandon(self, admitted: Admitted) -> None:
        """The call will not be performed: its key is free again."""
        if admitted.call.idempotency_key is not None:
            self._keys.let_go(admitted.call.idempotency_key)

    def _route(self, call: Call) -> tuple[params.Fields, Callable[[Json], Json]]:
        machine = self._machine
        if (call.method, call.path) == ("POST", "/v1/checkout/sessions"):
            return params.SESSION_CREATE, machine.create_session
        if (call.method, call.path) == ("POST", "/v1/refunds"):
            return params.REFUND_CREATE, machine.create_refund
        expired = re.fullmatch(r"/v1/checkout/sessions/(\w+)/expire", call.path)
        if call.method == "POST" and expired:
            return params.ONLY_EXPAND, lambda arguments: machine.expire_session(expired[1])
        acted = re.fullmatch(r"/v1/payment_intents/(\w+)/(capture|cancel)", call.path)
        if call.method == "POST" and acted:
            if acted[2] == "capture":
                return params.INTENT_CAPTURE, lambda arguments: machine.capture(acted[1], arguments)
            return params.INTENT_CANCEL, lambda arguments: machine.cancel_intent(acted[1], arguments)
        disputed = re.fullmatch(r"/v1/disputes/(\w+)(/close)?", call.path)
        if call.method == "POST" and disputed:
            if disputed[2]:
                return params.ONLY_EXPAND, lambda arguments: machine.close_dispute(disputed[1])
            return params.DISPUTE_UPDATE, lambda arguments: machine.update_dispute(disputed[1], arguments)
        if (call.method, call.path) == ("GET", "/v1/balance"):
            return params.ONLY_EXPAND, lambda arguments: machine.balance_object()
        if call.method == "GET" and call.path in _LISTS:
            collection = _LISTS[call.path]
            return params.LISTS[collection], functools.partial(machine.list, collection)
        prefix, _, object_id = call.path.rpartition("/")
        if call.method == "GET" and prefix in _READABLE:
            return params.ONLY_EXPAND, lambda arguments: machine.get(_READABLE[prefix], object_id)
        raise ApiError(
            f"Unrecognized request URL ({call.method}: {call.path}). The sandbox plays only a part of the API.",
            status=404,
            executed=False,
        )


_LISTS = {path: collection for collection, path in PATHS.items()}
_READABLE = {**_LISTS, "/v1/charges": "charges"}


def _authenticate(api_key: str | None) -> None:
    """Any test key will do; a live key has no business here, and its text is never repeated."""
    if not api_key:
        message = "You did not provide an API key. Provide it in the Authorization header, as Bearer token."
    elif not api_key.startswith(("sk_test_", "rk_test_")):
        message = "Invalid API Key provided: the sandbox takes keys that begin with sk_test_ or rk_test_."
    else:
        return
    raise ApiError(message, status=401, executed=False)


def _print(call: Call) -> str:
    return fingerprint(call.path, call.arguments)


def _answer(status: int, body: Json, request_id: str, call: Call, more: dict[str, str] | None = None) -> Answer:
    headers = {"Request-Id": request_id, **(more or {})}
    if call.idempotency_key is not None:
        headers["Idempotency-Key"] = call.idempotency_key
    return Answer(status, body, headers)
