"""Handlers of invitations for staff."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence

from aiohttp import web
from pydantic import BaseModel, Field

from base.errors import DomainError, Invalid, NotFound
from base.i18n import LANGUAGES
from base.i18n import mark as _
from base.web import STAFF, form, path_id, query, upload
from booking.availability.offering import NotOffered
from booking.catalogue.model import Channel
from booking.holds.refusals import GivenOutByNeed
from booking.invitations.endpoints import INVITATIONS
from booking.invitations.letters_endpoints import PRINTING
from booking.invitations.model import LISTED_MOST, Invitation, InvitationStatus, Way
from booking.invitations.printing import NothingToPrint
from frontend.bookings.places import Place, place_of
from frontend.citizen import contact_form
from frontend.citizen.rendering import key_of, new_key, see, words_of
from frontend.citizen.views import ShownError, Tick
from frontend.citizen.words import Words
from frontend.invitations import reading, wording
from frontend.invitations.people import COLUMNS, People, WrongLine, read_people
from frontend.invitations.reading import Typed, TypedTerms
from frontend.invitations.views import ListPage, ManyPage, NewPage, OnePage
from frontend.staff.frame import staff_frame, staff_page
from frontend.staff.offices import choose_office
from frontend.staff.views import NavLink, PrintRun

_PERMISSION = "invitation.make"
_FILE_BYTES_MOST = 1024 * 1024  # a thousand people, and room for what a form needs
_LINES_SHOWN = 50
_NO_FILE = _("Choose the file with the people")


class MadeQuery(BaseModel):
    """What a list has just made."""

    made: int | None = Field(default=None, ge=0, le=LISTED_MOST)
    known: int = Field(default=0, ge=0, le=LISTED_MOST)


async def offices(request: web.Request) -> web.Response:
    return await choose_office(request, _PERMISSION, "/invitations/", words_of(request)._("Invitations"))


async def show_list(request: web.Request) -> web.Response:
    return await _list(request)


async def print_letters(request: web.Request) -> web.Response:
    key, words, place = key_of(await form(request)), words_of(request), await place_of(request)
    try:
        await request.app[PRINTING].print(place.office.id, request[STAFF].account_id, str(key))
    except NothingToPrint as refusal:  # somebody else has, in this moment
        return await _list(request, refusal)
    return see(f"{_url(words, place)}#printed")


async def _list(request: web.Request, refusal: DomainError | None = None) -> web.Response:
    words, place = words_of(request), await place_of(request)
    here, asked = _url(words, place), query(request, MadeQuery)
    found, prints = (
        await request.app[INVITATIONS].of_office(place.office.id),
        await request.app[PRINTING].runs(place.office.id),
    )
    count = prints.waiting
    view = ListPage(
        frame=staff_frame(request, words, words._("Invitations")),
        office=words.pick(place.office.name),
        new_url=f"{here}/new",
        list_url=f"{here}/list",
        told=_told(words, asked),
        lines=tuple(wording.line(words, place.known.services, one, f"{here}/{one.id}") for one in found),
        print_label=words.ngettext("Print {n} letter", "Print {n} letters", count) if count else "",
        print_action=f"{here}/prints",
        request_key=new_key(),
        problem=words._(refusal.message) if refusal else "",
        runs=tuple(
            PrintRun(
                id=str(run.id),
                when=words.when(run.made_at, place.office.time_zone),
                letters=str(run.letters),
                url=f"{here}/prints/{run.id}/letters.pdf",
            )
            for run in prints.runs
        ),
    )
    return staff_page(request, "invitations/list", view, status=refusal.status if refusal else 200)


async def show_many(request: web.Request) -> web.Response:
    return await _many(request, TypedTerms(dict.fromkeys(reading.TERMS, "")))


async def make_many(request: web.Request) -> web.Response:
    words, place = words_of(request), await place_of(request)
    fields, raw = await upload(request, "people", _FILE_BYTES_MOST)
    key_of(fields)
    typed, people = reading.read_terms(fields, place.office.id, place.services()), read_people(raw, words.language)
    if not raw:
        people = People(wrong=(WrongLine(0, _NO_FILE),))
    if typed.terms is None or people.wrong:
        return await _many(request, typed, people.wrong)
    invited = [one for _number, one in people.lines]
    try:
        done = await request.app[INVITATIONS].make_all(typed.terms, invited, request[STAFF].account_id)
    except Invalid as refusal:
        numbers = [number for number, _one in people.lines]
        return await _many(request, *_refused(typed, numbers, refusal))
    except (NotOffered, GivenOutByNeed) as refusal:
        return await _many(request, TypedTerms(typed.values, {"service": refusal.message}))
    return see(f"{_url(words, place)}?made={done.made}&known={done.known}")


def _refused(typed: TypedTerms, numbers: Sequence[int], refusal: Invalid) -> tuple[TypedTerms, tuple[WrongLine, ...]]:
    """What is wrong of the terms, and in which lines of the file."""
    pointed = [(one.pointer.split("/"), one.message) for one in refusal.errors]
    lines = tuple(WrongLine(numbers[int(way[2])], message) for way, message in pointed if way[1] == "people")
    wrong = {way[1]: message for way, message in pointed if way[1] != "people"}
    return TypedTerms(typed.values, wrong), lines


async def show_new(request: web.Request) -> web.Response:
    words = words_of(request)
    values = dict.fromkeys(reading.FIELDS, "") | contact_form.empty(words.language).values
    return await _new(request, Typed(values))


async def make(request: web.Request) -> web.Response:
    words, place, fields = words_of(request), await place_of(request), await form(request)
    key = key_of(fields)
    typed = reading.read(fields, words.language, place.office.id, place.services())
    if typed.asked is None:
        return await _new(request, typed)
    try:
        made = await request.app[INVITATIONS].make(*typed.asked, request[STAFF].account_id, str(key))
    except Invalid as refusal:
        named = {one.pointer.rsplit("/", 1)[1]: one.message for one in refusal.errors}
        wrong = {"street" if name == "postal_address" else name: message for name, message in named.items()}
        return await _new(request, Typed(typed.values, wrong))
    except (NotOffered, GivenOutByNeed) as refusal:
        return await _new(request, Typed(typed.values, {"service": refusal.message}))
    return see(f"{_url(words, place)}/{made.id}")


async def show(request: web.Request) -> web.Response:
    return await _one(request)


async def withdraw(request: web.Request) -> web.Response:
    key_of(await form(request))
    place = await place_of(request)
    return await _done(request, request.app[INVITATIONS].withdraw(place.office.id, path_id(request, "invitation")))


async def send_again(request: web.Request) -> web.Response:
    key, place = key_of(await form(request)), await place_of(request)
    ident = path_id(request, "invitation")
    return await _done(request, request.app[INVITATIONS].send_again(place.office.id, ident, str(key)))


async def _done(request: web.Request, work: Awaitable[Invitation]) -> web.Response:
    try:
        done = await work
    except NotFound:
        raise
    except DomainError as refusal:
        return await _one(request, refusal)
    return see(f"{_url(words_of(request), await place_of(request))}/{done.id}")


async def _new(request: web.Request, typed: Typed) -> web.Response:
    words, place = words_of(request), await place_of(request)
    here, values = _url(words, place), typed.values
    messages = {name: words._(contact_form.to_staff(message)) for name, message in typed.wrong.items()}
    view = NewPage(
        frame=staff_frame(
            request,
            words,
            words._("Invite somebody"),
            errors=tuple(ShownError(field=name, message=message) for name, message in messages.items()),
        ),
        back=NavLink(label=words._("All invitations"), url=here, is_current=False),
        action=here,
        request_key=new_key(),
        services=_services(words, place),
        channels=_channels(words),
        languages=tuple(
            Tick(value=code, label=name, is_chosen=code == values["language"]) for code, name in LANGUAGES.items()
        ),
        opens_post=any(values[name] for name in ("street", "postcode", "place")),
        values=values,
        messages=messages,
    )
    return staff_page(request, "invitations/new", view, status=422 if messages else 200)


async def _many(request: web.Request, typed: TypedTerms, wrong: Sequence[WrongLine] = ()) -> web.Response:
    words, place = words_of(request), await place_of(request)
    here = _url(words, place)
    messages = {name: words._(message) for name, message in typed.wrong.items()}
    lines = [wording.wrong_line(words, one) for one in wrong[:_LINES_SHOWN]]
    if len(wrong) > _LINES_SHOWN:
        lines.append(words._("And {n} more.", n=len(wrong) - _LINES_SHOWN))
    if wrong:
        messages["people"] = lines[0] if len(lines) == 1 else words._("Lines of the file are wrong: nobody was invited")
    view = ManyPage(
        frame=staff_frame(
            request,
            words,
            words._("Invite everybody of a list"),
            errors=tuple(ShownError(field=name, message=message) for name, message in messages.items()),
        ),
        back=NavLink(label=words._("All invitations"), url=here, is_current=False),
        action=f"{here}/list",
        request_key=new_key(),
        services=_services(words, place),
        channels=_channels(words),
        columns=tuple(heads[0] for heads in COLUMNS.values()),
        wrong=tuple(lines) if len(lines) > 1 else (),
        values=typed.values,
        messages=messages,
    )
    return staff_page(request, "invitations/many", view, status=422 if messages else 200)


def _services(words: Words, place: Place) -> tuple[Tick, ...]:
    return tuple(Tick(value=str(ident), label=name, is_chosen=False) for ident, name in place.names(words).items())


def _channels(words: Words) -> tuple[Tick, ...]:
    return tuple(Tick(value=one.value, label=words.channel(one), is_chosen=False) for one in Channel)


def _told(words: Words, asked: MadeQuery) -> str:
    if asked.made is None:
        return ""
    made = words.ngettext("{n} person was invited.", "{n} people were invited.", asked.made)
    if not asked.known:
        return made
    known = words.ngettext(
        "{n} of the list was invited to the same before, and not again.",
        "{n} of the list were invited to the same before, and not again.",
        asked.known,
    )
    return f"{made} {known}"


async def _one(request: web.Request, refusal: DomainError | None = None) -> web.Response:
    words, place = words_of(request), await place_of(request)
    found = await request.app[INVITATIONS].at(place.office.id, path_id(request, "invitation"))
    here = f"{_url(words, place)}/{found.id}"
    is_open = found.status is InvitationStatus.OPEN and found.case_id is None
    has_address = found.invited is not None and found.invited.contact.postal_address is not None
    may_see = request[STAFF].may("hold.staff", place.office.id)
    view = OnePage(
        frame=staff_frame(request, words, wording.who(words, found)),
        back=NavLink(label=words._("All invitations"), url=_url(words, place), is_current=False),
        state=wording.state(words, found),
        badge=wording.badge(found),
        rows=wording.rows(words, place.known.services, place.office, found),
        request_key=new_key(),
        problem=words._(refusal.message) if refusal else "",
        case_url=f"/{words.language}/bookings/{place.office.id}/cases/{found.case_id}"
        if found.case_id and may_see
        else "",
        send_action=f"{here}/send" if is_open and found.way is not Way.LETTER else "",
        letter_url=f"{here}/letter.pdf" if is_open and has_address else "",
        withdraw_action=f"{here}/withdraw" if is_open else "",
    )
    return staff_page(request, "invitations/one", view, status=refusal.status if refusal else 200)


def _url(words: Words, place: Place) -> str:
    return f"/{words.language}/invitations/{place.office.id}"
