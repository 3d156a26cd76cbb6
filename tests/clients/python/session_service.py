"""A service as many are written: each turn reads the session's JSON, and writes it back with an expiry."""

from __future__ import annotations

import json
from typing import Any

import redis


class Sessions:
    """Sessions as one JSON string each."""

    def __init__(self, client: redis.Redis, ttl: int = 3600) -> None:
        self.client = client
        self.ttl = ttl

    def load(self, session_id: str) -> dict[str, Any]:
        """Returns the session, a new one if there is none."""
        stored = self.client.get(f"session:{session_id}")
        return json.loads(stored) if stored else {"user": None, "messages": []}

    def save(self, session_id: str, session: dict[str, Any]) -> None:
        """Stores the session."""
        text = json.dumps(session)
        self.client.setex(f"session:{session_id}", self.ttl, text)

    def turn(self, session_id: str, question: str, answer: str) -> int:
        """Adds a question and its answer. Returns the number of messages."""
        session = self.load(session_id)
        session["messages"].append({"role": "user", "content": question})
        session["messages"].append({"role": "assistant", "content": answer})
        self.save(session_id, session)
        return len(session["messages"])
