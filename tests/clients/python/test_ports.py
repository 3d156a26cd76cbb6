"""Published stores do on conv what they do on lists and strings: each test runs on both."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import redis
import redis.asyncio
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from llama_index.core.base.llms.types import ChatMessage

from ports import AGENTS, LANGCHAIN, LLAMA_INDEX, PORTS, SERVICE
from servers import ROOT, Server

ITEMS: list[Any] = [
    {"role": "user", "content": "What is the weather in Lisbon? ☀️ Мир"},
    {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": '{"city":"Lisbon"}'},
    {"type": "function_call_output", "call_id": "c1", "output": '21 C\n"sunny" \\n'},
    {"role": "assistant", "content": "21 degrees."},
]


@pytest.fixture(params=[False, True], ids=["as published", "on conv"])
def on_conv(request: pytest.FixtureRequest) -> bool:
    return request.param


def kind(on_conv: bool, published: str) -> str:
    """What TYPE returns."""
    return "conv-list" if on_conv else published


@pytest.mark.parametrize("decode", [False, True])
async def test_agents(server: Server, on_conv: bool, decode: bool) -> None:
    module = AGENTS.load(on_conv)
    async with redis.asyncio.Redis(port=server.port, decode_responses=decode) as client:
        session = module.RedisSession("7", redis_client=client, key_prefix="s", ttl=100)
        assert await session.get_items() == []
        assert await session.pop_item() is None
        await session.add_items([])
        await session.add_items(ITEMS)
        assert await session.get_items() == ITEMS
        for limit in (1, 2, 4, 100):
            assert await session.get_items(limit=limit) == ITEMS[-limit:]
        assert await session.get_items(limit=0) == []
        assert await session.pop_item() == ITEMS[-1]
        await asyncio.gather(*(session.add_items(ITEMS) for _ in range(5)))
        assert await session.get_items() == ITEMS[:-1] + 5 * ITEMS
        key = session._messages_key
        assert await client.type(key) in (kind(on_conv, "list"), kind(on_conv, "list").encode())
        assert 0 < await client.ttl(key) <= 100
        other = module.RedisSession("8", redis_client=client, key_prefix="s")
        assert await other.get_items() == []
        assert await session.ping()
        await session.clear_session()
        assert await session.get_items() == []
        assert await client.exists(key) == 0
        # A key of another type is left alone.
        await client.set(key, "x")
        with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
            await session.add_items(ITEMS)
        assert await client.get(key) in ("x", b"x")


def chat(text: str, role: str = "user") -> ChatMessage:
    return ChatMessage(role=role, content=text)


def test_llama_index(server: Server, on_conv: bool) -> None:
    client = redis.Redis(port=server.port)
    aclient = redis.asyncio.Redis(port=server.port)
    store = LLAMA_INDEX.load(on_conv).RedisChatStore(redis_client=client, aredis_client=aclient, ttl=100)
    messages = [chat("hello ☀️"), chat("world", "assistant"), chat("more")]
    assert store.get_messages("k") == []
    assert store.delete_last_message("k") is None
    store.set_messages("k", messages)
    assert store.get_messages("k") == messages
    assert client.type("k").decode() == kind(on_conv, "list")
    assert 0 < client.ttl("k") <= 100
    assert store.get_keys() == ["k"]
    store.add_message("k", chat("first"), idx=0)
    assert store.get_messages("k") == [chat("first"), *messages]
    assert ChatMessage.model_validate_json(store.delete_last_message("k")) == messages[2]
    store.delete_message("k", 0)
    # The published store pushes the others to the head of the list, which reverses them.
    left = messages[:2] if on_conv else messages[1::-1]
    assert store.get_messages("k") == left
    store.delete_messages("k")
    assert store.get_messages("k") == []

    async def with_asyncio() -> None:
        await store.async_add_message("a", messages[0])
        await store.async_add_message("a", messages[1])
        assert await store.aget_messages("a") == messages[:2]
        await store.aset_messages("a", messages)
        assert await store.aget_messages("a") == messages
        await aclient.aclose()

    asyncio.run(with_asyncio())
    client.close()


def test_langchain(server: Server, on_conv: bool) -> None:
    url = f"redis://127.0.0.1:{server.port}"
    history = LANGCHAIN.load(on_conv).RedisChatMessageHistory("7", url=url, ttl=100)
    messages = [
        HumanMessage("Weather in Lisbon? ☀️"),
        AIMessage("", tool_calls=[{"name": "weather", "args": {"city": "Lisbon"}, "id": "c1"}]),
        ToolMessage("21 C, sunny", tool_call_id="c1"),
        AIMessage("21 degrees."),
    ]
    assert history.messages == []
    history.add_messages(messages)
    assert history.messages == messages
    assert 0 < history.redis_client.ttl(history.key) <= 100
    assert history.redis_client.type(history.key).decode() == kind(on_conv, "list")
    history.clear()
    assert history.messages == []
    history.redis_client.close()


def test_service(client: redis.Redis, on_conv: bool) -> None:
    if on_conv:
        try:
            client.execute_command("CONV.IMPORT", "probe", "[]", "EX", 1)
        except redis.ResponseError:
            pytest.skip("the server has no EX in CONV.IMPORT")
    sessions = SERVICE.load(on_conv).Sessions(client, ttl=100)
    assert sessions.load("7") == {"user": None, "messages": []}
    for n in range(1, 4):
        assert sessions.turn("7", f"question {n}", f"answer {n} ☀️") == 2 * n
    session = sessions.load("7")
    assert [message["content"] for message in session["messages"]][-1] == "answer 3 ☀️"
    session["user"] = {"name": "Ana"}
    # An edit of an old message is stored as well.
    session["messages"][2]["content"] = "changed"
    sessions.save("7", session)
    assert sessions.load("7") == session
    assert client.type("session:7") == kind(on_conv, "string")
    assert 0 < client.ttl("session:7") <= 100


@pytest.mark.parametrize("port", PORTS, ids=lambda port: port.module)
def test_the_table_has_the_counts(port: Any) -> None:
    """`docs/migrate/ports.md` says how many lines change, and of how many."""
    table = (ROOT / "docs/migrate/ports.md").read_text()
    total = len(port.source().splitlines())
    assert f"| {port.title} | {port.changed_lines()} of {total} |" in table
