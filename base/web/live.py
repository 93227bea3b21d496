"""Server-sent events: rendered fragments whenever a topic of the feed has changed. Ends at once on shutdown.

The first event is the present state, so a browser that comes back after a break needs no memory of ours: `id:` is the watermark
of the change, for people who read logs.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from base.web.keys import FEED, STOPPING

Events = Mapping[str, bytes]  # id of the element to fill -> its new contents
PING_S = 15.0
_KEPT = 500


async def stream(
    request: web.Request,
    topic: str,
    render: Callable[[], Awaitable[Events | None]],
    may_stay: Callable[[], Awaitable[bool]],
    *,
    ping_s: float = PING_S,
) -> web.StreamResponse:
    """Until the reader goes, the process stops, `render` gives None, or `may_stay` says no.

    `may_stay` is asked by the clock, however much happens: on a busy day no ping_s ever passes in silence.
    """
    response = web.StreamResponse(
        headers={
            "Content-Type": "text/event-stream; charset=utf-8",
            "Cache-Control": "no-store",
            "X-Accel-Buffering": "no",
        }
    )
    await response.prepare(request)
    stopping, clock = asyncio.ensure_future(request.app[STOPPING].wait()), asyncio.get_running_loop().time
    ask_at = clock() + ping_s
    sent: dict[str, bytes] = {}
    try:
        async with request.app[FEED].subscribe(topic) as hints:
            watermark: int | None = 0
            while not request.app[STOPPING].is_set():
                if watermark is not None:
                    events = await render()
                    if events is None:
                        break
                    await _send(response, watermark, events, sent)
                hint = asyncio.ensure_future(hints.get())
                await asyncio.wait(
                    {hint, stopping}, timeout=max(0.0, ask_at - clock()), return_when=asyncio.FIRST_COMPLETED
                )
                watermark = hint.result() if hint.done() else None
                hint.cancel()
                if clock() >= ask_at and not stopping.done():
                    if not await may_stay():
                        break
                    await response.write(b": here\n\n")
                    ask_at = clock() + ping_s
    except ConnectionResetError:
        pass  # the reader has gone
    finally:
        stopping.cancel()
    return response


async def _send(response: web.StreamResponse, watermark: int, events: Events, sent: dict[str, bytes]) -> None:
    for name, contents in events.items():
        if sent.get(name) != contents:
            lines = b"".join(b"data: " + line + b"\n" for line in contents.split(b"\n"))
            await response.write(b"id: %d\nevent: %s\n%s\n" % (watermark, name.encode(), lines))
            sent[name] = contents


class Fragments:
    """Rendered once per key (what, language, permissions) and version, however many screens show it."""

    def __init__(self) -> None:
        self._made: OrderedDict[tuple[object, ...], tuple[int, asyncio.Future[bytes]]] = OrderedDict()

    async def get(self, key: tuple[object, ...], version: int, render: Callable[[], Awaitable[str]]) -> bytes:
        found = self._made.get(key)
        if found is not None and found[0] == version:
            return await asyncio.shield(found[1])
        made: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._made[key] = (version, made)
        self._made.move_to_end(key)
        while len(self._made) > _KEPT:
            self._made.popitem(last=False)
        try:
            made.set_result((await render()).encode())
        except BaseException as error:  # cancelled, too: whoever waits for this part must not wait for ever
            self._made.pop(key, None)
            made.set_exception(error)
            made.exception()  # said here; whoever waits for it hears it too
            raise
        return made.result()
