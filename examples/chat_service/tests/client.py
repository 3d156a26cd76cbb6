"""The service over HTTP, and what its answers are checked against."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

from ..app import SYSTEM, SYSTEM_TOKENS
from ..databases import Database
from ..messages import Message, new_id
from ..stores.trimming import count, newest_that_fit


@dataclass
class Client:
    """One service."""

    http: aiohttp.ClientSession
    url: str

    async def turn(self, chat: str, text: str, trace: bool = True) -> tuple[dict[str, Any], float]:
        """The answer, and the milliseconds in the store."""
        url = f"{self.url}/chats/{chat}/turns" + ("?trace=true" if trace else "")
        async with self.http.post(url, json={"text": text}) as response:
            response.raise_for_status()
            return await response.json(), _store_ms(response)

    async def prompt(self, chat: str) -> tuple[list[Message], float]:
        async with self.http.get(f"{self.url}/chats/{chat}/prompt") as response:
            response.raise_for_status()
            return (await response.json())["messages"], _store_ms(response)


def _store_ms(response: aiohttp.ClientResponse) -> float:
    return float(response.headers["Server-Timing"].removeprefix("store;dur="))


async def truth(database: Database, chat: str, budget: int) -> list[Message]:
    """The prompt as it must be, from the database."""
    messages = [json.loads(message) for message in await database.older(chat)]
    return [SYSTEM, *newest_that_fit(reversed(messages), budget - SYSTEM_TOKENS)]


def tokens(prompt: Sequence[Message]) -> int:
    return 3 + sum(map(count, prompt))


def valid(prompt: Sequence[Message]) -> bool:
    """No tool result without its call, and no call without its results except in the newest turn."""
    waiting: set[str] = set()
    for message in prompt:
        if message["role"] == "tool":
            if message["tool_call_id"] not in waiting:
                return False
            waiting.discard(message["tool_call_id"])
        elif waiting:
            return False
        for call in message.get("tool_calls") or []:
            waiting.add(call["id"])
    return True


def without_ids(prompt: Sequence[Message]) -> list[Message]:
    return [{name: value for name, value in message.items() if name != "id"} for message in prompt]


def history(conversations: Sequence[Sequence[Message]]) -> Iterator[Message]:
    """Messages without end, one conversation after the other, with new ids."""
    while True:
        for conversation in conversations:
            for message in conversation:
                if message["role"] != "system":
                    yield {"id": new_id(), **message}
