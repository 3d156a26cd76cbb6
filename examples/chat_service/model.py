"""A stub in place of a language model. It answers the same to the same messages, and some turns call tools.

Given recorded conversations it replays them: to a user's message that it knows it answers what was answered then, with
the tool calls of then. To all others it answers something short.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from .messages import Message, message


class StubModel:
    def __init__(self, recorded: Iterable[Sequence[Message]] = ()) -> None:
        self._replies: dict[str, list[Message]] = {}
        self._results: dict[tuple[str, str], str] = {}
        for conversation in recorded:
            self._learn(conversation)

    def _learn(self, conversation: Sequence[Message]) -> None:
        replies: list[Message] = []
        calls: dict[str, tuple[str, str]] = {}
        for said in conversation:
            if said["role"] == "user":
                replies = self._replies.setdefault(said["content"], [])
                if replies:
                    replies = []  # known from before: the first answer stays
            elif said["role"] == "assistant":
                replies.append(said)
                for call in said.get("tool_calls") or []:
                    calls[call["id"]] = (call["function"]["name"], call["function"]["arguments"])
            elif said["role"] == "tool" and said["tool_call_id"] in calls:
                self._results.setdefault(calls[said["tool_call_id"]], said["content"])

    async def answer(self, prompt: Sequence[Message]) -> Message:
        """What the model says next. A real client would leave out the `id`s here: some APIs refuse unknown fields."""
        steps = 0
        for said in reversed(prompt):
            if said["role"] == "user":
                replies = self._replies.get(said["content"], [])
                if steps < len(replies):
                    fields = {k: v for k, v in replies[steps].items() if k not in ("role", "id")}
                    return message("assistant", **fields)
                return message("assistant", content=f"I have read {len(prompt)} messages.")
            steps += said["role"] == "assistant"
        return message("assistant", content="Please go on.")

    async def call_tools(self, answer: Message) -> list[Message]:
        return [
            message("tool", tool_call_id=call["id"], content=self._result(call["function"]))
            for call in answer.get("tool_calls") or []
        ]

    def _result(self, function: dict[str, str]) -> str:
        return self._results.get((function["name"], function["arguments"]), '{"status":"ok"}')


def recorded(path: Path) -> Iterable[list[Message]]:
    """Conversations from a file: a JSON array of messages a line."""
    with path.open(encoding="utf-8") as lines:
        yield from (json.loads(line) for line in lines if line.strip())
