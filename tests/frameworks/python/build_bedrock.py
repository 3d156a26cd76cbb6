"""Bedrock Converse (checked against botocore's service model) and Strands Agents' sessions."""

from __future__ import annotations

import base64
import json
from typing import Any

import botocore.session
from botocore.validate import ParamValidator
from strands.types.session import SessionMessage, encode_bytes_values

from forms import (
    ANSWER,
    CALL_1,
    CALL_2,
    FAILED,
    LOOK,
    LOOKING,
    PIXELS,
    QUESTION,
    REASONING,
    SUNNY,
    THANKS,
    TIDES,
    TIDES_ARGS,
    WEATHER,
    WEATHER_ARGS,
    assistant,
    emit,
    spaced,
    tool,
    user,
)

GOOD = {"degrees": 21, "sky": SUNNY}
PICTURE = {"image": {"format": "png", "source": {"bytes": PIXELS}}}
MESSAGES: list[dict[str, Any]] = [
    {"role": "user", "content": [{"text": QUESTION}, PICTURE, {"cachePoint": {"type": "default"}}]},
    {
        "role": "assistant",
        "content": [
            {"reasoningContent": {"reasoningText": {"text": REASONING, "signature": "c2ln"}}},
            {"text": LOOKING},
            {"toolUse": {"toolUseId": CALL_1, "name": WEATHER, "input": WEATHER_ARGS}},
            {"toolUse": {"toolUseId": CALL_2, "name": TIDES, "input": TIDES_ARGS}},
        ],
    },
    {
        "role": "user",
        "content": [
            {"toolResult": {"toolUseId": CALL_1, "content": [{"json": GOOD}, PICTURE], "status": "success"}},
            {"toolResult": {"toolUseId": CALL_2, "content": [{"text": FAILED}], "status": "error"}},
        ],
    },
    {"role": "assistant", "content": [{"text": ANSWER}]},
    {
        "role": "user",
        "content": [
            {"document": {"format": "txt", "name": "lake", "source": {"text": SUNNY}}},
            {"document": {"format": "pdf", "name": "tides", "source": {"bytes": PIXELS}}},
            {"guardContent": {"text": {"text": LOOK}}},
            {"text": THANKS},
        ],
    },
]


def expect(dump: Any) -> list[dict[str, Any]]:
    """`dump` writes values inside a message as the form does."""
    return [
        user(QUESTION, media=1),
        assistant(REASONING, LOOKING, calls=[[CALL_1, WEATHER, dump(WEATHER_ARGS)], [CALL_2, TIDES, dump(TIDES_ARGS)]]),
        tool(dump(GOOD), FAILED, role="user", results=[CALL_1, CALL_2], media=1),
        assistant(ANSWER),
        # Whether the name of a document that is a media part counts is left open.
        user("lake", SUNNY, LOOK, THANKS, media=1, open=True),
    ]


def base64_bytes(value: Any) -> Any:
    """Bytes as the REST API carries them."""
    if isinstance(value, dict):
        return {name: base64_bytes(member) for name, member in value.items()}
    if isinstance(value, list):
        return [base64_bytes(member) for member in value]
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


# The messages are valid input of the API.
service = botocore.session.get_session().get_service_model("bedrock-runtime")
report = ParamValidator().validate(
    {"modelId": "m", "messages": MESSAGES}, service.operation_model("Converse").input_shape
)
if report.has_errors():
    raise ValueError(report.generate_report())
emit("botocore", "converse", [json.dumps(base64_bytes(message)) for message in MESSAGES], expect(spaced))


def unescaped(value: Any) -> str:
    """`json.dumps` with characters as they are."""
    return json.dumps(value, ensure_ascii=False)


emit(
    "strands-agents",
    "messages",
    [unescaped(encode_bytes_values(message)) for message in MESSAGES],
    expect(unescaped),
)
sessions = []
for index, message in enumerate(MESSAGES):
    session = SessionMessage.from_message(message, index)
    session.created_at = session.updated_at = "2026-01-01T00:00:00+00:00"
    # The file store indents; a message in a conversation is one line, which is what the S3 store's readers write.
    sessions.append(unescaped(session.to_dict()))
emit("strands-agents", "session_message", sessions, expect(unescaped))
