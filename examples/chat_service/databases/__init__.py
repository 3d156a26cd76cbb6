"""The database is the store of record. This is all that the service asks of one."""

from collections.abc import AsyncIterable, Sequence
from typing import Protocol

from ..messages import Message


class Database(Protocol):
    async def append(self, chat: str, messages: Sequence[Message]) -> bool:
        """Stores messages for ever. True if a write to the cache was lost, see `set_stale`."""

    async def older(self, chat: str, before: str | None = None, size: int | None = None) -> list[str]:
        """The newest messages with ids smaller than `before` (None: the newest of all), as JSON, oldest first: as
        many as make at least `size` bytes (None: all). Fewer bytes mean that there are no older messages."""

    async def set_stale(self, chat: str, stale: bool) -> None:
        """Remembers that the cache has missed something of a chat, or that it has been dropped there."""

    async def close(self) -> None: ...


async def open_database(url: str) -> Database:
    if url.startswith("mongodb"):
        from .mongo import Mongo

        return await Mongo.open(url)
    from .postgres import Postgres

    return await Postgres.open(url)


async def up_to(size: int | None, newest_first: AsyncIterable[str]) -> list[str]:
    """Takes messages until they make `size` bytes, and turns them round. The cursor reads no further."""
    taken: list[str] = []
    total = 0
    async for message in newest_first:
        taken.append(message)
        total += len(message.encode())
        if size is not None and total >= size:
            break
    return taken[::-1]
