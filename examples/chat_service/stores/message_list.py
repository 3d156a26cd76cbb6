"""Before, (b): a Redis list of messages. Read as a whole, counted and trimmed in Python.

A loader that read the database before another request's messages came, and writes after them, loses them. With a list
there is no way to put older messages in front once.
"""

import json
from collections.abc import Sequence

from redis.asyncio import Redis

from ..databases import Database
from ..messages import Message, dumps
from .trimming import newest_that_fit

TTL = 86_400


class MessageList:
    def __init__(self, redis: Redis, database: Database, chat: str, keep: int) -> None:
        self._redis, self._database, self._chat, self._key = redis, database, chat, f"list:{chat}"
        self._keep = keep

    async def append(self, messages: Sequence[Message]) -> None:
        # RPUSHX: messages alone in a new list would be taken for the whole history.
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.rpushx(self._key, *map(dumps, messages))
            pipe.ltrim(self._key, -self._keep, -1)
            pipe.expire(self._key, TTL)
            await pipe.execute()

    async def prompt(self, budget: int) -> list[Message]:
        raw = await self._redis.lrange(self._key, 0, -1)
        if not raw:
            raw = (await self._database.older(self._chat))[-self._keep :]
            if raw:
                async with self._redis.pipeline(transaction=True) as pipe:
                    pipe.delete(self._key)
                    pipe.rpush(self._key, *raw)
                    pipe.expire(self._key, TTL)
                    await pipe.execute()
        return newest_that_fit(map(json.loads, reversed(raw)), budget)

    async def close(self) -> None:
        pass

    async def forget(self) -> None:
        await self._redis.unlink(self._key)
