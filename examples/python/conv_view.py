#!/usr/bin/env python3
"""A conversation on a terminal of 80 columns, through redis-cli; nothing else is needed.

    python3 conv_view.py KEY [--port 6379] [--budget 3000] [--newest 50]

`*` marks what CONV.RECENT returns for the budget, brackets the messages of a tool turn. Times are UTC.
It only reads. The first words are cut by what they take on the screen; control characters are shown as spaces.
"""

import argparse
import json
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

WIDTH = 80
PAGE = 500


def wide(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def cut(text: str, room: int) -> str:
    """The text in one line of at most `room` columns."""
    text = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in text)
    text = " ".join(text.split())
    if sum(map(wide, text)) <= room:
        return text
    kept, room = "", room - 3
    for char in text:
        room -= wide(char)
        if room < 0:
            break
        kept += char
    return kept + "..."


def blocks(message: dict) -> tuple[dict, Any, list]:
    body = message.get("data") or message
    content = body.get("content")
    listed = [b for b in content if isinstance(b, dict)] if isinstance(content, list) else []
    return body, content, listed


def calls(message: dict) -> list[tuple]:
    """Ids and names of the calls that it opens: OpenAI, LangChain, Anthropic, Responses."""
    body, _, listed = blocks(message)
    found = [
        (c.get("id"), (c.get("function") or c).get("name")) for c in body.get("tool_calls") or [] if isinstance(c, dict)
    ]
    found += [(b.get("id"), b.get("name")) for b in listed if b.get("type") == "tool_use"]
    if str(body.get("type", "")).endswith("_call"):
        found.append((body.get("call_id"), body.get("name")))
    return found


def answers(message: dict) -> set:
    """Ids of the calls that it answers."""
    body, _, listed = blocks(message)
    found = [b.get("tool_use_id") for b in listed if b.get("type") == "tool_result"]
    if str(body.get("type", "")).endswith("_call_output"):
        found.append(body.get("call_id"))
    return set([*found, body["tool_call_id"]] if "tool_call_id" in body else found)


def words(message: dict) -> str:
    body, content, listed = blocks(message)
    texts = [content] if isinstance(content, str) else [str(b.get("text") or b.get("content") or "") for b in listed]
    texts += [f"{name}()" for _, name in calls(message)]
    if "output" in body:
        texts.append(str(body["output"]))
    return " ".join(text for text in texts if text)


def groups(messages: list[dict]) -> list[str]:
    """A mark for each message: whether it begins, goes on with, or ends a tool turn."""
    marks, pending = [], set()
    for message in messages:
        opens, answered = {i for i, _ in calls(message)}, answers(message)
        if answered and answered <= pending:
            pending = (pending - answered) | opens
            marks.append("│" if pending else "└")
        else:
            # Items of OpenAI's Responses: calls stand one after another.
            follows = pending and opens and str(message.get("type", "")).endswith("_call")
            pending = pending | opens if follows else opens
            marks.append("│" if follows else "┌" if opens else " ")
    return marks


def number(n: int | None) -> str:
    return "?" if n is None else f"{n:,}"


def when(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%m-%d %H:%M")


def view(ask: Callable[..., Any], key: str, budget: int, newest: int) -> list[str]:
    """The lines; `ask` sends a command and returns its reply."""
    info = ask("CONV.INFO", key)
    if info is None:
        return [f"{cut(key, 60)}: no such conversation"]
    found, high = [], info["last"]
    while high >= info["first"] and high > 0 and len(found) < newest:
        low = max(info["first"], high - PAGE + 1)
        got = ask("CONV.GET", key, *range(low, high + 1), "WITHINFO")
        found = [m for m in got if m] + found
        high = low - 1
    # A turn may begin before the first message shown.
    marks = groups([json.loads(m["message"]) for m in found])[-newest:]
    found = found[-newest:]
    window = ask("CONV.RECENT", key, budget, "ANY", "WITHINFO")
    summary = ask("CONV.SUMMARY", key, "WITHINFO")
    left = info["messages"] - len(found)
    read = [json.loads(m["message"]) for m in found]
    lines = [f"{cut(key, 60)} ({info['encoding']})"]
    if info["complete"] != "yes":
        lines.append("Older messages may be elsewhere: the conversation is incomplete.")
    if summary:
        upto = "of no given reach" if summary["upto"] is None else f"up to {summary['upto']}"
        head = f"Summary {upto}, {number(summary['tokens'])} tokens: "
        lines.append(head + cut(summary["text"], WIDTH - len(head)))
    lines.append(f"{'number':>7} {'time':11}  {'role':9} {'tokens':>6}  message")
    if left:
        lines.append(f"        {number(left)} messages stand before")
    head = f"---- window of {number(budget)} tokens starts here "
    leading = not left
    for meta, message, mark in zip(found, read, marks, strict=True):
        seq, (body, _, _) = meta["seq"], blocks(message)
        if window["messages"] and seq == window["first"]:
            lines.append(head + "-" * (WIDTH - len(head)))
        role = str(message.get("role") or body.get("role") or message.get("type") or "?")
        leading = leading and role in ("system", "developer")
        inside = meta["message"] in window["messages"] if leading else window["first"] <= seq <= window["last"]
        covered = summary and summary["upto"] is not None and seq <= summary["upto"]
        sign = "*" if inside else "s" if covered else " "
        line = f"{sign}{seq:>6} {when(meta['time'])} {mark}{cut(role, 9):9} {number(meta['tokens']):>6}  "
        lines.append(line + cut(words(message), WIDTH - len(line)))
    lines.append(
        f"{number(info['messages'])} messages, {number(info['tokens'])} tokens, {info['pending']} not counted yet"
    )
    extra = " with the summary" * bool(window["summary"])
    where = f"numbers {window['first']} to {window['last']}" if window["first"] else "no message"
    lines.append(
        f"CONV.RECENT {number(budget)}: {len(window['messages'])} messages{extra}, "
        f"{number(window['tokens'])} tokens, {where}"
    )
    return lines


def main() -> None:
    options = argparse.ArgumentParser(description="Shows a conversation on a terminal of 80 columns.")
    options.add_argument("key")
    options.add_argument("--port", type=int, default=6379)
    options.add_argument("--budget", type=int, default=3000, help="tokens of the window (3000)")
    options.add_argument("--newest", type=int, default=50, help="how many messages are shown (50)")
    given = options.parse_args()
    if given.budget < 0 or given.newest < 1:
        options.error("--budget is 0 or more, --newest is 1 or more")

    def ask(*args: object) -> Any:
        command = [
            "redis-cli",
            "-3",
            "--json",
            "-e",
            "-p",
            str(given.port),
            *map(str, args),
        ]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            sys.exit((done.stderr or done.stdout).strip())
        return json.loads(done.stdout)

    sys.stdout.reconfigure(encoding="utf-8")
    print("\n".join(view(ask, given.key, given.budget, given.newest)))


if __name__ == "__main__":
    main()
