"""Microsoft Agent Framework in Python: `Message.to_dict`, as its Redis chat message store writes it."""

from __future__ import annotations

import json
from collections.abc import Callable

from agent_framework import Content, Message

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

# Tools that run at the provider, and a call that the user has to approve.
CALL = Content.from_function_call(CALL_1, WEATHER, arguments=compact(WEATHER_ARGS))
CODE = [Content.from_text("print(21)")]
RARE = [
    Message("user", [Content.from_text(QUESTION)]),
    Message(
        "assistant",
        [
            Content.from_mcp_server_tool_call("m1", TIDES, server_name="sea", arguments=TIDES_ARGS),
            Content.from_mcp_server_tool_result("m1", output=[Content.from_text(SUNNY)]),
            Content.from_code_interpreter_tool_call(call_id="c1", inputs=CODE),
            Content.from_code_interpreter_tool_result(call_id="c1", outputs=[Content.from_text("21")]),
            Content.from_text(ANSWER),
            Content.from_usage({"input_token_count": 50}),
        ],
    ),
    Message("user", [Content.from_text(LOOK)]),
    Message("assistant", [CALL, Content.from_function_approval_request("ap1", CALL)]),
    Message("user", [Content.from_function_approval_response(True, "ap1", CALL)]),
    Message("tool", [Content.from_function_result(CALL_1, result=SUNNY)]),
    Message("assistant", [Content.from_text(ANSWER)]),
    Message("user", [Content.from_text(THANKS)]),
]
emit(
    "agent-framework-core",
    "hosted_tools_and_approvals",
    [json.dumps(message.to_dict()) for message in RARE],
    [
        user(QUESTION),
        assistant(
            SUNNY,
            "21",
            ANSWER,
            calls=[["m1", TIDES, spaced(TIDES_ARGS)], ["c1", "", json.dumps([part.to_dict() for part in CODE])]],
            results=["m1", "c1"],
        ),
        user(LOOK),
        assistant(calls=[[CALL_1, WEATHER, compact(WEATHER_ARGS)]]),
        # Only an approval: it belongs to the turn and counts nothing but its role.
        tool(role="user"),
        tool(SUNNY, results=[CALL_1]),
        assistant(ANSWER),
        user(THANKS),
    ],
    groups=[[3, 4, 5]],
)
