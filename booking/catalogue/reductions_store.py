"""Versions of reductions, as rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from base.db import Connection, fetch_all


@dataclass(frozen=True, slots=True)
class StoredReduction:
    id: int
    key: str
    name: dict[str, str]
    kind: str
    value: int
    per: str
    rank: int
    services: list[int]
    proof: dict[str, str]
    legal_basis: dict[str, str]
    valid_from: date | None
    valid_until: date | None


async def stored(conn: Connection) -> list[StoredReduction]:
    return await fetch_all(
        conn,
        StoredReduction,
        """
        SELECT id, key, name, kind, value, per, rank, services, proof, legal_basis,
               lower(valid) AS valid_from, upper(valid) - 1 AS valid_until
          FROM reduction WHERE NOT isempty(valid)""",
    )


async def withdraw(conn: Connection, ids: Sequence[int]) -> None:
    await conn.execute("UPDATE reduction SET valid = 'empty' WHERE id = ANY ($1::int[])", ids)


async def set_validity(
    conn: Connection, ids: Sequence[int], first: Sequence[date | None], last: Sequence[date | None]
) -> None:
    await conn.execute(
        """
        UPDATE reduction SET valid = daterange(new.first, new.last, '[]')
          FROM unnest($1::int[], $2::date[], $3::date[]) AS new (id, first, last) WHERE reduction.id = new.id""",
        ids,
        first,
        last,
    )


async def add(conn: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    await conn.execute(
        """
        INSERT INTO reduction (key, name, kind, value, per, rank, services, proof, legal_basis, valid)
        SELECT key, name, kind, value, per, rank, services, proof, legal_basis, daterange(valid_from, valid_until, '[]')
          FROM jsonb_to_recordset($1::jsonb)
               AS new (key text, name jsonb, kind text, value int, per text, rank int, services int[], proof jsonb, legal_basis jsonb,
                       valid_from date, valid_until date)""",
        rows,
    )
