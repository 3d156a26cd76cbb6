"""The history of one chat, for one request: the database is the truth, Redis the cache in front of it.

If Redis does not answer, the database does. That the cache has missed something is remembered in the database, and the
chat is dropped from the cache when it is next written to.
"""

import json
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from redis.exceptions import RedisError

from .databases import Database
from .messages import Message
from .stores import Store

T = TypeVar("T")
log = logging.getLogger("uvicorn.error")


class History:
    def __init__(self, store: Store, database: Database, chat: str) -> None:
        self._store, self._database, self._chat = store, database, chat
        self._redis_answers = True
        self.store_seconds = 0.0
        """Time spent in the store, its loads from the database included."""

    async def append(self, *messages: Message) -> None:
        stale = await self._database.append(self._chat, messages)
        if stale and self._redis_answers:
            await self._try(self._store.forget)
            if self._redis_answers:
                await self._database.set_stale(self._chat, False)
        await self._try(lambda: self._store.append(messages))

    async def prompt(self, budget: int) -> list[Message]:
        found = await self._try(lambda: self._store.prompt(budget))
        return await self._from_database(budget) if found is None else found

    async def close(self) -> None:
        await self._try(self._store.close)

    async def _try(self, call: Callable[[], Awaitable[T]]) -> T | None:
        """Asks the store. None: Redis does not answer, and is not asked again in this request."""
        if not self._redis_answers:
            return None
        started = time.perf_counter()
        try:
            return await call()
        except RedisError as error:
            log.warning("without Redis: %s: %s", type(error).__name__, error)
            self._redis_answers = False
            await self._database.set_stale(self._chat, True)
            return None
        finally:
            self.store_seconds += time.perf_counter() - started

    async def _from_database(self, budget: int) -> list[Message]:
        """A shorter prompt, made without a tokenizer: no message has more tokens than its JSON has bytes."""
        window: list[Message] = []
        left = budget - 3
        for raw in reversed(await self._database.older(self._chat, size=budget)):
            left -= len(raw.encode())
            if left < 0:
                break
            window.append(json.loads(raw))
        while window and window[-1]["role"] == "tool":
            window.pop()  # its call was cut off
        return window[::-1]
