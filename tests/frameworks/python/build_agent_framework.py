"""Microsoft Agent Framework in Python: `Message.to_dict`, as its Redis chat message store writes it."""

from __future__ import annotations

import json
from collections.abc import Callable

from agent_framework import Content, Message
from forms import *  # noqa: F403

MESSAGES = [
    Message("system", [Content.from_text(SYSTEM)]),
    Message("user", [Content.from_text(QUESTION), Content.from_data(PIXELS, "image/png")], message_id="u1"),
    Message(
        "assistant",
        [
            Content.from_text_reasoning(text=REASONING),
            Content.from_text(LOOKING),
            Content.from_function_call(CALL_1, WEATHER, arguments=WEATHER_ARGS),
            Content.from_function_call(CALL_2, TIDES, arguments=compact(TIDES_ARGS)),
        ],
        author_name="harbour",
    ),
    Message("tool", [Content.from_function_result(CALL_1, result=SUNNY)]),
    Message("tool", [Content.from_function_result(CALL_2, result=FAILED, exception="TimeoutError")]),
    Message("assistant", [Content.from_text(ANSWER)]),
    Message(
        "user",
        [
            Content.from_uri("https://example.org/a.png", media_type="image/png"),
            Content.from_hosted_file("file_1"),
            Content.from_text(THANKS),
        ],
    ),
]
WRITERS: dict[str, tuple[Callable[[Message], str], Callable[..., str]]] = {
    "to_dict": (lambda message: json.dumps(message.to_dict()), spaced),
    "to_json": (lambda message: message.to_json(), spaced),
}
for form, (write, inner) in WRITERS.items():
    emit(
        "agent-framework-core",
        form,
        [write(message) for message in MESSAGES],
        [
            system(SYSTEM),
            user(QUESTION, media=1),
            assistant(
                REASONING, LOOKING, calls=[[CALL_1, WEATHER, inner(WEATHER_ARGS)], [CALL_2, TIDES, compact(TIDES_ARGS)]]
            ),
            # `items` repeats `result`.
            tool(SUNNY, results=[CALL_1]),
            tool(FAILED, results=[CALL_2]),
            assistant(ANSWER),
            user(THANKS, media=2),
        ],
    )
