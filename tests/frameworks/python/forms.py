"""What a builder prints: one JSON line for each form of its framework.

`messages` holds the JSON text of each message exactly as the framework's own store writes it. `expect` is written by
hand from the contract and never derived from the module, so that the two can disagree.
"""

from __future__ import annotations

import base64
import json
from importlib.metadata import version
from typing import Any

# 300 bytes of data: in base64 longer than the 256 bytes below which unread base64 counts as text, so that a media
# part that is not recognised shows in the count.
PIXELS = b"\x89PNG\r\n\x1a\n" + bytes((i * 97 + 13) % 256 for i in range(292))
IMAGE = base64.b64encode(PIXELS).decode()
IMAGE_URL = f"data:image/png;base64,{IMAGE}"

# The conversation that every builder writes in its framework's classes.
SYSTEM = "You answer in one short sentence. Use the tools."
QUESTION = "What is the weather in Zürich today, and when is high tide in Lisbon? ☀️"
LOOK = "What does this picture show?"
REASONING = "The user wants two facts, so I call both tools at once."
LOOKING = "Let me look both up."
WEATHER = "weather"
WEATHER_ARGS: dict[str, Any] = {"city": "Zürich", "days": 1}
TIDES = "tides"
TIDES_ARGS: dict[str, Any] = {"port": "Lisbon"}
SUNNY = "21 °C and sunny, with a light wind from the lake."
FAILED = "Error: the tide service does not respond."
ANSWER = "It is 21 degrees and sunny in Zürich; the tide service is down."
THANKS = "Thanks. What should I wear?"
CALL_1, CALL_2 = "call_1", "call_2"


def spaced(value: Any) -> str:
    """JSON text as `json.dumps` writes it."""
    return json.dumps(value)


def compact(value: Any) -> str:
    """JSON text as pydantic, JavaScript and Java write it: no spaces, characters as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def message(
    role_class: str,
    *texts: str,
    role: str | None = None,
    calls: list[list[Any]] | None = None,
    results: list[str | None] | None = None,
    media: int = 0,
    name: str | None = None,
    **more: Any,
) -> dict[str, Any]:
    """What the contract says of one message.

    `role_class` is its class, `role` the word whose tokens count (the class where the message has none). `calls` holds
    `[id, name, arguments]`. `results` holds the ids of the calls that the message's results belong to, None where a
    result has no id. A result of a call in the same message is listed like any other.

    Further fields: `hosted` (the calls never get a result in this form and open nothing), `open` (the contract leaves
    the count open: it is at least what is listed), `unread` (the flag; None: not checked).
    """
    expected: dict[str, Any] = {
        "class": role_class,
        "role": role or role_class,
        "texts": [text for text in texts if text],
        "calls": calls or [],
        "results": results or [],
        "media": media,
    }
    if name:
        expected["name"] = name
    return expected | more


def system(*texts: str, **more: Any) -> dict[str, Any]:
    """A system message."""
    return message("system", *texts, **more)


def user(*texts: str, **more: Any) -> dict[str, Any]:
    """A user message that holds no results."""
    return message("user", *texts, **more)


def assistant(*texts: str, **more: Any) -> dict[str, Any]:
    """A message of the model."""
    return message("assistant", *texts, **more)


def tool(*texts: str, **more: Any) -> dict[str, Any]:
    """A message with tool results and nothing else, whatever its role is called."""
    return message("tool", *texts, **more)


def emit(
    framework: str,
    form: str,
    messages: list[str],
    expect: list[dict[str, Any]],
    *,
    package: str | None = None,
    groups: list[list[int]] | None = None,
    note: str | None = None,
    **more: Any,
) -> None:
    """Prints one form. `groups` lists messages that are returned together besides calls and their results."""
    if len(messages) != len(expect):
        raise ValueError(f"{framework} {form}: {len(messages)} messages, {len(expect)} expectations")
    for text in messages:
        json.loads(text)
    built: dict[str, Any] = {
        "framework": framework,
        "version": version(package or framework) if package != "" else "by hand",
        "form": form,
        "messages": messages,
        "expect": expect,
    }
    if groups:
        built["groups"] = groups
    if note:
        built["note"] = note
    print(json.dumps(built | more, ensure_ascii=False))
