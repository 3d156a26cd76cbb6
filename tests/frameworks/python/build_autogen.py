"""AutoGen: the LLM messages of core, and the messages and events of agentchat."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

from autogen_agentchat.messages import (
    HandoffMessage,
    MultiModalMessage,
    StopMessage,
    TextMessage,
    ThoughtEvent,
    ToolCallExecutionEvent,
    ToolCallRequestEvent,
    ToolCallSummaryMessage,
)
from autogen_core import FunctionCall, Image
from autogen_core.models import (
    AssistantMessage,
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
    SystemMessage,
    UserMessage,
)
from PIL import Image as Picture

from forms import (
    ANSWER,
    CALL_1,
    CALL_2,
    FAILED,
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
    compact,
    emit,
    system,
    tool,
    user,
)

canvas = io.BytesIO()
Picture.frombytes("RGB", (10, 10), bytes((i * 97 + 13) % 256 for i in range(300))).save(canvas, "PNG")
picture = Image.from_pil(Picture.open(canvas))
CALLED = [
    FunctionCall(id=CALL_1, name=WEATHER, arguments=compact(WEATHER_ARGS)),
    FunctionCall(id=CALL_2, name=TIDES, arguments=compact(TIDES_ARGS)),
]
RESULTS = [
    FunctionExecutionResult(call_id=CALL_1, name=WEATHER, content=SUNNY, is_error=False),
    FunctionExecutionResult(call_id=CALL_2, name=TIDES, content=FAILED, is_error=True),
]
CALLS = [[CALL_1, WEATHER, compact(WEATHER_ARGS)], [CALL_2, TIDES, compact(TIDES_ARGS)]]
CORE: list[Any] = [
    SystemMessage(content=SYSTEM),
    UserMessage(content=[QUESTION, picture], source="user"),
    AssistantMessage(content=CALLED, thought=REASONING, source="harbour"),
    FunctionExecutionResultMessage(content=RESULTS),
    AssistantMessage(content=ANSWER, source="harbour"),
    UserMessage(content=THANKS, source="user"),
]
emit(
    "autogen-core",
    "llm_messages",
    [message.model_dump_json() for message in CORE],
    [
        system(SYSTEM),
        user(QUESTION, media=1),
        assistant(REASONING, calls=CALLS),
        tool(WEATHER, SUNNY, TIDES, FAILED, results=[CALL_1, CALL_2]),
        assistant(ANSWER),
        user(THANKS),
    ],
)

number = 0


def chat(kind: Any, source: str, content: Any, **fields: Any) -> str:
    """A message or event with a fixed id and time."""
    global number
    number += 1
    fields = {"id": f"m{number}", "created_at": datetime(2026, 1, 1, tzinfo=UTC), **fields}
    return kind(source=source, content=content, **fields).model_dump_json()


emit(
    "autogen-agentchat",
    "messages_and_events",
    [
        chat(MultiModalMessage, "user", [QUESTION, picture]),
        chat(ThoughtEvent, "harbour", REASONING),
        chat(ToolCallRequestEvent, "harbour", CALLED),
        chat(ToolCallExecutionEvent, "harbour", RESULTS),
        chat(ToolCallSummaryMessage, "harbour", SUNNY, tool_calls=CALLED, results=RESULTS),
        chat(HandoffMessage, "harbour", "Your turn.", target="sea"),
        chat(TextMessage, "sea", ANSWER),
        chat(StopMessage, "sea", "TERMINATE"),
        chat(TextMessage, "user", THANKS),
    ],
    [
        user(QUESTION, media=1),
        assistant(REASONING),
        assistant(calls=CALLS),
        tool(WEATHER, SUNNY, TIDES, FAILED, results=[CALL_1, CALL_2]),
        # It repeats the calls and results: only its text counts.
        assistant(SUNNY),
        assistant("Your turn."),
        assistant(ANSWER),
        assistant("TERMINATE"),
        user(THANKS),
    ],
)
