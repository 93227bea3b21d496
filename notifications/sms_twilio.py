"""Text messages by Twilio's API of 2010-04-01, through its SDK, with the tables from its codes and statuses to ours."""

import asyncio
import logging
from collections.abc import Mapping

import aiohttp
from twilio.auth_strategy.auth_strategy import AuthStrategy
from twilio.auth_strategy.auth_type import AuthType
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.credential.credential_provider import CredentialProvider
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client
from twilio.rest.api.v2010.account.message import MessageInstance

from notifications.model import Delivery
from notifications.ports import CallbackRefused, Outcome, Receipt, Report

_SECONDS = 20.0
_QUEUE_SECONDS = 4 * 3600  # how long it may wait at Twilio; what is later than that is no confirmation

# What a refusal says of this text (twilio.com/docs/api/errors). Codes not listed follow their HTTP status.
CODES: dict[int, tuple[Outcome, str]] = {
    # Of the recipient or the text.
    21211: (Outcome.PERMANENT, "number_invalid"),
    21214: (Outcome.PERMANENT, "number_unreachable"),
    21217: (Outcome.PERMANENT, "number_invalid"),
    21265: (Outcome.PERMANENT, "number_is_short_code"),
    21610: (Outcome.PERMANENT, "opted_out"),
    21612: (Outcome.PERMANENT, "number_unreachable"),
    21614: (Outcome.PERMANENT, "number_not_mobile"),
    21617: (Outcome.PERMANENT, "text_too_long"),
    21635: (Outcome.PERMANENT, "number_not_mobile"),
    # Of our account, sender or settings: the text waits until somebody has put them right.
    20003: (Outcome.TEMPORARY, "login_refused"),
    20404: (Outcome.TEMPORARY, "account_not_found"),
    21408: (Outcome.TEMPORARY, "country_not_allowed"),
    21603: (Outcome.TEMPORARY, "sender_missing"),
    21606: (Outcome.TEMPORARY, "sender_refused"),
    21609: (Outcome.TEMPORARY, "report_address_refused"),
    21659: (Outcome.TEMPORARY, "sender_refused"),
    21660: (Outcome.TEMPORARY, "sender_refused"),
    # Of the moment.
    20429: (Outcome.TEMPORARY, "too_many_requests"),
    21611: (Outcome.TEMPORARY, "queue_full"),
    30001: (Outcome.TEMPORARY, "queue_full"),
}
STATUSES: dict[str, Delivery] = {
    "accepted": Delivery.ACCEPTED,
    "scheduled": Delivery.ACCEPTED,
    "queued": Delivery.ACCEPTED,
    "sending": Delivery.SENDING,
    "sent": Delivery.SENT,
    "canceled": Delivery.UNDELIVERED,
    "failed": Delivery.UNDELIVERED,
    "undelivered": Delivery.UNDELIVERED,
    "partially_delivered": Delivery.UNDELIVERED,  # a text with half its link is none
    "delivered": Delivery.DELIVERED,
    "read": Delivery.DELIVERED,
}
# Why a text that was taken did not arrive.
ERRORS: dict[str, str] = {
    "30001": "queue_full",
    "30002": "account_suspended",
    "30003": "phone_unreachable",
    "30004": "blocked",
    "30005": "number_unknown",
    "30006": "number_not_mobile",
    "30007": "filtered",
    "30008": "unknown_error",
    "30036": "validity_expired",
}


class _Login(CredentialProvider, AuthStrategy):  # type: ignore[misc]
    """Basic authentication as a header: the SDK's own way to it uses what aiohttp is about to drop."""

    def __init__(self, account_sid: str, auth_token: str) -> None:
        super().__init__(AuthType.BASIC)
        self._header = aiohttp.encode_basic_auth(account_sid, auth_token)

    def to_auth_strategy(self) -> AuthStrategy:
        return self

    def get_auth_string(self) -> str:
        return self._header

    def requires_authentication(self) -> bool:
        return True


class _Silent(logging.Logger):
    """The SDK would log addresses and headers of every call."""

    def isEnabledFor(self, level: int) -> bool:
        return False


class TwilioSender:
    """`sender`: a number, a name of at most 11 letters, or the id of a messaging service (MG…)."""

    def __init__(
        self,
        http: aiohttp.ClientSession,
        *,
        account_sid: str,
        auth_token: str,
        sender: str,
        api_base: str,
        seconds: float = _SECONDS,
    ) -> None:
        client = AsyncTwilioHttpClient(pool_connections=False, logger=_Silent("twilio"))
        client.session = http  # ours: it knows the proxy and the authorities, and repeats nothing by itself
        # A mapping that is not empty, else the SDK reads region and edge from the environment and rewrites the host by them.
        sdk = Client(
            account_sid,
            auth_token,
            http_client=client,
            environment={"TWILIO_EDGE": ""},
            credential_provider=_Login(account_sid, auth_token),
        )
        sdk.api.base_url = api_base
        self._messages = sdk.messages
        self._validator = RequestValidator(auth_token)
        self._sender = {"messaging_service_sid" if sender.startswith("MG") else "from_": sender}
        self._seconds = seconds

    async def send(self, *, recipient: str, text: str, report_to: str) -> Receipt:
        try:
            async with asyncio.timeout(self._seconds):
                made = await self._messages.create_async(
                    to=recipient,
                    body=text,
                    status_callback=report_to,
                    validity_period=_QUEUE_SECONDS,
                    content_retention=MessageInstance.ContentRetention.DISCARD,
                    address_retention=MessageInstance.AddressRetention.OBFUSCATE,
                    **self._sender,
                )
        except TwilioRestException as refused:
            return receipt(refused.status, refused.code)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:  # nothing was said yet
            return Receipt(Outcome.TEMPORARY, f"connection {type(error).__name__}")
        except TimeoutError:
            return Receipt(Outcome.UNKNOWN, "timeout")
        except (
            aiohttp.ClientError,
            OSError,
            TwilioException,
            ValueError,
        ) as error:  # cut off, or an answer that is none
            return Receipt(Outcome.UNKNOWN, f"connection {type(error).__name__}")
        status = made.status or ""
        return Receipt(Outcome.SENT, status, made.sid, STATUSES.get(status, Delivery.ACCEPTED))

    async def fetch(self, provider_id: str) -> Report | None:
        try:
            async with asyncio.timeout(self._seconds):
                seen = await self._messages(provider_id).fetch_async()
        except TwilioRestException as refused:
            # It knows no such text (any more): nothing more will ever be heard of it.
            return Report(provider_id, Delivery.ACCEPTED, "not_found") if refused.status == 404 else None
        except (aiohttp.ClientError, OSError, TimeoutError, TwilioException, ValueError):
            return None
        return _report(provider_id, seen.status or "", str(seen.error_code or ""))

    def read_report(self, url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> Report | None:
        if not self._validator.validate(url, form, headers.get("X-Twilio-Signature", "")):
            raise CallbackRefused
        return _report(form.get("MessageSid", ""), form.get("MessageStatus", ""), form.get("ErrorCode", ""))


def _report(sid: str, status: str, code: str) -> Report | None:
    delivery = STATUSES.get(status)
    if delivery is None or not sid:
        return None
    reason = f"{code} {ERRORS.get(code, 'not_delivered')}" if code.isdecimal() else ""
    return Report(sid[:64], delivery, reason[:100])


def receipt(status: int, code: int | None) -> Receipt:
    """A 5xx may come after the text was taken; any other refusal did nothing."""
    code = code or status
    if status >= 500:
        return Receipt(Outcome.UNKNOWN, f"{status} server_error")
    if known := CODES.get(code):
        outcome, reason = known
    elif status == 429:
        outcome, reason = Outcome.TEMPORARY, "too_many_requests"
    elif status in (401, 403, 404, 408):
        outcome, reason = Outcome.TEMPORARY, "not_allowed"
    else:
        outcome, reason = Outcome.PERMANENT, "refused"
    return Receipt(outcome, f"{code} {reason}")
