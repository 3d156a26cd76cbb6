"""PostgreSQL, with asyncpg."""

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing

import asyncpg

from ..messages import Message, dumps
from . import up_to

# `json`, not `jsonb`: it keeps the text as it was written. "C": ids sort byte by byte.
SCHEMA = """
CREATE TABLE IF NOT EXISTS messages (
    chat text NOT NULL, id text COLLATE "C" NOT NULL, body json NOT NULL, PRIMARY KEY (chat, id));
CREATE TABLE IF NOT EXISTS stale_chats (chat text PRIMARY KEY);
"""
OLDER = "SELECT body FROM messages WHERE chat = $1 AND id < $2 ORDER BY id DESC"
AFTER_ALL = "~"
ROWS_AT_ONCE = 100


class Postgres:
    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    @classmethod
    async def open(cls, url: str) -> "Postgres":
        pool = await asyncpg.create_pool(url, min_size=1, max_size=20)
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock(1)")  # several processes start at once
            await connection.execute(SCHEMA)
        return cls(pool)

    async def append(self, chat: str, messages: Sequence[Message]) -> None:
        rows = [(chat, message["id"], dumps(message)) for message in messages]
        await self._pool.executemany("INSERT INTO messages VALUES ($1, $2, $3)", rows)

    async def older(self, chat: str, before: str | None = None, size: int | None = None) -> list[str]:
        async with aclosing(self._newest_first(chat, before or AFTER_ALL, size is None)) as rows:
            return await up_to(size, rows)

    async def _newest_first(self, chat: str, before: str, everything: bool) -> AsyncIterator[str]:
        async with self._pool.acquire() as connection, connection.transaction(readonly=True):
            if everything:
                for row in await connection.fetch(OLDER, chat, before):
                    yield row[0]
                return
            async for row in connection.cursor(OLDER, chat, before, prefetch=ROWS_AT_ONCE):
                yield row[0]

    async def stale(self, chat: str) -> bool:
        return await self._pool.fetchval("SELECT true FROM stale_chats WHERE chat = $1", chat) or False

    async def set_stale(self, chat: str, stale: bool) -> None:
        if stale:
            await self._pool.execute("INSERT INTO stale_chats VALUES ($1) ON CONFLICT DO NOTHING", chat)
        else:
            await self._pool.execute("DELETE FROM stale_chats WHERE chat = $1", chat)

    async def close(self) -> None:
        await self._pool.close()
