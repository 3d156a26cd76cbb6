"""OpenAI Agents SDK: a session in conv.

    session = ConvSession("7", redis.asyncio.Redis(), max_tokens=3000)
    result = await Runner.run(agent, "What is the weather in Lisbon?", session=session)
    items = await session.get_items(limit=10)
    last = await session.pop_item()

Items are stored as the SDK hands them over (Responses items).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from agents import SessionSettings, TResponseInputItem

from .client import AsyncConv

if TYPE_CHECKING:
    import redis.asyncio


class ConvSession:
    """One conversation, under the key `prefix` + `session_id`; implements the SDK's protocol `Session`.

    With `max_tokens` a run gets the newest items that fit, function calls together with their outputs and reasoning
    with what follows it; a `limit` then splits no turn either. With `clear` old outputs are returned empty, all but the
    newest `clear`; `step` keeps the start of the window, and so the provider's prompt cache, for that many tokens.
    Without `max_tokens`, `get_items` returns all, or exactly the newest `limit`, as the SDK's own sessions do.
    """

    def __init__(
        self,
        session_id: str,
        client: redis.asyncio.Redis,
        *,
        max_tokens: int | None = None,
        clear: int | None = None,
        step: int | None = None,
        prefix: str = "session:",
        session_settings: SessionSettings | None = None,
    ) -> None:
        if max_tokens is None and (clear is not None or step is not None):
            raise ValueError("clear and step need max_tokens")
        self.session_id = session_id
        self.session_settings: SessionSettings | None = session_settings or SessionSettings()
        self.conv = AsyncConv(client)
        self.key = prefix + session_id
        self.max_tokens = max_tokens
        self.clear_results = clear
        self.step = step

    async def get_items(self, limit: int | None = None) -> list[TResponseInputItem]:
        """The items, oldest first; at most the newest `limit`."""
        if limit is None and self.session_settings is not None:
            limit = self.session_settings.limit
        if limit is not None and limit <= 0:
            return []
        items: Any
        if self.max_tokens is None:
            items = await self.conv.range(self.key, 0 if limit is None else -limit, -1)
        else:
            items = await self.conv.recent(
                self.key, self.max_tokens, messages=limit, clear=self.clear_results, step=self.step
            )
        return items or []

    async def add_items(self, items: list[TResponseInputItem]) -> None:
        """Appends all of them, or none if one is rejected."""
        if items:
            await self.conv.append(self.key, *cast("list[dict[str, Any]]", items))

    async def add_pinned_item(self, item: TResponseInputItem) -> None:
        """Appends an item that precedes the window however old it is: an agent's task."""
        seq = await self.conv.append(self.key, cast("dict[str, Any]", item))
        await self.conv.pin(self.key, seq)

    async def pop_item(self) -> TResponseInputItem | None:
        """Removes and returns the newest item."""
        return cast("TResponseInputItem | None", await self.conv.pop(self.key))

    async def clear_session(self) -> None:
        """Removes the conversation."""
        await self.conv.client.delete(self.key)
