"""Published stores on lists and strings, moved to conv by renaming: their own source, with a few lines replaced."""

from __future__ import annotations

import difflib
import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType


@dataclass(frozen=True)
class Port:
    """A module, and the replacements that move it."""

    title: str
    module: str
    renames: tuple[tuple[str, str], ...]

    def source(self) -> str:
        """The source as it is published."""
        spec = importlib.util.find_spec(self.module)
        assert spec is not None
        assert spec.origin is not None
        return Path(spec.origin).read_text()

    def ported(self) -> str:
        """The source on conv. Each replacement has to apply."""
        source = self.source()
        for old, new in self.renames:
            assert old in source, f"{self.module} has changed: there is no {old}"
            source = source.replace(old, new)
        return source

    def changed_lines(self) -> int:
        """How many lines of the source are replaced."""
        lines = difflib.ndiff(self.source().splitlines(), self.ported().splitlines())
        return sum(line.startswith("- ") for line in lines)

    def load(self, on_conv: bool) -> ModuleType:
        """A module of its own, as published or on conv."""
        spec = importlib.util.find_spec(self.module)
        assert spec is not None
        name = f"{self.module}_on_{'conv' if on_conv else 'redis'}"
        module = ModuleType(name)
        module.__package__ = self.module.rpartition(".")[0]
        # Pydantic and dataclasses look their module up.
        sys.modules[name] = module
        exec(compile(self.ported() if on_conv else self.source(), spec.origin or name, "exec"), module.__dict__)
        return module


def _execute(method: str, command: str) -> tuple[str, str]:
    return f".{method}(", f'.execute_command("{command}", '


AGENTS = Port(
    "OpenAI Agents SDK: `RedisSession`",
    "agents.extensions.memory.redis_session",
    (
        _execute("rpush", "CONV.APPEND"),
        _execute("lrange", "CONV.RANGE"),
        _execute("rpop", "CONV.POP"),
        ('("none", "list")', '("none", "conv-list")'),
    ),
)
LLAMA_INDEX = Port(
    "LlamaIndex: `RedisChatStore`",
    "llama_index.storage.chat_store.redis.base",
    (
        _execute("rpush", "CONV.APPEND"),
        _execute("lpush", "CONV.APPEND"),
        _execute("lrange", "CONV.RANGE"),
        _execute("rpop", "CONV.POP"),
    ),
)
LANGCHAIN = Port(
    "langchain-community: `RedisChatMessageHistory`",
    "langchain_community.chat_message_histories.redis",
    (
        _execute("lpush", "CONV.APPEND"),
        (".lrange(self.key, 0, -1)", '.execute_command("CONV.RANGE", self.key, 0, -1, "REV")'),
    ),
)
SERVICE = Port(
    "A service with `SETEX` and `GET` of one JSON",
    "session_service",
    (
        ("self.client.get(f", 'self.client.execute_command("CONV.EXPORT", f'),
        (
            'self.client.setex(f"session:{session_id}", self.ttl, text)',
            'self.client.execute_command("CONV.IMPORT", f"session:{session_id}", text, "REPLACE", "EX", self.ttl)',
        ),
    ),
)
PORTS = (AGENTS, LLAMA_INDEX, LANGCHAIN, SERVICE)
