"""The catalogue as it is read: one function, one statement."""

from __future__ import annotations

from collections.abc import Sequence

from base.db import Connection, fetch_all, find_one
from booking.catalogue.model import City, Counter, Fee, Office, Place, Responsibility, Service, ServiceRule
from booking.catalogue.questions import Question
from booking.catalogue.reductions import Dated


async def find_version(conn: Connection) -> int | None:
    return await find_one(conn, int, "SELECT version FROM city")


async def find_city(conn: Connection) -> City | None:
    return await find_one(conn, City, "SELECT name, time_zone, holidays, contact, languages, version FROM city")


async def offices(conn: Connection, *, is_active: bool) -> list[Office]:
    return await fetch_all(
        conn,
        Office,
        """
        SELECT id, key, name, street, postcode, place, latitude, longitude, is_step_free, directions, time_zone
          FROM office WHERE is_active = $1 ORDER BY id
        """,
        is_active,
    )


async def named_places(conn: Connection) -> list[Place]:
    return await fetch_all(conn, Place, "SELECT name, latitude, longitude FROM place ORDER BY name")


async def active_counters(conn: Connection) -> list[Counter]:
    return await fetch_all(
        conn,
        Counter,
        """
        SELECT c.id, c.office_id, c.key, c.name, c.channel, c.resource,
               ARRAY(SELECT service_id FROM counter_service WHERE counter_id = c.id) AS service_ids,
               ARRAY(SELECT office_id FROM counter_office WHERE counter_id = c.id) AS sold_by
          FROM counter c JOIN office o ON o.id = c.office_id
         WHERE c.is_active AND o.is_active ORDER BY c.id
        """,
    )


async def service_rules(conn: Connection) -> list[ServiceRule]:
    return await fetch_all(
        conn,
        ServiceRule,
        "SELECT service_id, office_id, duration_min, buffer_min, lead_min, horizon_days, channels FROM service_office",
    )


async def responsibilities(conn: Connection) -> list[Responsibility]:
    return await fetch_all(
        conn,
        Responsibility,
        """
        SELECT service_id, counter_id, first, last, postcodes, kind, kind_name FROM responsibility
         ORDER BY service_id, kind_name ->> 'de', id""",
    )


async def services(conn: Connection, *, is_active: bool) -> list[Service]:
    return await fetch_all(
        conn,
        Service,
        """
        SELECT id, key, leika_key, name, summary, search_words, documents, channels, duration_min, topic, top, source,
               most, further_min, counted, is_group, needs, capture
          FROM service WHERE is_active = $1 ORDER BY id
        """,
        is_active,
    )


async def living_fees(conn: Connection) -> list[Fee]:
    """Versions that hold on some day; withdrawn ones have an empty validity."""
    return await fetch_all(
        conn,
        Fee,
        """
        SELECT id, service_id, amount_cents, currency, legal_basis,
               lower(valid) AS valid_from, upper(valid) - 1 AS valid_until
          FROM fee WHERE NOT isempty(valid) ORDER BY service_id, lower(valid) NULLS FIRST
        """,
    )


async def questions(conn: Connection) -> list[Question]:
    """Those that are asked, in their order."""
    return await fetch_all(
        conn,
        Question,
        """
        SELECT id, service_id, key, text, kind, choices, is_required, condition_key, condition_value, kept_days
          FROM question WHERE is_active ORDER BY service_id, place
        """,
    )


async def reductions(conn: Connection) -> list[Dated]:
    """Versions that hold on some day, by rank."""
    return await fetch_all(
        conn,
        Dated,
        """
        SELECT to_jsonb(r) - 'valid' AS reduction, lower(valid) AS valid_from, upper(valid) - 1 AS valid_until
          FROM reduction r WHERE NOT isempty(valid) ORDER BY rank, key
        """,
    )


async def found_services(conn: Connection, terms: Sequence[str], language: str, limit: int) -> list[int]:
    """Ids, best first. The terms are folded like the index, so they hold no wildcard.

    Each term counts by its best place: a word of the name, the beginning of one, a search word, the beginning of one, a part
    of a compound ("ausweis" in "personalausweis"). Up to three letters are first of all a word of their own ("car" is no
    "card"). A term that is nowhere in the catalogue is taken for mistyped and counts by likeness. A service counts in the
    language that fits best. What many come for gains up to 0.3, what can be booked 0.05.
    """
    return await fetch_all(
        conn,
        int,
        """
        WITH term AS MATERIALIZED (
          SELECT t AS term, NOT EXISTS (SELECT 1 FROM service_search
                                         WHERE name LIKE '%' || t || '%' OR words LIKE '%' || t || '%') AS is_mistyped
            FROM unnest($1::text[]) AS t),
        scored AS (
          SELECT s.service_id, s.language,
                 avg(CASE WHEN is_mistyped THEN (
                            SELECT CASE WHEN alike >= 0.3 THEN 0.6 * alike ELSE 0 END
                              FROM (SELECT greatest(strict_word_similarity(term, s.name),
                                                    0.95 * strict_word_similarity(term, s.words)) AS alike) AS a)
                          WHEN s.name = term THEN 1.0
                          WHEN ' ' || s.name || ' ' LIKE '% ' || term || ' %' THEN 0.92
                          WHEN length(term) > 3 AND ' ' || s.name LIKE '% ' || term || '%' THEN 0.88
                          WHEN ' ' || s.words || ' ' LIKE '% ' || term || ' %' THEN 0.85
                          WHEN length(term) > 3 AND ' ' || s.words LIKE '% ' || term || '%' THEN 0.75
                          WHEN length(term) > 3 AND s.name LIKE '%' || term || '%' THEN 0.65
                          WHEN length(term) > 3 AND s.words LIKE '%' || term || '%' THEN 0.6
                          WHEN ' ' || s.name LIKE '% ' || term || '%' THEN 0.6
                          WHEN ' ' || s.words LIKE '% ' || term || '%' THEN 0.5
                          ELSE 0 END) + CASE WHEN s.language = $2 THEN 0.02 ELSE 0 END AS score
            FROM service_search s CROSS JOIN term GROUP BY s.service_id, s.language),
        best AS (SELECT service_id, max(score) AS score FROM scored GROUP BY service_id HAVING max(score) >= 0.15)
        SELECT s.id
          FROM best b JOIN service s ON s.id = b.service_id
         WHERE s.is_active AND b.score >= 0.5 * (SELECT max(score) FROM best)
         ORDER BY b.score + CASE WHEN s.channels = '{}' THEN 0 ELSE 0.05 END
                  + coalesce(0.3 * (1 - (s.top - 1)::float / (SELECT max(top) FROM service WHERE is_active)), 0) DESC,
                  s.top NULLS LAST, s.id
         LIMIT $3
        """,
        terms,
        language,
        limit,
    )
