"""The catalogue as it stands, by kind and key: what an import is compared with."""

from __future__ import annotations

from collections.abc import Mapping

from base.db import Connection
from booking.catalogue.import_diff import State

QUERIES: Mapping[str, str] = {
    "city": "SELECT 'city' AS key, to_jsonb(x) - 'version' - 'is_only' AS row FROM city x",
    "office": "SELECT key, to_jsonb(x) - 'id' - 'key' - 'is_active' AS row FROM office x WHERE is_active",
    "counter": """
        SELECT o.key || '/' || c.key AS key, jsonb_build_object('name', c.name, 'channel', c.channel, 'is_told', c.is_told, 'services',
                 (SELECT coalesce(jsonb_agg(s.key ORDER BY s.key), '[]') FROM counter_service cs JOIN service s ON s.id = cs.service_id
                   WHERE cs.counter_id = c.id AND s.is_active), 'sold_by',
                 (SELECT coalesce(jsonb_agg(p.key ORDER BY p.key), '[]') FROM counter_office co JOIN office p ON p.id = co.office_id
                   WHERE co.counter_id = c.id)) AS row
          FROM counter c JOIN office o ON o.id = c.office_id WHERE c.is_active AND o.is_active""",
    "service": "SELECT key, to_jsonb(x) - 'id' - 'key' - 'is_active' AS row FROM service x WHERE is_active",
    "fee": """
        SELECT s.key || ' ' || coalesce(lower(f.valid)::text, 'always') AS key, jsonb_build_object('amount_cents', f.amount_cents,
                 'legal_basis', f.legal_basis, 'product', f.product, 'tax_percent', f.tax_percent, 'valid_until', upper(f.valid) - 1) AS row
          FROM fee f JOIN service s ON s.id = f.service_id WHERE NOT isempty(f.valid)""",
    "hours": """
        SELECT o.key || '/' || c.key AS key, jsonb_build_object('series', jsonb_agg(concat_ws(' ', CASE h.kind WHEN 'break' THEN h.kind END,
                 (ARRAY['mo', 'tu', 'we', 'th', 'fr', 'sa', 'su'])[h.weekday],
                 to_char(h.opens, 'HH24:MI') || '–' || to_char(h.closes, 'HH24:MI'),
                 '1/' || nullif(h.every_weeks, 1), '#' || h.week_of_month, CASE WHEN NOT (lower_inf(h.valid) AND upper_inf(h.valid))
                 THEN coalesce(lower(h.valid)::text, '') || '…' || coalesce((upper(h.valid) - 1)::text, '') END)
                 ORDER BY h.weekday, h.opens, h.kind, h.valid::text)) AS row
          FROM opening_hours h JOIN counter c ON c.id = h.counter_id JOIN office o ON o.id = c.office_id
         WHERE c.is_active GROUP BY o.key, c.key""",
    "exception": """
        SELECT o.key || coalesce('/' || c.key, '') || ' ' || e.day AS key, jsonb_build_object('times',
                 jsonb_agg(coalesce(e.opens || '-' || e.closes, 'closed') ORDER BY e.opens), 'reason', min(e.reason)) AS row
          FROM hours_exception e LEFT JOIN counter c ON c.id = e.counter_id JOIN office o ON o.id = coalesce(e.office_id, c.office_id)
         GROUP BY o.key, c.key, e.day""",
    "rule": """
        SELECT o.key || ' ' || s.key AS key, jsonb_strip_nulls(to_jsonb(r) - 'service_id' - 'office_id') AS row
          FROM service_office r JOIN service s ON s.id = r.service_id JOIN office o ON o.id = r.office_id""",
    "responsibility": """
        SELECT s.key || ' ' || o.key || '/' || c.key AS key, jsonb_build_object('for', jsonb_agg(concat_ws('; ',
                 'letters ' || nullif(concat_ws('-', nullif(r.first, ''), nullif(r.last, '')), ''),
                 'postcodes ' || nullif(array_to_string(r.postcodes, ' '), ''), 'kind ' || nullif(r.kind, ''))
                 ORDER BY r.first, r.kind, r.postcodes)) AS row
          FROM responsibility r JOIN service s ON s.id = r.service_id JOIN counter c ON c.id = r.counter_id
          JOIN office o ON o.id = c.office_id
         GROUP BY s.key, o.key, c.key""",
    "question": """
        SELECT s.key || ' ' || q.key AS key, jsonb_strip_nulls(to_jsonb(q) - 'id' - 'service_id' - 'key' - 'place' - 'is_active') AS row
          FROM question q JOIN service s ON s.id = q.service_id WHERE q.is_active AND s.is_active""",
    "reduction": """
        SELECT r.key || ' ' || coalesce(lower(r.valid)::text, 'always') AS key, to_jsonb(r) - 'id' - 'key' - 'services' - 'valid'
                 || jsonb_build_object('valid_until', upper(r.valid) - 1, 'services',
                      (SELECT jsonb_agg(s.key ORDER BY s.key) FROM service s WHERE s.id = ANY (r.services))) AS row
          FROM reduction r WHERE NOT isempty(r.valid)""",
    "place": "SELECT name AS key, jsonb_build_object('latitude', latitude, 'longitude', longitude) AS row FROM place",
}


async def state(conn: Connection) -> State:
    """One statement each, whatever the city's size."""
    return {kind: {row["key"]: row["row"] for row in await conn.fetch(sql)} for kind, sql in QUERIES.items()}
