"""Counting and trimming in Python. `session_json` and `message_list` need it, `conv` does not."""

from collections.abc import Iterable
from functools import cache

import tiktoken

from ..messages import Message


@cache
def encoding() -> tiktoken.Encoding:
    return tiktoken.get_encoding("o200k_base")


def tokens(text: str | None) -> int:
    return len(encoding().encode_ordinary(text or ""))


def count(message: Message) -> int:
    """Tokens of a text message, as the OpenAI cookbook counts them, and of its tool calls."""
    total = 3 + tokens(message["role"]) + tokens(message.get("content"))
    if "name" in message:
        total += 1 + tokens(message["name"])
    for call in message.get("tool_calls") or []:
        total += tokens(call["function"]["name"]) + tokens(call["function"]["arguments"]) + 1
    return total


def newest_that_fit(newest_first: Iterable[Message], budget: int) -> list[Message]:
    left = budget - 3
    window: list[Message] = []
    for message in newest_first:
        left -= count(message)
        if left < 0:
            break
        window.append(message)
    while window and window[-1]["role"] == "tool":
        window.pop()  # its call was cut off
    return window[::-1]
