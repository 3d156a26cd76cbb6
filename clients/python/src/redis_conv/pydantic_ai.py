"""pydantic-ai: the message history of an agent in conv.

    history = ConvHistory("7", redis.Redis(), max_tokens=3000)
    result = agent.run_sync("What is the weather in Lisbon?", message_history=history.messages())
    history.append(result.new_messages())

`AsyncConvHistory` is the same over a client of `redis.asyncio`. Messages are stored as `ModelMessagesTypeAdapter`
writes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pydantic_ai.messages import ModelMessage, ModelMessagesTypeAdapter, ModelRequest, SystemPromptPart
from pydantic_core import to_json

from . import calls
from .calls import Call
from .client import AsyncConv, Conv
from .replies import Message

if TYPE_CHECKING:
    import redis
    import redis.asyncio


class _History:
    """What both classes share: the calls, and how messages are written and read."""

    def __init__(self, key: str, max_tokens: int | None, clear: int | None, step: int | None) -> None:
        if max_tokens is None and (clear is not None or step is not None):
            raise ValueError("clear and step need max_tokens")
        self.key = key
        self.max_tokens = max_tokens
        self.clear_results = clear
        self.step = step

    def _read(self) -> Call[Any]:
        if self.max_tokens is None:
            return calls.range(self.key, 0, -1)
        return calls.recent(self.key, self.max_tokens, start="USER", clear=self.clear_results, step=self.step)


class ConvHistory(_History):
    """The messages of one session, under the key `prefix` + `session_id`.

    With `max_tokens`, `messages` returns the newest that fit, from a user prompt on, tool calls together with their
    results. With `clear` old tool results are returned empty, all but the newest `clear`; `step` keeps the start of the
    window, and so the provider's prompt cache, for that many tokens.
    """

    def __init__(
        self,
        session_id: str,
        client: redis.Redis,
        *,
        max_tokens: int | None = None,
        clear: int | None = None,
        step: int | None = None,
        prefix: str = "agent:",
    ) -> None:
        super().__init__(prefix + session_id, max_tokens, clear, step)
        self.conv = Conv(client)

    def messages(self) -> list[ModelMessage]:
        """The messages, or the newest that fit `max_tokens`."""
        return _load(self.conv.run(self._read()))

    def append(self, messages: Sequence[ModelMessage], *, pin: bool = False) -> None:
        """Appends all of them, or none if one is rejected. With `pin` they precede the window however old they are."""
        if messages:
            last = self.conv.append(self.key, *map(_dump, messages))
            if pin:
                self.conv.pin(self.key, *range(last - len(messages) + 1, last + 1))

    def clear(self) -> None:
        """Removes the conversation."""
        self.conv.client.delete(self.key)


class AsyncConvHistory(_History):
    """As `ConvHistory`, over a client of `redis.asyncio`."""

    def __init__(
        self,
        session_id: str,
        client: redis.asyncio.Redis,
        *,
        max_tokens: int | None = None,
        clear: int | None = None,
        step: int | None = None,
        prefix: str = "agent:",
    ) -> None:
        super().__init__(prefix + session_id, max_tokens, clear, step)
        self.conv = AsyncConv(client)

    async def messages(self) -> list[ModelMessage]:
        """As `ConvHistory.messages`."""
        return _load(await self.conv.run(self._read()))

    async def append(self, messages: Sequence[ModelMessage], *, pin: bool = False) -> None:
        """As `ConvHistory.append`."""
        if messages:
            last = await self.conv.append(self.key, *map(_dump, messages))
            if pin:
                await self.conv.pin(self.key, *range(last - len(messages) + 1, last + 1))

    async def clear(self) -> None:
        """Removes the conversation."""
        await self.conv.client.delete(self.key)


def _dump(message: ModelMessage) -> bytes:
    [dumped] = ModelMessagesTypeAdapter.dump_python([message], mode="json")
    return to_json(dumped)


def _load(messages: list[Message] | None) -> list[ModelMessage]:
    loaded: list[ModelMessage] = []
    for message in messages or []:
        if "kind" in message:
            loaded += ModelMessagesTypeAdapter.validate_python([message])
        else:  # the summary, which conv returns as a system message
            loaded.append(ModelRequest(parts=[SystemPromptPart(content=message["content"])]))
    return loaded
