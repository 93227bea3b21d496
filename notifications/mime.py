"""A mail as bytes (RFC 5322, 2045-2049; calendar part as in RFC 6047)."""

import re
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime, parseaddr
from uuid import UUID

import idna

from notifications.fields import one_line
from notifications.messages import Mail

# Less than RFC 5322 allows (nothing quoted), and nothing that means something in a header or an SMTP command.
_ADDRESS = re.compile(r"""[^\s\x00-\x1f\x7f<>()\[\]\\,;:"@]+@[^\s\x00-\x1f\x7f<>()\[\]\\,;:"@]+""")


def ascii_domain(address: str) -> str:
    """With the domain in the form that DNS knows; the local part stays as the person wrote it. Raises ValueError."""
    if not _ADDRESS.fullmatch(address):
        raise ValueError("not an address")
    local, at, domain = address.rpartition("@")
    return local + at + (domain if domain.isascii() else idna.encode(domain, uts46=True).decode())


def mail_bytes(
    mail: Mail, *, message_id: UUID, sender: str, recipient: str, now: datetime, reply_to: str = ""
) -> bytes:
    """The same message has the same Message-ID however often it is sent, so that a repeated one can be recognised."""
    name, address = parseaddr(sender)
    local, _, domain = recipient.rpartition("@")
    policy = SMTP if recipient.isascii() else SMTPUTF8
    message = EmailMessage(policy=policy.clone(max_line_length=76))  # RFC 2045: the most for quoted-printable
    # Header values from data pass through one_line or Address, which refuses line ends: nothing can add a header.
    message["From"] = Address(one_line(name), addr_spec=address)
    message["To"] = Address(username=local, domain=domain)
    if reply_to:
        message["Reply-To"] = Address(addr_spec=reply_to)
    message["Subject"] = one_line(mail.subject)
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{message_id}@{address.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office replies, please
    if mail.leave_url:  # RFC 8058: the mail program's own button
        message["List-Unsubscribe"] = f"<{mail.leave_url}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(mail.text, cte="quoted-printable")
    message.add_alternative(mail.html, subtype="html", cte="quoted-printable")
    if mail.calendar is not None and mail.method is not None:
        # The last alternative and no attachment: only so do mail programs take it up. base64 keeps CRLF.
        message.add_alternative(
            mail.calendar.decode(), subtype="calendar", params={"method": mail.method.value}, cte="base64"
        )
    message["Content-Language"] = mail.language  # not earlier: set_content drops Content-*
    message.set_boundary(f"=_{message_id.hex}")  # "=_" occurs in neither encoding
    return message.as_bytes()
