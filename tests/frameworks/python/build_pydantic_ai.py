"""pydantic-ai: `ModelMessagesTypeAdapter`."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime

from pydantic_ai import AudioUrl, BinaryContent, CachePoint, DocumentUrl, ImageUrl
from pydantic_ai.messages import (
    CompactionPart,
    FilePart,
    ModelMessage,
    ModelMessagesTypeAdapter,
    ModelRequest,
    ModelResponse,
    NativeToolCallPart,
    NativeToolReturnPart,
    RetryFeedbackPart,
    RetryInfo,
    RetryPromptPart,
    SystemPromptPart,
    TextContent,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolReturnPart,
    UploadedFile,
    UserPromptPart,
)

from forms import (
    ANSWER,
    CALL_1,
    CALL_2,
    FAILED,
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
    system,
    tool,
    user,
)

NAME = "pydantic-ai-slim"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
warnings.simplefilter("ignore")


def request(*parts: object, instructions: str | None = None) -> ModelRequest:
    """A request at a fixed time."""
    for part in parts:
        if hasattr(part, "timestamp"):
            part.timestamp = NOW
    return ModelRequest(parts=list(parts), timestamp=NOW, instructions=instructions)


def response(*parts: object) -> ModelResponse:
    """A response at a fixed time."""
    return ModelResponse(parts=list(parts), model_name="m", timestamp=NOW)


def texts(messages: list[ModelMessage]) -> list[str]:
    """One JSON text for each message, as the adapter writes it."""
    return [ModelMessagesTypeAdapter.dump_json([message]).decode()[1:-1] for message in messages]


PICTURE = BinaryContent(PIXELS, media_type="image/png")
DATA = {"degrees": 21, "sky": "sunny"}
CALLED = response(
    ThinkingPart(REASONING, signature="c2ln"),
    TextPart(LOOKING),
    ToolCallPart(WEATHER, WEATHER_ARGS, tool_call_id=CALL_1),
    ToolCallPart(TIDES, compact(TIDES_ARGS), tool_call_id=CALL_2),
)
CALLS = [[CALL_1, WEATHER, compact(WEATHER_ARGS)], [CALL_2, TIDES, compact(TIDES_ARGS)]]
emit(
    NAME,
    "messages",
    texts(
        [
            request(SystemPromptPart(SYSTEM)),
            request(UserPromptPart([QUESTION, PICTURE, ImageUrl("https://example.org/a.png")])),
            CALLED,
            request(
                ToolReturnPart(WEATHER, DATA, tool_call_id=CALL_1),
                RetryPromptPart(FAILED, tool_name=TIDES, tool_call_id=CALL_2),
            ),
            response(TextPart(ANSWER)),
            request(UserPromptPart(THANKS)),
        ]
    ),
    [
        system(SYSTEM),
        user(QUESTION, media=2),
        assistant(REASONING, LOOKING, calls=CALLS),
        # Only a field called `name` counts as the name of a result, and `tool_name` is none.
        tool(compact(DATA), FAILED, results=[CALL_1, CALL_2]),
        assistant(ANSWER),
        user(THANKS),
    ],
)
emit(
    NAME,
    "system_and_user_in_one_request",
    texts(
        [
            request(SystemPromptPart(SYSTEM), UserPromptPart(QUESTION), instructions="Be kind."),
            CALLED,
            request(
                ToolReturnPart(WEATHER, SUNNY, tool_call_id=CALL_1),
                ToolReturnPart(TIDES, FAILED, tool_call_id=CALL_2, outcome="failed"),
                instructions="Be kind.",
            ),
            response(TextPart("")),
            request(RetryPromptPart("Please answer.", tool_call_id="pyd_ai_1")),
            response(
                NativeToolCallPart("web_search", {"query": "tides"}, tool_call_id="s1"),
                NativeToolReturnPart("web_search", SUNNY, tool_call_id="s1", timestamp=NOW),
                TextPart(ANSWER),
            ),
            request(UserPromptPart(THANKS)),
        ]
    ),
    [
        user(SYSTEM, QUESTION, "Be kind."),
        assistant(REASONING, LOOKING, calls=CALLS),
        tool(SUNNY, FAILED, "Be kind.", results=[CALL_1, CALL_2]),
        assistant(),
        user("Please answer."),
        assistant(SUNNY, ANSWER, calls=[["s1", "web_search", '{"query":"tides"}']], results=["s1"]),
        user(THANKS),
    ],
)
# Rarer kinds. `text-content`, `uploaded-file` and `retry-feedback` are no kinds of the contract: unknown, so they count
# as JSON text at least.
rare = texts(
    [
        request(
            UserPromptPart(
                [
                    TextContent(QUESTION),
                    CachePoint(),
                    DocumentUrl("https://example.org/a.pdf"),
                    AudioUrl("https://example.org/a.mp3"),
                    UploadedFile("file_1", provider_name="openai", media_type="image/png"),
                ]
            )
        ),
        response(CompactionPart("Earlier: the user sails."), FilePart(PICTURE), TextPart(LOOKING)),
        request(RetryFeedbackPart(FAILED, retry=RetryInfo(cause="output"))),
        response(TextPart(ANSWER)),
        request(UserPromptPart(THANKS)),
    ]
)
emit(
    NAME,
    "rare_parts",
    rare,
    [
        user(QUESTION, media=2, open=True, unread=None),
        assistant("Earlier: the user sails.", LOOKING, media=1),
        user(FAILED, open=True, unread=None),
        assistant(ANSWER),
        user(THANKS),
    ],
)
