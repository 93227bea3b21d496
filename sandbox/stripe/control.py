"""The control plane below /_sandbox/: what a customer, a bank, a bad network or the calendar would do. JSON in, JSON out.

It is on its own prefix and unknown to the SDK, so that the product cannot use it by accident. A POST or PUT must say
`Content-Type: application/json`: so no form on a foreign page can reach it through a browser.
"""

from collections.abc import Awaitable, Callable
from dataclasses import asdict, fields
from typing import Any, TypeVar

from aiohttp import web

from sandbox.stripe.attempts import DECLINES
from sandbox.stripe.disputes import REASONS
from sandbox.stripe.errors import ApiError, Json
from sandbox.stripe.faults import KINDS, Fault, Faults
from sandbox.stripe.machine import Machine
from sandbox.stripe.methods import METHODS
from sandbox.stripe.outbox import FaultPlan, Outbox
from sandbox.stripe.payouts import FAILURES, SCHEDULES
from sandbox.stripe.refunds import FAILURE_REASONS, OUTCOMES

PREFIX = "/_sandbox"
LISTED = (
    "sessions",
    "payment_intents",
    "charges",
    "refunds",
    "payouts",
    "disputes",
    "balance_transactions",
    "events",
    "deliveries",
)
Plan = TypeVar("Plan", Fault, FaultPlan)


class Control:
    def __init__(
        self, machine: Machine, outbox: Outbox, faults: Faults, deliver_now: Callable[[], Awaitable[Json]]
    ) -> None:
        self._machine, self._outbox, self._faults, self._deliver_now = machine, outbox, faults, deliver_now

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get(f"{PREFIX}/health", self._health),
            web.get(f"{PREFIX}/objects/{{collection}}", self._objects),
            web.post(f"{PREFIX}/sessions/{{id}}/{{action}}", self._session),
            web.post(f"{PREFIX}/refunds/{{id}}/{{action}}", self._refund),
            web.put(f"{PREFIX}/refunds/outcome", self._refund_outcome),
            web.put(f"{PREFIX}/refunds/need-balance", self._refunds_need_balance),
            web.post(f"{PREFIX}/charges/{{id}}/{{action}}", self._charge),
            web.post(f"{PREFIX}/disputes/{{id}}/{{action}}", self._dispute),
            web.put(f"{PREFIX}/methods", self._methods),
            web.put(f"{PREFIX}/payouts/schedule", self._payout_schedule),
            web.post(f"{PREFIX}/payouts", self._pay_out),
            web.post(f"{PREFIX}/payouts/{{id}}/{{action}}", self._payout),
            web.get(f"{PREFIX}/clock", self._show_clock),
            web.put(f"{PREFIX}/clock", self._set_clock),
            web.get(f"{PREFIX}/faults", self._show_faults),
            web.put(f"{PREFIX}/faults", self._set_faults),
            web.get(f"{PREFIX}/webhooks/faults", self._show_webhook_faults),
            web.put(f"{PREFIX}/webhooks/faults", self._set_webhook_faults),
            web.post(f"{PREFIX}/webhooks/deliver", self._deliver),
        ]

    async def _health(self, request: web.Request) -> web.Response:
        return web.json_response({"status": "ok", "balance": self._machine.balance()})

    async def _objects(self, request: web.Request) -> web.Response:
        collection = request.match_info["collection"]
        if collection not in LISTED:
            raise ApiError(f"collection: one of {', '.join(LISTED)}", status=404)
        self._machine.sweep()
        rows = [{"id": row_id, **row} for row_id, row in self._machine.state.items(collection)]
        return web.json_response({"data": rows})

    async def _session(self, request: web.Request) -> web.Response:
        session_id, action = request.match_info["id"], request.match_info["action"]
        given = await _json(request)
        match action:
            case "pay":
                answer = self._machine.pay(session_id, _one_of(given, "method", tuple(METHODS)))
            case "bank-pays" | "bank-refuses":
                answer = self._machine.answer(session_id, paid=action == "bank-pays")
            case "decline":
                answer = self._machine.decline(session_id, _one_of(given, "decline_code", tuple(DECLINES)))
            case "3ds-start":
                answer = self._machine.start_3ds(session_id)
            case "3ds-confirm" | "3ds-fail":
                answer = self._machine.finish_3ds(session_id, passed=action == "3ds-confirm")
            case "abandon":  # the customer goes away: nothing happens, the session stays open
                answer = self._machine.get("sessions", session_id)
            case _:
                raise ApiError(
                    "action: pay, bank-pays, bank-refuses, decline, 3ds-start, 3ds-confirm, 3ds-fail or abandon",
                    status=404,
                )
        return web.json_response(answer)

    async def _refund(self, request: web.Request) -> web.Response:
        refund_id, action = request.match_info["id"], request.match_info["action"]
        given = await _json(request)
        match action:
            case "settle":
                answer = self._machine.settle_refund(refund_id)
            case "fail":
                reason = _one_of({"reason": "unknown", **given}, "reason", FAILURE_REASONS)
                answer = self._machine.fail_refund(refund_id, reason)
            case _:
                raise ApiError("action: settle or fail", status=404)
        return web.json_response(answer)

    async def _refund_outcome(self, request: web.Request) -> web.Response:
        self._machine.refund_outcome = _one_of(await _json(request), "outcome", OUTCOMES)
        return web.json_response({"outcome": self._machine.refund_outcome})

    async def _refunds_need_balance(self, request: web.Request) -> web.Response:
        on = (await _json(request)).get("on")
        if not isinstance(on, bool):
            raise ApiError("on: true or false", param="on")
        self._machine.refunds_need_balance = on
        return web.json_response({"on": on})

    async def _charge(self, request: web.Request) -> web.Response:
        """`refund` is one made by hand in the Dashboard: without metadata."""
        charge_id, action = request.match_info["id"], request.match_info["action"]
        given = await _json(request)
        amount = {"amount": _cents(given)} if "amount" in given else {}
        match action:
            case "dispute" | "inquire":
                reason = _one_of(given, "reason", REASONS)
                answer = self._machine.dispute(charge_id, reason=reason, inquiry=action == "inquire", **amount)
            case "refund":
                answer = self._machine.create_refund({"charge": charge_id, **amount})
            case "edit":
                answer = self._machine.edit_charge(charge_id, _cents(given))
            case _:
                raise ApiError("action: dispute, inquire, refund or edit", status=404)
        return web.json_response(answer)

    async def _dispute(self, request: web.Request) -> web.Response:
        action = request.match_info["action"]
        await _json(request)
        if action not in ("win", "lose"):
            raise ApiError("action: win or lose", status=404)
        return web.json_response(self._machine.decide_dispute(request.match_info["id"], won=action == "win"))

    async def _methods(self, request: web.Request) -> web.Response:
        names = (await _json(request)).get("methods")
        try:
            self._machine.methods = names if isinstance(names, list) else []
        except (ValueError, TypeError) as error:
            raise ApiError(f"methods: {error}", param="methods") from None
        return web.json_response({"methods": list(self._machine.methods)})

    async def _payout_schedule(self, request: web.Request) -> web.Response:
        self._machine.payout_schedule = _one_of(await _json(request), "schedule", SCHEDULES)
        return web.json_response({"schedule": self._machine.payout_schedule})

    async def _pay_out(self, request: web.Request) -> web.Response:
        """The day's payout now; null if nothing is available."""
        await _json(request)
        return web.json_response(self._machine.pay_out())

    async def _payout(self, request: web.Request) -> web.Response:
        payout_id, action = request.match_info["id"], request.match_info["action"]
        given = await _json(request)
        match action:
            case "arrive":
                answer = self._machine.payout_arrives(payout_id)
            case "fail":
                answer = self._machine.fail_payout(payout_id, _one_of(given, "code", tuple(FAILURES)))
            case _:
                raise ApiError("action: arrive or fail", status=404)
        return web.json_response(answer)

    async def _show_clock(self, request: web.Request) -> web.Response:
        return web.json_response({"offset_s": self._machine.core.clock_offset_s, "now": self._machine.now()})

    async def _set_clock(self, request: web.Request) -> web.Response:
        offset_s = (await _json(request)).get("offset_s")
        if not isinstance(offset_s, int) or isinstance(offset_s, bool):
            raise ApiError("offset_s: a whole number of seconds", param="offset_s")
        self._machine.core.clock_offset_s = offset_s
        self._machine.sweep()
        return await self._show_clock(request)

    async def _show_faults(self, request: web.Request) -> web.Response:
        return web.json_response({"faults": [asdict(fault) for fault in self._faults.planned()]})

    async def _set_faults(self, request: web.Request) -> web.Response:
        given = (await _json(request)).get("faults")
        if not isinstance(given, list):
            raise ApiError("faults: a list", param="faults")
        faults = [_plan(Fault, item) for item in given]
        if any(fault.kind not in KINDS for fault in faults):
            raise ApiError(f"kind: one of {', '.join(KINDS)}", param="kind")
        self._faults.plan(faults)
        return await self._show_faults(request)

    async def _show_webhook_faults(self, request: web.Request) -> web.Response:
        return web.json_response(asdict(self._outbox.plan))

    async def _set_webhook_faults(self, request: web.Request) -> web.Response:
        given = await _json(request)
        self._outbox.plan = _plan(FaultPlan, {**given, "types": tuple(given.get("types", ()))})
        return await self._show_webhook_faults(request)

    async def _deliver(self, request: web.Request) -> web.Response:
        await _json(request)
        return web.json_response(await self._deliver_now())


async def _json(request: web.Request) -> Json:
    if request.content_type != "application/json":
        raise ApiError("Content-Type must be application/json", status=415)
    try:
        given = await request.json()
    except ValueError:
        raise ApiError("The body is not JSON") from None
    if not isinstance(given, dict):
        raise ApiError("The body is not a JSON object")
    return given


def _one_of(given: Json, name: str, choices: tuple[str, ...]) -> str:
    value = given.get(name, choices[0])
    if value not in choices:
        raise ApiError(f"{name}: one of {', '.join(choices)}", param=name)
    return str(value)


def _cents(given: Json) -> int:
    value = given.get("amount")
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ApiError("amount: a whole number of cents", param="amount")
    return value


def _plan(cls: type[Plan], given: Any) -> Plan:
    """The dataclass from JSON: known names and the types of the defaults only."""
    if not isinstance(given, dict):
        raise ApiError("A fault is a JSON object")
    known = {item.name: item for item in fields(cls)}
    for name, value in given.items():
        if name not in known:
            raise ApiError(f"{name}: not known; there are {', '.join(known)}", param=name)
        wanted = known[name].type
        right = {"float": (int, float), "int": (int,), "str": (str,)}.get(getattr(wanted, "__name__", ""), (str, tuple))
        if isinstance(value, bool) or not isinstance(value, right):
            raise ApiError(f"{name}: a value of the wrong kind", param=name)
    try:
        return cls(**given)
    except TypeError as error:
        raise ApiError(str(error)) from None
