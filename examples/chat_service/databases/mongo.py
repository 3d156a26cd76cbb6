"""MongoDB, with its official driver."""

from collections.abc import Sequence

from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from ..messages import Message, dumps
from . import up_to


class Mongo:
    def __init__(self, database: AsyncDatabase) -> None:
        self._database = database
        self._messages, self._stale = database["messages"], database["stale_chats"]

    @classmethod
    async def open(cls, url: str) -> "Mongo":
        database = AsyncMongoClient(url).get_default_database("chat_service")
        await database["messages"].create_index([("chat", 1), ("id", -1)], unique=True)
        return cls(database)

    async def append(self, chat: str, messages: Sequence[Message]) -> bool:
        await self._messages.insert_many([{"chat": chat, "id": m["id"], "body": dumps(m)} for m in messages])
        return await self._stale.find_one({"_id": chat}) is not None

    async def older(self, chat: str, before: str | None = None, size: int | None = None) -> list[str]:
        found = {"chat": chat} | ({"id": {"$lt": before}} if before else {})
        async with self._messages.find(found, {"body": 1}).sort("id", -1).batch_size(100) as cursor:
            return await up_to(size, (row["body"] async for row in cursor))

    async def set_stale(self, chat: str, stale: bool) -> None:
        if stale:
            await self._stale.replace_one({"_id": chat}, {}, upsert=True)
        else:
            await self._stale.delete_one({"_id": chat})

    async def close(self) -> None:
        await self._database.client.close()
