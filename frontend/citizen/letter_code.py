"""The page where the code of a letter is typed in, whatever the letter was about."""

from __future__ import annotations

from dataclasses import dataclass

from frontend.citizen.frame import frame
from frontend.citizen.rendering import new_key
from frontend.citizen.views import Frame, ShownError
from frontend.citizen.words import Words


@dataclass(frozen=True, slots=True, kw_only=True)
class CodePage:
    frame: Frame
    lead: str
    label: str
    action: str
    request_key: str
    values: dict[str, str]
    messages: dict[str, str]


def letter_code_page(
    words: Words, path: str, title: str, lead: str, typed: str, problem: str, label: str = ""
) -> CodePage:
    """`path`: of this page and of its form, without the language. `problem`: empty where nothing is wrong yet; `label`: of the field,
    where the code may stand in something else than a letter."""
    errors = (ShownError(field="code", message=problem),) if problem else ()
    return CodePage(
        frame=frame(words, title, path, errors=errors, back_url=f"/{words.language}/"),
        lead=lead,
        label=label or words._("Code of your letter"),
        action=f"/{words.language}{path}",
        request_key=new_key(),
        values={"code": typed},
        messages={"code": problem} if problem else {},
    )
