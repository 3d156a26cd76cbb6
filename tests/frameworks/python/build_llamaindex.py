"""LlamaIndex: `ChatMessage.model_dump` as its chat stores write it."""

from __future__ import annotations

import json
from collections.abc import Callable

from llama_index.core.base.llms.types import (
    CitableBlock,
    DocumentBlock,
    ImageBlock,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)
from llama_index.core.llms import ChatMessage

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
    compact,
    emit,
    spaced,
    system,
    tool,
    user,
)

NAME = "llama-index-core"
TOOL_CALLS = [
    {"id": CALL_1, "type": "function", "function": {"name": WEATHER, "arguments": compact(WEATHER_ARGS)}},
    {"id": CALL_2, "type": "function", "function": {"name": TIDES, "arguments": compact(TIDES_ARGS)}},
]


def redis_store(message: ChatMessage) -> str:
    """RedisChatStore: `json.dumps(message.model_dump())`; bytes are no JSON there, so mode json for images."""
    return json.dumps(message.model_dump(mode="json"))


def pydantic_text(message: ChatMessage) -> str:
    """SimpleChatStore and the SQL store."""
    return message.model_dump_json()


def results() -> list[ChatMessage]:
    """The results of both calls."""
    return [
        ChatMessage(role="tool", content=SUNNY, additional_kwargs={"name": WEATHER, "tool_call_id": CALL_1}),
        ChatMessage(role="tool", content=FAILED, additional_kwargs={"name": TIDES, "tool_call_id": CALL_2}),
    ]


WRITERS: dict[str, tuple[Callable[[ChatMessage], str], Callable[..., str]]] = {
    "redis_chat_store": (redis_store, spaced),
    "model_dump_json": (pydantic_text, compact),
}
for form, (write, inner) in WRITERS.items():
    picture = ImageBlock(image=IMAGE.encode(), image_mimetype="image/png")
    shared = [
        ChatMessage(role="system", content=SYSTEM),
        ChatMessage(role="user", blocks=[TextBlock(text=QUESTION), picture]),
    ]
    last = [ChatMessage(role="assistant", content=ANSWER), ChatMessage(role="user", content=THANKS)]
    expected_results = [tool(SUNNY, results=[CALL_1]), tool(FAILED, results=[CALL_2])]
    # Calls in `additional_kwargs`, as the OpenAI integration of older versions leaves them.
    called = ChatMessage(role="assistant", content=LOOKING, additional_kwargs={"tool_calls": TOOL_CALLS})
    emit(
        NAME,
        f"{form}_kwargs",
        [write(message) for message in [*shared, called, *results(), *last]],
        [
            system(SYSTEM),
            user(QUESTION, media=1),
            assistant(
                LOOKING,
                calls=[[CALL_1, WEATHER, compact(WEATHER_ARGS)], [CALL_2, TIDES, compact(TIDES_ARGS)]],
            ),
            *expected_results,
            assistant(ANSWER),
            user(THANKS),
        ],
    )
    # Calls as blocks; arguments are an object or the model's text.
    called = ChatMessage(
        role="assistant",
        blocks=[
            ThinkingBlock(content=REASONING),
            TextBlock(text=LOOKING),
            ToolCallBlock(tool_call_id=CALL_1, tool_name=WEATHER, tool_kwargs=WEATHER_ARGS),
            ToolCallBlock(tool_call_id=CALL_2, tool_name=TIDES, tool_kwargs=compact(TIDES_ARGS)),
        ],
    )
    document = ChatMessage(
        role="user",
        blocks=[
            DocumentBlock(data=IMAGE.encode(), title="tides.pdf", document_mimetype="application/pdf"),
            CitableBlock(title="Lake", source="lake.md", content=[TextBlock(text=SUNNY)]),
            TextBlock(text=THANKS),
        ],
    )
    emit(
        NAME,
        f"{form}_blocks",
        [write(message) for message in [*shared, called, *results(), last[0], document]],
        [
            system(SYSTEM),
            user(QUESTION, media=1),
            assistant(
                REASONING,
                LOOKING,
                calls=[[CALL_1, WEATHER, inner(WEATHER_ARGS)], [CALL_2, TIDES, compact(TIDES_ARGS)]],
            ),
            *expected_results,
            assistant(ANSWER),
            # A document without text is a media part; whether its title counts as well is left open.
            user("Lake", SUNNY, THANKS, media=1, open=True),
        ],
    )
