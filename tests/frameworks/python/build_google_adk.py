"""Google ADK: events as its session services store them."""

from __future__ import annotations

import json
from collections.abc import Callable

from google.adk.events import Event, EventActions
from google.genai.types import Blob, Content, FunctionCall, FunctionResponse, Part

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
    THANKS,
    TIDES,
    TIDES_ARGS,
    WEATHER,
    WEATHER_ARGS,
    assistant,
    compact,
    emit,
    spaced,
    tool,
    user,
)

NAME = "google-adk"
GOOD, BAD = {"result": SUNNY}, {"error": FAILED}


def event(number: int, author: str, role: str, *parts: Part, **fields: object) -> Event:
    """An event with fixed ids."""
    content = Content(role=role, parts=list(parts))
    return Event(id=f"e{number}", invocation_id="i1", timestamp=1.0, author=author, content=content, **fields)


EVENTS = [
    event(1, "user", "user", Part(text=QUESTION), Part(inline_data=Blob(data=PIXELS, mime_type="image/png"))),
    event(
        2,
        "harbour",
        "model",
        Part(text=REASONING, thought=True),
        Part(text=LOOKING),
        Part(function_call=FunctionCall(id=CALL_1, name=WEATHER, args=WEATHER_ARGS)),
        Part(function_call=FunctionCall(id=CALL_2, name=TIDES, args=TIDES_ARGS)),
    ),
    event(
        3,
        "harbour",
        "user",
        Part(function_response=FunctionResponse(id=CALL_1, name=WEATHER, response=GOOD)),
        Part(function_response=FunctionResponse(id=CALL_2, name=TIDES, response=BAD)),
        actions=EventActions(state_delta={"city": "Zürich"}),
    ),
    event(4, "harbour", "model", Part(text=ANSWER)),
    event(5, "user", "user", Part(text=THANKS)),
]


def database(event: Event) -> str:
    """DatabaseSessionService: the event as a JSON column."""
    return json.dumps(event.model_dump(exclude_none=True, mode="json"))


def sqlite(event: Event) -> str:
    """SqliteSessionService."""
    return event.model_dump_json(exclude_none=True)


def server(event: Event) -> str:
    """What the API server sends: aliases in camel case."""
    return event.model_dump_json(exclude_none=True, by_alias=True)


def all_keys(event: Event) -> str:
    """A plain dump."""
    return event.model_dump_json()


WRITERS: dict[str, tuple[Callable[[Event], str], Callable[..., str]]] = {
    "database": (database, spaced),
    "sqlite": (sqlite, compact),
    "api_server": (server, compact),
    "all_keys": (all_keys, compact),
}
for form, (write, inner) in WRITERS.items():
    emit(
        NAME,
        form,
        [write(event) for event in EVENTS],
        [
            user(QUESTION, media=1),
            assistant(
                REASONING,
                LOOKING,
                role="model",
                calls=[[CALL_1, WEATHER, inner(WEATHER_ARGS)], [CALL_2, TIDES, inner(TIDES_ARGS)]],
            ),
            tool(WEATHER, inner(GOOD), TIDES, inner(BAD), role="user", results=[CALL_1, CALL_2]),
            assistant(ANSWER, role="model"),
            user(THANKS),
        ],
    )
