"""The examples in `examples/python` run as they are."""

from __future__ import annotations

import subprocess
import sys

import pytest

from servers import ROOT, Server

EXAMPLES = {
    "langchain_history.py": ["Find the warmest city of Portugal", "[tool result cleared]", "messages fit 60 tokens"],
    "agents_session.py": ["Wear a hat.", "function_call_output"],
    "llamaindex_chat_store.py": ["memory: 41 messages", "I am in Portugal until Sunday.", "Answer 19"],
    "pydantic_ai_history.py": ["request ['system-prompt', 'user-prompt']", "response ['tool-call']"],
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_example(server: Server, name: str) -> None:
    words = [sys.executable, "-W", "error::SyntaxWarning", str(ROOT / "examples/python" / name)]
    done = subprocess.run([*words, f"redis://127.0.0.1:{server.port}"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    for text in EXAMPLES[name]:
        assert text in done.stdout
