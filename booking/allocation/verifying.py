"""Whether a published result is what the rule makes of the published list: anybody can find out, without us and without a database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from base.i18n import Translations
from booking.allocation.canonical import NotCanonical, parse_list, parse_result, result_bytes, sha256
from booking.allocation.explaining import explain
from booking.allocation.ranking import deadline_class, normal_seed, rank


@dataclass(frozen=True, slots=True)
class Verdict:
    is_right: bool
    lines: tuple[str, ...]  # what is wrong; or, where all is right, why the rank is what it is


def verify(
    words: Translations,
    language: str,
    list_file: bytes,
    result_file: bytes,
    *,
    seed: str,
    request_id: str,
    published_hash: str | None = None,
    deadline: date | None = None,
) -> Verdict:
    """`published_hash` is the one that was to be read before the draw; `deadline` what the applicant was told is confirmed."""
    try:
        closed, result = parse_list(list_file), parse_result(result_file)
    except NotCanonical:
        return _wrong(words.gettext(language, "One of the files is not as Schalter writes it."))
    faults = []
    found = sha256(list_file)
    if found != result.list_sha256 or (published_hash is not None and found != published_hash.strip().lower()):
        faults.append(
            words.gettext(language, "The list is not the one whose hash was published. Its hash: {hash}", hash=found)
        )
    if normal_seed(seed) != result.seed:
        faults.append(words.gettext(language, "The result was drawn with another seed: {seed}", seed=result.seed))
    listed = next((request for request in closed.requests if request.id == request_id), None)
    if listed is None:
        faults.append(words.gettext(language, "This number is not in the closed list."))
    elif deadline is not None and listed.deadline_class != deadline_class(deadline, closed.terms):
        faults.append(words.gettext(language, "The list has another urgency than this deadline gives."))
    if not faults and result_bytes(rank(closed, seed)) != result_file:
        faults.append(words.gettext(language, "The rule gives another result than the one published."))
    if faults:
        return _wrong(*faults)
    right = words.gettext(language, "List, draw and result are right: the rule gives the same, byte for byte.")
    return Verdict(True, (right, *explain(words, language, closed, result, request_id)))


def _wrong(*lines: str) -> Verdict:
    return Verdict(False, lines)
