"""smolagents: the messages that the steps of an agent's memory become, and a model's answer with calls."""

from __future__ import annotations

import json

from smolagents.memory import ActionStep, SystemPromptStep, TaskStep, ToolCall
from smolagents.models import ChatMessage, ChatMessageToolCall, ChatMessageToolCallFunction, MessageRole
from smolagents.monitoring import Timing

from forms import (
    ANSWER,
    CALL_1,
    CALL_2,
    FAILED,
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
    spaced,
    system,
    tool,
    user,
)

STEPS = [
    SystemPromptStep(SYSTEM),
    TaskStep(QUESTION),
    ActionStep(
        step_number=1,
        timing=Timing(start_time=0.0, end_time=1.0),
        model_output=LOOKING,
        tool_calls=[ToolCall(name=WEATHER, arguments=WEATHER_ARGS, id=CALL_1)],
        observations=SUNNY,
    ),
    ActionStep(step_number=2, timing=Timing(start_time=0.0, end_time=1.0), model_output=ANSWER),
    TaskStep(THANKS),
]
messages = [message for step in STEPS for message in step.to_messages()]
# The texts are those of the classes: calls and observations are prose there.
called, observed = (message.content[0]["text"] for message in messages[3:5])
emit(
    "smolagents",
    "memory_to_messages",
    [json.dumps(message.dict()) for message in messages],
    [
        system(SYSTEM),
        user("New task:\n" + QUESTION),
        assistant(LOOKING),
        assistant(called, role="tool-call"),
        assistant(observed, role="tool-response"),
        assistant(ANSWER),
        user("New task:\n" + THANKS),
    ],
)


def call(ident: str, name: str, arguments: object) -> ChatMessageToolCall:
    """A call of a model's answer."""
    function = ChatMessageToolCallFunction(name=name, arguments=arguments)
    return ChatMessageToolCall(id=ident, type="function", function=function)


answered = ChatMessage(
    role=MessageRole.ASSISTANT,
    content=None,
    tool_calls=[call(CALL_1, WEATHER, WEATHER_ARGS), call(CALL_2, TIDES, compact(TIDES_ARGS))],
)
emit(
    "smolagents",
    "chat_message",
    [
        json.dumps(
            ChatMessage(
                role=MessageRole.USER,
                content=[
                    {"type": "text", "text": QUESTION},
                    {"type": "image_url", "image_url": {"url": IMAGE_URL}},
                ],
            ).dict()
        ),
        json.dumps(answered.dict()),
        json.dumps({"role": "tool", "tool_call_id": CALL_1, "content": SUNNY}),
        json.dumps({"role": "tool", "tool_call_id": CALL_2, "content": FAILED}),
        json.dumps(ChatMessage(role=MessageRole.ASSISTANT, content=ANSWER).dict()),
        json.dumps(ChatMessage(role=MessageRole.USER, content=THANKS).dict()),
    ],
    [
        user(QUESTION, media=1),
        assistant(calls=[[CALL_1, WEATHER, spaced(WEATHER_ARGS)], [CALL_2, TIDES, compact(TIDES_ARGS)]]),
        tool(SUNNY, results=[CALL_1]),
        tool(FAILED, results=[CALL_2]),
        assistant(ANSWER),
        user(THANKS),
    ],
)
