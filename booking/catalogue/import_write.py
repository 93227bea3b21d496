"""A Draft becomes rows in the caller's transaction. By key: what is known is updated, what has vanished is withdrawn."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from base.db import Connection
from booking.catalogue import import_store as store
from booking.catalogue.changes import Terms
from booking.catalogue.draft import Draft, DraftFee, LineError
from booking.catalogue.import_report import Counts, ImportRefused
from booking.catalogue.import_store import StoredFee
from booking.catalogue.reductions_write import write_reductions
from booking.catalogue.words import fold


async def write(conn: Connection, draft: Draft, today: date) -> dict[str, Counts]:
    """After store.lock_imports."""
    await _city(conn, draft)
    offices = await _offices(conn, draft)
    counters = await _counters(conn, draft)
    services = await _services(conn, draft)
    counter_ids = {row.key: row.id for row in await store.counter_ids(conn)}
    service_ids = {row.key: row.id for row in await store.service_ids(conn)}
    await _links(conn, draft, counter_ids, service_ids)
    await _search(conn, draft, service_ids)
    fees = await _fees(conn, draft, service_ids)
    await _hours(conn, draft, counter_ids)
    await _capacity(conn, draft, counter_ids, today)
    await _questions(conn, draft, service_ids)
    await write_reductions(conn, draft, service_ids)
    return {"offices": offices, "counters": counters, "services": services, "fees": fees}


async def _city(conn: Connection, draft: Draft) -> None:
    city = draft.city
    await store.put_city(
        conn,
        {
            "name": city.name,
            "time_zone": city.time_zone,
            "holidays": city.holidays,
            "contact": city.contact,
            "languages": city.languages,
        },
    )
    rows = [
        {
            "key": policy.key,
            "share_percent": policy.share_percent,
            "step_hours": [hours for hours, _ in policy.steps],
            "step_percent": [percent for _, percent in policy.steps],
            "text": policy.text,
        }
        for policy in city.refund_policies
    ]
    await store.add_policies(conn, rows)
    stored = await store.stored_policies(conn)
    in_use = {
        one.key: (one.share_percent, tuple(zip(one.step_hours, one.step_percent, strict=True)), one.text)
        for one in stored
    }
    errors = [
        _policy_error("refund_policy_changed", f"'{new.key}' is in use with other terms. Give the new ones a new key.")
        for new in city.refund_policies
        if in_use[new.key] != (new.share_percent, new.steps, new.text)
    ]
    if stored[-1].key != city.refund_policies[-1].key:
        # The newest row is the one in force, and rows cannot be taken back.
        errors.append(_policy_error("refund_policy_order", f"The last policy must be '{stored[-1].key}' or a new one."))
    if errors:
        raise ImportRefused(errors)


def _policy_error(code: str, message: str) -> LineError:
    return LineError("city.toml", 0, "refund_policy", code, message)


async def _offices(conn: Connection, draft: Draft) -> Counts:
    rows = [
        {
            "key": office.key,
            "name": office.name,
            "street": office.street,
            "postcode": office.postcode,
            "place": office.place,
            "latitude": office.latitude,
            "longitude": office.longitude,
            "is_step_free": office.is_step_free,
            "directions": office.directions,
            "time_zone": draft.city.time_zone,
        }
        for office in draft.offices
    ]
    return _counts(
        len(rows),
        await store.put_offices(conn, rows),
        await store.withdraw_offices(conn, [office.key for office in draft.offices]),
    )


async def _counters(conn: Connection, draft: Draft) -> Counts:
    rows = [
        {
            "office": counter.office,
            "key": counter.key,
            "name": counter.name,
            "channel": counter.channel,
            "resource": counter.resource,
            "is_told": counter.is_told,
        }
        for counter in draft.counters
    ]
    written = await store.put_counters(conn, rows)
    kept = [counter.office for counter in draft.counters], [counter.key for counter in draft.counters]
    return _counts(len(rows), written, await store.withdraw_counters(conn, *kept))


async def _services(conn: Connection, draft: Draft) -> Counts:
    rows = [
        {
            "key": service.key,
            "leika_key": service.leika_key,
            "name": service.name,
            "summary": service.summary,
            "search_words": service.search_words,
            "documents": service.documents,
            "channels": service.channels,
            "duration_min": service.duration_min,
            "topic": service.group,
            "top": service.top,
            "source": service.source,
            "most": service.most,
            "further_min": service.further_min,
            "counted": service.counted,
            "is_group": service.is_group,
            "needs": service.needs,
            "most_per_person": service.most_per_person,
            "capture": service.capture,
            "pay_at_till_hours": service.pay_at_till[0] if service.pay_at_till else None,
            "pay_at_till_before_hours": service.pay_at_till[1] if service.pay_at_till else None,
            "reconfirm_days": service.reconfirm[0] if service.reconfirm else None,
            "reconfirm_hours": service.reconfirm[1] if service.reconfirm else None,
            "reconfirm_releases": service.reconfirm[2] if service.reconfirm else None,
        }
        for service in draft.services
    ]
    written = await store.put_services(conn, rows)
    return _counts(len(rows), written, await store.withdraw_services(conn, [s.key for s in draft.services]))


async def _links(conn: Connection, draft: Draft, counters: dict[str, int], services: dict[str, int]) -> None:
    pairs = [
        (counters[f"{counter.office}/{counter.key}"], services[service.key])
        for counter in draft.counters
        for service in draft.services
        if draft.serves(counter, service)
    ]
    columns = [counter for counter, _ in pairs], [service for _, service in pairs]
    await store.remove_links(conn, *columns)
    await store.add_links(conn, *columns)


async def _search(conn: Connection, draft: Draft, services: dict[str, int]) -> None:
    await store.clear_search(conn)
    await store.add_search(
        conn,
        [
            {
                "service_id": services[service.key],
                "language": language,
                "name": fold(name),
                "words": fold(" ".join(service.search_words.get(language, ()))),
            }
            for service in draft.services
            for language, name in service.name.items()
        ],
    )


async def _fees(conn: Connection, draft: Draft, services: dict[str, int]) -> Counts:
    """A row keeps its amount, because appointments point to it: only its last day may move. The rest are new rows."""
    known = {(fee.service_id, *_terms_of(fee)): fee for fee in await store.stored_fees(conn)}
    moved, new = [], []
    for fee in draft.fees:
        old = known.pop((services[fee.service], *_terms_of(fee)), None)
        if old is None:
            new.append(fee)
        elif old.valid_until != fee.valid_until:
            moved.append((old.id, fee))
    withdrawn = [fee.id for fee in known.values()]
    # First out of each other's way, then to their places: a constraint forbids two fees on one day.
    await store.withdraw_fees(conn, [*withdrawn, *(ident for ident, _ in moved)])
    await store.set_fee_validity(
        conn, [i for i, _ in moved], [f.valid_from for _, f in moved], [f.valid_until for _, f in moved]
    )
    await store.add_fees(conn, [_fee_row(fee, services[fee.service]) for fee in new])
    return Counts(total=len(draft.fees), added=len(new), changed=len(moved), withdrawn=len(withdrawn))


def _terms_of(fee: DraftFee | StoredFee) -> tuple[object, ...]:
    """What a version never changes."""
    basis = tuple(sorted(fee.legal_basis.items()))
    return fee.valid_from, fee.amount_cents, basis, fee.product, fee.tax_percent


def _fee_row(fee: DraftFee, service_id: int) -> dict[str, Any]:
    return {
        "service_id": service_id,
        "amount_cents": fee.amount_cents,
        "legal_basis": fee.legal_basis,
        "product": fee.product,
        "tax_percent": fee.tax_percent,
        "valid_from": fee.valid_from and fee.valid_from.isoformat(),
        "valid_until": fee.valid_until and fee.valid_until.isoformat(),
    }


async def _hours(conn: Connection, draft: Draft, counters: dict[str, int]) -> None:
    rows = [
        (
            counters[f"{counter.office}/{counter.key}"],
            h.weekday,
            h.opens,
            h.closes,
            h.valid_from,
            h.valid_until,
            h.every_weeks,
            h.week_of_month,
            "break" if h.is_break else "open",
        )
        for counter in draft.counters
        for h in draft.hours_of(counter)
    ]
    await store.remove_hours(conn, rows)
    await store.add_hours(conn, rows)


async def _capacity(conn: Connection, draft: Draft, counters: dict[str, int], today: date) -> None:
    if draft.exceptions is not None:
        await store.replace_exceptions(
            conn,
            today,
            [
                {
                    "office": one.office,
                    "counter": one.counter,
                    "day": one.day.isoformat(),
                    "opens": one.opens and f"{one.opens:%H:%M}",
                    "closes": one.closes and f"{one.closes:%H:%M}",
                    "reason": one.reason,
                }
                for one in draft.exceptions
            ],
        )
    if draft.rules is not None:
        rules = draft.rules_of()
        await store.replace_rules(conn, [_rule_row(key, rule.terms) for key, rule in rules.items()])
    if draft.pools is not None:
        pairs = {
            (counters[f"{counter.office}/{counter.key}"], pool.sold_by)
            for pool in draft.pools
            for counter in draft.counters
            if (counter.office, counter.kind) == (pool.office, pool.counter)
        }
        await store.replace_pools(conn, [counter for counter, _ in pairs], [office for _, office in pairs])
    if draft.places is not None:
        await store.remove_places(conn)
        await store.add_places(
            conn,
            [
                {
                    "folded": fold(place.name),
                    "name": place.name,
                    "latitude": place.latitude,
                    "longitude": place.longitude,
                }
                for place in draft.places
            ],
        )
    if draft.responsibility is not None:
        await store.replace_responsibility(
            conn,
            [
                {
                    "service": one.service,
                    "counter": counters[f"{one.office}/{counter}"],
                    "first": one.lines.first,
                    "last": one.lines.last,
                    "postcodes": sorted(one.lines.postcodes),
                    "kind": one.lines.kind,
                    "kind_name": one.kind_name,
                }
                for one in draft.responsibility
                for counter in one.counters
            ],
        )


async def _questions(conn: Connection, draft: Draft, services: dict[str, int]) -> None:
    """What is asked no more stays for the answers that were given."""
    if draft.questions is None:
        return
    rows = [
        {
            "service_id": services[one.service],
            "key": one.key,
            "place": one.line,
            "text": one.text,
            "kind": one.kind,
            "choices": [{"key": choice.key, "text": choice.text} for choice in one.choices],
            "is_required": one.is_required,
            "condition_key": one.condition[0] if one.condition else None,
            "condition_value": one.condition[1] if one.condition else None,
            "kept_days": one.kept_days,
        }
        for one in draft.questions
    ]
    await store.put_questions(conn, rows)
    kept = [services[one.service] for one in draft.questions], [one.key for one in draft.questions]
    await store.withdraw_questions(conn, *kept)


def _rule_row(key: tuple[str, str], terms: Terms) -> dict[str, Any]:
    plan = terms.plan
    return {
        "service": key[0],
        "office": key[1],
        "duration_min": terms.duration_min,
        "buffer_min": terms.buffer_min,
        "lead_min": terms.lead_min,
        "horizon_days": terms.horizon_days,
        "channels": terms.channels,
        "public_percent": plan and plan.public,
        "staff_percent": plan and plan.staff,
        "walk_in_percent": plan and plan.walk_in,
        "release_plan": plan.release_data() if plan and plan.release else None,
    }


def _counts(total: int, written: Sequence[bool], withdrawn: Sequence[int]) -> Counts:
    return Counts(
        total=total,
        added=sum(written),
        changed=len(written) - sum(written),
        withdrawn=len(withdrawn),
    )
