"""Anthropic's SDK: messages as they are sent, answers as `Message.model_dump_json` and `to_json` write them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from anthropic.types import Message
from anthropic.types.beta import BetaMessage

from forms import (
    ANSWER,
    CALL_1,
    CALL_2,
    FAILED,
    IMAGE,
    LOOK,
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

NAME = "anthropic"
SOURCE = {"type": "base64", "media_type": "image/png", "data": IMAGE}
PICTURE = {"type": "image", "source": SOURCE}


def answer(kind: Any, *content: dict[str, Any], stop: str = "end_turn") -> Any:
    """An answer of the API."""
    usage = {"input_tokens": 50, "output_tokens": 9}
    fields = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": stop}
    return kind.model_validate({**fields, "content": list(content), "usage": usage})


def whole(message: Any) -> str:
    """The whole answer, with its envelope."""
    return message.model_dump_json()


def brief(message: Any) -> str:
    """Without fields that are not set."""
    return message.to_json(indent=None)


def param(message: Any) -> str:
    """Role and content only, as the examples of the SDK append it to the list of messages."""
    content = [block.model_dump(exclude_none=True) for block in message.content]
    return json.dumps({"role": message.role, "content": content})


def asked(role: str, *content: Any) -> str:
    """A message that the application writes."""
    return json.dumps({"role": role, "content": content[0] if isinstance(content[0], str) else list(content)})


def text(words: str) -> dict[str, Any]:
    """A text block."""
    return {"type": "text", "text": words}


def result(ident: str, content: Any, **fields: Any) -> dict[str, Any]:
    """A result block."""
    return {"type": "tool_result", "tool_use_id": ident, "content": content, **fields}


WRITERS: dict[str, tuple[Callable[[Any], str], Callable[[Any], str]]] = {
    "model_dump_json": (whole, compact),
    "to_json": (brief, compact),
    "params": (param, spaced),
}
for form, (write, inner) in WRITERS.items():
    emit(
        NAME,
        form,
        [
            asked("system", SYSTEM),
            asked("user", text(QUESTION), PICTURE),
            write(
                answer(
                    Message,
                    {"type": "thinking", "thinking": REASONING, "signature": "c2ln"},
                    {"type": "redacted_thinking", "data": IMAGE},
                    text(LOOKING),
                    {"type": "tool_use", "id": CALL_1, "name": WEATHER, "input": WEATHER_ARGS},
                    {"type": "tool_use", "id": CALL_2, "name": TIDES, "input": TIDES_ARGS},
                    stop="tool_use",
                )
            ),
            asked(
                "user",
                result(CALL_1, [text(SUNNY), PICTURE]),
                result(CALL_2, FAILED, is_error=True),
            ),
            write(answer(Message, text(ANSWER))),
            asked("user", THANKS),
        ],
        [
            system(SYSTEM),
            user(QUESTION, media=1),
            # The redacted block is opaque data beside a known kind: it counts nothing.
            assistant(
                REASONING,
                LOOKING,
                calls=[[CALL_1, WEATHER, inner(WEATHER_ARGS)], [CALL_2, TIDES, inner(TIDES_ARGS)]],
            ),
            tool(SUNNY, FAILED, role="user", results=[CALL_1, CALL_2], media=1),
            assistant(ANSWER),
            user(THANKS),
        ],
    )

# Results and text in one message, in parallel calls that are answered one message each, and documents.
emit(
    NAME,
    "documents_and_results",
    [
        asked(
            "user",
            {
                "type": "document",
                "source": {"type": "text", "media_type": "text/plain", "data": SUNNY},
                "title": "Lake",
            },
            {"type": "search_result", "source": "https://example.org", "title": "Tides", "content": [text(FAILED)]},
            {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": IMAGE}},
            {"type": "container_upload", "file_id": "file_1"},
            text(QUESTION),
        ),
        param(
            answer(
                Message,
                {"type": "tool_use", "id": CALL_1, "name": WEATHER, "input": WEATHER_ARGS},
                stop="tool_use",
            )
        ),
        asked("user", result(CALL_1, SUNNY), text(LOOK)),
        param(answer(Message, text(ANSWER))),
        asked("user", THANKS),
    ],
    [
        user(SUNNY, "Lake", "https://example.org", "Tides", FAILED, QUESTION, media=2),
        assistant(calls=[[CALL_1, WEATHER, spaced(WEATHER_ARGS)]]),
        tool(SUNNY, LOOK, role="user", results=[CALL_1]),
        assistant(ANSWER),
        user(THANKS),
    ],
)

# Tools that run at Anthropic: call and result in one message, or across two when the turn is paused.
SEARCHED = {"type": "web_search_result", "url": "https://example.org", "title": "Tides", "encrypted_content": "c2ln"}
QUERY = {"query": "tides Lisbon"}
for form, write, inner in (("server_tools", whole, compact), ("server_tools_params", param, spaced)):
    paused = answer(
        BetaMessage,
        text(LOOKING),
        {"type": "server_tool_use", "id": "srvtoolu_2", "name": "web_fetch", "input": QUERY},
        stop="pause_turn",
    )
    searched = answer(
        BetaMessage,
        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": QUERY},
        {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [SEARCHED]},
        {"type": "mcp_tool_use", "id": "mcptoolu_1", "name": TIDES, "server_name": "sea", "input": TIDES_ARGS},
        {"type": "mcp_tool_result", "tool_use_id": "mcptoolu_1", "is_error": False, "content": [text(SUNNY)]},
        text(ANSWER),
    )
    resumed = answer(
        BetaMessage,
        {
            "type": "web_fetch_tool_result",
            "tool_use_id": "srvtoolu_2",
            "content": {"type": "web_fetch_tool_result_error", "error_code": "unavailable"},
        },
        text(ANSWER),
    )
    found = json.loads(write(searched))["content"][1]["content"][0]
    failed = json.loads(write(resumed))["content"][0]["content"]
    emit(
        NAME,
        form,
        [
            asked("user", QUESTION),
            write(searched),
            asked("user", LOOK),
            write(paused),
            write(resumed),
            asked("user", THANKS),
        ],
        [
            user(QUESTION),
            assistant(
                inner(found),
                SUNNY,
                ANSWER,
                calls=[["srvtoolu_1", "web_search", inner(QUERY)], ["mcptoolu_1", TIDES, inner(TIDES_ARGS)]],
                results=["srvtoolu_1", "mcptoolu_1"],
            ),
            user(LOOK),
            assistant(LOOKING, calls=[["srvtoolu_2", "web_fetch", inner(QUERY)]]),
            assistant(inner(failed), ANSWER, results=["srvtoolu_2"]),
            user(THANKS),
        ],
    )

# A line of a Claude Code transcript, and a message in an envelope of the application's own.
LINE = {"parentUuid": None, "sessionId": "s", "uuid": "1", "timestamp": "2026-01-01T00:00:00Z"}
emit(
    NAME,
    "transcript",
    [
        json.dumps({**LINE, "type": "user", "message": {"role": "user", "content": QUESTION}}),
        json.dumps(
            {
                **LINE,
                "type": "assistant",
                "message": json.loads(
                    whole(
                        answer(
                            Message,
                            text(LOOKING),
                            {"type": "tool_use", "id": CALL_1, "name": WEATHER, "input": WEATHER_ARGS},
                            stop="tool_use",
                        )
                    )
                ),
            }
        ),
        json.dumps(
            {
                **LINE,
                "type": "user",
                "message": {"role": "user", "content": [result(CALL_1, SUNNY)]},
                "toolUseResult": {"stdout": SUNNY, "stderr": "", "interrupted": False},
            }
        ),
        json.dumps({**LINE, "type": "assistant", "message": json.loads(whole(answer(Message, text(ANSWER))))}),
        json.dumps({"sent": "2026-01-01T00:00:00Z", "message": {"role": "user", "content": THANKS}}),
    ],
    [
        user(QUESTION),
        assistant(LOOKING, calls=[[CALL_1, WEATHER, spaced(WEATHER_ARGS)]]),
        tool(SUNNY, role="user", results=[CALL_1]),
        assistant(ANSWER),
        user(THANKS),
    ],
)
