"""OpenAPI 3.1 from the endpoint tables. The result is checked in as openapi.json; a test compares."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from pydantic import BaseModel, TypeAdapter

from base.errors import DomainError, Forbidden, Invalid, Malformed, NotFound, Unauthenticated, Unavailable
from base.web.answers import WrongMediaType
from base.web.endpoint import Endpoint
from base.web.guard import CrossSite
from base.web.problems import TooLarge

_REFERENCE = "#/components/schemas/{model}"
_PARAM_SCHEMAS: Mapping[type, dict[str, Any]] = {
    str: {"type": "string", "minLength": 1},
    int: {"type": "integer", "minimum": 0, "maximum": 2**31 - 1},
    UUID: {"type": "string", "format": "uuid"},
}
_HEADER_SCHEMAS: Mapping[str, dict[str, Any]] = {
    "Idempotency-Key": {"type": "string", "minLength": 16, "maxLength": 255, "pattern": "^[ -~]*$"},
}
_PROBLEM = {
    "type": "object",
    "description": "RFC 9457. `errors` names every wrong field of a 422.",
    "required": ["type", "title", "status", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string", "description": "A sentence for people, in the language of Accept-Language."},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "Stable; for programs."},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"pointer": {"type": "string"}, "code": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}


def document(endpoints: Iterable[Endpoint], version: str) -> dict[str, Any]:
    api = sorted((e for e in endpoints if not e.page), key=lambda e: (e.path, e.method))
    schemas, components = _schemas(api)
    paths: dict[str, Any] = {}
    for endpoint in api:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Schalter", "version": version, "license": {"name": "EUPL-1.2", "identifier": "EUPL-1.2"}},
        "paths": paths,
        "components": {
            "schemas": dict(sorted({**components, "Problem": _PROBLEM}.items())),
            "securitySchemes": {
                "hold": {"type": "http", "scheme": "bearer", "description": "The token that came with the hold."},
                "staff": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": "staff",
                    "description": "The session of a signed-in clerk; `__Host-staff` over HTTPS.",
                },
                "case": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The token that came with the appointment.",
                },
                "room": {"type": "http", "scheme": "bearer", "description": "The token of a link into a video call."},
            },
        },
    }


def _schemas(endpoints: list[Endpoint]) -> tuple[dict[int, Any], dict[str, Any]]:
    """Schemas by identity of their type; one component for each model."""
    wanted: list[tuple[int, str, TypeAdapter[Any]]] = []
    for endpoint in endpoints:
        if endpoint.takes is not None:
            wanted.append((id(endpoint.takes), "validation", TypeAdapter(endpoint.takes)))
        for given in endpoint.gives.values():
            if given not in (None, str):
                wanted.append((id(given), "serialization", TypeAdapter(given)))
    by_key, definitions = TypeAdapter.json_schemas(
        [(key, mode, adapter) for key, mode, adapter in wanted],  # type: ignore[misc]
        ref_template=_REFERENCE,
    )
    return {key[0]: schema for key, schema in by_key.items()}, definitions.get("$defs", {})


def _operation(endpoint: Endpoint, schemas: Mapping[int, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        "parameters": _parameters(endpoint),
        "responses": _responses(endpoint, schemas),
        "security": [{endpoint.who.kind: []}] if endpoint.who.kind in ("hold", "case", "room", "staff") else [],
    }
    if endpoint.takes is not None:
        operation["requestBody"] = {
            "required": not _may_be_empty(endpoint.takes),
            "content": {"application/json": {"schema": schemas[id(endpoint.takes)]}},
        }
    if endpoint.takes_file:
        file = {"type": "string", "contentMediaType": "application/octet-stream"}
        schema = {"type": "object", "properties": {endpoint.takes_file: file}, "required": [endpoint.takes_file]}
        operation["requestBody"] = {"required": True, "content": {"multipart/form-data": {"schema": schema}}}
    return operation


def _may_be_empty(takes: type[Any]) -> bool:
    """A model without a field that is needed: the handler takes no body for an empty one."""
    return issubclass(takes, BaseModel) and not any(one.is_required() for one in takes.model_fields.values())


def _parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    found = [
        {"name": name, "in": "path", "required": True, "schema": _PARAM_SCHEMAS[endpoint.params.get(name, str)]}
        for name in re.findall(r"{(\w+)}", endpoint.path)
    ]
    found += [
        {
            "name": name,
            "in": "header",
            "required": needed,
            "schema": _HEADER_SCHEMAS.get(name, {"type": "string"}),
        }
        for name, needed in endpoint.headers.items()
    ]
    if endpoint.query is not None and issubclass(endpoint.query, BaseModel):
        schema = endpoint.query.model_json_schema()
        required = schema.get("required", [])
        for name, one in schema["properties"].items():
            found.append({"name": name, "in": "query", "required": name in required, "schema": _inline(one, schema)})
    return found


def _inline(one: Any, schema: Mapping[str, Any]) -> Any:
    """A query's schema without references: its definitions are small."""
    if isinstance(one, dict):
        if "$ref" in one:
            return _inline(schema["$defs"][one["$ref"].rsplit("/", 1)[1]], schema)
        return {key: _inline(value, schema) for key, value in one.items()}
    return [_inline(value, schema) for value in one] if isinstance(one, list) else one


def _responses(endpoint: Endpoint, schemas: Mapping[int, Any]) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for status, given in endpoint.gives.items():
        answer: dict[str, Any] = {"description": "Done." if status < 300 else "Not changed."}
        if given is not None:
            schema = {"type": "string"} if given is str else schemas[id(given)]
            answer["content"] = {endpoint.media: {"schema": schema}}
        responses[str(status)] = answer
    codes: dict[int, list[str]] = {}
    for refusal in (*_always(endpoint), *endpoint.refuses):
        if refusal.code not in codes.setdefault(refusal.status, []):
            codes[refusal.status].append(refusal.code)
    for status, names in sorted(codes.items()):
        responses[str(status)] = {
            "description": ", ".join(names),
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
    return responses


def _always(endpoint: Endpoint) -> tuple[type[DomainError], ...]:
    found: list[type[DomainError]] = [Unavailable]
    if "{" in endpoint.path:
        found.append(NotFound)
    if endpoint.who.kind in ("hold", "case", "staff"):
        found.append(Unauthenticated)
    if endpoint.who.kind == "staff":
        found.append(Forbidden)
    if endpoint.method not in ("GET", "HEAD"):
        found += [CrossSite, TooLarge, Malformed]
    if endpoint.takes is not None or endpoint.takes_file:
        found.append(WrongMediaType)
    if endpoint.takes is not None or endpoint.query is not None or endpoint.headers:
        found += [Invalid, Malformed]
    return tuple(found)
