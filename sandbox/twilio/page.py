"""The messages as the provider sees them, as plain HTML without script. Their texts are on the telephones: see the inbox."""

from html import escape
from pathlib import Path

from sandbox.twilio.callbacks import Callbacks
from sandbox.twilio.messages import Text

STYLE = Path(__file__).with_name("page.css").read_text()
_SHOWN = 200


def messages(texts: list[Text], callbacks: Callbacks) -> str:
    """Newest first."""
    answers: dict[str, list[str]] = {}
    for one in callbacks.done:
        said = f"{one.fields['MessageStatus']}: {one.answer or 'no answer'}"
        answers.setdefault(one.fields["MessageSid"], []).append(said)
    rows = "".join(_row(text, answers.get(text.sid, [])) for text in texts[: -_SHOWN - 1 : -1])
    table = (
        '<div class="wide" tabindex="0" role="region" aria-label="Messages"><table><thead><tr><th scope="col">Created</th>'
        '<th scope="col">From</th><th scope="col">To</th><th scope="col">Status</th><th scope="col">Body kept</th>'
        f'<th scope="col">Callbacks answered</th></tr></thead><tbody>{rows}</tbody></table></div>'
    )
    number = f"<p>{len(texts)} {'message' if len(texts) == 1 else 'messages'}</p>"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<title>Messages – Text message sandbox</title><link rel="stylesheet" href="/style.css"></head>'
        '<body><header><p class="banner">Text message sandbox – nothing is sent on</p></header>'
        f"<main><h1>Messages</h1>{number}{table if texts else ''}</main></body></html>"
    )


def _row(text: Text, answers: list[str]) -> str:
    status = text.status + (f" ({text.error_code})" if text.error_code else "")
    kept = text.shown_body or "discarded"
    cells = [text.created_at[:19].replace("T", " "), text.sender or text.service or "", text.shown_to, status, kept]
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in [*cells, ", ".join(answers)]) + "</tr>"
