"""RedisVL: the entries of its message history. It stores texts, not calls."""

from __future__ import annotations

import json

from redisvl.extensions.message_history.schema import ChatMessage

from forms import ANSWER, QUESTION, SYSTEM, THANKS, assistant, emit, system, user


def entry(number: int, role: str, content: str, **fields: str) -> ChatMessage:
    """An entry at a fixed time."""
    return ChatMessage(
        entry_id=f"s:{number}", role=role, content=content, session_tag="s", timestamp=1767225600.0 + number, **fields
    )


ENTRIES = [
    entry(1, "system", SYSTEM),
    entry(2, "user", QUESTION),
    entry(3, "llm", ANSWER, metadata='{"model":"m"}'),
    entry(4, "user", THANKS),
]
EXPECT = [system(SYSTEM), user(QUESTION), assistant(ANSWER, role="llm"), user(THANKS)]
emit("redisvl", "model_dump_json", [entry.model_dump_json() for entry in ENTRIES], EXPECT)
emit("redisvl", "to_dict", [json.dumps(entry.to_dict()) for entry in ENTRIES], EXPECT)
