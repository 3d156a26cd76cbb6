"""After: a conversation. `conv.ttl 86400` and `conv.assume-complete no` are set in redis.conf.

Counting, trimming and expiry are gone, and nothing is read but the prompt. A miss loads as much as the prompt needs.
"""

import json
from collections.abc import Sequence

from redis.asyncio import Redis

from ..databases import Database
from ..messages import Message, dumps

BYTES_PER_TOKEN = 6
"""How much to load: more than a token usually takes, so that one read is enough. If it is not, more is loaded."""


class Conv:
    def __init__(self, redis: Redis, database: Database, chat: str, wait_ms: int) -> None:
        self._redis, self._database, self._chat, self._key = redis, database, chat, f"conv:{chat}"
        self._wait_ms = wait_ms  # for another request that is loading the same chat

    async def append(self, messages: Sequence[Message]) -> None:
        await self._redis.execute_command("CONV.APPEND", self._key, "UNIQUE", *map(dumps, messages))

    async def prompt(self, budget: int) -> list[Message]:
        recent = ("CONV.RECENT", self._key, budget, "FORMAT", "JSON")
        reply = await self._redis.execute_command(*recent, "WAIT", self._wait_ms)
        while reply is None and await self._load_older(budget * BYTES_PER_TOKEN):  # a miss: this request loads
            reply = await self._redis.execute_command(*recent)
        return json.loads(reply) if reply else []

    async def _load_older(self, size: int) -> bool:
        """Puts what the database has before the oldest message here in front of it. False: it knows no such chat."""
        held = await self._redis.execute_command("CONV.RANGE", self._key, 0, 0)
        older = await self._database.older(self._chat, json.loads(held[0])["id"] if held else None, size)
        if not older and not held:
            return False
        complete = ["COMPLETE"] if sum(len(message.encode()) for message in older) < size else []
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.exists(self._key)
            pipe.execute_command("CONV.BACKFILL", self._key, *complete, *(older or held))
            existed, _ = await pipe.execute()
        if held and not existed:  # flushed or evicted meanwhile: older messages alone are not the newest ones
            await self.forget()
        return True

    async def close(self) -> None:
        pass

    async def forget(self) -> None:
        await self._redis.unlink(self._key)
