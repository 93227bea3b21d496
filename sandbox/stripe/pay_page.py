"""The hosted pay page over HTTP: one page to pay, one for 3-D Secure; who has paid can dispute it there.

Forms only; a POST ends in a redirect.
"""

from pathlib import Path

from aiohttp import web
from yarl import URL

from sandbox.stripe import pages
from sandbox.stripe.errors import ApiError, Json
from sandbox.stripe.machine import Machine
from sandbox.stripe.methods import METHODS

_STYLE = (Path(__file__).parents[1] / "page.css").read_text()


class PayPage:
    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/", self._front),
            web.get("/pay/style.css", self._style),
            web.get("/pay/{session}", self._show),
            web.post("/pay/{session}", self._act),
            web.get("/pay/{session}/3ds", self._show_3ds),
            web.post("/pay/{session}/3ds", self._act_3ds),
        ]

    async def _style(self, request: web.Request) -> web.Response:
        return web.Response(text=_STYLE, content_type="text/css")

    async def _front(self, request: web.Request) -> web.Response:
        self._machine.sweep()
        return _html(pages.front(self._machine.list("sessions", {"limit": 20})["data"]), {})

    def _session(self, request: web.Request) -> Json:
        try:
            return self._machine.get("sessions", request.match_info["session"])
        except ApiError:
            raise web.HTTPNotFound(text=pages.not_found(), content_type="text/html") from None

    async def _show(self, request: web.Request) -> web.Response:
        session = self._session(request)
        intent_id = session["payment_intent"]
        intent = self._machine.get("payment_intents", intent_id) if intent_id else None
        items = (self._machine.state.find("line_items", session["id"]) or {})["list"]
        return _html(pages.pay(session, items, intent, self._dispute_of(session)), session)

    def _dispute_of(self, session: Json) -> Json | None:
        """The latest."""
        intent_id = session["payment_intent"]
        rows = self._machine.list("disputes", {"payment_intent": intent_id})["data"] if intent_id else []
        return rows[0] if rows else None

    async def _act(self, request: web.Request) -> web.Response:
        session, action = self._session(request), str((await request.post()).get("action"))
        here = f"/pay/{session['id']}"
        try:
            match action:
                case "pay":
                    raise web.HTTPSeeOther(pages.returning(self._machine.pay(session["id"])))
                case name if name in METHODS:
                    raise web.HTTPSeeOther(pages.returning(self._machine.pay(session["id"], name)))
                case "stay":
                    first = session["payment_method_types"][0]
                    return _html(pages.stayed(self._machine.pay(session["id"], first)), session)
                case "decline":
                    self._machine.decline(session["id"])
                case "3ds":
                    self._machine.start_3ds(session["id"])
                    raise web.HTTPSeeOther(here + "/3ds")
                case "dispute" if session["status"] == "complete":
                    intent = self._machine.get("payment_intents", session["payment_intent"])
                    self._machine.dispute(intent["latest_charge"])
                case "win" | "lose" if dispute := self._dispute_of(session):
                    self._machine.decide_dispute(dispute["id"], won=action == "win")
                case "abandon" if session["cancel_url"]:
                    raise web.HTTPSeeOther(session["cancel_url"])
                case "abandon":
                    return _html(pages.abandoned(), session)
        except ApiError:  # paid or expired meanwhile: the page says so
            pass
        raise web.HTTPSeeOther(here)

    async def _show_3ds(self, request: web.Request) -> web.Response:
        session = self._session(request)
        if session["status"] != "open":
            raise web.HTTPSeeOther(f"/pay/{session['id']}")
        return _html(pages.three_d_secure(session), session)

    async def _act_3ds(self, request: web.Request) -> web.Response:
        session, action = self._session(request), str((await request.post()).get("action"))
        if action in ("confirm", "fail"):
            try:
                self._machine.finish_3ds(session["id"], passed=action == "confirm")
            except ApiError:
                action = "fail"
        if action == "confirm":
            raise web.HTTPSeeOther(pages.returning(session))
        raise web.HTTPSeeOther(f"/pay/{session['id']}")


def _html(text: str, session: Json) -> web.Response:
    """A strict policy. Browsers hold redirects after a form to `form-action`, so the shop's origins stand in it."""
    targets = {str(URL(url).origin()) for url in (session.get("success_url"), session.get("cancel_url")) if url}
    policy = (
        "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
        f"form-action 'self' {' '.join(sorted(targets))}"
    )
    headers = {
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    return web.Response(text=text, content_type="text/html", headers=headers)
