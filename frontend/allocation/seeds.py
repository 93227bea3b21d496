"""Handlers of a run's seed: once more before it counts, entered, and set right by another person."""

from __future__ import annotations

from aiohttp import web

from base.errors import DomainError
from base.web import STAFF, form, path_id
from booking.allocation.endpoints import ALLOCATION, RUNS
from booking.allocation.model import RunStatus
from booking.allocation.ranking import normal_seed
from booking.allocation.runs_store import RunRow
from booking.allocation.seeds import NotNow, SeedByAnother, SeedNeeded, SeedTooEarly, SeedWhyNeeded
from frontend.allocation.handlers import done, work_page
from frontend.allocation.views import SeedPage
from frontend.citizen.need_wording import zone_name
from frontend.citizen.rendering import words_of
from frontend.citizen.views import Row
from frontend.staff.frame import staff_frame, staff_page


async def look_again(request: web.Request) -> web.Response:
    """A page of its own, so that it can be read in peace, and without a script."""
    words, run = words_of(request), await request.app[RUNS].run(path_id(request, "run"))
    given = {name: request.query.get(name, "").strip()[:500] for name in ("was", "seed", "because")}
    is_set_right, seed = bool(given["was"]), normal_seed(given["seed"])
    if refusal := _refused(run, given, request[STAFF].account_id, is_early=words.now < run.seed_at):
        return await work_page(request, problem=refusal.message, values=given, about=run.id)
    place = zone_name(words)
    service = await request.app[ALLOCATION].service(run.service_id)
    rows = [
        Row(label=words._("Service"), value=words.pick(service.name)),
        Row(label=words._("Seed as it counts"), value=seed),
        Row(
            label=words._("Where the seed comes from"),
            value=run.seed_source,
            lines=(words.when(run.seed_at, place),),
        ),
    ]
    if is_set_right:
        rows += [
            Row(label=words._("Seed entered before, no longer counts"), value=run.seed or ""),
            Row(label=words._("Reason"), value=given["because"]),
        ]
    here = f"/{words.language}/allocation"
    action = f"{here}/runs/{run.id}/seed"
    view = SeedPage(
        frame=staff_frame(request, words, words._("Is this the seed?")),
        rows=tuple(rows),
        action=f"{action}/set-right" if is_set_right else action,
        fields=tuple(given.items()) if is_set_right else (("seed", given["seed"]),),
        is_set_right=is_set_right,
        back_url=f"{here}/#runs",
    )
    return staff_page(request, "allocation/seed", view)


async def enter(request: web.Request) -> web.Response:
    ident, fields = path_id(request, "run"), await form(request)
    seed = fields.get("seed", "")[:500]
    return await done(request, request.app[RUNS].enter_seed(ident, seed, request[STAFF].account_id))


async def set_right(request: web.Request) -> web.Response:
    ident, fields = path_id(request, "run"), await form(request)
    was, seed, because = (fields.get(name, "")[:500] for name in ("was", "seed", "because"))
    by = request[STAFF].account_id
    return await done(request, request.app[RUNS].set_right(ident, was, seed, because, by))


def _refused(run: RunRow, given: dict[str, str], reader: int, *, is_early: bool) -> type[DomainError] | None:
    """What entering would refuse is said before it is looked at."""
    if not normal_seed(given["seed"]):
        return SeedNeeded
    if not given["was"]:
        if run.status is not RunStatus.CLOSED:
            return NotNow
        return SeedTooEarly if is_early else None
    if run.status is not RunStatus.RANKED or run.seed != normal_seed(given["was"]):
        return NotNow
    if run.seeded_by == reader:
        return SeedByAnother
    return None if given["because"] else SeedWhyNeeded
