"""What can be set, from environment variables."""

import os
from dataclasses import dataclass, field
from pathlib import Path


def _text(name: str, default: str) -> str:
    return field(default_factory=lambda: os.environ.get(name, default))


def _number(name: str, default: int) -> int:
    return field(default_factory=lambda: int(os.environ.get(name, default)))


@dataclass(frozen=True)
class Settings:
    store: str = _text("STORE", "conv")
    """The one setting that switches the service: `session_json`, `message_list` or `conv`."""

    redis_url: str = _text("REDIS_URL", "redis://127.0.0.1:6379")
    database_url: str = _text("DATABASE_URL", "postgresql://127.0.0.1:5432/postgres")
    """`postgresql://...` or `mongodb://.../database`."""

    budget: int = _number("BUDGET", 3000)
    """Tokens of a whole prompt."""

    keep_messages: int = _number("KEEP_MESSAGES", 500)
    """Messages that `message_list` keeps in Redis, 0: all."""

    wait_ms: int = _number("WAIT_MS", 5000)
    """How long `conv` waits for another request that is loading the same chat."""

    replay: tuple[Path, ...] = field(
        default_factory=lambda: tuple(map(Path, filter(None, os.environ.get("REPLAY", "").split(os.pathsep))))
    )
    """Files of conversations that the stub of the model replays, separated by colons."""
