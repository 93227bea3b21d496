"""Letters of invitations over HTTP, as PDF."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel

from base.errors import NotFound
from base.web import NO_STORE, STAFF, Endpoint, can, path_id, path_number, reply, text_reply
from base.web.repeating import KeyNeeded, idempotency_key
from booking.appointments.invited import InvitationOver
from booking.invitations.model import PrintRun
from booking.invitations.printing import LetterRefused, NoAddress, NothingToPrint, Printing

PRINTING: web.AppKey[Printing] = web.AppKey("PRINTING", Printing)
_OFFICE = "/api/offices/{office}"
_RUNS = f"{_OFFICE}/invitation-prints"
_PDF = "application/pdf"


class PrintRunOut(BaseModel):
    id: UUID
    made_at: datetime
    letters: int

    @classmethod
    def of(cls, run: PrintRun) -> PrintRunOut:
        return cls(id=run.id, made_at=run.made_at, letters=run.letters)


class PrintRunsOut(BaseModel):
    waiting: int
    runs: list[PrintRunOut]


class PrintedOut(BaseModel):
    id: UUID


async def one_letter(request: web.Request) -> web.Response:
    ident = path_id(request, "invitation")
    made = await request.app[PRINTING].letter(path_number(request, "office"), ident)
    return _file(made, f"invitation-{str(ident)[:8]}.pdf")


async def list_runs(request: web.Request) -> web.Response:
    found = await request.app[PRINTING].runs(path_number(request, "office"))
    runs = [PrintRunOut.of(run) for run in found.runs]
    return reply(PrintRunsOut(waiting=found.waiting, runs=runs), headers=NO_STORE)


async def print_waiting(request: web.Request) -> web.Response:
    key, office = idempotency_key(request), path_number(request, "office")
    ident = await request.app[PRINTING].print(office, request[STAFF].account_id, key)
    where = f"/api/offices/{office}/invitation-prints/{ident}/letters.pdf"
    return reply(PrintedOut(id=ident), status=201, headers={"Location": where, **NO_STORE})


async def run_file(request: web.Request) -> web.Response:
    ident = path_id(request, "print")
    made = await request.app[PRINTING].file(path_number(request, "office"), ident)
    return _file(made, f"letters-{str(ident)[:8]}.pdf")


def _file(pdf: bytes, name: str) -> web.Response:
    return text_reply(pdf, _PDF, {"Content-Disposition": f'attachment; filename="{name}"', **NO_STORE})


_WHO = can("invitation.make", "office")
_PRINT = {"office": int, "print": UUID}

ENDPOINTS = [
    Endpoint(
        method="GET",
        path=f"{_OFFICE}/invitations/{{invitation}}/letter.pdf",
        handler=one_letter,
        who=_WHO,
        summary="The letter of one invitation; whether it is printed is not noted",
        params={"office": int, "invitation": UUID},
        gives={200: str},
        media=_PDF,
        refuses=(NotFound, InvitationOver, NoAddress, LetterRefused),
    ),
    Endpoint(
        method="GET",
        path=_RUNS,
        handler=list_runs,
        who=_WHO,
        summary="How many letters wait to be printed, and what was printed together",
        params={"office": int},
        gives={200: PrintRunsOut},
    ),
    Endpoint(
        method="POST",
        path=_RUNS,
        handler=print_waiting,
        who=_WHO,
        summary="Take all letters that wait, up to 200, as one print run: they count as printed, as their PDF was made",
        params={"office": int},
        headers={"Idempotency-Key": True},
        gives={201: PrintedOut},
        refuses=(KeyNeeded, NothingToPrint),
    ),
    Endpoint(
        method="GET",
        path=f"{_RUNS}/{{print}}/letters.pdf",
        handler=run_file,
        who=_WHO,
        summary="The letters of a run in one file, as often as needed",
        params=_PRINT,
        gives={200: str},
        media=_PDF,
        refuses=(NotFound,),
    ),
]
