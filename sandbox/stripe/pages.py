"""The hosted pay page as text: plain HTML, no script. Pure: a session and its intent in, HTML out."""

from html import escape

from sandbox.stripe.errors import Json
from sandbox.stripe.methods import METHODS

HEADLINE = "Sandbox – no real money"


def money(cents: int, currency: str) -> str:
    return f"{cents // 100}.{cents % 100:02} {currency.upper()}"


def document(title: str, body: str) -> str:
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)} – {HEADLINE}</title><link rel="stylesheet" href="/pay/style.css"></head>'
        f'<body><header><p class="banner">{HEADLINE}</p></header><main>{body}</main></body></html>'
    )


def front(sessions: list[Json]) -> str:
    """The latest sessions, so that a person at the demo finds the way back to a payment."""
    rows = "".join(
        f'<li><a href="/pay/{row["id"]}">{money(row["amount_total"], row["currency"])}, {row["status"]}</a></li>'
        for row in sessions
    )
    return document(
        "Payments",
        "<h1>Stripe sandbox</h1><p>It plays the payment provider: its API is below /v1/, its control plane below "
        f"/_sandbox/.</p><h2>Latest payments</h2>{f'<ul>{rows}</ul>' if rows else '<p>None yet.</p>'}",
    )


def pay(session: Json, items: Json, intent: Json | None, dispute: Json | None = None) -> str:
    """The page at session.url, whatever has become of the session."""
    title = {"open": "Pay", "complete": "Paid", "expired": "Time is over"}[session["status"]]
    body = f"<h1>{title}</h1>" + _error(intent) + _summary(session, items)
    if session["status"] == "open":
        return document(title, body + _ways(session))
    return document(title, body + _ended(session, dispute))


def _error(intent: Json | None) -> str:
    error = intent["last_payment_error"] if intent else None
    if not error or (intent and intent["status"] != "requires_payment_method"):
        return ""
    return (
        '<div class="card error" role="alert"><h2>The payment did not go through</h2>'
        f"<p>{escape(error['message'])}</p></div>"
    )


def _summary(session: Json, items: Json) -> str:
    rows = "".join(
        f"<dt>{escape(item['description'])}</dt><dd>{money(item['amount_total'], item['currency'])}</dd>"
        for item in items["data"]
    )
    return (
        '<section class="card" aria-labelledby="sum"><h2 id="sum">Amount</h2>'
        f'<p class="amount">{money(session["amount_total"], session["currency"])}</p><dl>{rows}</dl></section>'
    )


def _ways(session: Json) -> str:
    action = f"/pay/{session['id']}"
    offered = session["payment_method_types"]
    card = [
        ("pay", "Pay", ' class="first"'),
        ("3ds", "Pay with 3-D Secure", ""),
        ("decline", "Decline the card", ""),
    ]
    others = [(name, f"Pay by {METHODS[name].name}", "") for name in offered if name != "card"]
    buttons = [
        *(card if "card" in offered else ()),
        *others,
        ("stay", "Pay and never return", ""),
        ("abandon", "Abandon and go back", ""),
    ]
    return (
        f'<form method="post" action="{action}" class="card"><h2>What shall happen?</h2>'
        + "".join(
            f'<button name="action" value="{value}"{attributes}>{text}</button>' for value, text, attributes in buttons
        )
        + "</form>"
    )


def _later(session: Json, dispute: Json | None) -> str:
    """What a payer and their bank may do after the payment."""
    buttons = [("dispute", "Dispute this payment")]
    said = "A card's payment can be disputed for months."
    if dispute and dispute["status"] in ("needs_response", "under_review"):
        buttons = [("win", "The city wins"), ("lose", "The payer wins")]
        said = "The payer disputes this payment."
    elif dispute:
        return f"<p>The dispute of this payment is {escape(dispute['status'])}.</p>"
    return (
        f'<form method="post" action="/pay/{session["id"]}" class="card"><h2>Later</h2><p>{said}</p>'
        + "".join(f'<button name="action" value="{value}">{text}</button>' for value, text in buttons)
        + "</form>"
    )


def _ended(session: Json, dispute: Json | None) -> str:
    if session["status"] == "complete" and session["payment_status"] == "unpaid":
        return f'<p>The payment is under way.</p><p><a href="{escape(returning(session))}">Back to the city</a></p>'
    if session["status"] == "complete":
        return (
            f'<p>This payment is done.</p><p><a href="{escape(returning(session))}">Back to the city</a></p>'
            + _later(session, dispute)
        )
    back = f'<p><a href="{escape(session["cancel_url"])}">Back to the city</a></p>' if session["cancel_url"] else ""
    return "<p>This page takes no payment any more. Nothing was charged.</p>" + back


def three_d_secure(session: Json) -> str:
    """The card issuer's page, played on the same origin."""
    return document(
        "3-D Secure",
        "<h1>3-D Secure: is it you?</h1><p>Your bank would ask you here to confirm the payment.</p>"
        f'<p class="amount">{money(session["amount_total"], session["currency"])}</p>'
        f'<form method="post" action="/pay/{session["id"]}/3ds" class="card">'
        '<button name="action" value="confirm" class="first">Confirm</button>'
        '<button name="action" value="fail">Fail the check</button></form>',
    )


def stayed(session: Json) -> str:
    return document(
        "Paid",
        f"<h1>Paid, and not returned</h1><p>{money(session['amount_total'], session['currency'])} are paid. "
        "As if the browser had been closed: this page leads nowhere.</p>",
    )


def abandoned() -> str:
    return document("Abandoned", "<h1>Abandoned</h1><p>Nothing was paid. The session stays open.</p>")


def not_found() -> str:
    return document("Not found", "<h1>There is no such payment</h1><p>The sandbox does not know this address.</p>")


def returning(session: Json) -> str:
    """success_url with its placeholder filled (docs.stripe.com/payments/checkout/custom-success-page)."""
    return str(session["success_url"]).replace("{CHECKOUT_SESSION_ID}", session["id"])
