"""The days as traffic lights: ledger, provider, payout, bank, treasury."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime

from base.db import Connection, fetch_all
from payment.matching.worklist_model import DayLights

# Which differences belong to which light.
_SQL = """
    WITH days AS (SELECT generate_series($1::date, $2::date, '1 day')::date AS day),
    booked AS (SELECT business_day AS day, count(*) AS journals,
                      count(*) FILTER (WHERE EXISTS (SELECT FROM journal_unsealed u WHERE u.journal_id = j.id)) AS unsealed
                 FROM journal j WHERE business_day BETWEEN $1 AND $2 GROUP BY 1),
    told AS (SELECT city_day(created_at) AS day, count(*) AS n FROM provider_transaction
              WHERE version = 1 AND created_at >= $1::date - 2 AND created_at < $2::date + 2 GROUP BY 1),
    paid AS (SELECT arrival_on AS day, count(*) AS n, count(*) FILTER (WHERE m.payout_id IS NULL AND p.status <> 'failed') AS missing
               FROM provider_payout_now p
               LEFT JOIN (SELECT DISTINCT provider, payout_id FROM bank_match WHERE payout_id IS NOT NULL AND freed_by IS NULL) m
                 ON m.provider = p.provider AND m.payout_id = p.id
              WHERE arrival_on BETWEEN $1 AND $2 GROUP BY 1),
    stated AS (SELECT DISTINCT d.day FROM days d JOIN bank_statement s ON d.day BETWEEN s.from_on AND s.to_on),
    differ AS (
      SELECT day, CASE WHEN cause LIKE 'payout%' OR subject LIKE 'payout:%' THEN 'payout'
                       WHEN cause IN ('unknown_credit', 'unknown_debit', 'statement_gap', 'bank_balance') OR cause LIKE 'till%' THEN 'bank'
                       WHEN cause = 'export_not_acknowledged' THEN 'exported' ELSE 'provider' END AS place,
             count(*) FILTER (WHERE state = 'open') AS open, count(*) FILTER (WHERE state = 'explained') AS explained
        FROM difference WHERE day BETWEEN $1 AND $2 AND state IN ('open', 'explained') GROUP BY 1, 2),
    asked AS (SELECT name FROM unnest($4::text[]) name WHERE EXISTS (SELECT FROM payment p WHERE p.provider = name)),
    reading AS (
      SELECT (SELECT count(*) FROM asked) AS asked,
             CASE WHEN NOT EXISTS (SELECT FROM asked) THEN max(read_until)
                  WHEN NOT EXISTS (SELECT name FROM asked EXCEPT SELECT provider FROM provider_reading)
                  THEN min(read_until) FILTER (WHERE provider IN (SELECT name FROM asked)) END AS read_until
        FROM provider_reading)
    SELECT d.day, coalesce(b.journals, 0) AS journals,
           CASE WHEN b.day IS NULL THEN 'none' WHEN c.day IS NOT NULL THEN 'green' ELSE 'yellow' END AS ledger,
           CASE WHEN v.open > 0 THEN 'red' WHEN v.explained > 0 THEN 'yellow' WHEN t.day IS NULL AND b.day IS NULL THEN 'none'
                WHEN r.read_until >= (d.day + 1)::timestamp AT TIME ZONE 'UTC' THEN 'green'
                WHEN r.asked = 0 THEN 'none' ELSE 'yellow' END AS provider,
           CASE WHEN o.open > 0 THEN 'red' WHEN o.explained > 0 THEN 'yellow' WHEN p.day IS NULL THEN 'none'
                WHEN p.missing > 0 THEN 'yellow' ELSE 'green' END AS payout,
           CASE WHEN k.open > 0 THEN 'red' WHEN k.explained > 0 THEN 'yellow' WHEN s.day IS NOT NULL THEN 'green'
                WHEN p.day IS NOT NULL THEN 'yellow' ELSE 'none' END AS bank,
           CASE WHEN x.open > 0 THEN 'red' WHEN a.batch IS NOT NULL THEN 'green' WHEN b.day IS NULL THEN 'none' ELSE 'yellow' END
             AS exported,
           coalesce(v.open, 0) AS provider_open, coalesce(o.open, 0) AS payout_open, coalesce(k.open, 0) AS bank_open
      FROM days d LEFT JOIN booked b USING (day) LEFT JOIN told t USING (day) LEFT JOIN paid p USING (day) LEFT JOIN stated s USING (day)
      LEFT JOIN ledger_day c ON c.day = d.day
      LEFT JOIN export_batch e ON e.day = d.day LEFT JOIN export_acknowledgement a ON a.batch = e.number
      LEFT JOIN differ v ON v.day = d.day AND v.place = 'provider' LEFT JOIN differ o ON o.day = d.day AND o.place = 'payout'
      LEFT JOIN differ k ON k.day = d.day AND k.place = 'bank' LEFT JOIN differ x ON x.day = d.day AND x.place = 'exported'
      CROSS JOIN reading r
     WHERE d.day <= city_day($3) ORDER BY d.day DESC"""


async def lights(
    conn: Connection, first: date, last: date, now: datetime, providers: Collection[str]
) -> list[DayLights]:
    """One for each day until today, the youngest first. `providers`: those that tell their transactions; where none of them
    has ever been paid with, the light shows what former ones have told, else nothing.
    """
    return await fetch_all(conn, DayLights, _SQL, first, last, now, list(providers))
