"""PostgreSQL: one pool, transactions, and rows as typed values."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeAlias, TypeVar

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from pydantic import TypeAdapter

from base.errors import NotFound

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"
Row = TypeVar("Row")
T = TypeVar("T")
_ACQUIRE_LIMIT_S = 10  # rather a clear "try again" than a queue in front of a database that does not answer


class _PooledConnection(asyncpg.Connection):
    """Without the reset query on release: it is a second round trip, and pooled connections carry no session state."""

    __slots__ = ()

    def get_reset_query(self) -> str:
        return ""


async def _prepare(conn: asyncpg.Connection[asyncpg.Record]) -> None:
    await conn.set_type_codec("jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog")


class CannotConnect(Exception):
    """There is no database behind DATABASE_URL now; the sentence says why, without the address."""


@contextmanager
def connecting() -> Iterator[None]:
    try:
        yield
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
        raise CannotConnect(f"DATABASE_URL: no connection to PostgreSQL ({type(error).__name__})") from error


class Database:
    """The pool. Correctness never depends on the isolation level; READ COMMITTED is used."""

    def __init__(self, url: str, *, size: int = 10) -> None:
        self._url = url
        self._size = size
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None

    async def open(self) -> None:
        """Connect and warm every connection: a fresh backend costs more than a busy one. Raises CannotConnect."""
        with connecting():
            self._pool = await asyncpg.create_pool(
                self._url,
                min_size=self._size,
                max_size=self._size,
                connection_class=_PooledConnection,
                init=_prepare,
                command_timeout=30,
                server_settings={"application_name": "schalter", "timezone": "UTC", "jit": "off"},
            )

    async def close(self) -> None:
        if self._pool is not None:
            pool, self._pool = self._pool, None
            try:
                await asyncio.wait_for(pool.close(), timeout=10)
            except TimeoutError:
                pool.terminate()

    async def __aenter__(self) -> Database:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection without a transaction: each statement is its own."""
        assert self._pool is not None, "the database is not open"
        async with self._pool.acquire(timeout=_ACQUIRE_LIMIT_S) as conn:
            yield conn

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Nothing but the database is awaited inside."""
        async with self.connection() as conn, conn.transaction():
            yield conn


_ADAPTERS: dict[Any, TypeAdapter[Any]] = {}


def _adapter(cls: Any) -> TypeAdapter[Any]:
    found = _ADAPTERS.get(cls)
    if found is None:
        found = _ADAPTERS[cls] = TypeAdapter(cls)
    return found


async def freeze(conn: Connection) -> None:
    """All that follows in this transaction is seen as of one moment."""
    await conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")


async def fetch_all(conn: Connection, cls: type[Row], sql: str, *args: object) -> list[Row]:
    """Rows as values of a dataclass, or of a plain type where the statement gives one column."""
    rows = await conn.fetch(sql, *args)
    return [_value(cls, row) for row in rows]


async def find_one(conn: Connection, cls: type[Row], sql: str, *args: object) -> Row | None:
    row = await conn.fetchrow(sql, *args)
    return None if row is None else _value(cls, row)


async def get_one(conn: Connection, cls: type[Row], sql: str, *args: object) -> Row:
    """Like find_one; raises NotFound."""
    found = await find_one(conn, cls, sql, *args)
    if found is None:
        raise NotFound
    return found


def _value(cls: type[Row], row: asyncpg.Record) -> Row:
    if hasattr(cls, "__dataclass_fields__") or hasattr(cls, "model_fields"):
        made: Row = _adapter(cls).validate_python(dict(row))
    else:
        made = _adapter(cls).validate_python(row[0])
    return made


def violates(error: BaseException, constraint: str) -> bool:
    """Whether the database refused because of the constraint of this name."""
    return isinstance(error, asyncpg.PostgresError) and getattr(error, "constraint_name", None) == constraint


async def again_after_deadlock(work: Callable[[], Awaitable[T]], tries: int = 2) -> T:
    """Once more where the database has ended it for another's sake: nothing of it was done. For whole transactions."""
    for _try in range(tries - 1):
        try:
            return await work()
        except asyncpg.DeadlockDetectedError:
            continue
    return await work()


def database_is_away(error: BaseException) -> bool:
    """It cannot be reached now, or went away with the connection: whatever was asked may be asked again."""
    if isinstance(error, asyncpg.InterfaceError):  # mostly a wrong use of asyncpg, which is ours to mend
        return "clos" in str(error)
    if isinstance(error, asyncpg.InternalClientError):  # said where the server's farewell meets a new question
        return "operation" in str(error)
    return isinstance(
        error, OSError | TimeoutError | asyncpg.PostgresConnectionError | asyncpg.OperatorInterventionError
    )
