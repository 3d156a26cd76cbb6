"""LlamaIndex: a chat store in conv.

    store = ConvChatStore(redis.Redis())
    store.add_message("7", ChatMessage(role="user", content="What is the weather in Lisbon?"))
    memory = ChatMemoryBuffer.from_defaults(chat_store=store, chat_store_key="7", token_limit=3000)
    window = store.get_recent("7", 3000)
    store.delete_messages("7")

conv reads four dialects, and a `ChatMessage` is none of them: its blocks are stored as `content`, each with the
`type` that conv looks for, and its tool calls also as OpenAI writes them, so that texts are counted and turns stay
whole. When a message is read back, what was added is taken off again.
"""

from __future__ import annotations

import json
from typing import Any

import redis
import redis.asyncio
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.storage.chat_store.base import BaseChatStore


class ConvChatStore(BaseChatStore):
    """Conversations under the keys `prefix` + key. With `async_client` the async methods use it."""

    prefix: str = "chat:"

    _client: redis.Redis = PrivateAttr()
    _async_client: redis.asyncio.Redis | None = PrivateAttr()

    def __init__(
        self, client: redis.Redis, async_client: redis.asyncio.Redis | None = None, prefix: str = "chat:"
    ) -> None:
        super().__init__(prefix=prefix)  # type: ignore[call-arg]
        self._client = client
        self._async_client = async_client

    @classmethod
    def class_name(cls) -> str:
        """The name of this class, as LlamaIndex wants it."""
        return "ConvChatStore"

    def set_messages(self, key: str, messages: list[ChatMessage]) -> None:
        """Replaces the conversation, in one transaction."""
        with self._client.pipeline(transaction=True) as pipe:
            pipe.delete(self.prefix + key)
            if messages:
                pipe.execute_command("CONV.APPEND", self.prefix + key, *map(_dump, messages))
            pipe.execute()

    def get_messages(self, key: str) -> list[ChatMessage]:
        """All messages, oldest first."""
        return _parse(self._run("CONV.RANGE", key, 0, -1, "FORMAT", "JSON"))

    def get_recent(self, key: str, max_tokens: int) -> list[ChatMessage]:
        """The newest messages that fit, tool calls together with their results."""
        return _parse(self._run("CONV.RECENT", key, max_tokens, "FORMAT", "JSON"))

    def add_message(self, key: str, message: ChatMessage) -> None:
        """Appends a message."""
        self._run("CONV.APPEND", key, _dump(message))

    def delete_messages(self, key: str) -> list[ChatMessage] | None:
        """Removes the conversation and returns what was in it; nothing if there was none."""
        with self._client.pipeline(transaction=True) as pipe:
            pipe.execute_command("CONV.RANGE", self.prefix + key, 0, -1, "FORMAT", "JSON")
            pipe.delete(self.prefix + key)
            messages, deleted = pipe.execute()
        return _parse(messages) if deleted else None

    def delete_message(self, key: str, idx: int) -> ChatMessage | None:
        """Removes the message at an index and returns it; nothing if there is none."""
        length = self._run("CONV.LEN", key)
        if not -length <= idx < length:
            return None
        seq = self._seq(key, idx % length)
        found = self._run("CONV.GET", key, seq) if seq is not None else [None]
        # Somebody else may have removed it meanwhile.
        if found[0] is None or not self._run("CONV.DEL", key, seq):
            return None
        return _load(json.loads(found[0]))

    def delete_last_message(self, key: str) -> ChatMessage | None:
        """Removes the newest message and returns it; nothing if there is none."""
        popped = self._run("CONV.POP", key)
        return _load(json.loads(popped)) if popped else None

    def get_keys(self) -> list[str]:
        """The keys of all conversations."""
        found = self._client.scan_iter(f"{_literal(self.prefix)}*", _type="conv-list", count=1000)
        names = {key if isinstance(key, str) else key.decode() for key in found}
        return sorted(name.removeprefix(self.prefix) for name in names)

    async def aget_messages(self, key: str) -> list[ChatMessage]:
        """As `get_messages`."""
        if self._async_client is None:
            return await super().aget_messages(key)
        words = ("CONV.RANGE", self.prefix + key, 0, -1, "FORMAT", "JSON")
        return _parse(await self._async_client.execute_command(*words))

    async def async_add_message(self, key: str, message: ChatMessage) -> None:
        """As `add_message`."""
        if self._async_client is None:
            await super().async_add_message(key, message)
        else:
            await self._async_client.execute_command("CONV.APPEND", self.prefix + key, _dump(message))

    def _run(self, command: str, key: str, *words: Any) -> Any:
        return self._client.execute_command(command, self.prefix + key, *words)

    def _seq(self, key: str, index: int) -> int | None:
        """The number of the message at an index: they are consecutive unless some were removed in between."""
        info = self._run("CONV.INFO", key)
        if isinstance(info, list):  # RESP2
            info = dict(zip(info[::2], info[1::2], strict=True))
        info = {name if isinstance(name, str) else name.decode(): value for name, value in info.items()}
        first, last = info["first"], info["last"]
        if last - first + 1 == info["messages"]:
            return first + index
        for start in range(first, last + 1, 1000):
            seqs = range(start, min(start + 1000, last + 1))
            held = self._run("CONV.GET", key, *seqs)
            there = [seq for seq, message in zip(seqs, held, strict=True) if message is not None]
            if index < len(there):
                return there[index]
            index -= len(there)
        return None


def _literal(prefix: str) -> str:
    """A prefix without meaning as a pattern."""
    return "".join(f"\\{c}" if c in "*?[]\\" else c for c in prefix)


def _dump(message: ChatMessage) -> str:
    data = message.model_dump(mode="json")
    data["content"] = blocks = data.pop("blocks")
    for block in blocks:
        block["type"] = block["block_type"]
        if block["type"] == "thinking":  # its text stands where Anthropic has it
            block["thinking"] = block.pop("content")
    calls = [block for block in blocks if block["block_type"] == "tool_call"]
    kwargs = data["additional_kwargs"]
    if calls:
        data["tool_calls"] = [_openai(call) for call in calls]
    elif kwargs.get("tool_calls"):
        data["tool_calls"] = kwargs["tool_calls"]
    for name in ("tool_call_id", "name"):
        if isinstance(kwargs.get(name), str):
            data[name] = kwargs[name]
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


def _openai(call: dict[str, Any]) -> dict[str, Any]:
    arguments = call["tool_kwargs"]
    if not isinstance(arguments, str):
        arguments = json.dumps(arguments, ensure_ascii=False)
    function = {"name": call["tool_name"], "arguments": arguments}
    return {"id": call["tool_call_id"], "type": "function", "function": function}


def _load(data: dict[str, Any]) -> ChatMessage:
    content = data["content"]
    if isinstance(content, str):  # a summary
        return ChatMessage(role=data["role"], content=content)
    blocks = [{name: value for name, value in block.items() if name != "type"} for block in content]
    for block in blocks:
        if "thinking" in block:
            block["content"] = block.pop("thinking")
    return ChatMessage(role=data["role"], blocks=blocks, additional_kwargs=data.get("additional_kwargs", {}))


def _parse(reply: str | bytes | None) -> list[ChatMessage]:
    return [_load(message) for message in json.loads(reply)] if reply else []
