"""pydantic-ai: the history in its agent with its model for tests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import redis
import redis.asyncio
from pydantic_ai import Agent, ModelMessagesTypeAdapter
from pydantic_ai.messages import (
    BinaryContent,
    ModelMessage,
    ModelRequest,
    ModelResponse,
    SystemPromptPart,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models.test import TestModel
from redis_conv.pydantic_ai import AsyncConvHistory, ConvHistory

from servers import Server


def user(text: str) -> ModelRequest:
    return ModelRequest(parts=[UserPromptPart(content=text)])


def tool_turn(n: int) -> list[ModelMessage]:
    call = ToolCallPart(tool_name="weather", args={"city": "Lisbon"}, tool_call_id=f"c{n}")
    result = ToolReturnPart(tool_name="weather", content=f"sunny {n} " * 6, tool_call_id=f"c{n}")
    return [ModelResponse(parts=[ThinkingPart(content="Ask."), call]), ModelRequest(parts=[result])]


Method = Callable[..., Awaitable[Any]]


@pytest.fixture(params=["sync", "asyncio"])
async def make(request: pytest.FixtureRequest, server: Server) -> Any:
    """Makes histories of either class, with methods to await."""
    if request.param == "sync":
        with redis.Redis(port=server.port) as client:
            yield lambda *args, **options: Awaited(ConvHistory(*args, client, **options))
    else:
        async with redis.asyncio.Redis(port=server.port) as client:
            yield lambda *args, **options: AsyncConvHistory(*args, client, **options)


class Awaited:
    """`ConvHistory`, with the methods of `AsyncConvHistory`."""

    def __init__(self, history: ConvHistory) -> None:
        self.history = history

    def __getattr__(self, name: str) -> Method:
        async def run(*args: Any, **options: Any) -> Any:
            return getattr(self.history, name)(*args, **options)

        return run


async def test_messages_come_back(make: Any) -> None:
    history = make("7")
    assert await history.messages() == []
    messages = [
        ModelRequest(parts=[SystemPromptPart(content="Be brief."), UserPromptPart(content="Weather? ☀️")]),
        *tool_turn(1),
        ModelResponse(parts=[TextPart(content="21 degrees.")]),
        ModelRequest(parts=[UserPromptPart(content=["See:", BinaryContent(data=b"\x89PNG", media_type="image/png")])]),
    ]
    await history.append(messages)
    await history.append([])
    dumped = ModelMessagesTypeAdapter.dump_python(messages, mode="json")
    assert ModelMessagesTypeAdapter.dump_python(await history.messages(), mode="json") == dumped
    await history.clear()
    assert await history.messages() == []


async def test_pins_and_cleared_results(make: Any) -> None:
    history = make("7", max_tokens=200, clear=1, step=10)
    await history.append([user("The task")], pin=True)
    await history.append([user("Go on.")])
    for n in range(30):
        await history.append(tool_turn(n))
    window = await history.messages()
    assert window[0].parts[0].content == "The task"
    results = [part.content for message in window for part in message.parts if isinstance(part, ToolReturnPart)]
    assert len(results) > 2
    assert results[-1] == "sunny 29 " * 6
    assert set(results[:-1]) == {"[tool result cleared]"}
    with pytest.raises(ValueError, match="need max_tokens"):
        make("7", clear=1)


async def test_a_summary(make: Any, client: redis.Redis) -> None:
    history = make("7", max_tokens=1000)
    await history.append([user("How is Lisbon?"), *tool_turn(1), user("And Faro?")])
    client.execute_command("CONV.SETSUMMARY", "agent:7", "Lisbon is sunny.", "UPTO", 3)
    summary, question = await history.messages()
    assert summary.parts[0].content == "Lisbon is sunny."
    assert isinstance(summary.parts[0], SystemPromptPart)
    assert question.parts[0].content == "And Faro?"


def test_in_their_agent(client: redis.Redis) -> None:
    """Every window is a history that the agent takes."""
    agent = Agent(TestModel(), system_prompt="Be brief.")

    @agent.tool_plain
    def weather(city: str) -> str:
        """The weather of a city."""
        return f"21 C and sunny in {city} " * 4

    lengths = set()
    for budget in range(20, 500, 40):
        history = ConvHistory(str(budget), client, max_tokens=budget, clear=1)
        for question in ("How is Lisbon?", "And Faro?", "What to wear?"):
            result = agent.run_sync(question, message_history=history.messages())
            history.append(result.new_messages())
        window = history.messages()
        lengths.add(len(window))
        assert not window or isinstance(window[0].parts[-1], UserPromptPart)
    assert lengths == {0, 4, 8}
