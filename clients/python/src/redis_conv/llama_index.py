"""LlamaIndex: a chat store in conv.

    store = ConvChatStore(redis.Redis())
    store.add_message("7", ChatMessage(role="user", content="What is the weather in Lisbon?"))
    memory = ChatMemoryBuffer.from_defaults(chat_store=store, chat_store_key="7", token_limit=3000)
    window = store.get_recent("7", 3000)

Messages are stored as `model_dump_json` writes them, like LlamaIndex's own stores do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.storage.chat_store.base import BaseChatStore

from . import calls
from .client import AsyncConv, Conv
from .replies import Message

if TYPE_CHECKING:
    import redis
    import redis.asyncio

#: Numbers that are asked for at once where some were removed in between.
CHUNK = 1000


class ConvChatStore(BaseChatStore):
    """Conversations under the keys `prefix` + key. With `async_client` the async methods use it."""

    prefix: str = "chat:"

    _conv: Conv = PrivateAttr()
    _async: AsyncConv | None = PrivateAttr()

    def __init__(
        self, client: redis.Redis, async_client: redis.asyncio.Redis | None = None, prefix: str = "chat:"
    ) -> None:
        super().__init__(prefix=prefix)  # type: ignore[call-arg]
        self._conv = Conv(client)
        self._async = None if async_client is None else AsyncConv(async_client)

    @classmethod
    def class_name(cls) -> str:
        """The name of this class, as LlamaIndex wants it."""
        return "ConvChatStore"

    def set_messages(self, key: str, messages: list[ChatMessage]) -> None:
        """Replaces the conversation, in one transaction."""
        with self._conv.client.pipeline(transaction=True) as pipe:
            pipe.delete(self.prefix + key)
            if messages:
                pipe.execute_command(*calls.append(self.prefix + key, *map(_dump, messages)).args)
            pipe.execute()

    def get_messages(self, key: str) -> list[ChatMessage]:
        """All messages, oldest first."""
        return _load(self._conv.range(self.prefix + key, 0, -1))

    def get_recent(
        self, key: str, max_tokens: int, *, clear: int | None = None, step: int | None = None
    ) -> list[ChatMessage]:
        """The newest messages that fit, tool calls together with their results.

        With `clear` old tool results are returned empty, all but the newest `clear`. `step` keeps the start of the
        window, and so a provider's prompt cache, for that many tokens.
        """
        return _load(self._conv.recent(self.prefix + key, max_tokens, clear=clear, step=step))

    def add_message(self, key: str, message: ChatMessage) -> None:
        """Appends a message."""
        self._conv.append(self.prefix + key, _dump(message))

    def add_pinned(self, key: str, message: ChatMessage) -> None:
        """Appends a message that precedes the window of `get_recent` however old it is: an agent's task."""
        seq = self._conv.append(self.prefix + key, _dump(message))
        self._conv.pin(self.prefix + key, seq)

    def delete_messages(self, key: str) -> list[ChatMessage] | None:
        """Removes the conversation and returns what was in it; None if there was none."""
        read = calls.range(self.prefix + key, 0, -1)
        with self._conv.client.pipeline(transaction=True) as pipe:
            pipe.execute_command(*read.args)
            pipe.delete(self.prefix + key)
            messages, deleted = pipe.execute()
        return _load(read.parse(messages)) if deleted else None

    def delete_message(self, key: str, idx: int) -> ChatMessage | None:
        """Removes the message at an index and returns it; None if there is none."""
        length = self._conv.len(self.prefix + key)
        if not -length <= idx < length:
            return None
        seq = self._seq(key, idx % length)
        found = self._conv.get(self.prefix + key, seq) if seq is not None else [None]
        # Another client may have removed it in the meantime.
        if found[0] is None or not self._conv.delete(self.prefix + key, seq):
            return None
        return ChatMessage.model_validate(found[0])

    def delete_last_message(self, key: str) -> ChatMessage | None:
        """Removes the newest message and returns it; None if there is none."""
        popped = self._conv.pop(self.prefix + key)
        return None if popped is None else ChatMessage.model_validate(popped)

    def get_keys(self) -> list[str]:
        """The keys of all conversations."""
        found = self._conv.client.scan_iter(f"{_literal(self.prefix)}*", _type="conv-list", count=1000)
        names = {key if isinstance(key, str) else key.decode() for key in found}
        return sorted(name.removeprefix(self.prefix) for name in names)

    async def aget_messages(self, key: str) -> list[ChatMessage]:
        """As `get_messages`."""
        if self._async is None:
            return await super().aget_messages(key)
        return _load(await self._async.range(self.prefix + key, 0, -1))

    async def async_add_message(self, key: str, message: ChatMessage) -> None:
        """As `add_message`."""
        if self._async is None:
            await super().async_add_message(key, message)
        else:
            await self._async.append(self.prefix + key, _dump(message))

    def _seq(self, key: str, index: int) -> int | None:
        """The number of the message at an index: they are consecutive unless some were removed in between."""
        info = self._conv.info(self.prefix + key)
        if info is None:
            return None
        first, last = info["first"], info["last"]
        if last - first + 1 == info["messages"]:
            return first + index
        for start in range(first, last + 1, CHUNK):
            seqs = range(start, min(start + CHUNK, last + 1))
            held = self._conv.get(self.prefix + key, *seqs)
            there = [seq for seq, message in zip(seqs, held, strict=True) if message is not None]
            if index < len(there):
                return there[index]
            index -= len(there)
        return None


def _literal(prefix: str) -> str:
    """A prefix without meaning as a pattern."""
    return "".join(f"\\{c}" if c in "*?[]\\" else c for c in prefix)


def _dump(message: ChatMessage) -> str:
    return message.model_dump_json()


def _load(messages: Sequence[Message] | None) -> list[ChatMessage]:
    return [ChatMessage.model_validate(message) for message in messages or []]
