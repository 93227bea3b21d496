"""The inbox as text: plain HTML, no script. Everything of a mail is escaped; its own HTML stays in a sandboxed frame."""

import re
from datetime import datetime
from html import escape

from sandbox.smtp.mailbox import Mail
from sandbox.smtp.texts import Text

SHOWN = 200
_LINK = re.compile(r"https?://[^\s<>\"']+[^\s<>\"'.,;:!?)\]]")
_HEAD = re.compile(r"<head[^>]*>", re.IGNORECASE)


def _document(title: str, body: str) -> str:
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)} – Mail sandbox</title><link rel="stylesheet" href="/style.css"></head>'
        '<body><header><p class="banner">Mail sandbox – nothing is sent on</p></header>'
        f"<main>{body}</main></body></html>"
    )


def _time(at: datetime) -> str:
    return f'<time datetime="{at.isoformat()}">{at:%Y-%m-%d %H:%M:%S} UTC</time>'


def inbox(mails: list[Mail], texts: list[Text], *, texts_missing: bool = False) -> str:
    """One list, newest first."""
    entries = [
        (
            mail.received_at,
            f"/mail/{mail.id}",
            mail.header("Subject") or "(no subject)",
            f"To {', '.join(mail.rcpt_to)}",
        )
        for mail in mails
    ]
    entries += [(text.received_at, f"/text/{text.id}", text.text, f"Text message to {text.to}") for text in texts]
    entries.sort(key=lambda entry: entry[0], reverse=True)
    rows = "".join(
        f'<li><a href="{escape(link)}"><span class="subject">{escape(subject)}</span>'
        f'<span class="about">{escape(about)}, {_time(at)}</span></a></li>'
        for at, link, subject, about in entries[:SHOWN]
    )
    number = f"<p>{len(mails)} {'mail' if len(mails) == 1 else 'mails'}"
    if texts:
        number += f", {len(texts)} {'text message' if len(texts) == 1 else 'text messages'}"
    number += f", the newest {SHOWN} shown</p>" if len(entries) > SHOWN else "</p>"
    if texts_missing:
        number += "<p>The text message sandbox does not answer: its messages are missing here.</p>"
    return _document("Inbox", f"<h1>Inbox</h1>{number}" + (f'<ul class="mails">{rows}</ul>' if rows else ""))


def text(it: Text) -> str:
    rows = "".join(f"<dt>{name}</dt><dd>{escape(value)}</dd>" for name, value in (("From", it.sender), ("To", it.to)))
    body = (
        '<p><a href="/">Inbox</a></p><h1>Text message</h1>'
        f"<dl>{rows}<dt>Received</dt><dd>{_time(it.received_at)}</dd></dl>"
    )
    return _document("Text message", body + _section("text", "Text", f"<pre>{_with_links(it.text)}</pre>"))


def mail(it: Mail) -> str:
    headers = [("From", it.header("From")), ("To", it.header("To")), ("Envelope to", ", ".join(it.rcpt_to))]
    rows = "".join(f"<dt>{name}</dt><dd>{escape(value)}</dd>" for name, value in headers)
    body = (
        '<p><a href="/">Inbox</a></p>'
        f"<h1>{escape(it.header('Subject') or '(no subject)')}</h1>"
        f"<dl>{rows}<dt>Received</dt><dd>{_time(it.received_at)}</dd></dl>"
        f'<p><a href="/mail/{it.id}/raw" download="{it.id}.eml">Download the mail as it came (.eml)</a></p>'
    )
    text, calendar = it.part("text/plain"), it.part("text/calendar")
    if text is not None:
        body += _section("text", "Text part", f"<pre>{_with_links(text)}</pre>")
    if it.part("text/html") is not None:
        frame = (
            f'<iframe src="/mail/{it.id}/html" title="HTML part of this mail" '
            'sandbox="allow-popups allow-popups-to-escape-sandbox"></iframe>'
        )
        body += _section("html", "HTML part", frame)
    if calendar is not None:
        body += _section("calendar", "Calendar part", f"<pre>{escape(calendar)}</pre>")
    return _document(it.header("Subject") or "Mail", body)


def _section(id: str, title: str, inner: str) -> str:
    return f'<section aria-labelledby="{id}"><h2 id="{id}">{title}</h2>{inner}</section>'


def _with_links(text: str) -> str:
    shown, end = [], 0
    for match in _LINK.finditer(text):
        url = escape(match[0])
        shown += [escape(text[end : match.start()]), f'<a href="{url}">{url}</a>']
        end = match.end()
    return "".join([*shown, escape(text[end:])])


def framed(html: str) -> str:
    """The mail's own HTML for the frame: its links open outside of it."""
    base = '<base target="_blank">'
    head = _HEAD.search(html)
    return html[: head.end()] + base + html[head.end() :] if head else base + html


def not_found() -> str:
    return _document("Not found", '<h1>There is no such mail</h1><p><a href="/">Inbox</a></p>')
