"""What a provider of text messages tells later."""

from __future__ import annotations

from uuid import UUID

from aiohttp import web
from pydantic import BaseModel, ConfigDict

from base.web import SETTINGS, VENDOR, Endpoint, form, query
from base.web.answers import WrongMediaType
from base.web.problems import TooLarge
from notifications.ports import REPORT_PATH, CallbackRefused
from notifications.usecases import Notifications

NOTIFICATIONS: web.AppKey[Notifications] = web.AppKey("NOTIFICATIONS", Notifications)
_LARGEST_BODY_BYTES = 16 * 1024


class ReportQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    message: UUID


async def take_twilio_report(request: web.Request) -> web.Response:
    """204 also where nothing is changed: a report is never worth repeating."""
    if request.content_length is None or request.content_length > _LARGEST_BODY_BYTES:
        raise TooLarge
    # The address that Twilio called is ours by configuration; a balancer's Host header proves nothing.
    url = f"{request.app[SETTINGS].public_url}{REPORT_PATH}?{request.rel_url.raw_query_string}"
    fields = dict(await form(request))
    report = request.app[NOTIFICATIONS].read_report(url, fields, request.headers)
    if report is not None:
        await request.app[NOTIFICATIONS].take_report(query(request, ReportQuery).message, report)
    return web.Response(status=204)


ENDPOINTS = [
    Endpoint(
        method="POST",
        path=REPORT_PATH,
        handler=take_twilio_report,
        who=VENDOR,
        summary="A signed status report from Twilio about a text message",
        query=ReportQuery,
        headers={"X-Twilio-Signature": True},
        gives={204: None},
        refuses=(CallbackRefused, WrongMediaType),
    )
]
