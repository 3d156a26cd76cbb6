"""A message is a dict as chat APIs take it, with an `id` that sorts by time."""

import json
import secrets
import time
from typing import Any

Message = dict[str, Any]

_last = 0


def new_id() -> str:
    """An id that is greater than all that this process made before: 16 hex digits of nanoseconds, 8 random ones."""
    global _last
    _last = max(_last + 1, time.time_ns())
    return f"{_last:016x}{secrets.token_hex(4)}"


def message(role: str, **fields: Any) -> Message:
    return {"id": new_id(), "role": role, **fields}


def dumps(value: Message | dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
