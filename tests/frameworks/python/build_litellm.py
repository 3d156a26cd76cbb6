"""LiteLLM: its `Message`, with the reasoning of several providers."""

from __future__ import annotations

import json
import os

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

from litellm import Message

from forms import (
    ANSWER,
    CALL_1,
    CALL_2,
    FAILED,
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

CALLED = Message(
    content=LOOKING,
    reasoning_content=REASONING,
    thinking_blocks=[{"type": "thinking", "thinking": REASONING, "signature": "c2ln"}],
    tool_calls=[
        {"id": CALL_1, "type": "function", "function": {"name": WEATHER, "arguments": compact(WEATHER_ARGS)}},
        {"id": CALL_2, "type": "function", "function": {"name": TIDES, "arguments": compact(TIDES_ARGS)}},
    ],
)
PICTURE = {"type": "image_url", "image_url": {"url": IMAGE_URL}}
emit(
    "litellm",
    "model_dump_json",
    [
        json.dumps({"role": "system", "content": SYSTEM}),
        json.dumps({"role": "user", "content": [{"type": "text", "text": QUESTION}, PICTURE]}),
        CALLED.model_dump_json(),
        json.dumps({"role": "tool", "tool_call_id": CALL_1, "name": WEATHER, "content": SUNNY}),
        json.dumps({"role": "tool", "tool_call_id": CALL_2, "name": TIDES, "content": FAILED}),
        Message(content=ANSWER).model_dump_json(),
        json.dumps({"role": "user", "content": THANKS}),
    ],
    [
        system(SYSTEM),
        user(QUESTION, media=1),
        # `thinking_blocks` repeats `reasoning_content`.
        assistant(
            LOOKING,
            REASONING,
            calls=[[CALL_1, WEATHER, compact(WEATHER_ARGS)], [CALL_2, TIDES, compact(TIDES_ARGS)]],
        ),
        tool(SUNNY, results=[CALL_1], name=WEATHER),
        tool(FAILED, results=[CALL_2], name=TIDES),
        assistant(ANSWER),
        user(THANKS),
    ],
)
