"""OpenAI Agents SDK: the items that its runner puts into a session, with the SDK's scripted model."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from agents import Agent, RunConfig, Runner, SQLiteSession, function_tool
from agents.testing import ScriptedModel, assistant_message, function_call
from openai.types.responses import ResponseReasoningItem

from forms import (
    ANSWER,
    CALL_1,
    CALL_2,
    FAILED,
    IMAGE_URL,
    LOOKING,
    QUESTION,
    REASONING,
    SUNNY,
    SYSTEM,
    THANKS,
    TIDES,
    TIDES_ARGS,
    WEATHER,
    WEATHER_ARGS,
    assistant,
    emit,
    tool,
    user,
)


@function_tool
def weather(city: str, days: int) -> str:
    """The weather of a city."""
    return SUNNY


def fail(context: Any, error: Exception) -> str:
    """What the model reads when a tool fails."""
    return f"Error: {error}"


@function_tool(failure_error_function=fail)
def tides(port: str) -> str:
    """The tides of a port."""
    raise RuntimeError(FAILED.removeprefix("Error: "))


async def items() -> list[Any]:
    """The items of a session after two turns."""
    thought = ResponseReasoningItem(
        id="rs_1", type="reasoning", summary=[{"type": "summary_text", "text": REASONING}], encrypted_content="c2ln"
    )
    model = ScriptedModel(
        [
            [
                thought,
                function_call(WEATHER, WEATHER_ARGS, call_id=CALL_1),
                function_call(TIDES, TIDES_ARGS, call_id=CALL_2),
            ],
            [assistant_message(ANSWER)],
            [assistant_message(LOOKING)],
        ]
    )
    agent = Agent(name="harbour", instructions=SYSTEM, model=model, tools=[weather, tides])
    session = SQLiteSession("s")
    config = RunConfig(tracing_disabled=True)
    content = [{"type": "input_text", "text": QUESTION}, {"type": "input_image", "image_url": IMAGE_URL}]
    first: Any = [{"role": "user", "content": content}]
    await Runner.run(agent, first, session=session, run_config=config)
    await Runner.run(agent, THANKS, session=session, run_config=config)
    return await session.get_items()


stored = asyncio.run(items())
arguments = [item["arguments"] for item in stored if item.get("type") == "function_call"]
outputs = [item["output"] for item in stored if item.get("type") == "function_call_output"]
if outputs != [SUNNY, FAILED]:
    raise ValueError(f"unexpected outputs: {outputs}")
emit(
    "openai-agents",
    "session_items",
    # SQLiteSession writes json.dumps(item).
    [json.dumps(item) for item in stored],
    [
        user(QUESTION, media=1),
        assistant(REASONING),
        assistant(calls=[[CALL_1, WEATHER, arguments[0]]]),
        assistant(calls=[[CALL_2, TIDES, arguments[1]]]),
        tool(SUNNY, results=[CALL_1]),
        tool(FAILED, results=[CALL_2]),
        assistant(ANSWER),
        user(THANKS),
        assistant(LOOKING),
    ],
    groups=[[1, 2, 3, 4, 5]],
)
