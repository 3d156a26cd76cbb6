"""Java and .NET, written by hand from their documentation and sources.

Spring AI, langchain4j, Microsoft.Extensions.AI, Semantic Kernel.
"""

from __future__ import annotations

from typing import Any

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

# Spring AI: its messages as Jackson writes them (JDBC and Redis chat memories); one message holds both results.
by_hand(
    "spring-ai",
    "messages",
    [
        {"messageType": "SYSTEM", "metadata": {"messageType": "SYSTEM"}, "text": SYSTEM},
        {
            "messageType": "USER",
            "metadata": {"messageType": "USER"},
            "media": [{"id": "m1", "mimeType": "image/png", "data": IMAGE, "name": "sky"}],
            "text": QUESTION,
        },
        {
            "messageType": "ASSISTANT",
            "metadata": {"messageType": "ASSISTANT", "finishReason": "TOOL_CALLS"},
            "toolCalls": [
                {"id": CALL_1, "type": "function", "name": WEATHER, "arguments": compact(WEATHER_ARGS)},
                {"id": CALL_2, "type": "function", "name": TIDES, "arguments": compact(TIDES_ARGS)},
            ],
            "media": [],
            "text": LOOKING,
        },
        {
            "messageType": "TOOL",
            "metadata": {"messageType": "TOOL"},
            "responses": [
                {"id": CALL_1, "name": WEATHER, "responseData": SUNNY},
                {"id": CALL_2, "name": TIDES, "responseData": FAILED},
            ],
            "text": "",
        },
        {
            "messageType": "ASSISTANT",
            "metadata": {"messageType": "ASSISTANT"},
            "toolCalls": [],
            "media": [],
            "text": ANSWER,
        },
        {"messageType": "USER", "metadata": {"messageType": "USER"}, "media": [], "text": THANKS},
    ],
    [
        *FIRST,
        with_calls(LOOKING),
        # Elements of `responses` are results with a `name`, like blocks.
        tool(WEATHER, SUNNY, TIDES, FAILED, results=[CALL_1, CALL_2]),
        *LAST,
    ],
)
# langchain4j: ChatMessageSerializer.
by_hand(
    "langchain4j",
    "chat_message_serializer",
    [
        {"text": SYSTEM, "type": "SYSTEM"},
        {
            "contents": [
                {"text": QUESTION, "type": "TEXT"},
                {"image": {"base64Data": IMAGE, "mimeType": "image/png"}, "detailLevel": "LOW", "type": "IMAGE"},
            ],
            "type": "USER",
        },
        {
            "text": LOOKING,
            "thinking": REASONING,
            "toolExecutionRequests": [
                {"id": CALL_1, "name": WEATHER, "arguments": compact(WEATHER_ARGS)},
                {"id": CALL_2, "name": TIDES, "arguments": compact(TIDES_ARGS)},
            ],
            "attributes": {},
            "type": "AI",
        },
        {"id": CALL_1, "toolName": WEATHER, "text": SUNNY, "type": "TOOL_EXECUTION_RESULT"},
        {"id": CALL_2, "toolName": TIDES, "text": FAILED, "isError": True, "type": "TOOL_EXECUTION_RESULT"},
        {"text": ANSWER, "toolExecutionRequests": [], "type": "AI"},
        {"name": "ana", "contents": [{"text": THANKS, "type": "TEXT"}], "type": "USER"},
    ],
    [*FIRST, with_calls(LOOKING, REASONING), *BOTH, assistant(ANSWER), user(THANKS, name="ana")],
)


def capitals(value: Any) -> Any:
    """Keys as .NET writes them without a naming policy."""
    if isinstance(value, dict):
        return {name if name.startswith("$") else name[0].upper() + name[1:]: capitals(v) for name, v in value.items()}
    return [capitals(element) for element in value] if isinstance(value, list) else value


# Microsoft.Extensions.AI: ChatMessage with AIJsonUtilities.DefaultOptions, and with the serializer's own naming.
EXTENSIONS: list[dict[str, Any]] = [
    {"role": "system", "contents": [{"$type": "text", "text": SYSTEM}]},
    {
        "role": "user",
        "contents": [
            {"$type": "text", "text": QUESTION},
            {"$type": "data", "uri": IMAGE_URL, "mediaType": "image/png"},
        ],
        "messageId": "u1",
    },
    {
        "authorName": "harbour",
        "role": "assistant",
        "contents": [
            {"$type": "reasoning", "text": REASONING},
            {"$type": "text", "text": LOOKING},
            {"$type": "functionCall", "callId": CALL_1, "name": WEATHER, "arguments": WEATHER_ARGS},
            {"$type": "functionCall", "callId": CALL_2, "name": TIDES, "arguments": TIDES_ARGS},
            {"$type": "usage", "details": {"inputTokenCount": 50}},
        ],
    },
    {"role": "tool", "contents": [{"$type": "functionResult", "callId": CALL_1, "result": SUNNY}]},
    {"role": "tool", "contents": [{"$type": "functionResult", "callId": CALL_2, "result": FAILED}]},
    {"role": "assistant", "contents": [{"$type": "text", "text": ANSWER}]},
    {
        "role": "user",
        "contents": [
            {"$type": "uri", "uri": "https://example.org/a.png", "mediaType": "image/png"},
            {"$type": "text", "text": THANKS},
        ],
    },
]
THANKS_WITH_PICTURE = user(THANKS, media=1)
by_hand(
    "microsoft-extensions-ai",
    "chat_message",
    EXTENSIONS,
    [*FIRST, with_calls(REASONING, LOOKING), *BOTH, assistant(ANSWER), THANKS_WITH_PICTURE],
)
# The arguments keep the names that the model wrote; everything else begins with a capital.
capital = capitals(EXTENSIONS)
for block, arguments in zip(capital[2]["Contents"][2:4], (WEATHER_ARGS, TIDES_ARGS), strict=True):
    block["Arguments"] = arguments
by_hand(
    "microsoft-extensions-ai",
    "chat_message_capitals",
    capital,
    [*FIRST, with_calls(REASONING, LOOKING), *BOTH, assistant(ANSWER), THANKS_WITH_PICTURE],
)
# Semantic Kernel in .NET: ChatMessageContent with System.Text.Json.
by_hand(
    "semantic-kernel-dotnet",
    "chat_message_content",
    [
        {"Role": {"Label": "system"}, "Items": [{"$type": "TextContent", "Text": SYSTEM}]},
        {
            "Role": {"Label": "user"},
            "Items": [{"$type": "TextContent", "Text": QUESTION}, {"$type": "ImageContent", "DataUri": IMAGE_URL}],
        },
        {
            "Role": {"Label": "assistant"},
            "Items": [
                {"$type": "TextContent", "Text": LOOKING},
                {
                    "$type": "FunctionCallContent",
                    "Id": CALL_1,
                    "PluginName": "lake",
                    "FunctionName": WEATHER,
                    "Arguments": WEATHER_ARGS,
                },
                {
                    "$type": "FunctionCallContent",
                    "Id": CALL_2,
                    "PluginName": "sea",
                    "FunctionName": TIDES,
                    "Arguments": TIDES_ARGS,
                },
            ],
            "ModelId": "m",
        },
        {
            "Role": {"Label": "tool"},
            "Items": [
                {
                    "$type": "FunctionResultContent",
                    "CallId": CALL_1,
                    "PluginName": "lake",
                    "FunctionName": WEATHER,
                    "Result": SUNNY,
                },
                {
                    "$type": "FunctionResultContent",
                    "CallId": CALL_2,
                    "PluginName": "sea",
                    "FunctionName": TIDES,
                    "Result": FAILED,
                },
            ],
        },
        {"Role": {"Label": "assistant"}, "Items": [{"$type": "TextContent", "Text": ANSWER}]},
        {"Role": {"Label": "user"}, "Items": [{"$type": "TextContent", "Text": THANKS}]},
    ],
    [*FIRST, with_calls(LOOKING), tool(SUNNY, FAILED, results=[CALL_1, CALL_2]), *LAST],
)
