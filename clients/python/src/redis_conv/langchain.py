"""LangChain: a chat history in conv, and `trim_messages` done by the server.

    history = ConvChatMessageHistory("7", redis.Redis(), max_tokens=3000)
    history.add_user_message("What is the weather in Lisbon?")
    chain = RunnableWithMessageHistory(prompt | model, lambda session: ConvChatMessageHistory(session, r))
    window = trim_messages(history, max_tokens=3000, start_on="human", include_system=True)

Messages are stored as `message_to_dict` writes them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

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

from . import calls
from .calls import Call
from .client import AsyncConv, Conv
from .replies import Message

if TYPE_CHECKING:
    import redis
    import redis.asyncio

#: More tokens than any conversation has.
NO_LIMIT = 2**53


class ConvChatMessageHistory(BaseChatMessageHistory):
    """The history of one session, under the key `prefix` + `session_id`.

    `max_tokens` bounds what `messages` returns: the newest that fit, tool calls together with their results. Without it
    all are returned. With `clear` old tool results are returned empty, all but the newest `clear`; `step` keeps the
    start of the window, and so a provider's prompt cache, for that many tokens. With `async_client` the `a...` methods
    use it; without, LangChain runs the others in a thread.
    """

    def __init__(
        self,
        session_id: str,
        client: redis.Redis,
        *,
        async_client: redis.asyncio.Redis | None = None,
        max_tokens: int | None = None,
        clear: int | None = None,
        step: int | None = None,
        prefix: str = "chat:",
    ) -> None:
        if max_tokens is None and (clear is not None or step is not None):
            raise ValueError("clear and step need max_tokens")
        self.conv = Conv(client)
        self.async_client = async_client
        self.key = prefix + session_id
        self.max_tokens = max_tokens
        self.clear_results = clear
        self.step = step

    @property
    def messages(self) -> list[BaseMessage]:  # type: ignore[override]
        """The messages, or the newest that fit `max_tokens`."""
        return _load(self.conv.run(self._read()))

    async def aget_messages(self) -> list[BaseMessage]:
        """As `messages`."""
        if self.async_client is None:
            return await super().aget_messages()
        return _load(await AsyncConv(self.async_client).run(self._read()))

    def add_messages(self, messages: Sequence[BaseMessage]) -> None:
        """Appends all of them, or none if one is rejected."""
        if messages:
            self.conv.append(self.key, *map(_dump, messages))

    async def aadd_messages(self, messages: Sequence[BaseMessage]) -> None:
        """As `add_messages`."""
        if self.async_client is None:
            await super().aadd_messages(messages)
        elif messages:
            await AsyncConv(self.async_client).append(self.key, *map(_dump, messages))

    def add_pinned(self, message: BaseMessage) -> None:
        """Appends a message that precedes the window however old it is: an agent's task."""
        seq = self.conv.append(self.key, _dump(message))
        self.conv.pin(self.key, seq)

    def clear(self) -> None:
        """Removes the conversation."""
        self.conv.client.delete(self.key)

    async def aclear(self) -> None:
        """As `clear`."""
        if self.async_client is None:
            await super().aclear()
        else:
            await self.async_client.delete(self.key)

    def _read(self) -> Call[Any]:
        if self.max_tokens is None:
            return calls.range(self.key, 0, -1)
        return calls.recent(self.key, self.max_tokens, clear=self.clear_results, step=self.step)


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
    messages, beside the system messages). Half a tool turn is never returned. If no human message fits,
    `start_on="human"` places the nearest earlier one before the window. `include_system=False` leaves the system
    messages out also where all would fit. What the server cannot do raises ValueError.
    """
    if strategy != "last" or allow_partial or end_on is not None:
        raise ValueError("on the server: strategy='last', whole messages, no end_on")
    if start_on not in (None, "human", HumanMessage, ("human",), ["human"], (HumanMessage,), [HumanMessage]):
        raise ValueError(f"on the server start_on is 'human' or nothing, not {start_on!r}")
    if history is None:
        options = {"token_counter": token_counter, "start_on": start_on, "include_system": include_system}
        return RunnableLambda(partial(trim_messages, max_tokens=max_tokens, **options), name="trim_messages")
    by_messages = token_counter is len
    window = history.conv.recent(
        history.key,
        NO_LIMIT if by_messages else max_tokens,
        messages=max_tokens if by_messages else None,
        start=None if start_on is None else "USER",
        clear=history.clear_results,
        no_system=not include_system,
        no_summary=not include_system,
    )
    return _load(window)


def _dump(message: BaseMessage) -> str:
    # What was streamed is a chunk, and has the type of one, even when it is put together.
    if isinstance(message, BaseMessageChunk):
        message = message_chunk_to_message(message)
    return json.dumps(message_to_dict(message), ensure_ascii=False, separators=(",", ":"))


def _load(messages: list[Message] | None) -> list[BaseMessage]:
    return messages_from_dict(messages or [])
