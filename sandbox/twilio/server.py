"""The whole sandbox, built from its parts."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from sandbox.twilio.callbacks import Callbacks
from sandbox.twilio.faults import Faults
from sandbox.twilio.messages import Messages, Text
from sandbox.twilio.wire import build

ACCOUNT_SID = "AC" + "0" * 31 + "5"  # nobody's
AUTH_TOKEN = "sandbox"


@dataclass(frozen=True, slots=True)
class TextSandbox:
    url: str
    messages: Messages
    callbacks: Callbacks
    faults: Faults

    @property
    def texts(self) -> list[Text]:
        """All that were taken, oldest first."""
        return list(self.messages.texts.values())


def assemble(folder: Path | None = None, token: str = AUTH_TOKEN) -> tuple[web.Application, TextSandbox]:
    """`url` is empty until somebody serves it."""
    messages, callbacks, faults = Messages(folder), Callbacks(token), Faults()
    app = build(messages, callbacks, faults, account_sid=ACCOUNT_SID, token=token)
    return app, TextSandbox("", messages, callbacks, faults)


@contextlib.asynccontextmanager
async def text_sandbox(
    folder: Path | None = None, *, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[TextSandbox]:
    """A running server; port 0 takes a free one, without a folder nothing is written."""
    app, parts = assemble(folder)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        url = f"http://{host}:{runner.addresses[0][1]}"
        yield TextSandbox(url, parts.messages, parts.callbacks, parts.faults)
    finally:
        await runner.cleanup()
