"""Reading what came and writing what goes: pydantic at the edge only."""

from __future__ import annotations

import functools
import json
import typing
from collections.abc import Mapping
from typing import Any, TypeAlias, TypeVar
from uuid import UUID

from aiohttp import web
from multidict import MultiDict, MultiDictProxy
from pydantic import BaseModel, TypeAdapter, ValidationError

from base.errors import DomainError, FieldError, Invalid, Malformed, NotFound
from base.i18n import mark as _

NO_STORE: Mapping[str, str] = {"Cache-Control": "no-store"}  # of an answer that is somebody's own

_Posted: TypeAlias = "str | bytes | bytearray | web.FileField"
Model = TypeVar("Model", bound=BaseModel)


class WrongMediaType(DomainError):
    code = "unsupported_media_type"
    status = 415
    message = "The body must be JSON."


class FileTooLarge(DomainError):
    code = "too_large"
    status = 413
    message = _("This is too large: {megabytes} MB at most. Nothing was taken.")


# pydantic's codes are stable; its sentences are English only. Everything else is "not valid".
_SENTENCES: Mapping[str, str] = {
    "missing": _("This is missing."),
    "extra_forbidden": _("This is not known here."),
    "string_too_short": _("This is too short."),
    "string_too_long": _("This is too long."),
    "too_long": _("These are too many."),
    "too_short": _("These are too few."),
    "int_parsing": _("This must be a whole number."),
    "int_type": _("This must be a whole number."),
    "greater_than_equal": _("This is too small."),
    "less_than_equal": _("This is too large."),
    "uuid_parsing": _("This is not a valid id."),
    "date_from_datetime_parsing": _("This is not a date."),
    "date_parsing": _("This is not a date."),
    "datetime_parsing": _("This is not a date with time."),
    "datetime_from_date_parsing": _("This is not a date with time."),
    "timezone_aware": _("The time needs its offset from UTC."),
    "literal_error": _("This is none of the choices."),
    "enum": _("This is none of the choices."),
}
_NOT_VALID = _("This is not valid.")


async def body(request: web.Request, model: type[Model], most_bytes: int | None = None) -> Model:
    """The JSON body as a model; raises WrongMediaType, Malformed, Invalid with all wrong fields.

    `most_bytes`: of who takes more than the application's own limit; raises TooLarge.
    """
    if request.content_type != "application/json":
        raise WrongMediaType
    raw = await (request.clone(client_max_size=most_bytes) if most_bytes else request).read()
    try:
        parsed = json.loads(raw, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise Malformed from None
    refuse_unstorable(parsed)
    return validate(model, parsed)


def query(request: web.Request, model: type[Model]) -> Model:
    """The query as a model: repeated names where the model has a list, else one value each."""
    given: dict[str, Any] = {}
    for name in request.query:
        values = request.query.getall(name)
        refuse_unstorable([name, *values])
        given[name] = values if name in _lists(model) or len(values) > 1 else values[0]
    return validate(model, given)


async def form(request: web.Request) -> MultiDictProxy[str]:
    """The fields of a form; files are refused here."""
    if request.content_type not in ("application/x-www-form-urlencoded", "multipart/form-data"):
        raise WrongMediaType
    return _texts(await _posted(request))


async def upload(request: web.Request, name: str, most_bytes: int) -> tuple[MultiDictProxy[str], bytes]:
    """The other fields of a form, and the file in the field of this name: empty where none was chosen. Raises FileTooLarge."""
    fields, files = await uploads(request, name, most_bytes)
    return fields, files[0][1] if files else b""


async def uploads(
    request: web.Request, name: str, most_bytes: int
) -> tuple[MultiDictProxy[str], list[tuple[str, bytes]]]:
    """The other fields of a form, and name and content of each file in the field of this name. Only a page that asks for files
    takes more than the application's own limit: raises FileTooLarge."""
    if request.content_type != "multipart/form-data":
        raise WrongMediaType
    try:
        posted = await _posted(request.clone(client_max_size=most_bytes))
    except web.HTTPRequestEntityTooLarge:
        raise FileTooLarge(megabytes=f"{most_bytes / 2**20:.3g}") from None
    fields = MultiDict((key, value) for key, value in posted.items() if key != name)
    files = []
    for chosen in posted.getall(name, []):
        if isinstance(chosen, web.FileField):
            with chosen.file as file:
                files.append((chosen.filename, file.read()))
    return _texts(MultiDictProxy(fields)), files


async def _posted(request: web.BaseRequest) -> MultiDictProxy[_Posted]:
    try:
        return await request.post()
    except (ValueError, LookupError):
        raise Malformed from None


def _texts(fields: MultiDictProxy[_Posted]) -> MultiDictProxy[str]:
    files = [value for value in fields.values() if isinstance(value, web.FileField)]
    for one in files:
        one.file.close()
    if files or not all(isinstance(value, str) for value in fields.values()):
        raise Malformed
    refuse_unstorable([*fields.keys(), *fields.values()])
    return typing.cast("MultiDictProxy[str]", fields)


def refuse_unstorable(given: object) -> None:
    """Malformed where a text has a NUL, which PostgreSQL does not take, or half a character, which nobody can print."""
    left = [given]
    while left:
        match left.pop():
            case str(text):
                if "\0" in text or not _is_whole(text):
                    raise Malformed
            case list(parts):
                left += parts
            case dict(members):
                left += members.keys()
                left += members.values()


def _is_whole(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def validate(model: type[Model], given: object) -> Model:
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise Invalid(field_errors(error)) from None


def field_errors(error: ValidationError) -> list[FieldError]:
    """pydantic's errors with pointers (RFC 6901). A validator's own `PydanticCustomError` brings its own code and sentence."""
    errors = []
    for one in error.errors(include_url=False, include_input=False):
        pointer = "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in one["loc"])
        code = one["type"]
        known = _SENTENCES.get(code)
        sentence = known or (one["msg"] if code.startswith("schalter_") else _NOT_VALID)
        errors.append(FieldError(pointer, code.removeprefix("schalter_"), sentence))
    return errors


def by_field(error: ValidationError) -> dict[str, str]:
    """For a form: of each field its first sentence (English msgid)."""
    return {one.pointer.removeprefix("/").split("/")[0]: one.message for one in reversed(field_errors(error))}


def path_id(request: web.Request, name: str) -> UUID:
    try:
        return UUID(request.match_info[name])
    except ValueError:
        raise NotFound from None


def path_number(request: web.Request, name: str, *, bits: int = 31) -> int:
    """An id as the database counts them: of the catalogue (31 bits and a sign), or of a table that grows for ever (63). Raises NotFound."""
    text, beyond = request.match_info[name], 2**bits
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(beyond)) and int(text) < beyond):
        raise NotFound
    return int(text)


def reply(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(
        body=_dumper(type(value)).dump_json(value, by_alias=True),
        status=status,
        content_type="application/json",
        headers=headers,
    )


def text_reply(raw: bytes, media: str, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(body=raw, headers={"Content-Type": media, **(headers or {})})


_DUMPERS: dict[Any, TypeAdapter[Any]] = {}


def _dumper(cls: Any) -> TypeAdapter[Any]:
    found = _DUMPERS.get(cls)
    if found is None:
        found = _DUMPERS[cls] = TypeAdapter(cls)
    return found


@functools.cache
def _lists(model: type[BaseModel]) -> frozenset[str]:
    return frozenset(
        name
        for name, field in model.model_fields.items()
        if typing.get_origin(field.annotation) in (list, tuple, frozenset, set)
    )


def _refuse_constant(text: str) -> float:
    raise ValueError(f"{text} is not JSON")
