"""The inbox over HTTP: pages for people (with the text messages, if told where they are), /messages for tests,
/_sandbox/faults for the fault plan."""

import contextlib
from pathlib import Path
from typing import Any

from aiohttp import web

from sandbox.smtp import pages
from sandbox.smtp.faults import Faults, from_json
from sandbox.smtp.mailbox import Mail, Mailbox
from sandbox.smtp.texts import NoTexts, texts_at

_STYLE = Path(__file__).with_name("inbox.css").read_text()
_PAGE_POLICY = "default-src 'none'; style-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
# A mail brings its own style and pictures inside it; it may load, run and send nothing.
_FRAME_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; frame-ancestors 'self'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox"
)


def build(mailbox: Mailbox, faults: Faults, texts_url: str | None = None) -> web.Application:
    inbox = _Inbox(mailbox, faults, texts_url)
    app = web.Application()
    app.add_routes(
        [
            web.get("/", inbox.page),
            web.get("/style.css", inbox.style),
            web.get("/mail/{id}", inbox.mail),
            web.get("/text/{id}", inbox.text),
            web.get("/mail/{id}/html", inbox.html),
            web.get("/mail/{id}/raw", inbox.raw),
            web.get("/messages", inbox.messages),
            web.delete("/messages", inbox.clear),
            web.get("/messages/{id}", inbox.message),
            web.get("/_sandbox/faults", inbox.show_faults),
            web.put("/_sandbox/faults", inbox.set_faults),
        ]
    )
    return app


class _Inbox:
    def __init__(self, mailbox: Mailbox, faults: Faults, texts_url: str | None) -> None:
        self._mailbox, self._faults, self._texts_url = mailbox, faults, texts_url

    def _mail(self, request: web.Request) -> Mail:
        mail = self._mailbox.find(request.match_info["id"])
        if mail is None:
            raise web.HTTPNotFound(text=pages.not_found(), content_type="text/html")
        return mail

    async def page(self, request: web.Request) -> web.Response:
        try:
            texts = await texts_at(self._texts_url)
        except NoTexts:
            return _html(pages.inbox(self._mailbox.messages, [], texts_missing=True), _PAGE_POLICY)
        return _html(pages.inbox(self._mailbox.messages, texts), _PAGE_POLICY)

    async def style(self, request: web.Request) -> web.Response:
        return web.Response(text=_STYLE, content_type="text/css")

    async def mail(self, request: web.Request) -> web.Response:
        return _html(pages.mail(self._mail(request)), _PAGE_POLICY)

    async def text(self, request: web.Request) -> web.Response:
        with contextlib.suppress(NoTexts):
            for text in await texts_at(self._texts_url):
                if text.id == request.match_info["id"]:
                    return _html(pages.text(text), _PAGE_POLICY)
        raise web.HTTPNotFound(text=pages.not_found(), content_type="text/html")

    async def html(self, request: web.Request) -> web.Response:
        return _html(pages.framed(self._mail(request).part("text/html") or ""), _FRAME_POLICY)

    async def raw(self, request: web.Request) -> web.Response:
        mail = self._mail(request)
        headers = {"Content-Disposition": f'attachment; filename="{mail.id}.eml"', "X-Content-Type-Options": "nosniff"}
        return web.Response(body=mail.raw, content_type="message/rfc822", headers=headers)

    async def messages(self, request: web.Request) -> web.Response:
        wanted = request.query.get("to", "")
        mails = [mail for mail in self._mailbox.messages if not wanted or wanted in mail.rcpt_to]
        return web.json_response({"messages": [mail.as_json() for mail in reversed(mails)]})

    async def message(self, request: web.Request) -> web.Response:
        return web.json_response(self._mail(request).as_json())

    async def clear(self, request: web.Request) -> web.Response:
        return web.json_response({"removed": self._mailbox.clear()})

    async def show_faults(self, request: web.Request) -> web.Response:
        return web.json_response(self._faults.as_json())

    async def set_faults(self, request: web.Request) -> web.Response:
        if request.content_type != "application/json":  # so no form on a foreign page reaches it
            return web.json_response({"error": "Content-Type must be application/json"}, status=415)
        try:
            given: Any = await request.json()
            self._faults.plan(*from_json(given))
        except ValueError as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response(self._faults.as_json())


def _html(text: str, policy: str) -> web.Response:
    headers = {
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    return web.Response(text=text, content_type="text/html", headers=headers)
