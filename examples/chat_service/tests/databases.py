"""The databases keep what `databases/__init__.py` says: PostgreSQL, and MongoDB's loader on mongomock.

mongomock stands for a server in memory, under pymongo's names. Its calls are not asynchronous, so they are wrapped;
what is not tried here is pymongo's own AsyncMongoClient and a real server.
"""

import json
from collections.abc import AsyncIterator
from typing import Any

import mongomock

from ..databases import Database
from ..databases.mongo import Mongo
from ..messages import message
from .world import World


class Later:
    """A collection of mongomock, with the asynchronous methods that Mongo uses."""

    def __init__(self, collection: mongomock.Collection) -> None:
        self._collection = collection

    def find(self, *arguments: Any) -> "LaterCursor":
        return LaterCursor(self._collection.find(*arguments))

    def __getattr__(self, name: str) -> Any:
        async def call(*arguments: Any, **named: Any) -> Any:
            return getattr(self._collection, name)(*arguments, **named)

        return call


class LaterCursor:
    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor

    def sort(self, *arguments: Any) -> "LaterCursor":
        return LaterCursor(self._cursor.sort(*arguments))

    def batch_size(self, size: int) -> "LaterCursor":
        return LaterCursor(self._cursor.batch_size(size))

    async def __aenter__(self) -> "LaterCursor":
        return self

    async def __aexit__(self, *_: object) -> None:
        self._cursor.close()

    async def __aiter__(self) -> AsyncIterator[dict[str, Any]]:
        for row in self._cursor:
            yield row


async def run(world: World) -> None:
    mock = mongomock.MongoClient()["chat_service"]
    await keeps_its_word(world, "PostgreSQL", world.database)
    mongo = Mongo({name: Later(mock[name]) for name in ("messages", "stale_chats")})  # type: ignore[arg-type]
    await keeps_its_word(world, "MongoDB's loader, on mongomock", mongo)


async def keeps_its_word(world: World, name: str, database: Database) -> None:
    said = [message("user", content=f"{number}: é 🚄") for number in range(300)]
    await database.append("other", [message("user", content="of another chat")])
    await database.append("chat", said[:200])
    await database.append("chat", said[200:])
    everything = [json.loads(raw) for raw in await database.older("chat")]
    world.check(f"{name}: everything, in order", everything == said)
    older = [json.loads(raw) for raw in await database.older("chat", said[250]["id"], size=1000)]
    size = len(json.dumps(said[0], ensure_ascii=False, separators=(",", ":")).encode())
    right = older == said[250 - len(older) : 250] and 1000 / (size + 2) <= len(older) <= 1000 / size + 1
    world.check(f"{name}: about 1,000 bytes before a message", right, f"{len(older)} messages")
    world.check(f"{name}: nothing before the first", await database.older("chat", said[0]["id"]) == [])
    told = [await database.append("chat", [message("user")])]
    for stale in (True, True, False):
        await database.set_stale("chat", stale)
        told.append(await database.append("chat", [message("user")]))
    world.check(f"{name}: remembers that a cache is stale", told == [False, True, True, False])
