"""The SDKs of OpenAI and Anthropic: what RECENT returns is of the SDKs' own types, and is sent as it is.

No network: the SDKs' clients talk to a transport of ours, which keeps the request and answers.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import anthropic
import httpx2
import openai
import pytest
import redis
from anthropic.types import MessageParam
from openai.types.chat import ChatCompletionMessageParam
from openai.types.responses import ResponseInputItemParam
from pydantic import TypeAdapter, ValidationError
from pydantic_core import SchemaValidator

from samples import CHAT
from sdk_messages import anthropic_messages, append, chat_messages

ITEMS: list[dict[str, Any]] = [
    {"role": "developer", "content": "Be brief."},
    {"role": "user", "content": [{"type": "input_text", "text": "Weather in Lisbon?"}]},
    {"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": "Ask the tool."}]},
    {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": '{"city":"Lisbon"}'},
    {"type": "function_call_output", "call_id": "c1", "output": "21 C"},
    {
        "type": "message",
        "role": "assistant",
        "id": "m1",
        "status": "completed",
        "content": [{"type": "output_text", "text": "21 degrees.", "annotations": []}],
    },
]

BLOCKS: list[dict[str, Any]] = [
    {"role": "user", "content": "Weather in Lisbon?"},
    {
        "role": "assistant",
        "content": [
            {"type": "text", "text": "I look."},
            {"type": "tool_use", "id": "t1", "name": "weather", "input": {"city": "Lisbon"}},
        ],
    },
    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "21 C"}]},
    {"role": "assistant", "content": [{"type": "text", "text": "21 degrees."}]},
]


def eager(schema: Any) -> Any:
    """Where a type says Iterable, pydantic looks at an element only when it is asked for: a list it reads at once."""
    if isinstance(schema, dict):
        kind = {"type": "list"} if schema.get("type") == "generator" else {}
        return {name: eager(member) for name, member in schema.items()} | kind
    return [eager(member) for member in schema] if isinstance(schema, list) else schema


@cache
def validator(kind: Any) -> SchemaValidator:
    """Of lists of a type of an SDK. It takes seconds to make."""
    return SchemaValidator(eager(TypeAdapter(list[kind]).core_schema))


def check(kind: Any, messages: list[dict[str, Any]]) -> None:
    """Fails unless every message is of a type of the SDK."""
    validator(kind).validate_python(messages)


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (ChatCompletionMessageParam, {"role": "user"}),
        (ChatCompletionMessageParam, {"role": "tool", "content": "no id"}),
        (ChatCompletionMessageParam, {"role": "assistant", "tool_calls": [{"id": "c1", "type": "function"}]}),
        (ResponseInputItemParam, {"type": "function_call", "name": "no call id"}),
        (MessageParam, {"role": "user", "content": [{"type": "text"}]}),
        (MessageParam, {"role": "tool", "content": "no such role"}),
    ],
)
def test_the_check_can_fail(kind: Any, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        check(kind, [wrong])


def windows(client: redis.Redis, messages: list[dict[str, Any]]) -> list[int]:
    """Stores messages; budgets from nothing to all of them."""
    append(client, "k", *messages)
    return list(range(0, 200, 3))


def test_chat_of_openai(client: redis.Redis) -> None:
    sizes = set()
    for budget in windows(client, CHAT):
        messages = chat_messages(client, "k", budget)
        check(ChatCompletionMessageParam, messages)
        sizes.add(len(messages))
    assert sizes == {0, 1, 2, 4, 5}
    assert chat_messages(client, "k", 3000) == CHAT
    client.execute_command("CONV.SETSUMMARY", "k", "Lisbon is sunny.", "UPTO", 4)
    messages = chat_messages(client, "k", 3000)
    check(ChatCompletionMessageParam, messages)
    assert messages == [CHAT[0], {"role": "system", "content": "Lisbon is sunny."}, CHAT[4]]


def test_responses_of_openai(client: redis.Redis) -> None:
    for budget in windows(client, ITEMS):
        items = chat_messages(client, "k", budget)
        check(ResponseInputItemParam, items)
    assert items == ITEMS


def test_anthropic(client: redis.Redis) -> None:
    for budget in windows(client, [{"role": "system", "content": "Be brief."}, *BLOCKS]):
        system, messages = anthropic_messages(client, "k", budget)
        check(MessageParam, messages)
        assert not messages or messages[0]["role"] == "user"
    assert (system, messages) == ("Be brief.", BLOCKS)
    client.execute_command("CONV.SETSUMMARY", "k", "It is about Lisbon.", "UPTO", 1)
    assert anthropic_messages(client, "k", 3000) == ("Be brief.\n\nIt is about Lisbon.", BLOCKS)


class Wire:
    """A transport that keeps the body of the request."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self.answer = answer
        self.sent: dict[str, Any] = {}
        self.client = httpx2.Client(transport=httpx2.MockTransport(self.handle))

    def handle(self, request: httpx2.Request) -> httpx2.Response:
        """Answers without a network."""
        self.sent = json.loads(request.content)
        return httpx2.Response(200, json=self.answer)


def test_sent_by_the_sdk_chat(client: redis.Redis) -> None:
    reply = {"role": "assistant", "content": "Hat.", "refusal": None}
    choice = {"index": 0, "finish_reason": "stop", "message": reply}
    wire = Wire({"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]})
    api = openai.OpenAI(api_key="none", http_client=wire.client)
    append(client, "k", *CHAT, {"role": "user", "content": "What to wear?"})
    answer = api.chat.completions.create(model="m", messages=chat_messages(client, "k", 3000))
    assert wire.sent["messages"] == [*CHAT, {"role": "user", "content": "What to wear?"}]
    assert append(client, "k", answer.choices[0].message) == 7
    check(ChatCompletionMessageParam, chat_messages(client, "k", 3000))
    assert chat_messages(client, "k", 3000)[-1] == reply


def test_sent_by_the_sdk_responses(client: redis.Redis) -> None:
    reply = {**ITEMS[-1], "id": "m2"}
    wire = Wire(
        {
            "id": "x",
            "object": "response",
            "created_at": 1,
            "model": "m",
            "output": [reply],
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
        }
    )
    api = openai.OpenAI(api_key="none", http_client=wire.client)
    append(client, "k", *ITEMS)
    answer = api.responses.create(model="m", input=chat_messages(client, "k", 3000))
    assert wire.sent["input"] == ITEMS
    assert append(client, "k", *answer.output) == 7
    check(ResponseInputItemParam, chat_messages(client, "k", 3000))
    assert chat_messages(client, "k", 3000)[-1] == reply


def test_sent_by_the_sdk_anthropic(client: redis.Redis) -> None:
    content = [{"type": "text", "text": "A hat."}]
    figures = {"stop_reason": "end_turn", "usage": {"input_tokens": 1, "output_tokens": 1}}
    wire = Wire({"id": "x", "type": "message", "role": "assistant", "model": "m", "content": content, **figures})
    api = anthropic.Anthropic(api_key="none", http_client=wire.client)
    append(client, "k", {"role": "system", "content": "Be brief."}, *BLOCKS)
    append(client, "k", {"role": "user", "content": "What to wear?"})
    system, messages = anthropic_messages(client, "k", 3000)
    answer = api.messages.create(model="m", max_tokens=10, system=system, messages=messages)
    assert wire.sent["messages"] == [*BLOCKS, {"role": "user", "content": "What to wear?"}]
    assert wire.sent["system"] == "Be brief."
    assert append(client, "k", answer) == 7
    last = anthropic_messages(client, "k", 3000)[1][-1]
    assert last == {"role": "assistant", "content": content}
