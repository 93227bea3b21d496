"""The payment page as text: plain HTML, no script. Pure: a transaction in, HTML out."""

from collections.abc import Iterable
from html import escape

from sandbox.xbezahldienste.checks import SUM_FIELDS
from sandbox.xbezahldienste.machine import Transaction

HEADLINE = "Sandbox – no real money"
_BUTTONS = (
    ("pay", "Pay", ' class="first"'),
    ("stay", "Pay and never return", ""),
    ("fail", "Enter what is refused", ""),
    ("cancel", "Cancel the payment", ""),
    ("leave", "Go back and leave it open", ""),
)
_ENDS = {"PAYED": "Paid", "FAILED": "Refused", "CANCELED": "Cancelled"}


def document(title: str, body: str) -> str:
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)} – {HEADLINE}</title><link rel="stylesheet" href="/pay/style.css"></head>'
        f'<body><header><p class="banner">{HEADLINE}</p></header><main><h1>{escape(title)}</h1>{body}</main></body></html>'
    )


def front(transactions: Iterable[Transaction]) -> str:
    rows = "".join(f'<li><a href="/pay/{escape(one.id)}">{amount(one)}, {one.status}</a></li>' for one in transactions)
    return document(
        "XBezahldienste sandbox", f"<h2>Latest payments</h2>{f'<ul>{rows}</ul>' if rows else '<p>None.</p>'}"
    )


def pay(one: Transaction) -> str:
    sums = (
        f'<section class="card"><p class="amount">{amount(one)}</p><dl><dt>{escape(one.asked["description"])}</dt>'
        f"<dd>{escape(one.asked['purpose'])}</dd></dl></section>"
    )
    if one.status != "INITIAL":
        back = f'<p><a href="{escape(one.asked["redirectUrl"])}">Back to the city</a></p>'
        return document(_ENDS[one.status], f"{sums}{back}")
    buttons = "".join(f'<button name="action" value="{name}"{more}>{text}</button>' for name, text, more in _BUTTONS)
    return document("Pay", f'{sums}<form method="post" class="card"><h2>What shall happen?</h2>{buttons}</form>')


def stayed(one: Transaction) -> str:
    return document("Paid, and not returned", f"<p>{amount(one)} are paid, as if the browser had been closed then.</p>")


def amount(one: Transaction) -> str:
    given = next(one.asked[name] for name in SUM_FIELDS.values() if name in one.asked)
    return f"{given:.2f} EUR"
