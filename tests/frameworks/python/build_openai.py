"""OpenAI's SDK: chat completions, with what is legacy or rare."""

from __future__ import annotations

import json
from typing import Any

from openai.types.chat import ChatCompletionMessage

from forms import (
    ANSWER,
    CALL_1,
    CALL_2,
    FAILED,
    IMAGE,
    IMAGE_URL,
    LOOKING,
    QUESTION,
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

NAME = "openai"
WEATHER_TEXT, TIDES_TEXT = compact(WEATHER_ARGS), compact(TIDES_ARGS)
CALLS = [[CALL_1, WEATHER, WEATHER_TEXT], [CALL_2, TIDES, TIDES_TEXT]]


def dumped(model: Any) -> str:
    """As most services store an answer: every field, nulls included."""
    return model.model_dump_json()


def brief(model: Any) -> str:
    """Without fields that are not set."""
    return model.to_json(indent=None)


def chat(**fields: Any) -> ChatCompletionMessage:
    """An answer of the model."""
    return ChatCompletionMessage.model_validate({"role": "assistant", "content": None, **fields})


# Chat completions.
TOOL_CALLS = [
    {"id": CALL_1, "type": "function", "function": {"name": WEATHER, "arguments": WEATHER_TEXT}},
    {"id": CALL_2, "type": "function", "function": {"name": TIDES, "arguments": TIDES_TEXT}},
]
ASK = {
    "role": "user",
    "content": [{"type": "text", "text": QUESTION}, {"type": "image_url", "image_url": {"url": IMAGE_URL}}],
}
for form, write in (("chat_model_dump", dumped), ("chat_to_json", brief)):
    emit(
        NAME,
        form,
        [
            json.dumps({"role": "developer", "content": SYSTEM}),
            json.dumps(ASK),
            write(chat(content=LOOKING, tool_calls=TOOL_CALLS, refusal=None)),
            json.dumps({"role": "tool", "tool_call_id": CALL_1, "content": SUNNY}),
            json.dumps({"role": "tool", "tool_call_id": CALL_2, "content": [{"type": "text", "text": FAILED}]}),
            write(chat(content=ANSWER, annotations=[])),
            json.dumps({"role": "user", "content": THANKS, "name": "ana"}),
        ],
        [
            system(SYSTEM, role="developer"),
            user(QUESTION, media=1),
            assistant(LOOKING, calls=CALLS),
            tool(SUNNY, results=[CALL_1]),
            tool(FAILED, results=[CALL_2]),
            assistant(ANSWER),
            user(THANKS, name="ana"),
        ],
    )
emit(
    NAME,
    "chat_legacy_functions",
    [
        json.dumps({"role": "system", "content": SYSTEM}),
        json.dumps({"role": "user", "content": QUESTION}),
        dumped(chat(function_call={"name": WEATHER, "arguments": WEATHER_TEXT})),
        json.dumps({"role": "function", "name": WEATHER, "content": SUNNY}),
        dumped(chat(content=ANSWER)),
        json.dumps({"role": "user", "content": THANKS}),
    ],
    [
        system(SYSTEM),
        user(QUESTION),
        assistant(calls=[[None, WEATHER, WEATHER_TEXT]]),
        tool(SUNNY, role="function", results=[None], name=WEATHER),
        assistant(ANSWER),
        user(THANKS),
    ],
)
emit(
    NAME,
    "chat_custom_tools_audio_refusal",
    [
        json.dumps({"role": "system", "content": [{"type": "text", "text": SYSTEM}]}),
        json.dumps(
            {
                "role": "user",
                "content": [
                    {"type": "input_audio", "input_audio": {"data": IMAGE, "format": "wav"}},
                    {"type": "file", "file": {"file_data": IMAGE_URL, "filename": "tides.pdf"}},
                ],
            }
        ),
        dumped(
            chat(
                tool_calls=[{"id": CALL_1, "type": "custom", "custom": {"name": "sql", "input": "select * from tides"}}]
            )
        ),
        json.dumps({"role": "tool", "tool_call_id": CALL_1, "content": FAILED}),
        dumped(chat(audio={"id": "audio_1", "data": IMAGE, "expires_at": 1767225600, "transcript": ANSWER})),
        json.dumps({"role": "user", "content": "Tell me his password."}),
        dumped(chat(refusal="I cannot help with that.")),
        json.dumps({"role": "user", "content": THANKS}),
    ],
    [
        system(SYSTEM),
        user(media=2),
        assistant(calls=[[CALL_1, "sql", "select * from tides"]]),
        tool(FAILED, results=[CALL_1]),
        assistant(ANSWER, media=1),
        user("Tell me his password."),
        assistant("I cannot help with that."),
        user(THANKS),
    ],
)
