"""The OpenAI and Anthropic SDKs: what `CONV.RECENT` returns is passed on as it is.

    append(r, "chat:7", {"role": "user", "content": "What is the weather in Lisbon?"})
    answer = openai.chat.completions.create(model=m, messages=chat_messages(r, "chat:7", 3000))
    append(r, "chat:7", answer.choices[0].message)
    answer = openai.responses.create(model=m, input=chat_messages(r, "items:7", 3000))
    append(r, "items:7", *answer.output)
    system, messages = anthropic_messages(r, "claude:7", 3000)
    answer = anthropic.messages.create(model=m, max_tokens=1000, system=system, messages=messages)
    append(r, "claude:7", answer)

A conversation is in one dialect: that of the API which it is sent to. Both SDKs take plain dicts.
"""

from __future__ import annotations

import json
from typing import Any

import redis


def append(client: redis.Redis, key: str, *messages: Any) -> int:
    """Appends dicts, and what the SDKs return: an answer without what is only said about it."""
    return client.execute_command("CONV.APPEND", key, *map(_dump, messages))


def chat_messages(client: redis.Redis, key: str, max_tokens: int) -> list[dict[str, Any]]:
    """`messages` of OpenAI's chat completions, or `input` of its Responses API."""
    reply = client.execute_command("CONV.RECENT", key, max_tokens, "FORMAT", "JSON")
    return json.loads(reply) if reply else []


def anthropic_messages(client: redis.Redis, key: str, max_tokens: int) -> tuple[str, list[dict[str, Any]]]:
    """`system` and `messages` of Anthropic's API, where the user speaks first and `system` stands apart."""
    reply = client.execute_command("CONV.RECENT", key, max_tokens, "START", "USER", "FORMAT", "JSON")
    system, messages = [], []
    for message in json.loads(reply) if reply else []:
        (system if message["role"] == "system" else messages).append(message)
    return "\n\n".join(message["content"] for message in system), messages


def _dump(message: Any) -> str:
    if not isinstance(message, dict):
        message = message.to_dict(mode="json")
        # An answer of Anthropic's is a message with figures around it, which the API does not take back.
        if message.get("type") == "message" and "stop_reason" in message:
            message = {"role": message["role"], "content": message["content"]}
    return json.dumps(message, ensure_ascii=False, separators=(",", ":"))
