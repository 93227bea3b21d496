"""The catalogue over HTTP: for everybody, read only."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from base.errors import Invalid, NotFound
from base.i18n import pick
from base.web import ANYONE, Endpoint, language_of, path_number, query, reply
from booking.catalogue.model import Channel, Fee, Office, Service, ServiceDetail, ServiceHit
from booking.catalogue.questions import Kind, Question
from booking.catalogue.usecases import Catalogue, CatalogueEmpty

CATALOGUE: web.AppKey[Catalogue] = web.AppKey("CATALOGUE", Catalogue)

Language = Literal["de", "en"]


class LanguageQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    language: Language | None = Field(None, description="Language of the texts; else that of Accept-Language.")


class ServiceQuery(LanguageQuery):
    q: Annotated[str, StringConstraints(max_length=200)] = Field(
        "",
        description="Everyday words; typing errors are forgiven. Empty: what most people come for.",
        examples=["Perso"],
    )
    limit: int = Field(20, ge=1, le=100)


class OfficeQuery(LanguageQuery):
    service: int | None = Field(None, ge=1, lt=2**31, description="Only offices that offer this service.")
    channel: Channel | None = Field(None, description="Only offices that offer the service by this channel.")


class FeeOut(BaseModel):
    """The fee valid today. 0 means free of charge."""

    cents: int = Field(examples=[4600])
    currency: str = Field(examples=["EUR"])
    legal_basis: str = Field(examples=["§ 1 PAuswGebV"])


class ServiceSummary(BaseModel):
    """A service as a search shows it. Without channels it cannot be booked."""

    id: int
    key: str = Field(examples=["personalausweis"])
    name: str = Field(examples=["Personalausweis"])
    summary: str
    channels: list[Channel] = Field(examples=[["onsite"]])
    duration_min: int | None = Field(examples=[15])
    most: int = Field(description="How often in one visit", examples=[3])
    further_min: int | None = Field(description="Minutes of each after the first; null: as long as the first")
    fee: FeeOut | None


class ServiceList(BaseModel):
    services: list[ServiceSummary]


class OfficeOut(BaseModel):
    """A place with an address. Coordinates are WGS 84."""

    id: int
    key: str = Field(examples=["buergerbuero-mitte"])
    name: str = Field(examples=["Bürgerbüro Mitte"])
    street: str
    postcode: str
    place: str
    latitude: float
    longitude: float
    is_step_free: bool
    directions: str
    time_zone: str = Field(examples=["Europe/Berlin"])


class OfficeList(BaseModel):
    offices: list[OfficeOut]


class ChoiceOut(BaseModel):
    key: str = Field(description="The answer to send")
    text: str


class ConditionOut(BaseModel):
    key: str = Field(description="Of an earlier question of this service")
    answer: str


class QuestionOut(BaseModel):
    """What is asked with name and address. Answers go with `POST /api/appointments`, by `id`."""

    id: int
    key: str = Field(examples=["permit"])
    text: str
    kind: Kind
    choices: list[ChoiceOut] = Field(
        description="Of the kind choice; yesno takes yes or no, date a day like 2026-12-31"
    )
    is_required: bool
    condition: ConditionOut | None = Field(description="Asked only of whoever gives this answer there")
    kept_days: int = Field(description="The answer is deleted so many days after the appointment at the latest")


class ReducedOut(BaseModel):
    """A reduction of today's fee. It is claimed once there is an appointment, before it is paid; the proof is shown at the counter."""

    key: str = Field(examples=["bonuscard"])
    name: str
    proof: str = Field(description="What to bring")
    cents: int = Field(description="What the service costs then, once, if nothing else is reduced")


class ServiceOut(ServiceSummary):
    """Everything about a service: what to bring, what it costs, and where it is offered."""

    leika_key: str | None = Field(description="Key of the service in the LeiKa catalogue, 14 digits.")
    documents: list[str] = Field(description="What to bring.")
    questions: list[QuestionOut]
    reductions: list[ReducedOut]
    offices: dict[Channel, list[OfficeOut]] = Field(description="By channel, where it is offered.")


async def list_services(request: web.Request) -> web.Response:
    """Services that fit the words, best first."""
    asked = query(request, ServiceQuery)
    language = asked.language or language_of(request)
    hits = await request.app[CATALOGUE].search(asked.q, language, asked.limit)
    return reply(ServiceList(services=[_summary(hit, language) for hit in hits]))


async def show_service(request: web.Request) -> web.Response:
    """One service with what to bring, its fee and its offices."""
    language = query(request, LanguageQuery).language or language_of(request)
    detail = await request.app[CATALOGUE].service(path_number(request, "service"))
    return reply(_service(detail, language))


async def list_offices(request: web.Request) -> web.Response:
    """All offices, or those that offer a service."""
    asked = query(request, OfficeQuery)
    language = asked.language or language_of(request)
    offices = await request.app[CATALOGUE].offices(asked.service, asked.channel)
    return reply(OfficeList(offices=[_office(office, language) for office in offices]))


def _summary(hit: ServiceHit, language: str) -> ServiceSummary:
    return ServiceSummary(**_common(hit.service, hit.fee, language))


def _service(detail: ServiceDetail, language: str) -> ServiceOut:
    service = detail.service
    return ServiceOut(
        **_common(service, detail.fee, language),
        leika_key=service.leika_key,
        documents=list(service.documents.get(language) or service.documents.get("de", ())),
        questions=[_question(one, language) for one in detail.questions],
        reductions=[
            ReducedOut(key=one.key, name=pick(one.name, language), proof=pick(one.proof, language), cents=cents)
            for one, cents in detail.reduced
        ],
        offices={channel: [_office(office, language) for office in found] for channel, found in detail.offices.items()},
    )


def _question(one: Question, language: str) -> QuestionOut:
    return QuestionOut(
        id=one.id,
        key=one.key,
        text=pick(one.text, language),
        kind=one.kind,
        choices=[ChoiceOut(key=choice.key, text=pick(choice.text, language)) for choice in one.choices],
        is_required=one.is_required,
        condition=ConditionOut(key=one.condition[0], answer=one.condition[1]) if one.condition else None,
        kept_days=one.kept_days,
    )


def _common(service: Service, fee: Fee | None, language: str) -> dict[str, Any]:
    return {
        "id": service.id,
        "key": service.key,
        "name": pick(service.name, language),
        "summary": pick(service.summary, language),
        "channels": list(service.channels),
        "duration_min": service.duration_min,
        "most": service.most,
        "further_min": service.further_min,
        "fee": _fee(fee, language),
    }


def _fee(fee: Fee | None, language: str) -> FeeOut | None:
    if fee is None:
        return None
    return FeeOut(cents=fee.amount_cents, currency=fee.currency, legal_basis=pick(fee.legal_basis, language))


def _office(office: Office, language: str) -> OfficeOut:
    return OfficeOut(
        id=office.id,
        key=office.key,
        name=pick(office.name, language),
        street=office.street,
        postcode=office.postcode,
        place=office.place,
        latitude=office.latitude,
        longitude=office.longitude,
        is_step_free=office.is_step_free,
        directions=pick(office.directions, language),
        time_zone=office.time_zone,
    )


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/api/services",
        handler=list_services,
        who=ANYONE,
        summary="Find services by everyday words",
        query=ServiceQuery,
        gives={200: ServiceList},
        refuses=(Invalid, CatalogueEmpty),
    ),
    Endpoint(
        method="GET",
        path="/api/services/{service}",
        handler=show_service,
        who=ANYONE,
        summary="One service: fee, documents to bring, offices",
        query=LanguageQuery,
        params={"service": int},
        gives={200: ServiceOut},
        refuses=(NotFound, Invalid, CatalogueEmpty),
    ),
    Endpoint(
        method="GET",
        path="/api/offices",
        handler=list_offices,
        who=ANYONE,
        summary="Offices, all or by service and channel",
        query=OfficeQuery,
        gives={200: OfficeList},
        refuses=(NotFound, Invalid, CatalogueEmpty),
    ),
]
