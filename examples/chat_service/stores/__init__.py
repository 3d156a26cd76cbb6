"""The history of one chat in Redis: three files, the same interface. Which one is used is the setting `STORE`.

The service writes every message to the database first, then here. What is missing here comes from there.
"""

from collections.abc import Sequence
from typing import Protocol

from redis.asyncio import Redis

from ..databases import Database
from ..messages import Message
from ..settings import Settings


class Store(Protocol):
    """One chat, for one request."""

    async def append(self, messages: Sequence[Message]) -> None:
        """Adds messages that the database has already."""

    async def prompt(self, budget: int) -> list[Message]:
        """The newest messages that fit, oldest first, no tool result without its call."""

    async def close(self) -> None:
        """The request is answered."""

    async def forget(self) -> None:
        """Drops what is here; the database has it."""


def open_store(settings: Settings, redis: Redis, database: Database, chat: str) -> Store:
    match settings.store:
        case "session_json":
            from .session_json import SessionJson

            return SessionJson(redis, database, chat)
        case "message_list":
            from .message_list import MessageList

            return MessageList(redis, database, chat, settings.keep_messages)
        case "conv":
            from .conv import Conv

            return Conv(redis, database, chat, settings.wait_ms)
        case other:
            raise ValueError(f"STORE={other}: expected session_json, message_list or conv")
