"""`make view`: the marks say of each message what CONV.RECENT does with it."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import redis

from samples import dump
from servers import ROOT, Server

VIEW = ROOT / "examples/python/conv_view.py"


def call(*ids: str, city: str = "Lisbon") -> dict[str, Any]:
    function = {"name": "weather", "arguments": f'{{"city":"{city}"}}'}
    calls = [{"id": i, "type": "function", "function": function} for i in ids]
    return {"role": "assistant", "content": None, "tool_calls": calls}


def result(i: str, text: str = "21 C") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": i, "content": text}


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def shown(server: Server, *options: str) -> list[str]:
    words = [sys.executable, str(VIEW), "k", "--port", str(server.port), *options]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert all(len(line) <= 80 for line in lines if not line.startswith("CONV.RECENT")), lines
    return lines


def signs(lines: list[str]) -> str:
    """The marks of the messages, in order."""
    return "".join(line[0] for line in lines if line[1:7].strip().isdigit())


def test_why_a_message_is_not_returned(client: redis.Redis, server: Server) -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        user("word " * 100),
        user("How is Lisbon?"),
        call("c1", "c2"),
        result("c1"),
        user("Never mind."),
        result("c9"),
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "x", "content": "y"}, text("And Faro?")]},
        call("c3", city="Faro"),
        result("c3"),
        {"role": "assistant", "content": "Sunny."},
    ]
    client.execute_command("CONV.APPEND", "k", *map(dump, messages))
    lines = shown(server, "--budget", "150")
    assert signs(lines) == "* *uu*oe***"
    starts = next(n for n, line in enumerate(lines) if "window of 150 tokens starts here" in line)
    assert "How is Lisbon?" in lines[starts + 1]
    assert any('weather(city="Faro")' in line for line in lines)
    assert [line[:3] for line in lines if line.startswith("  ") and line[4:5] == " " and line[2] in "*eou"]
    legend = "\n".join(lines)
    for word in ("orphaned tool result", "unanswered tool call", "does not fit the budget", "a tool turn"):
        assert word in legend
    assert "covered by the summary" not in legend
    client.execute_command("CONV.PIN", "k", 2)
    client.execute_command("CONV.SETSUMMARY", "k", "Lisbon was discussed.", "UPTO", 3)
    lines = shown(server, "--budget", "1000")
    assert signs(lines) == "*psuu*oe***"
    assert "  ^  pinned" in lines


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def test_cleared_results(client: redis.Redis, server: Server) -> None:
    for n in range(5):
        turn = [call(f"c{n}"), result(f"c{n}", "sunny " * 20)]
        client.execute_command("CONV.APPEND", "k", *map(dump, turn))
    lines = shown(server, "--clear", "2")
    assert signs(lines) == "*c*c*c****"
    assert any("tool result cleared" in line for line in lines)
    assert signs(shown(server, "--newest", "3")) == "***"
    assert any(line.endswith("the window is empty") for line in shown(server, "--budget", "0"))
    client.delete("k")
    assert shown(server) == ["k: no such conversation"]
