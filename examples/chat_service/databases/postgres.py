"""PostgreSQL, with asyncpg."""

from collections.abc import Sequence

import asyncpg

from ..messages import Message, dumps
from . import up_to

# `json`, not `jsonb`: it keeps the text as it was written. "C": ids sort byte by byte.
SCHEMA = """
CREATE TABLE IF NOT EXISTS messages (
    chat text NOT NULL, id text COLLATE "C" NOT NULL, body json NOT NULL, PRIMARY KEY (chat, id));
CREATE TABLE IF NOT EXISTS stale_chats (chat text PRIMARY KEY);
"""
APPEND = """
WITH added AS (INSERT INTO messages SELECT $1, id, body::json FROM unnest($2::text[], $3::text[]) AS new (id, body))
SELECT EXISTS (SELECT FROM stale_chats WHERE chat = $1)
"""
OLDER = "SELECT body FROM messages WHERE chat = $1 AND id < $2 ORDER BY id DESC"
AFTER_ALL = "~"
ROWS_AT_ONCE = 50


class Postgres:
    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    @classmethod
    async def open(cls, url: str) -> "Postgres":
        # The index has the order that is asked for. Without sorting, a cursor that stops early reads no more rows.
        pool = await asyncpg.create_pool(url, min_size=1, max_size=20, server_settings={"enable_sort": "off"})
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock(1)")  # several processes start at once
            await connection.execute(SCHEMA)
        return cls(pool)

    async def append(self, chat: str, messages: Sequence[Message]) -> bool:
        return await self._pool.fetchval(APPEND, chat, [m["id"] for m in messages], list(map(dumps, messages)))

    async def older(self, chat: str, before: str | None = None, size: int | None = None) -> list[str]:
        if size is None:
            rows = await self._pool.fetch(OLDER, chat, before or AFTER_ALL)
            return [row[0] for row in reversed(rows)]
        async with self._pool.acquire() as connection, connection.transaction(readonly=True):
            cursor = connection.cursor(OLDER, chat, before or AFTER_ALL, prefetch=ROWS_AT_ONCE)
            return await up_to(size, (row[0] async for row in cursor))

    async def set_stale(self, chat: str, stale: bool) -> None:
        if stale:
            await self._pool.execute("INSERT INTO stale_chats VALUES ($1) ON CONFLICT DO NOTHING", chat)
        else:
            await self._pool.execute("DELETE FROM stale_chats WHERE chat = $1", chat)

    async def reconnect(self) -> None:
        """New connections from now on, for one who knows that the server has ended those that are open."""
        await self._pool.expire_connections()

    async def close(self) -> None:
        await self._pool.close()
