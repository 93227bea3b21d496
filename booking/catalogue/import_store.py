"""A checked catalogue goes into the database: one function, one statement. Rows are recognised by their key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from typing import Any

from base.db import Connection, fetch_all

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class StoredPolicy:
    key: str
    share_percent: int
    step_hours: list[int]
    step_percent: list[int]
    text: dict[str, str]


@dataclass(frozen=True, slots=True)
class StoredFee:
    id: int
    service_id: int
    amount_cents: int
    currency: str
    legal_basis: dict[str, str]
    product: str
    tax_percent: int
    valid_from: date | None
    valid_until: date | None


@dataclass(frozen=True, slots=True)
class KeyedId:
    key: str
    id: int


async def lock_imports(conn: Connection) -> None:
    """One import at a time; readers go on."""
    await conn.execute("LOCK TABLE city IN SHARE ROW EXCLUSIVE MODE")


async def put_city(conn: Connection, city: Mapping[str, Any]) -> None:
    await conn.execute(
        """
        INSERT INTO city (name, time_zone, holidays, contact, languages, version)
        SELECT name, time_zone, holidays, contact, languages, 1
          FROM jsonb_to_record($1::jsonb) AS new (name jsonb, time_zone text, holidays text, contact jsonb, languages text[])
        ON CONFLICT (is_only) DO UPDATE SET name = excluded.name, time_zone = excluded.time_zone,
          holidays = excluded.holidays, contact = excluded.contact, languages = excluded.languages,
          version = city.version + 1
        """,
        city,
    )


async def add_policies(conn: Connection, rows: Rows) -> None:
    await conn.execute(
        """
        INSERT INTO refund_policy (key, share_percent, step_hours, step_percent, text)
        SELECT key, share_percent, step_hours, step_percent, text
          FROM jsonb_to_recordset($1::jsonb)
            AS new (key text, share_percent int, step_hours int[], step_percent int[], text jsonb)
        ON CONFLICT (key) DO NOTHING
        """,
        rows,
    )


async def stored_policies(conn: Connection) -> list[StoredPolicy]:
    sql = "SELECT key, share_percent, step_hours, step_percent, text FROM refund_policy ORDER BY id"
    return await fetch_all(conn, StoredPolicy, sql)


async def put_offices(conn: Connection, rows: Rows) -> list[bool]:
    """True for each new one, False for each changed one."""
    return await fetch_all(
        conn,
        bool,
        """
        INSERT INTO office AS old (key, name, street, postcode, place, latitude, longitude, is_step_free, directions, time_zone)
        SELECT key, name, street, postcode, place, latitude, longitude, is_step_free, directions, time_zone
          FROM jsonb_to_recordset($1::jsonb) AS new (key text, name jsonb, street text, postcode text, place text,
               latitude float, longitude float, is_step_free boolean, directions jsonb, time_zone text)
        ON CONFLICT (key) DO UPDATE SET name = excluded.name, street = excluded.street, postcode = excluded.postcode,
          place = excluded.place, latitude = excluded.latitude, longitude = excluded.longitude,
          is_step_free = excluded.is_step_free, directions = excluded.directions, time_zone = excluded.time_zone,
          is_active = true
        WHERE (old.name, old.street, old.postcode, old.place, old.latitude, old.longitude, old.is_step_free,
               old.directions, old.time_zone, old.is_active)
          IS DISTINCT FROM (excluded.name, excluded.street, excluded.postcode, excluded.place, excluded.latitude,
               excluded.longitude, excluded.is_step_free, excluded.directions, excluded.time_zone, true)
        RETURNING xmax = 0
        """,
        rows,
    )


async def put_counters(conn: Connection, rows: Rows) -> list[bool]:
    return await fetch_all(
        conn,
        bool,
        """
        INSERT INTO counter AS old (office_id, key, name, channel, resource, is_told)
        SELECT o.id, new.key, new.name, new.channel, new.resource, new.is_told
          FROM ROWS FROM (jsonb_to_recordset($1::jsonb)
                          AS (office text, key text, name jsonb, channel text, resource text, is_told boolean))
               WITH ORDINALITY AS new (office, key, name, channel, resource, is_told, place)
          JOIN office o ON o.key = new.office ORDER BY new.place
        ON CONFLICT (office_id, key) DO UPDATE SET name = excluded.name, channel = excluded.channel, resource = excluded.resource,
          is_told = excluded.is_told, is_active = true
        WHERE (old.name, old.channel, old.resource, old.is_told, old.is_active)
          IS DISTINCT FROM (excluded.name, excluded.channel, excluded.resource, excluded.is_told, true)
        RETURNING xmax = 0
        """,
        rows,
    )


async def put_services(conn: Connection, rows: Rows) -> list[bool]:
    return await fetch_all(
        conn,
        bool,
        """
        INSERT INTO service AS old
          (key, leika_key, name, summary, search_words, documents, channels, duration_min, topic, top, source, most, further_min, counted,
           is_group, needs, reconfirm_days, reconfirm_hours, reconfirm_releases, most_per_person, capture,
           pay_at_till_hours, pay_at_till_before_hours)
        SELECT key, leika_key, name, summary, search_words, documents, channels, duration_min, topic, top, source, most, further_min,
               counted, is_group, needs, reconfirm_days, reconfirm_hours, reconfirm_releases, most_per_person, capture,
               pay_at_till_hours, pay_at_till_before_hours
          FROM jsonb_to_recordset($1::jsonb) AS new (key text, leika_key text, name jsonb, summary jsonb, search_words jsonb,
               documents jsonb, channels text[], duration_min int, topic text, top int, source text, most int, further_min int,
               counted jsonb, is_group boolean, needs text[], reconfirm_days int, reconfirm_hours int, reconfirm_releases boolean,
               most_per_person int, capture text, pay_at_till_hours int, pay_at_till_before_hours int)
        ON CONFLICT (key) DO UPDATE SET leika_key = excluded.leika_key, name = excluded.name, summary = excluded.summary,
          search_words = excluded.search_words, documents = excluded.documents, channels = excluded.channels,
          duration_min = excluded.duration_min, topic = excluded.topic, top = excluded.top, source = excluded.source,
          most = excluded.most, further_min = excluded.further_min, counted = excluded.counted,
          is_group = excluded.is_group, needs = excluded.needs, reconfirm_days = excluded.reconfirm_days,
          reconfirm_hours = excluded.reconfirm_hours,
          reconfirm_releases = excluded.reconfirm_releases, most_per_person = excluded.most_per_person,
          capture = excluded.capture, pay_at_till_hours = excluded.pay_at_till_hours,
          pay_at_till_before_hours = excluded.pay_at_till_before_hours, is_active = true
        WHERE (old.leika_key, old.name, old.summary, old.search_words, old.documents, old.channels, old.duration_min,
               old.topic, old.top, old.source, old.most, old.further_min, old.counted, old.is_group, old.needs,
               old.reconfirm_days, old.reconfirm_hours, old.reconfirm_releases, old.most_per_person, old.capture,
               old.pay_at_till_hours, old.pay_at_till_before_hours, old.is_active)
          IS DISTINCT FROM (excluded.leika_key, excluded.name, excluded.summary, excluded.search_words, excluded.documents,
               excluded.channels, excluded.duration_min, excluded.topic, excluded.top, excluded.source, excluded.most,
               excluded.further_min, excluded.counted, excluded.is_group, excluded.needs, excluded.reconfirm_days, excluded.reconfirm_hours,
               excluded.reconfirm_releases, excluded.most_per_person, excluded.capture, excluded.pay_at_till_hours,
               excluded.pay_at_till_before_hours, true)
        RETURNING xmax = 0
        """,
        rows,
    )


async def withdraw_offices(conn: Connection, keys: Sequence[str]) -> list[int]:
    """What the file no longer names stays for those who have an appointment there, and is offered to nobody else."""
    return await fetch_all(
        conn, int, "UPDATE office SET is_active = false WHERE is_active AND key <> ALL ($1::text[]) RETURNING id", keys
    )


async def withdraw_counters(conn: Connection, offices: Sequence[str], keys: Sequence[str]) -> list[int]:
    return await fetch_all(
        conn,
        int,
        """
        UPDATE counter SET is_active = false
         WHERE is_active AND id NOT IN (
           SELECT c.id FROM unnest($1::text[], $2::text[]) AS kept (office, key)
             JOIN office o ON o.key = kept.office JOIN counter c ON c.office_id = o.id AND c.key = kept.key)
        RETURNING id
        """,
        offices,
        keys,
    )


async def withdraw_services(conn: Connection, keys: Sequence[str]) -> list[int]:
    return await fetch_all(
        conn, int, "UPDATE service SET is_active = false WHERE is_active AND key <> ALL ($1::text[]) RETURNING id", keys
    )


async def counter_ids(conn: Connection) -> list[KeyedId]:
    return await fetch_all(
        conn, KeyedId, "SELECT o.key || '/' || c.key AS key, c.id FROM counter c JOIN office o ON o.id = c.office_id"
    )


async def service_ids(conn: Connection) -> list[KeyedId]:
    return await fetch_all(conn, KeyedId, "SELECT key, id FROM service")


async def remove_links(conn: Connection, counters: Sequence[int], services: Sequence[int]) -> None:
    await conn.execute(
        """
        DELETE FROM counter_service WHERE (counter_id, service_id) NOT IN (SELECT * FROM unnest($1::int[], $2::int[]))
        """,
        counters,
        services,
    )


async def add_links(conn: Connection, counters: Sequence[int], services: Sequence[int]) -> None:
    await conn.execute(
        """
        INSERT INTO counter_service (counter_id, service_id) SELECT * FROM unnest($1::int[], $2::int[])
        ON CONFLICT DO NOTHING
        """,
        counters,
        services,
    )


async def clear_search(conn: Connection) -> None:
    await conn.execute("DELETE FROM service_search")


async def add_search(conn: Connection, rows: Rows) -> None:
    await conn.execute(
        """
        INSERT INTO service_search (service_id, language, name, words)
        SELECT service_id, language, name, words
          FROM jsonb_to_recordset($1::jsonb) AS new (service_id int, language text, name text, words text)
        """,
        rows,
    )


async def stored_fees(conn: Connection) -> list[StoredFee]:
    return await fetch_all(
        conn,
        StoredFee,
        """
        SELECT id, service_id, amount_cents, currency, legal_basis, product, tax_percent,
               lower(valid) AS valid_from, upper(valid) - 1 AS valid_until
          FROM fee WHERE NOT isempty(valid)
        """,
    )


async def withdraw_fees(conn: Connection, ids: Sequence[int]) -> None:
    await conn.execute("UPDATE fee SET valid = 'empty' WHERE id = ANY ($1::int[])", ids)


async def set_fee_validity(
    conn: Connection, ids: Sequence[int], first: Sequence[date | None], last: Sequence[date | None]
) -> None:
    await conn.execute(
        """
        UPDATE fee SET valid = daterange(new.first, new.last, '[]')
          FROM unnest($1::int[], $2::date[], $3::date[]) AS new (id, first, last) WHERE fee.id = new.id
        """,
        ids,
        first,
        last,
    )


async def add_fees(conn: Connection, rows: Rows) -> None:
    await conn.execute(
        """
        INSERT INTO fee (service_id, amount_cents, legal_basis, product, tax_percent, valid)
        SELECT service_id, amount_cents, legal_basis, product, tax_percent, daterange(valid_from, valid_until, '[]')
          FROM jsonb_to_recordset($1::jsonb)
               AS new (service_id int, amount_cents int, legal_basis jsonb, product text, tax_percent int,
                       valid_from date, valid_until date)
        """,
        rows,
    )


# counter, weekday, opens, closes, first and last day, every how many weeks, week of the month, kind
HoursRow = tuple[int, int, time, time, date | None, date | None, int, int | None, str]


async def remove_hours(conn: Connection, rows: Sequence[HoursRow]) -> None:
    await conn.execute(
        """
        DELETE FROM opening_hours old WHERE NOT EXISTS (
          SELECT FROM unnest($1::int[], $2::int[], $3::time[], $4::time[], $5::date[], $6::date[], $7::int[], $8::int[], $9::text[])
                 AS kept (counter_id, weekday, opens, closes, first, last, every_weeks, week_of_month, kind)
           WHERE (old.counter_id, old.weekday, old.opens, old.closes, old.valid, old.every_weeks, old.kind)
               = (kept.counter_id, kept.weekday, kept.opens, kept.closes, daterange(first, last, '[]'), kept.every_weeks, kept.kind)
             AND old.week_of_month IS NOT DISTINCT FROM kept.week_of_month)
        """,
        *_columns(rows),
    )


async def add_hours(conn: Connection, rows: Sequence[HoursRow]) -> None:
    await conn.execute(
        """
        INSERT INTO opening_hours (counter_id, weekday, opens, closes, valid, every_weeks, week_of_month, kind)
        SELECT counter_id, weekday, opens, closes, daterange(first, last, '[]'), every_weeks, week_of_month, kind
          FROM unnest($1::int[], $2::int[], $3::time[], $4::time[], $5::date[], $6::date[], $7::int[], $8::int[], $9::text[])
               AS new (counter_id, weekday, opens, closes, first, last, every_weeks, week_of_month, kind)
        EXCEPT SELECT counter_id, weekday, opens, closes, valid, every_weeks, week_of_month, kind FROM opening_hours
        """,
        *_columns(rows),
    )


async def replace_exceptions(conn: Connection, since: date, rows: Rows) -> None:
    """From a day on; what is over stays."""
    await conn.execute("DELETE FROM hours_exception WHERE day >= $1", since)
    await conn.execute(
        """
        INSERT INTO hours_exception (office_id, counter_id, day, opens, closes, reason)
        SELECT CASE WHEN new.counter = '' THEN o.id END, c.id, new.day, new.opens, new.closes, new.reason
          FROM jsonb_to_recordset($2::jsonb) AS new (office text, counter text, day date, opens time, closes time, reason text)
          JOIN office o ON o.key = new.office LEFT JOIN counter c ON c.office_id = o.id AND c.key = new.counter
         WHERE new.day >= $1
        """,
        since,
        rows,
    )


async def replace_rules(conn: Connection, rows: Rows) -> None:
    await conn.execute("DELETE FROM service_office")
    await conn.execute(
        """
        INSERT INTO service_office (service_id, office_id, duration_min, buffer_min, lead_min, horizon_days, channels,
                                    public_percent, staff_percent, walk_in_percent, release_plan)
        SELECT s.id, o.id, new.duration_min, new.buffer_min, new.lead_min, new.horizon_days, new.channels,
               new.public_percent, new.staff_percent, new.walk_in_percent, new.release_plan
          FROM jsonb_to_recordset($1::jsonb) AS new (service text, office text, duration_min int, buffer_min int, lead_min int,
                 horizon_days int, channels text[], public_percent int, staff_percent int, walk_in_percent int, release_plan jsonb)
          JOIN service s ON s.key = new.service JOIN office o ON o.key = new.office
        """,
        rows,
    )


async def replace_pools(conn: Connection, counters: Sequence[int], offices: Sequence[str]) -> None:
    await conn.execute("DELETE FROM counter_office")
    await conn.execute(
        """
        INSERT INTO counter_office (counter_id, office_id)
        SELECT c, o.id FROM unnest($1::int[], $2::text[]) AS new (c, key) JOIN office o ON o.key = new.key
        """,
        counters,
        offices,
    )


async def replace_responsibility(conn: Connection, rows: Rows) -> None:
    await conn.execute("DELETE FROM responsibility")
    await conn.execute(
        """
        INSERT INTO responsibility (service_id, counter_id, first, last, postcodes, kind, kind_name)
        SELECT s.id, new.counter, new.first, new.last, new.postcodes, new.kind, new.kind_name
          FROM jsonb_to_recordset($1::jsonb) AS new (service text, counter int, first text, last text, postcodes text[], kind text,
                 kind_name jsonb)
          JOIN service s ON s.key = new.service
        """,
        rows,
    )


async def put_questions(conn: Connection, rows: Rows) -> None:
    await conn.execute(
        """
        INSERT INTO question (service_id, key, place, text, kind, choices, is_required, condition_key, condition_value, kept_days)
        SELECT service_id, key, place, text, kind, choices, is_required, condition_key, condition_value, kept_days
          FROM jsonb_to_recordset($1::jsonb) AS new (service_id int, key text, place int, text jsonb, kind text, choices jsonb,
                 is_required boolean, condition_key text, condition_value text, kept_days int)
        ON CONFLICT (service_id, key) DO UPDATE SET place = excluded.place, text = excluded.text, kind = excluded.kind,
          choices = excluded.choices, is_required = excluded.is_required, condition_key = excluded.condition_key,
          condition_value = excluded.condition_value, kept_days = excluded.kept_days, is_active = true
        """,
        rows,
    )


async def withdraw_questions(conn: Connection, services: Sequence[int], keys: Sequence[str]) -> None:
    await conn.execute(
        """
        UPDATE question SET is_active = false
         WHERE is_active AND (service_id, key) NOT IN (SELECT * FROM unnest($1::int[], $2::text[]))
        """,
        services,
        keys,
    )


async def remove_places(conn: Connection) -> None:
    await conn.execute("DELETE FROM place")


async def add_places(conn: Connection, rows: Rows) -> None:
    await conn.execute(
        """
        INSERT INTO place (folded, name, latitude, longitude)
        SELECT folded, name, latitude, longitude
          FROM jsonb_to_recordset($1::jsonb) AS new (folded text, name text, latitude float, longitude float)
        """,
        rows,
    )


def _columns(rows: Sequence[HoursRow]) -> list[list[object]]:
    return [[row[place] for row in rows] for place in range(9)]
