"""Haystack: `ChatMessage.to_dict`, as its chat message stores write it."""

from __future__ import annotations

import json

from haystack.dataclasses import ChatMessage, ImageContent, ReasoningContent, ToolCall

from forms import (
    ANSWER,
    CALL_1,
    CALL_2,
    FAILED,
    IMAGE,
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
    spaced,
    system,
    tool,
    user,
)

FIRST, SECOND = ToolCall(WEATHER, WEATHER_ARGS, id=CALL_1), ToolCall(TIDES, TIDES_ARGS, id=CALL_2)
picture = ImageContent(IMAGE, mime_type="image/png", validation=False)
MESSAGES = [
    ChatMessage.from_system(SYSTEM),
    ChatMessage.from_user(content_parts=[QUESTION, picture]),
    ChatMessage.from_assistant(
        LOOKING,
        tool_calls=[FIRST, SECOND],
        reasoning=ReasoningContent(REASONING),
        meta={"model": "m", "usage": {"completion_tokens": 9}},
    ),
    ChatMessage.from_tool(SUNNY, origin=FIRST),
    ChatMessage.from_tool(FAILED, origin=SECOND, error=True),
    ChatMessage.from_assistant(ANSWER),
    ChatMessage.from_user(THANKS, name="ana"),
]
emit(
    "haystack-ai",
    "to_dict",
    [json.dumps(message.to_dict()) for message in MESSAGES],
    [
        system(SYSTEM),
        user(QUESTION, media=1),
        assistant(
            REASONING, LOOKING, calls=[[CALL_1, WEATHER, spaced(WEATHER_ARGS)], [CALL_2, TIDES, spaced(TIDES_ARGS)]]
        ),
        tool(SUNNY, results=[CALL_1]),
        tool(FAILED, results=[CALL_2]),
        assistant(ANSWER),
        user(THANKS, name="ana"),
    ],
)
