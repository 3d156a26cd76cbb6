"""LlamaIndex: the chat store beside its own in memory, under its memory, and what conv understands of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
import redis
import redis.asyncio
from llama_index.core.base.llms.types import (
    ChatMessage,
    ImageBlock,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.storage.chat_store import SimpleChatStore
from llama_index.core.storage.chat_store.base import BaseChatStore
from redis_conv import AsyncConv
from redis_conv.llama_index import ConvChatStore

from servers import Server


def user(text: str) -> ChatMessage:
    return ChatMessage(role="user", content=text)


TOOL_TURN = [
    user("Weather in Lisbon? ☀️ Мир"),
    ChatMessage(
        role="assistant",
        blocks=[
            ThinkingBlock(content="I had better ask the tool."),
            TextBlock(text="One moment."),
            ToolCallBlock(tool_call_id="c1", tool_name="weather", tool_kwargs={"city": "Lisbon"}),
        ],
    ),
    ChatMessage(role="tool", content="21 C, sunny", additional_kwargs={"tool_call_id": "c1", "name": "weather"}),
    ChatMessage(role="assistant", content="21 degrees."),
]


@pytest.fixture(params=["theirs", "ours", "ours, RESP2 and bytes"])
def store(request: pytest.FixtureRequest, server: Server, client: redis.Redis) -> BaseChatStore:
    """What LlamaIndex's store does, ours has to do: each test runs on both."""
    if request.param == "theirs":
        return SimpleChatStore()
    return ConvChatStore(client if request.param == "ours" else redis.Redis(port=server.port, protocol=2))


def test_contract(store: BaseChatStore) -> None:
    hello, world = user("hello"), user("world")
    assert store.get_keys() == []
    assert store.get_messages("user1") == []
    assert store.delete_messages("user1") is None
    assert store.delete_last_message("user1") is None
    assert store.delete_message("user1", 0) is None
    for key in ("user1", "user2"):
        store.add_message(key, hello)
        store.add_message(key, world)
    assert store.get_messages("user1") == store.get_messages("user2") == [hello, world]
    assert store.get_keys() == ["user1", "user2"]
    assert store.delete_messages("user1") == [hello, world]
    assert store.get_messages("user1") == []
    assert store.get_keys() == ["user2"]
    assert store.delete_last_message("user2") == world
    assert store.get_messages("user2") == [hello]
    store.set_messages("user2", list(TOOL_TURN))
    assert store.get_messages("user2") == TOOL_TURN
    assert store.delete_message("user2", 4) is None
    assert store.delete_message("user2", 1) == TOOL_TURN[1]
    assert store.delete_message("user2", 1) == TOOL_TURN[2]
    assert store.delete_message("user2", -1) == TOOL_TURN[3]
    assert store.get_messages("user2") == TOOL_TURN[:1]


async def test_contract_async(store: BaseChatStore, server: Server) -> None:
    async with redis.asyncio.Redis(port=server.port) as client:
        for async_client in (None, client):
            if isinstance(store, ConvChatStore):
                store._async = None if async_client is None else AsyncConv(async_client)
            await store.async_add_message("k", user("hello"))
            assert await store.aget_messages("k") == [user("hello")]
            await store.aset_messages("k", list(TOOL_TURN))
            assert await store.adelete_last_message("k") == TOOL_TURN[-1]
            assert await store.adelete_message("k", 0) == TOOL_TURN[0]
            assert await store.aget_keys() == ["k"]
            assert await store.adelete_messages("k") == TOOL_TURN[1:3]


def test_under_their_memory(store: BaseChatStore) -> None:
    memory = ChatMemoryBuffer.from_defaults(
        chat_store=store, chat_store_key="k", token_limit=60, tokenizer_fn=str.split
    )
    for n in range(20):
        memory.put(user(f"message {n} of twenty"))
        memory.put(ChatMessage(role="assistant", content=f"answer {n} of twenty"))
    assert memory.get_all() == store.get_messages("k")
    assert len(memory.get_all()) == 40
    window = memory.get()
    assert 4 < len(window) < 40
    assert window == memory.get_all()[-len(window) :]
    memory.reset()
    assert memory.get_all() == []


def test_every_message_comes_back(client: redis.Redis) -> None:
    store = ConvChatStore(client)
    messages = [ChatMessage(role=role, content=f"I am {role.value}") for role in MessageRole]
    messages += [
        ChatMessage(role="user", blocks=[]),
        ChatMessage(role="user", blocks=[TextBlock(text="See:"), ImageBlock(url="https://example.org/a.png")]),
        ChatMessage(role="user", content="", additional_kwargs={"deep": {"er": [1, None, "x"]}}),
    ]
    store.set_messages("k", messages)
    assert store.get_messages("k") == messages


def test_conv_understands_it(client: redis.Redis) -> None:
    """Texts, calls and pictures are counted, turns are whole."""
    store = ConvChatStore(client)
    store.set_messages("k", list(TOOL_TURN))

    def tokens(*texts: str) -> int:
        return sum(client.execute_command("CONV.TOKENS", *texts))

    def described(key: str, seq: int) -> Any:
        # Counts what is pending, which GET does not wait for.
        client.execute_command("CONV.RECENT", key, 1_000_000)
        reply = client.execute_command("CONV.GET", key, seq, "WITHINFO")[0]
        return reply if isinstance(reply, dict) else dict(zip(reply[::2], reply[1::2], strict=True))

    thinking, text, call = "I had better ask the tool.", "One moment.", ("weather", '{"city":"Lisbon"}')
    assert described("chat:k", 2)["tokens"] == 3 + tokens("assistant", thinking, text, *call) + 1
    assert described("chat:k", 3)["tokens"] == 3 + tokens("tool", "21 C, sunny")
    picture = ChatMessage(role="user", blocks=[ImageBlock(image=b"\x89PNG" * 1000)])
    store.set_messages("p", [picture])
    assert described("chat:p", 1)["tokens"] == 3 + tokens("user") + 85
    sizes = {len(store.get_recent("k", budget)) for budget in range(3, 80)}
    assert sizes == {0, 1, 3, 4}, "call and result come together"
    client.execute_command("CONV.SETSUMMARY", "chat:k", "Lisbon is sunny.", "UPTO", 3)
    summary = ChatMessage(role="system", content="Lisbon is sunny.")
    assert store.get_recent("k", 100) == [summary, TOOL_TURN[3]]


def test_keys_with_signs_of_patterns(client: redis.Redis) -> None:
    ours, other = ConvChatStore(client, prefix="[a]*:"), ConvChatStore(client, prefix="a:")
    ours.add_message("x", user("hello"))
    other.add_message("y", user("hello"))
    client.set("[a]*:z", json.dumps("no conversation"))
    assert (ours.get_keys(), other.get_keys()) == (["x"], ["y"])


def test_an_index_among_numbers_with_gaps(client: redis.Redis) -> None:
    store = ConvChatStore(client)
    store.set_messages("k", [user(str(n)) for n in range(2500)])
    client.execute_command("CONV.DEL", "chat:k", *range(2, 1200, 2))
    left = [message.content for message in store.get_messages("k")]
    for index in (0, 1, 700, len(left) - 4, -1):
        assert store.delete_message("k", index).content == left.pop(index)


def test_pins_and_cleared_results(client: redis.Redis) -> None:
    """The task stays however old it is, and of old results only their place."""
    store = ConvChatStore(client)
    store.add_pinned("k", user("The task"))
    for n in range(30):
        call = ToolCallBlock(tool_call_id=f"c{n}", tool_name="weather", tool_kwargs={})
        store.add_message("k", ChatMessage(role="assistant", blocks=[call]))
        result = ChatMessage(role="tool", content=f"sunny {n} " * 6, additional_kwargs={"tool_call_id": f"c{n}"})
        store.add_message("k", result)
    window = store.get_recent("k", 140, clear=1, step=10)
    assert window[0] == user("The task")
    results = [message.content for message in window if message.role == MessageRole.TOOL]
    assert len(results) > 2
    assert results[-1] == "sunny 29 " * 6
    assert set(results[:-1]) == {"[tool result cleared]"}
