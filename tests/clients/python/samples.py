"""Conversations that the tests use."""

from __future__ import annotations

import json
from typing import Any

SYSTEM = {"role": "system", "content": "You are a helpful assistant."}
QUESTION = {"role": "user", "content": "What is the weather in Lisbon? ☀️ Мир"}
CALL = {
    "role": "assistant",
    "content": None,
    "tool_calls": [
        {
            "id": "call_1",
            "type": "function",
            "function": {"name": "weather", "arguments": '{"city":"Lisbon"}'},
        }
    ],
}
RESULT = {"role": "tool", "tool_call_id": "call_1", "content": "21 C, sunny"}
ANSWER = {"role": "assistant", "content": "21 degrees and sunny."}

#: OpenAI chat, with a tool turn.
CHAT: list[dict[str, Any]] = [SYSTEM, QUESTION, CALL, RESULT, ANSWER]


def dump(message: dict[str, Any]) -> str:
    """A message as it is sent."""
    return json.dumps(message, ensure_ascii=False)


def chat() -> list[str]:
    """CHAT as it is sent."""
    return [dump(message) for message in CHAT]
