"""What stands around every page: title, language switch, steps."""

from __future__ import annotations

from urllib.parse import urlencode

from base.i18n import LANGUAGES
from frontend.citizen.views import Frame, LanguageLink, Sender, ShownError, Step
from frontend.citizen.words import Words

SERVICE, TIME, CONTACT, CHECK = range(4)
RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur"})


def frame(
    words: Words,
    title: str,
    path: str,
    *,
    query: tuple[tuple[str, str], ...] = (),
    step: int | None = None,
    errors: tuple[ShownError, ...] = (),
    back_url: str = "",
    resend: tuple[tuple[str, str], ...] = (),
    key: str = "",
) -> Frame:
    """`path` is the page's own, without its language: the switch leads to the same page in another one. Where the page answers a
    form, its fields are sent there once more (`resend`, with the form's `key`), so that nothing typed is lost."""
    asked = f"?{urlencode(query)}" if query else ""
    steps = _steps(words, step)
    return Frame(
        language=words.language,
        direction="rtl" if words.language in RIGHT_TO_LEFT else "ltr",
        title=title,
        home_url=f"/{words.language}/",
        city=_sender(words),
        languages=tuple(
            LanguageLink(code=code, name=name, url=f"/{code}{path}{asked}", is_current=code == words.language)
            for code, name in LANGUAGES.items()
        ),
        resend=resend,
        request_key=key,
        steps=steps,
        step_text=words._("Step {n} of {all}: {name}", n=step + 1, all=len(steps), name=steps[step].label)
        if step is not None
        else "",
        errors=errors,
        back_url=back_url,
    )


def without_key(fields: tuple[tuple[str, str], ...]) -> tuple[tuple[tuple[str, str], ...], str]:
    """A form as it came, as `resend` and `key` of the frame."""
    return tuple(pair for pair in fields if pair[0] != "request_key"), dict(fields).get("request_key", "")


def _sender(words: Words) -> Sender:
    name = words.pick(words.city.name) if words.city else ""
    contact = words.city.contact if words.city else {}
    return Sender(
        name=name,
        full_name=words._("City of {city}", city=name) if name else "",
        phone=words.phone,
        email=contact.get("email", ""),
        imprint=tuple(contact.get("address", "").strip().splitlines()),
    )


def _steps(words: Words, now: int | None) -> tuple[Step, ...]:
    if now is None:
        return ()
    labels = (words._("Service"), words._("Time"), words._("Your details"), words._("Check and book"))
    return tuple(
        Step(label=label, state="done" if n < now else "now" if n == now else "later") for n, label in enumerate(labels)
    )
