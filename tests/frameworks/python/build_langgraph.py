"""LangGraph: the messages of a graph's checkpoint, in the JSON that its Redis checkpointer stores."""

from __future__ import annotations

import json
from typing import Any

from langchain_core.load import dumpd
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph

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
    system,
    tool,
    user,
)

ASSISTANT = AIMessage(
    LOOKING,
    id="a1",
    tool_calls=[
        {"name": WEATHER, "args": WEATHER_ARGS, "id": CALL_1, "type": "tool_call"},
        {"name": TIDES, "args": TIDES_ARGS, "id": CALL_2, "type": "tool_call"},
    ],
)


def model(state: MessagesState) -> dict[str, Any]:
    """Calls both tools at first, then says something."""
    if isinstance(state["messages"][-1], ToolMessage):
        return {"messages": [AIMessage(ANSWER, id="a2")]}
    return {"messages": [ASSISTANT]}


def tools(state: MessagesState) -> dict[str, Any]:
    """Runs the calls."""
    return {
        "messages": [
            ToolMessage(SUNNY, tool_call_id=CALL_1, name=WEATHER, id="t1"),
            ToolMessage(FAILED, tool_call_id=CALL_2, name=TIDES, id="t2", status="error"),
        ]
    }


def wants_tools(state: MessagesState) -> str:
    """Where to go after the model."""
    return "tools" if getattr(state["messages"][-1], "tool_calls", None) else END


graph = StateGraph(MessagesState)
graph.add_node("model", model)
graph.add_node("tools", tools)
graph.add_edge(START, "model")
graph.add_conditional_edges("model", wants_tools)
graph.add_edge("tools", "model")
app = graph.compile(checkpointer=InMemorySaver())
config: Any = {"configurable": {"thread_id": "7"}}
picture = {"type": "image_url", "image_url": {"url": IMAGE_URL}}
asked = HumanMessage([{"type": "text", "text": QUESTION}, picture], id="u1")
app.invoke({"messages": [SystemMessage(SYSTEM, id="s1"), asked]}, config)
app.update_state(config, {"messages": [HumanMessage(THANKS, id="u2")]}, as_node="model")

checkpoint = app.checkpointer.get_tuple(config).checkpoint
messages = [compact(dumpd(message)) for message in checkpoint["channel_values"]["messages"]]
# What differs from run to run is fixed; RedisJSON, where the checkpointer keeps it, returns JSON without spaces.
document = {
    "v": checkpoint["v"],
    "ts": "2026-01-01T00:00:00+00:00",
    "id": "1ef",
    "channel_values": {
        **{name: value for name, value in checkpoint["channel_values"].items() if name != "messages"},
        "messages": [json.loads(message) for message in messages],
        "step": 5,
    },
    "channel_versions": {"messages": "6"},
    "versions_seen": {"model": {"branch:to:model": "3"}},
}
EXPECT = [
    system(SYSTEM),
    user(QUESTION, media=1),
    assistant(LOOKING, calls=[[CALL_1, WEATHER, compact(WEATHER_ARGS)], [CALL_2, TIDES, compact(TIDES_ARGS)]]),
    tool(SUNNY, results=[CALL_1], name=WEATHER),
    tool(FAILED, results=[CALL_2], name=TIDES),
    assistant(ANSWER),
    user(THANKS),
]
emit(
    "langgraph",
    "checkpoint",
    messages,
    EXPECT,
    checkpoint=compact(document),
    history="channel_values.messages",
)
