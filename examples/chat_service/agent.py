"""An agent whose history is in conv alone, over one key.

Its task is pinned, so it never leaves the prompt. Of its tool results only the newest are returned in full. What has
left the prompt it finds with a tool, and summaries keep the rest. Each of these is an option of one command.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from redis.asyncio import Redis

from .messages import Message, dumps, message

Tool = Callable[[dict[str, Any]], Awaitable[str]]
Model = Callable[[list[Message]], Awaitable[Message]]
Summarise = Callable[[str | None, list[Message]], Awaitable[str]]

FULL_RESULTS = 2
"""Tool results that the model still needs in full: those it is working on."""
STEP = 500
"""The start of the prompt moves in steps of so many tokens, so that the provider's prompt cache stays warm between."""
SUMMARISE_TOKENS = 1000
"""A summary is due when this much has piled up beyond the newest `KEEP_TOKENS`."""
KEEP_TOKENS = 500
LEASE_MS = 60_000
"""Longer than a summary takes. If the worker dies, another one gets the work after that."""
MAX_STEPS = 50


class Agent:
    def __init__(self, redis: Redis, key: str, tools: dict[str, Tool], budget: int) -> None:
        self._redis, self._key, self._budget = redis, key, budget
        self._tools = {**tools, "recall": self._recall}

    async def start(self, task: str) -> None:
        """Begins with a system message and the task, which stays in every prompt."""
        # The service's other conversations are a cache of the database. This one is all there is.
        await self._redis.execute_command("CONV.CREATE", self._key, "COMPLETE", "yes")
        system = message("system", content="You work on one task. Use `recall` to search what you did before.")
        seq = await self._append(system, message("user", content=task))
        await self._redis.execute_command("CONV.PIN", self._key, seq)

    async def prompt(self) -> list[Message]:
        """What the model gets: within the budget, old tool results cleared."""
        options = ("CLEAR", FULL_RESULTS, "STEP", STEP, "OVERSIZE", "CUT", "FORMAT", "JSON")
        return json.loads(await self._redis.execute_command("CONV.RECENT", self._key, self._budget, *options))

    async def run(self, model: Model) -> Message:
        """Calls the model and its tools until it answers without a call."""
        for _ in range(MAX_STEPS):
            answer = await model(await self.prompt())
            calls = answer.get("tool_calls") or []
            await self._append(answer, *[await self._call(call) for call in calls])
            if not calls:
                return answer
        raise RuntimeError(f"no answer in {MAX_STEPS} steps")

    async def summarise(self, summarise: Summarise) -> bool:
        """Summarises what is due, if anything is. Any number of workers may call it: one at a time gets the work."""
        limits = ("KEEP", KEEP_TOKENS, "LEASE", LEASE_MS)
        reply = await self._redis.execute_command("CONV.CLAIMSUMMARY", self._key, SUMMARISE_TOKENS, *limits)
        if reply is None:
            return False
        claim = reply if isinstance(reply, dict) else dict(zip(reply[::2], reply[1::2], strict=True))
        before = claim[b"summary"] and claim[b"summary"].decode()
        text = await summarise(before, [json.loads(raw) for raw in claim[b"messages"]])
        await self._redis.execute_command("CONV.SETSUMMARY", self._key, text, "UPTO", claim[b"upto"])
        return True

    async def _append(self, *messages: Message) -> int:
        return await self._redis.execute_command("CONV.APPEND", self._key, *map(dumps, messages))

    async def _call(self, call: dict[str, Any]) -> Message:
        function = call["function"]
        result = await self._tools[function["name"]](json.loads(function["arguments"]))
        return message("tool", tool_call_id=call["id"], content=result)

    async def _recall(self, arguments: dict[str, Any]) -> str:
        """The tool: what earlier results said, also those that are cleared or no longer in the prompt."""
        options = ("ROLE", "tool", "LIMIT", 3)
        found = await self._redis.execute_command("CONV.SEARCH", self._key, arguments["query"], *options)
        return "\n".join(json.loads(raw)["content"] for raw in found) or "nothing found"
