"""Text messages on telephones, as the text message sandbox tells them: the inbox shows them among the mails."""

from dataclasses import dataclass
from datetime import datetime

import aiohttp

_LIMIT = aiohttp.ClientTimeout(total=3)


@dataclass(frozen=True, slots=True)
class Text:
    id: str
    to: str
    sender: str
    text: str
    received_at: datetime


class NoTexts(Exception):
    """The text message sandbox does not answer."""


async def texts_at(url: str | None) -> list[Text]:
    """Oldest first. Raises NoTexts."""
    if url is None:
        return []
    try:
        async with aiohttp.ClientSession(timeout=_LIMIT) as http, http.get(f"{url}/_sandbox/texts") as answer:
            found = (await answer.json())["texts"]
    except (aiohttp.ClientError, TimeoutError, ValueError, KeyError):
        raise NoTexts from None
    return [
        Text(one["id"], one["to"], one["from"], one["text"], datetime.fromisoformat(one["received_at"]))
        for one in found
    ]
