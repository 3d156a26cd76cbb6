"""Forms that no installed package writes, by hand from documentation and sources.

Earlier releases of the AI SDK and of Agent Framework, Mastra, DeepSeek.
"""

from __future__ import annotations

from typing import Any

from forms import (
    ANSWER,
    CALL_1,
    CALL_2,
    FAILED,
    IMAGE_URL,
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

CALLS = [[CALL_1, WEATHER, compact(WEATHER_ARGS)], [CALL_2, TIDES, compact(TIDES_ARGS)]]
GOOD = {"degrees": 21, "sky": SUNNY}


def by_hand(
    framework: str, form: str, messages: list[dict[str, Any]], expect: list[dict[str, Any]], **more: Any
) -> None:
    """A form whose JSON is written here."""
    emit(framework, form, [compact(message) for message in messages], expect, package="", by_hand=True, **more)


def with_calls(*texts: str, **more: Any) -> dict[str, Any]:
    """The message with both calls."""
    return assistant(*texts, calls=CALLS, **more)


FIRST, LAST = [system(SYSTEM), user(QUESTION, media=1)], [assistant(ANSWER), user(THANKS)]
BOTH = [tool(SUNNY, results=[CALL_1]), tool(FAILED, results=[CALL_2])]

# Agent Framework in Python, first releases: the role is an object.
by_hand(
    "agent-framework-core",
    "role_as_object",
    [
        {
            "type": "chat_message",
            "role": {"type": "role", "value": "system"},
            "contents": [{"type": "text", "text": SYSTEM}],
        },
        {
            "type": "chat_message",
            "role": {"type": "role", "value": "user"},
            "contents": [
                {"type": "text", "text": QUESTION},
                {"type": "data", "uri": IMAGE_URL, "media_type": "image/png"},
            ],
        },
        {
            "type": "chat_message",
            "role": {"type": "role", "value": "assistant"},
            "contents": [
                {"type": "function_call", "call_id": CALL_1, "name": WEATHER, "arguments": compact(WEATHER_ARGS)},
                {"type": "function_call", "call_id": CALL_2, "name": TIDES, "arguments": compact(TIDES_ARGS)},
            ],
        },
        {
            "type": "chat_message",
            "role": {"type": "role", "value": "tool"},
            "contents": [
                {"type": "function_result", "call_id": CALL_1, "result": SUNNY},
                {"type": "function_result", "call_id": CALL_2, "result": FAILED},
            ],
        },
        {
            "type": "chat_message",
            "role": {"type": "role", "value": "assistant"},
            "contents": [{"type": "text", "text": ANSWER}],
        },
        {
            "type": "chat_message",
            "role": {"type": "role", "value": "user"},
            "contents": [{"type": "text", "text": THANKS}],
        },
    ],
    [*FIRST, with_calls(), tool(SUNNY, FAILED, results=[CALL_1, CALL_2]), *LAST],
)


def invocation(**fields: Any) -> dict[str, Any]:
    """A tool invocation of the AI SDK v4 and of Mastra."""
    return {"state": "result", "step": 0, **fields}


INVOCATIONS = [
    invocation(toolCallId=CALL_1, toolName=WEATHER, args=WEATHER_ARGS, result=GOOD),
    invocation(toolCallId=CALL_2, toolName=TIDES, args=TIDES_ARGS, result=FAILED),
]
# AI SDK v4: UIMessage with `content`, `toolInvocations`, and the same again in `parts`.
by_hand(
    "ai",
    "v4_ui_message",
    [
        {"id": "s1", "role": "system", "content": SYSTEM, "parts": [{"type": "text", "text": SYSTEM}]},
        {
            "id": "u1",
            "role": "user",
            "content": QUESTION,
            "parts": [{"type": "text", "text": QUESTION}],
            "experimental_attachments": [{"name": "sky.png", "contentType": "image/png", "url": IMAGE_URL}],
        },
        {
            "id": "a1",
            "createdAt": "2026-01-01T00:00:00.000Z",
            "role": "assistant",
            "content": ANSWER,
            "reasoning": REASONING,
            "toolInvocations": INVOCATIONS,
            "parts": [
                {"type": "step-start"},
                {"type": "reasoning", "reasoning": REASONING, "details": [{"type": "text", "text": REASONING}]},
                {"type": "tool-invocation", "toolInvocation": INVOCATIONS[0]},
                {"type": "tool-invocation", "toolInvocation": INVOCATIONS[1]},
                {"type": "step-start"},
                {"type": "text", "text": ANSWER},
            ],
            "revisionId": "r1",
        },
        {"id": "u2", "role": "user", "content": THANKS, "parts": [{"type": "text", "text": THANKS}]},
    ],
    [
        *FIRST,
        # `reasoning` repeats a part; whether it counts again is left open.
        with_calls(REASONING, compact(GOOD), FAILED, ANSWER, results=[CALL_1, CALL_2], open=True),
        user(THANKS),
    ],
)
by_hand(
    "ai",
    "v4_tool_invocations",
    [
        {"id": "u1", "role": "user", "content": QUESTION},
        {"id": "a1", "role": "assistant", "content": "", "toolInvocations": INVOCATIONS},
        {"id": "a2", "role": "assistant", "content": ANSWER},
        {"id": "u2", "role": "user", "content": THANKS},
    ],
    [user(QUESTION), with_calls(compact(GOOD), FAILED, results=[CALL_1, CALL_2]), *LAST],
)
# Mastra: MastraDBMessage, format 2.
by_hand(
    "mastra",
    "db_message",
    [
        {
            "id": "u1",
            "role": "user",
            "createdAt": "2026-01-01T00:00:00.000Z",
            "threadId": "t",
            "resourceId": "r",
            "type": "v2",
            "content": {
                "format": 2,
                "parts": [
                    {"type": "text", "text": QUESTION},
                    {"type": "file", "mimeType": "image/png", "data": IMAGE_URL},
                ],
                "content": QUESTION,
            },
        },
        {
            "id": "a1",
            "role": "assistant",
            "createdAt": "2026-01-01T00:00:00.000Z",
            "threadId": "t",
            "resourceId": "r",
            "type": "v2",
            "content": {
                "format": 2,
                "parts": [
                    {"type": "step-start"},
                    {"type": "reasoning", "reasoning": "", "details": [{"type": "text", "text": REASONING}]},
                    {"type": "tool-invocation", "toolInvocation": INVOCATIONS[0]},
                    {"type": "tool-invocation", "toolInvocation": INVOCATIONS[1]},
                    {"type": "text", "text": ANSWER},
                ],
                "toolInvocations": INVOCATIONS,
                "content": ANSWER,
            },
        },
        {
            "id": "u2",
            "role": "user",
            "createdAt": "2026-01-01T00:00:00.000Z",
            "content": {"format": 2, "parts": [{"type": "text", "text": THANKS}], "content": THANKS},
        },
    ],
    [
        user(QUESTION, media=1),
        with_calls(REASONING, compact(GOOD), FAILED, ANSWER, results=[CALL_1, CALL_2]),
        user(THANKS),
    ],
)
# DeepSeek: `reasoning_content` beside the content, and a call's empty id as some servers of open models write it.
by_hand(
    "deepseek",
    "chat",
    [
        {"role": "system", "content": SYSTEM},
        {"role": "user", "content": QUESTION},
        {
            "role": "assistant",
            "content": "",
            "reasoning_content": REASONING,
            "tool_calls": [
                {
                    "index": 0,
                    "id": "",
                    "type": "function",
                    "function": {"name": WEATHER, "arguments": compact(WEATHER_ARGS)},
                },
                {
                    "index": 1,
                    "id": "",
                    "type": "function",
                    "function": {"name": TIDES, "arguments": compact(TIDES_ARGS)},
                },
            ],
        },
        {"role": "tool", "tool_call_id": "", "content": SUNNY},
        {"role": "tool", "tool_call_id": "", "content": FAILED},
        {"role": "assistant", "content": ANSWER, "reasoning_content": REASONING},
        {"role": "user", "content": THANKS},
    ],
    [
        system(SYSTEM),
        user(QUESTION),
        assistant(REASONING, calls=[[None, name, arguments] for _, name, arguments in CALLS]),
        tool(SUNNY, results=[None]),
        tool(FAILED, results=[None]),
        assistant(REASONING, ANSWER),
        user(THANKS),
    ],
)
