"""Mail by SMTP (RFC 5321), a connection for each mail, with the table from a server's codes to our outcomes."""

import asyncio
import contextlib
import re
import ssl
from functools import cache
from urllib.parse import parse_qs, unquote, urlsplit

import aiosmtplib

from notifications.ports import Outcome, Receipt

_SECONDS = 20.0
_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}\b")  # RFC 3463

# What a reply says of this mail. Codes not listed follow their first digit.
CODES: dict[int, tuple[Outcome, str]] = {
    250: (Outcome.SENT, "accepted"),
    421: (Outcome.TEMPORARY, "service_unavailable"),
    450: (Outcome.TEMPORARY, "mailbox_busy"),
    451: (Outcome.TEMPORARY, "try_later"),  # greylisting says this too
    452: (Outcome.TEMPORARY, "no_space"),
    454: (Outcome.TEMPORARY, "security_unavailable"),
    455: (Outcome.TEMPORARY, "parameters_unavailable"),
    # These speak of our own login, not of the recipient: mail waits until somebody has put the settings right.
    530: (Outcome.TEMPORARY, "login_required"),
    534: (Outcome.TEMPORARY, "login_too_weak"),
    535: (Outcome.TEMPORARY, "login_refused"),
    538: (Outcome.TEMPORARY, "login_needs_tls"),
    550: (Outcome.PERMANENT, "no_mailbox"),
    551: (Outcome.PERMANENT, "not_local"),
    552: (Outcome.PERMANENT, "mailbox_full"),
    553: (Outcome.PERMANENT, "bad_address"),
    554: (Outcome.PERMANENT, "refused"),
    556: (Outcome.PERMANENT, "takes_no_mail"),  # RFC 7504
}


def receipt(code: int, text: str = "", *, recipient_named: bool = True) -> Receipt:
    """Before the recipient is named, a refusal is about us or the server, and no citizen's mail is lost for it."""
    otherwise = (Outcome.PERMANENT, "refused") if code >= 500 else (Outcome.TEMPORARY, "unexpected")
    outcome, reason = CODES.get(code, otherwise)
    if outcome is Outcome.PERMANENT and not recipient_named:
        outcome, reason = Outcome.TEMPORARY, "sender_refused"
    enhanced = _ENHANCED.match(text)  # the rest of a server's text often quotes the address
    return Receipt(outcome, " ".join(part for part in (str(code), enhanced and enhanced[0], reason) if part))


@cache
def _trusting(ca_file: str) -> ssl.SSLContext:
    """The machine's authorities and the city's own. Once a process: reading them takes longer than a mail."""
    context = ssl.create_default_context()
    if ca_file:
        context.load_verify_locations(ca_file)
    return context


class SmtpSender:
    """`smtp://host:25`, `smtp://user:password@host:587?starttls=1`, `smtps://user:password@host:465`."""

    def __init__(self, url: str, *, ca_file: str = "", seconds: float = _SECONDS) -> None:
        parts = urlsplit(url)
        self._tls = parts.scheme == "smtps"
        self._starttls = parse_qs(parts.query).get("starttls") == ["1"]
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname or (self._tls and self._starttls):
            raise ValueError("must be like smtp://host:25, smtps://user:password@host or smtp://host:587?starttls=1")
        if parts.password and not (self._tls or self._starttls):
            raise ValueError("a password needs smtps:// or ?starttls=1")
        self._host = parts.hostname
        self._port = parts.port or (465 if self._tls else 587 if self._starttls else 25)
        self._user = unquote(parts.username) if parts.username else None
        self._password = unquote(parts.password) if parts.password else None
        self._context = _trusting(ca_file)
        self._seconds = seconds

    async def send(self, *, sender: str, recipient: str, mail: bytes) -> Receipt:
        client = aiosmtplib.SMTP(
            hostname=self._host,
            port=self._port,
            username=self._user,
            password=self._password,
            local_hostname=sender.rpartition("@")[2],
            timeout=self._seconds,
            use_tls=self._tls,
            start_tls=self._starttls,
            tls_context=self._context,
        )
        handing_over = False
        recipient_named = False
        try:
            async with asyncio.timeout(self._seconds):  # the client's own limit is for each step
                await client.connect()
                utf8 = not recipient.isascii()
                if utf8:
                    if client.is_ehlo_or_helo_needed:
                        await client.ehlo()
                    if not client.supports_extension("smtputf8"):
                        return Receipt(Outcome.PERMANENT, "no_smtputf8")
                await client.mail(sender, options=["SMTPUTF8"] if utf8 else [])
                recipient_named = True
                await client.rcpt(recipient, encoding="utf-8" if utf8 else "ascii")
                handing_over = True
                answer = await client.data(mail)
                return receipt(answer.code, answer.message)
        except aiosmtplib.SMTPResponseException as refused:
            return receipt(refused.code, refused.message, recipient_named=recipient_named)
        except TimeoutError:
            return Receipt(Outcome.UNKNOWN if handing_over else Outcome.TEMPORARY, "timeout")
        except ValueError:  # an address that cannot stand on a command line
            return Receipt(Outcome.PERMANENT if recipient_named else Outcome.TEMPORARY, "bad_address")
        except (OSError, aiosmtplib.SMTPException) as error:
            return Receipt(Outcome.UNKNOWN if handing_over else Outcome.TEMPORARY, f"connection {type(error).__name__}")
        finally:
            await _leave(client)


async def _leave(client: aiosmtplib.SMTP) -> None:
    """Say goodbye if anybody listens; what happened to the mail is decided already."""
    with contextlib.suppress(OSError, aiosmtplib.SMTPException, TimeoutError):
        if client.is_connected:
            await client.quit(timeout=1)
    client.close()
