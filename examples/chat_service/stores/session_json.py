"""Before, (a): the session is one JSON document. Read, parsed, changed and written back as a whole in every turn.

Two requests for one chat at the same time: the later SET undoes the earlier.
"""

import json
from collections.abc import Sequence

from redis.asyncio import Redis

from ..databases import Database
from ..messages import Message, dumps
from .trimming import newest_that_fit

TTL = 86_400


class SessionJson:
    def __init__(self, redis: Redis, database: Database, chat: str) -> None:
        self._redis, self._database, self._chat, self._key = redis, database, chat, f"session:{chat}"
        self._history: list[Message] | None = None
        self._changed = False

    async def append(self, messages: Sequence[Message]) -> None:
        if self._history is None:
            raw = await self._redis.get(self._key)
            if raw is None:
                return  # the next prompt loads them
            self._history = json.loads(raw)["history"]
        self._history += messages
        self._changed = True

    async def prompt(self, budget: int) -> list[Message]:
        if self._history is None:
            raw = await self._redis.get(self._key)
            if raw is None:
                self._history = [json.loads(message) for message in await self._database.older(self._chat)]
                self._changed = True
            else:
                self._history = json.loads(raw)["history"]
        return newest_that_fit(reversed(self._history), budget)

    async def close(self) -> None:
        if self._changed:
            await self._redis.set(self._key, dumps({"history": self._history}), ex=TTL)

    async def forget(self) -> None:
        self._history = None
        await self._redis.unlink(self._key)
