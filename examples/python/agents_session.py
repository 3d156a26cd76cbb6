"""OpenAI Agents SDK: a session in conv.

    session = ConvSession("7", redis.asyncio.Redis(), max_tokens=3000)
    result = await Runner.run(agent, "What is the weather in Lisbon?", session=session)
    items = await session.get_items(limit=10)
    last = await session.pop_item()
    await session.clear_session()

Items are stored as the SDK hands them over (Responses items). With `max_tokens` a run is given the newest items that
fit, function calls together with their outputs and reasoning with what it led to; a `limit` then never cuts a turn
either. Without it `get_items` returns all, or exactly the newest `limit`, as the SDK's own sessions do.
"""

from __future__ import annotations

import json
from typing import Any

import redis.asyncio
from agents import SessionSettings, TResponseInputItem


class ConvSession:
    """One conversation, under the key `prefix` + `session_id`; implements the SDK's protocol `Session`."""

    def __init__(
        self,
        session_id: str,
        client: redis.asyncio.Redis,
        *,
        max_tokens: int | None = None,
        prefix: str = "session:",
        session_settings: SessionSettings | None = None,
    ) -> None:
        self.session_id = session_id
        self.session_settings = session_settings or SessionSettings()
        self.client = client
        self.key = prefix + session_id
        self.max_tokens = max_tokens

    async def get_items(self, limit: int | None = None) -> list[TResponseInputItem]:
        """The items, oldest first; at most the newest `limit`."""
        if limit is None:
            limit = self.session_settings.limit
        if limit is not None and limit <= 0:
            return []
        if self.max_tokens is None:
            start = 0 if limit is None else -limit
            reply = await self._run("CONV.RANGE", self.key, start, -1, "FORMAT", "JSON")
        else:
            most = [] if limit is None else ["MESSAGES", limit]
            reply = await self._run("CONV.RECENT", self.key, self.max_tokens, "FORMAT", "JSON", *most)
        return json.loads(reply) if reply else []

    async def add_items(self, items: list[TResponseInputItem]) -> None:
        """Appends all of them, or none if one is refused."""
        if items:
            texts = [json.dumps(item, ensure_ascii=False, separators=(",", ":")) for item in items]
            await self._run("CONV.APPEND", self.key, *texts)

    async def pop_item(self) -> TResponseInputItem | None:
        """Removes and returns the newest item."""
        popped = await self._run("CONV.POP", self.key)
        return json.loads(popped) if popped else None

    async def clear_session(self) -> None:
        """Removes the conversation."""
        await self.client.delete(self.key)

    async def _run(self, *words: Any) -> Any:
        return await self.client.execute_command(*words)
