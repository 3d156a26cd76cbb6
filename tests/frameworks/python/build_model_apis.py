"""Ollama, Mistral, Cohere: the message classes of their SDKs."""

from __future__ import annotations

import json
from typing import Any

import cohere
import ollama
from mistralai.client import models as mistral

from forms import (
    ANSWER,
    CALL_1,
    CALL_2,
    FAILED,
    IMAGE_URL,
    LOOKING,
    PIXELS,
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
    spaced,
    system,
    tool,
    user,
)

CALLS = [[CALL_1, WEATHER, compact(WEATHER_ARGS)], [CALL_2, TIDES, compact(TIDES_ARGS)]]


def ollama_call(name: str, arguments: dict[str, Any]) -> ollama.Message.ToolCall:
    """A call; Ollama has no ids."""
    return ollama.Message.ToolCall(function=ollama.Message.ToolCall.Function(name=name, arguments=arguments))


OLLAMA = [
    ollama.Message(role="system", content=SYSTEM),
    ollama.Message(role="user", content=QUESTION, images=[ollama.Image(value=PIXELS)]),
    ollama.Message(
        role="assistant",
        content=LOOKING,
        thinking=REASONING,
        tool_calls=[ollama_call(WEATHER, WEATHER_ARGS), ollama_call(TIDES, TIDES_ARGS)],
    ),
    ollama.Message(role="tool", tool_name=WEATHER, content=SUNNY),
    ollama.Message(role="tool", tool_name=TIDES, content=FAILED),
    ollama.Message(role="assistant", content=ANSWER),
    ollama.Message(role="user", content=THANKS),
]
for form, exclude in (("model_dump_json", False), ("without_nulls", True)):
    emit(
        "ollama",
        form,
        [message.model_dump_json(exclude_none=exclude) for message in OLLAMA],
        [
            system(SYSTEM),
            user(QUESTION, media=1),
            assistant(
                LOOKING,
                REASONING,
                calls=[[None, WEATHER, compact(WEATHER_ARGS)], [None, TIDES, compact(TIDES_ARGS)]],
            ),
            tool(SUNNY, results=[None]),
            tool(FAILED, results=[None]),
            assistant(ANSWER),
            user(THANKS),
        ],
    )


def mistral_call(ident: str, name: str, arguments: Any) -> mistral.ToolCall:
    """A call; the arguments are a text or an object."""
    return mistral.ToolCall(id=ident, function=mistral.FunctionCall(name=name, arguments=arguments))


MISTRAL: list[Any] = [
    mistral.SystemMessage(content=SYSTEM),
    mistral.UserMessage(
        content=[mistral.TextChunk(text=QUESTION), mistral.ImageURLChunk(image_url=IMAGE_URL)],
    ),
    mistral.AssistantMessage(
        content=[
            mistral.ThinkChunk(thinking=[mistral.TextChunk(text=REASONING)]),
            mistral.TextChunk(text=LOOKING),
        ],
        tool_calls=[
            mistral_call(CALL_1, WEATHER, compact(WEATHER_ARGS)),
            mistral_call(CALL_2, TIDES, TIDES_ARGS),
        ],
    ),
    mistral.ToolMessage(content=SUNNY, tool_call_id=CALL_1, name=WEATHER),
    mistral.ToolMessage(content=[mistral.TextChunk(text=FAILED)], tool_call_id=CALL_2, name=TIDES),
    mistral.AssistantMessage(content=ANSWER),
    mistral.UserMessage(
        content=[mistral.DocumentURLChunk(document_url="https://example.org/a.pdf"), mistral.TextChunk(text=THANKS)],
    ),
]
emit(
    "mistralai",
    "model_dump_json",
    [message.model_dump_json() for message in MISTRAL],
    [
        system(SYSTEM),
        user(QUESTION, media=1),
        assistant(REASONING, LOOKING, calls=CALLS),
        tool(SUNNY, results=[CALL_1], name=WEATHER),
        tool(FAILED, results=[CALL_2], name=TIDES),
        assistant(ANSWER),
        user(THANKS, media=1),
    ],
)


def cohere_call(ident: str, name: str, arguments: dict[str, Any]) -> cohere.ToolCallV2:
    """A call."""
    function = cohere.ToolCallV2Function(name=name, arguments=compact(arguments))
    return cohere.ToolCallV2(id=ident, type="function", function=function)


DOCUMENT = {"sky": SUNNY}
COHERE: list[Any] = [
    cohere.SystemChatMessageV2(content=SYSTEM),
    cohere.UserChatMessageV2(
        content=[
            {"type": "text", "text": QUESTION},
            {"type": "image_url", "image_url": {"url": IMAGE_URL}},
        ]
    ),
    cohere.AssistantChatMessageV2(
        tool_plan=REASONING,
        tool_calls=[cohere_call(CALL_1, WEATHER, WEATHER_ARGS), cohere_call(CALL_2, TIDES, TIDES_ARGS)],
    ),
    cohere.ToolChatMessageV2(
        tool_call_id=CALL_1,
        content=[cohere.DocumentToolContent(document=cohere.Document(data=DOCUMENT, id="d1"))],
    ),
    cohere.ToolChatMessageV2(tool_call_id=CALL_2, content=FAILED),
    cohere.AssistantChatMessageV2(
        content=[{"type": "thinking", "thinking": REASONING}, {"type": "text", "text": ANSWER}]
    ),
    cohere.UserChatMessageV2(content=THANKS),
]
for form, write, inner in (
    ("json", lambda message: message.json(), compact),
    ("dict", lambda message: json.dumps(message.dict()), spaced),
):
    emit(
        "cohere",
        form,
        [write(message) for message in COHERE],
        [
            system(SYSTEM),
            user(QUESTION, media=1),
            assistant(REASONING, calls=CALLS),
            tool(inner(DOCUMENT), results=[CALL_1]),
            tool(FAILED, results=[CALL_2]),
            assistant(REASONING, ANSWER),
            user(THANKS),
        ],
    )
