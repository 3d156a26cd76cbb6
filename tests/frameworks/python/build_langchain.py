"""LangChain in Python: `message_to_dict`, `model_dump`, `dumpd`, content blocks of 1.x, chunks, and the rest."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from langchain_core.load import dumpd
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
    message_to_dict,
)

from forms import (
    ANSWER,
    CALL_1,
    CALL_2,
    FAILED,
    IMAGE,
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
    spaced,
    system,
    tool,
    user,
)

NAME = "langchain-core"
CALLS = [[CALL_1, WEATHER, spaced(WEATHER_ARGS)], [CALL_2, TIDES, spaced(TIDES_ARGS)]]
TOOL_CALLS = [
    {"name": WEATHER, "args": WEATHER_ARGS, "id": CALL_1, "type": "tool_call"},
    {"name": TIDES, "args": TIDES_ARGS, "id": CALL_2, "type": "tool_call"},
]
PICTURE = {"type": "image_url", "image_url": {"url": IMAGE_URL}}
RESULTS: list[BaseMessage] = [
    ToolMessage(SUNNY, tool_call_id=CALL_1, name=WEATHER, id="t1", artifact={"raw": [21, "sunny"]}),
    ToolMessage(FAILED, tool_call_id=CALL_2, name=TIDES, id="t2", status="error"),
]
CHAT: list[BaseMessage] = [
    SystemMessage(SYSTEM, id="s1"),
    HumanMessage([{"type": "text", "text": QUESTION}, PICTURE], id="u1"),
    AIMessage(
        LOOKING,
        tool_calls=TOOL_CALLS,
        response_metadata={"model_name": "m", "finish_reason": "tool_calls"},
        usage_metadata={"input_tokens": 50, "output_tokens": 9, "total_tokens": 59},
        id="a1",
    ),
    *RESULTS,
    AIMessage(ANSWER, id="a2"),
    HumanMessage(THANKS, id="u2"),
]
EXPECT = [
    system(SYSTEM),
    user(QUESTION, media=1),
    assistant(LOOKING, calls=CALLS),
    tool(SUNNY, results=[CALL_1], name=WEATHER),
    tool(FAILED, results=[CALL_2], name=TIDES),
    assistant(ANSWER),
    user(THANKS),
]

# Content blocks of 1.x: a call stands in the content and, derived from it, in `tool_calls`.
BLOCKS: list[BaseMessage] = [
    SystemMessage(SYSTEM, id="s1"),
    HumanMessage(
        content_blocks=[
            {"type": "text", "text": QUESTION},
            {"type": "image", "base64": IMAGE, "mime_type": "image/png"},
        ],
        id="u1",
    ),
    AIMessage(
        content_blocks=[
            {"type": "reasoning", "reasoning": REASONING},
            {"type": "text", "text": LOOKING},
            *TOOL_CALLS,
        ],
        id="a1",
    ),
    ToolMessage(
        content_blocks=[
            {"type": "text", "text": SUNNY},
            {"type": "image", "url": "https://example.org/sun.png"},
        ],
        tool_call_id=CALL_1,
        id="t1",
    ),
    RESULTS[1],
    AIMessage(content_blocks=[{"type": "text", "text": ANSWER}], id="a2"),
    HumanMessage(content_blocks=[{"type": "text", "text": THANKS}], id="u2"),
]
BLOCKS_EXPECT = [
    system(SYSTEM),
    user(QUESTION, media=1),
    assistant(REASONING, LOOKING, calls=CALLS),
    tool(SUNNY, results=[CALL_1], media=1),
    tool(FAILED, results=[CALL_2], name=TIDES),
    assistant(ANSWER),
    user(THANKS),
]

# The content as Anthropic's adapter leaves it: `tool_use` blocks repeat `tool_calls`.
ANTHROPIC = [
    CHAT[0],
    CHAT[1],
    AIMessage(
        [
            {"type": "thinking", "thinking": REASONING, "signature": "c2ln"},
            {"type": "text", "text": LOOKING},
            {"type": "tool_use", "id": CALL_1, "name": WEATHER, "input": WEATHER_ARGS},
            {"type": "tool_use", "id": CALL_2, "name": TIDES, "input": TIDES_ARGS},
        ],
        tool_calls=TOOL_CALLS,
        id="a1",
    ),
    *CHAT[3:],
]
ANTHROPIC_EXPECT = [*EXPECT[:2], assistant(REASONING, LOOKING, calls=CALLS), *EXPECT[3:]]

# A stream that was summed up, and a call whose arguments are no JSON.
CHUNKS: list[BaseMessage] = [
    CHAT[0],
    CHAT[1],
    AIMessageChunk(LOOKING[:8], id="a1")
    + AIMessageChunk(
        LOOKING[8:],
        tool_call_chunks=[
            {"name": WEATHER, "args": "", "id": CALL_1, "index": 0, "type": "tool_call_chunk"},
            {"name": TIDES, "args": '{"port":', "id": CALL_2, "index": 1, "type": "tool_call_chunk"},
        ],
    )
    + AIMessageChunk(
        "",
        tool_call_chunks=[
            {"name": None, "args": json.dumps(WEATHER_ARGS), "id": None, "index": 0, "type": "tool_call_chunk"},
            {"name": None, "args": '"Lisbon"}', "id": None, "index": 1, "type": "tool_call_chunk"},
        ],
    ),
    *CHAT[3:],
]
INVALID: list[BaseMessage] = [
    CHAT[0],
    CHAT[1],
    AIMessage(
        LOOKING,
        tool_calls=TOOL_CALLS[:1],
        invalid_tool_calls=[
            {"name": TIDES, "args": '{"port": Lisbon', "id": CALL_2, "error": "not JSON", "type": "invalid_tool_call"}
        ],
        id="a1",
    ),
    *CHAT[3:],
]
INVALID_EXPECT = [
    *EXPECT[:2],
    assistant(LOOKING, calls=[CALLS[0], [CALL_2, TIDES, '{"port": Lisbon']]),
    *EXPECT[3:],
]

# Legacy functions, and messages with a role of the user's choice.
FUNCTIONS: list[BaseMessage] = [
    ChatMessage(SYSTEM, role="developer", id="s1"),
    ChatMessage(QUESTION, role="user", id="u1"),
    AIMessage("", additional_kwargs={"function_call": {"name": WEATHER, "arguments": json.dumps(WEATHER_ARGS)}}),
    FunctionMessage(SUNNY, name=WEATHER),
    AIMessage(ANSWER),
    HumanMessage(THANKS, name="ana"),
]
FUNCTIONS_EXPECT = [
    system(SYSTEM, role="developer"),
    user(QUESTION),
    assistant(calls=[[None, WEATHER, json.dumps(WEATHER_ARGS)]]),
    tool(SUNNY, role="function", results=[None], name=WEATHER),
    assistant(ANSWER),
    user(THANKS, name="ana"),
]

# Tools that run at the provider, in the standard blocks of 1.x, and the other standard kinds.
NON_STANDARD = {"type": "non_standard", "value": {"kind": "postcard", "text": "Wish you were here."}}
SERVER: list[BaseMessage] = [
    HumanMessage(
        content_blocks=[
            {"type": "text-plain", "mime_type": "text/plain", "text": SUNNY},
            {"type": "file", "base64": IMAGE, "mime_type": "application/pdf"},
            {"type": "audio", "url": "https://example.org/a.mp3"},
            {"type": "video", "file_id": "file_1"},
            NON_STANDARD,
            {"type": "text", "text": QUESTION},
        ]
    ),
    AIMessage(
        content_blocks=[
            {"type": "server_tool_call", "id": "s1", "name": "web_search", "args": {"query": "tides"}},
            {"type": "server_tool_result", "tool_call_id": "s1", "status": "success", "output": SUNNY},
            {"type": "text", "text": ANSWER},
        ]
    ),
    HumanMessage(THANKS),
]
SERVER_EXPECT = [
    user(SUNNY, spaced(NON_STANDARD), QUESTION, media=3, unread=1),
    assistant(SUNNY, ANSWER, calls=[["s1", "web_search", '{"query": "tides"}']], results=["s1"]),
    user(THANKS),
]


def dict_text(message: BaseMessage) -> str:
    """As RedisChatMessageHistory and the SQL histories store it."""
    return json.dumps(message_to_dict(message))


def flat_text(message: BaseMessage) -> str:
    """As a service that returns messages from an API stores it."""
    return json.dumps(message.model_dump())


def lc_text(message: BaseMessage) -> str:
    """LangChain's own serialisation of objects."""
    return json.dumps(dumpd(message))


def form(
    name: str, write: Callable[[BaseMessage], str], messages: list[Any], expect: list[dict[str, Any]], **more: Any
) -> None:
    """One conversation in one serialisation."""
    emit(NAME, name, [write(message) for message in messages], expect, **more)


WRITERS = {"message_to_dict": dict_text, "model_dump": flat_text, "dumpd": lc_text}
for word, write in WRITERS.items():
    form(word, write, CHAT, EXPECT)
    form(f"{word}_content_blocks", write, BLOCKS, BLOCKS_EXPECT)
    form(f"{word}_anthropic_content", write, ANTHROPIC, ANTHROPIC_EXPECT)
    form(f"{word}_chunks", write, CHUNKS, EXPECT)
    form(f"{word}_invalid_tool_calls", write, INVALID, INVALID_EXPECT)
    form(f"{word}_server_tools", write, SERVER, SERVER_EXPECT)
    form(f"{word}_functions", write, FUNCTIONS, FUNCTIONS_EXPECT)
    form(
        f"{word}_remove",
        write,
        [HumanMessage(QUESTION, id="u1"), RemoveMessage(id="u1"), HumanMessage(THANKS, id="u2")],
        [user(QUESTION), {"rejected": True}, user(THANKS)],
    )
