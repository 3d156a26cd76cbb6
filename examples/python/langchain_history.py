"""LangChain: a chat history in conv, and `trim_messages` done by the server.

    history = ConvChatMessageHistory("7", redis.Redis(), max_tokens=3000)
    history.add_user_message("What is the weather in Lisbon?")
    chain = RunnableWithMessageHistory(prompt | model, lambda session: ConvChatMessageHistory(session, r))
    window = trim_messages(history, max_tokens=3000, start_on="human", include_system=True)
    history.clear()

Messages are stored as `message_to_dict` writes them. `max_tokens` bounds what `messages` returns: the newest
that fit, tool calls together with their results; without it all are returned. With `async_client` the `a...` methods
use it; without, LangChain runs the others in a thread.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import redis
import redis.asyncio
from langchain_core.chat_history import BaseChatMessageHistory
from langchain_core.messages import (
    BaseMessage,
    BaseMessageChunk,
    HumanMessage,
    message_chunk_to_message,
    message_to_dict,
    messages_from_dict,
)
from langchain_core.runnables import Runnable, RunnableLambda

#: More than any conversation has.
NO_LIMIT = 2**53


class ConvChatMessageHistory(BaseChatMessageHistory):
    """The history of one session, under the key `prefix` + `session_id`."""

    def __init__(
        self,
        session_id: str,
        client: redis.Redis,
        *,
        async_client: redis.asyncio.Redis | None = None,
        max_tokens: int | None = None,
        prefix: str = "chat:",
    ) -> None:
        self.client = client
        self.async_client = async_client
        self.key = prefix + session_id
        self.max_tokens = max_tokens

    @property
    def messages(self) -> list[BaseMessage]:  # type: ignore[override]
        """The messages, or the newest that fit `max_tokens`."""
        return _parse(self.client.execute_command(*self._read()))

    async def aget_messages(self) -> list[BaseMessage]:
        """As `messages`."""
        if self.async_client is None:
            return await super().aget_messages()
        return _parse(await self.async_client.execute_command(*self._read()))

    def add_messages(self, messages: Sequence[BaseMessage]) -> None:
        """Appends all of them, or none if one is refused."""
        if messages:
            self.client.execute_command("CONV.APPEND", self.key, *map(_dump, messages))

    async def aadd_messages(self, messages: Sequence[BaseMessage]) -> None:
        """As `add_messages`."""
        if self.async_client is None:
            await super().aadd_messages(messages)
        elif messages:
            await self.async_client.execute_command("CONV.APPEND", self.key, *map(_dump, messages))

    def clear(self) -> None:
        """Removes the conversation."""
        self.client.delete(self.key)

    async def aclear(self) -> None:
        """As `clear`."""
        if self.async_client is None:
            await super().aclear()
        else:
            await self.async_client.delete(self.key)

    def _read(self) -> tuple[Any, ...]:
        if self.max_tokens is None:
            return ("CONV.RANGE", self.key, 0, -1, "FORMAT", "JSON")
        return ("CONV.RECENT", self.key, self.max_tokens, "FORMAT", "JSON")


def trim_messages(
    history: ConvChatMessageHistory | None = None,
    *,
    max_tokens: int,
    token_counter: Callable[..., int] | Any = None,
    strategy: str = "last",
    allow_partial: bool = False,
    end_on: Any = None,
    start_on: Any = None,
    include_system: bool = False,
) -> list[BaseMessage] | Runnable[Any, list[BaseMessage]]:
    """As `langchain_core.messages.trim_messages`, of a history in conv: only what fits leaves the server.

    The differences: the server counts, so `token_counter` is not called (`len` makes `max_tokens` a number of
    messages, beside the system messages). Never half a tool turn is returned. If no human message fits,
    `start_on="human"` puts the nearest earlier one in front. `include_system=False` leaves the system messages
    out also where all would fit. What the server cannot do is refused.
    """
    if strategy != "last" or allow_partial or end_on is not None:
        raise ValueError("on the server: strategy='last', whole messages, no end_on")
    if start_on not in (None, "human", HumanMessage, ("human",), ["human"], (HumanMessage,), [HumanMessage]):
        raise ValueError(f"on the server start_on is 'human' or nothing, not {start_on!r}")
    if history is None:
        options = {"token_counter": token_counter, "start_on": start_on, "include_system": include_system}
        return RunnableLambda(partial(trim_messages, max_tokens=max_tokens, **options), name="trim_messages")
    words: list[Any] = ["CONV.RECENT", history.key, max_tokens, "FORMAT", "JSON"]
    if token_counter is len:
        words[2:3] = [NO_LIMIT, "MESSAGES", max_tokens]
    if start_on is not None:
        words += ["START", "USER"]
    if not include_system:
        words += ["NOSYSTEM", "NOSUMMARY"]
    return _parse(history.client.execute_command(*words))


def _dump(message: BaseMessage) -> str:
    # What was streamed is a chunk, and has the type of one, even when it is put together.
    if isinstance(message, BaseMessageChunk):
        message = message_chunk_to_message(message)
    return json.dumps(message_to_dict(message), ensure_ascii=False, separators=(",", ":"))


def _parse(reply: str | bytes | None) -> list[BaseMessage]:
    return messages_from_dict(json.loads(reply)) if reply else []
