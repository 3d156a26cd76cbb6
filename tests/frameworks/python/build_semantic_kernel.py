"""Semantic Kernel in Python: `ChatHistory.serialize`, and a message's own dump."""

from __future__ import annotations

import json

from semantic_kernel.contents import (
    ChatHistory,
    ChatMessageContent,
    FunctionCallContent,
    FunctionResultContent,
    ImageContent,
    TextContent,
)

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
    TIDES_ARGS,
    WEATHER_ARGS,
    assistant,
    compact,
    emit,
    system,
    tool,
    user,
)

NAME = "semantic-kernel"
history = ChatHistory(system_message=SYSTEM)
history.add_user_message([TextContent(text=QUESTION), ImageContent(data_uri=IMAGE_URL)])
history.add_message(
    ChatMessageContent(
        role="assistant",
        items=[
            TextContent(text=LOOKING),
            FunctionCallContent(id=CALL_1, name="lake-weather", arguments=compact(WEATHER_ARGS)),
            FunctionCallContent(id=CALL_2, name="sea-tides", arguments=TIDES_ARGS),
        ],
        finish_reason="tool_calls",
        ai_model_id="m",
    )
)
history.add_message(
    ChatMessageContent(role="tool", items=[FunctionResultContent(id=CALL_1, name="lake-weather", result=SUNNY)])
)
history.add_message(
    ChatMessageContent(role="tool", items=[FunctionResultContent(id=CALL_2, name="sea-tides", result=FAILED)])
)
history.add_assistant_message(ANSWER)
history.add_user_message(THANKS)
EXPECT = [
    system(SYSTEM),
    user(QUESTION, media=1),
    assistant(
        LOOKING,
        calls=[[CALL_1, "lake-weather", compact(WEATHER_ARGS)], [CALL_2, "sea-tides", compact(TIDES_ARGS)]],
    ),
    tool("lake-weather", SUNNY, results=[CALL_1]),
    tool("sea-tides", FAILED, results=[CALL_2]),
    assistant(ANSWER),
    user(THANKS),
]
serialized = json.loads(history.serialize())["messages"]
emit(NAME, "chat_history_serialize", [compact(message) for message in serialized], EXPECT)
emit(NAME, "model_dump_json", [message.model_dump_json() for message in history.messages], EXPECT)
