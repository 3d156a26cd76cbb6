"""OpenAI Agents SDK: the session beside the SDK's own, and in its runner with the SDK's scripted model."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import redis.asyncio
from agents import Agent, RunConfig, Runner, SessionSettings, SQLiteSession, function_tool
from agents.memory import Session
from agents.testing import ScriptedModel, assistant_message, function_call
from redis_conv.openai_agents import ConvSession

from servers import Server

ITEMS: list[Any] = [
    {"role": "user", "content": "What is the weather in Lisbon? ☀️ Мир"},
    {"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": "Ask the tool."}]},
    {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": '{"city":"Lisbon"}'},
    {"type": "function_call_output", "call_id": "c1", "output": '21 C\n"sunny" O\'Reilly \\n'},
    {
        "type": "message",
        "role": "assistant",
        "id": "m1",
        "status": "completed",
        "content": [{"type": "output_text", "text": "21 degrees.", "annotations": []}],
    },
]


@pytest.fixture
async def client(server: Server) -> AsyncIterator[redis.asyncio.Redis]:
    """A client of asyncio."""
    async with redis.asyncio.Redis(port=server.port) as client:
        yield client


@pytest.fixture(params=["theirs", "ours"])
def session(request: pytest.FixtureRequest, client: redis.asyncio.Redis) -> Session:
    """What a session of the SDK's does, ours has to do: each test runs on both."""
    return SQLiteSession("7") if request.param == "theirs" else ConvSession("7", client)


async def test_contract(session: Session) -> None:
    assert isinstance(session, Session)
    assert session.session_id == "7"
    assert await session.get_items() == []
    assert await session.pop_item() is None
    await session.add_items([])
    assert await session.get_items() == []
    await session.add_items(ITEMS)
    assert await session.get_items() == ITEMS
    for limit in (1, 2, 5, 100):
        assert await session.get_items(limit=limit) == ITEMS[-limit:]
    assert await session.get_items(limit=0) == []
    assert await session.pop_item() == ITEMS[-1]
    assert await session.get_items() == ITEMS[:-1]
    await session.add_items(ITEMS[-1:])
    assert await session.get_items(2) == ITEMS[-2:]
    await session.clear_session()
    await session.clear_session()
    assert await session.get_items() == []


async def test_limit_of_the_settings(session: Session) -> None:
    session.session_settings = SessionSettings(limit=2)
    await session.add_items(ITEMS)
    assert await session.get_items() == ITEMS[-2:]
    assert await session.get_items(limit=4) == ITEMS[-4:]


async def test_concurrent_adds(session: Session) -> None:
    batches = [[{"role": "user", "content": f"{b} {n}"} for n in range(5)] for b in range(10)]
    await asyncio.gather(*(session.add_items(batch) for batch in batches))
    items = await session.get_items()
    assert sorted(item["content"][0] for item in items) == sorted("0123456789" * 5)
    # A batch stays together.
    assert [item["content"][2] for item in items] == list("01234" * 10)


@function_tool
def weather(city: str) -> str:
    """The weather of a city."""
    return f"21 C and sunny in {city}"


def scripted() -> ScriptedModel:
    return ScriptedModel(
        [
            [function_call("weather", {"city": "Lisbon"}, call_id="c1")],
            [assistant_message("21 degrees and sunny.")],
            [assistant_message("Wear a hat.")],
        ]
    )


def contents(model: ScriptedModel) -> list[list[str]]:
    """What the model was given, call by call."""
    return [[item.get("type") or item["role"] for item in call.input] for call in model.calls]


async def test_in_their_runner(session: Session) -> None:
    model = scripted()
    agent = Agent(name="forecaster", model=model, tools=[weather])
    config = RunConfig(tracing_disabled=True)
    result = await Runner.run(agent, "How is Lisbon?", session=session, run_config=config)
    assert result.final_output == "21 degrees and sunny."
    result = await Runner.run(agent, "What to wear?", session=session, run_config=config)
    assert result.final_output == "Wear a hat."
    model.assert_complete()
    assert contents(model)[2] == ["user", "function_call", "function_call_output", "message", "user"]
    items = await session.get_items()
    kinds = [item.get("type") or item["role"] for item in items]
    assert kinds == ["user", "function_call", "function_call_output", "message", "user", "message"]
    assert items[2]["output"] == "21 C and sunny in Lisbon"


async def test_a_budget_in_their_runner(client: redis.asyncio.Redis) -> None:
    """A run is given what fits, and never a function's output without the call."""
    model = scripted()
    agent = Agent(name="forecaster", model=model, tools=[weather])
    session = ConvSession("7", client, max_tokens=40)
    config = RunConfig(tracing_disabled=True)
    await Runner.run(agent, "How is Lisbon? " + "Tell me all of it. " * 10, session=session, run_config=config)
    await Runner.run(agent, "What to wear?", session=session, run_config=config)
    assert contents(model)[2] == ["function_call", "function_call_output", "message", "user"]
    assert len(await ConvSession("7", client).get_items()) == 6
    # The SDK's own limit cuts the turn; with a budget it is whole or absent.
    assert (await ConvSession("7", client).get_items(4))[0]["type"] == "function_call_output"
    whole = await ConvSession("7", client, max_tokens=1000).get_items(4)
    assert [item.get("type") or item["role"] for item in whole] == ["message", "user", "message"]


async def test_sessions_are_apart(client: redis.asyncio.Redis) -> None:
    await ConvSession("1", client).add_items(ITEMS)
    assert await ConvSession("2", client).get_items() == []
    assert await ConvSession("1", client, prefix="other:").get_items() == []


async def test_pins_and_cleared_outputs(client: redis.asyncio.Redis) -> None:
    """The task stays however old it is, and of old outputs only their place."""
    session = ConvSession("7", client, max_tokens=140, clear=1, step=10)
    await session.add_pinned_item({"role": "user", "content": "The task"})
    for n in range(30):
        call: Any = {"type": "function_call", "call_id": f"c{n}", "name": "weather", "arguments": "{}"}
        output: Any = {"type": "function_call_output", "call_id": f"c{n}", "output": f"sunny {n} " * 6}
        await session.add_items([call, output])
    items = await session.get_items()
    assert items[0] == {"role": "user", "content": "The task"}
    outputs = [item["output"] for item in items if item.get("type") == "function_call_output"]
    assert len(outputs) > 2
    assert outputs[-1] == "sunny 29 " * 6
    assert set(outputs[:-1]) == {"[tool result cleared]"}
    with pytest.raises(ValueError, match="need max_tokens"):
        ConvSession("7", client, step=1)
