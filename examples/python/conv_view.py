#!/usr/bin/env python3
"""A conversation on a terminal of 80 columns, through redis-cli; nothing else is needed.

    python3 conv_view.py KEY [--port 6379] [--budget 3000] [--newest 50] [--clear 3]

A mark says of each message whether CONV.RECENT returns it for the budget, and why not; a legend explains the marks.
Brackets join the messages of a tool turn. A line shows where the window starts. Times are UTC. It only reads.
Texts are cut to their width on the screen; control characters are shown as spaces.
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
CLEARED = "[tool result cleared]"
LEGEND = {
    "*": "returned",
    "p": "returned before the window: pinned",
    "c": "returned with its tool result cleared",
    "e": "returned without its orphaned tool result",
    "o": "orphaned tool result: its call is not in this turn; never returned",
    "u": "unanswered tool call: another message ended its turn; never returned",
    "h": "hidden: never returned",
    "s": "covered by the summary",
    " ": "before the window: does not fit the budget",
}


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
    """Ids, names and arguments of the calls that it opens: OpenAI, LangChain, Anthropic, Responses."""
    body, _, listed = blocks(message)
    found = []
    for call in body.get("tool_calls") or []:
        if isinstance(call, dict):
            function = call.get("function") or call
            found.append((call.get("id"), function.get("name"), function.get("arguments", function.get("args"))))
    found += [(b.get("id"), b.get("name"), b.get("input")) for b in listed if b.get("type") == "tool_use"]
    if str(body.get("type", "")).endswith("_call"):
        found.append((body.get("call_id"), body.get("name"), body.get("arguments", body.get("input"))))
    return found


def arguments(value: Any) -> str:
    """The arguments of a call in one line; no braces around an object."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return value
    if isinstance(value, dict):
        return ", ".join(f"{name}={json.dumps(item, ensure_ascii=False)}" for name, item in value.items())
    return "" if value is None else json.dumps(value, ensure_ascii=False)


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
    texts += [f"{name}({arguments(given)})" for _, name, given in calls(message)]
    if "output" in body:
        texts.append(str(body["output"]))
    return " ".join(text for text in texts if text)


def has_text(message: dict) -> bool:
    """Whether it has text of its own, beside tool results."""
    if message.get("role") in ("tool", "function") or "output" in message or message.get("type") == "tool":
        return False
    _, content, listed = blocks(message)
    return bool(content) if isinstance(content, str) else any(b.get("text") for b in listed)


def turns(messages: list[dict]) -> tuple[list[str], list[str]]:
    """Brackets that join tool turns, and for each message `o` or `u` if it is never returned, else nothing."""
    brackets, why = [" "] * len(messages), [""] * len(messages)
    pending, turn = set(), []
    for place, message in enumerate(messages):
        opens, results = {i for i, _, _ in calls(message)}, answers(message)
        # Items of OpenAI's Responses: calls stand one after another.
        more = pending and opens and str(message.get("type", "")).endswith("_call")
        if results & pending or more:
            pending = (pending - results) | opens
            turn.append(place)
        elif results and not has_text(message):
            why[place] = "o"
            continue
        else:
            if pending:
                for member in turn:
                    why[member] = "u"
            pending, turn = opens, [place] if opens else []
        for member in turn[1:]:
            brackets[member] = "│"
        if turn:
            brackets[turn[0]] = "┌"
        if len(turn) > 1 and not pending:
            brackets[turn[-1]] = "└"
    return brackets, why


def marks(found: list[dict], why: list[str], window: dict) -> list[str]:
    """A mark for each message, found by comparing what is held with what CONV.RECENT returns, from the newest on."""
    before = window["system"] + window["summary"]
    pinned = window["messages"][before : before + window["pinned"]]
    returned = window["messages"][before + window["pinned"] + window["elided"] :]
    given, dropped = [" "] * len(found), window["dropped"]
    for place in reversed(range(len(found))):
        seq, text = found[place]["seq"], found[place]["message"]
        if window["first"] and window["first"] <= seq <= window["last"]:
            if returned and returned[-1] == text:
                given[place] = "*"
                returned.pop()
            elif not returned or (dropped and (why[place] or not same_shape(returned[-1], text))):
                given[place] = why[place] or "h"
                dropped -= 1
            else:
                given[place] = "c" if CLEARED in returned.pop() else "e"
        elif text in pinned:
            given[place] = "p"
        else:
            given[place] = why[place] or " "
    return given


def same_shape(edited: str, text: str) -> bool:
    """Whether one may be the other, edited: texts change, fields and ids stay."""
    one, other = json.loads(edited), json.loads(text)
    return one.keys() == other.keys() and answers(one) <= answers(other)


def number(n: int | None) -> str:
    return "?" if n is None else f"{n:,}"


def when(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%m-%d %H:%M")


def view(ask: Callable[..., Any], key: str, budget: int, newest: int, clear: int | None = None) -> list[str]:
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
    clearing = [] if clear is None else ["CLEAR", clear]
    window = ask("CONV.RECENT", key, budget, "ANY", "WITHINFO", *clearing)
    summary = ask("CONV.SUMMARY", key, "WITHINFO")
    # The server knows the role and text of every format; this program of the most frequent ones.
    hits = ask("CONV.SEARCH", key, ".", "REGEX", "LIMIT", max(1, len(found)), "WITHINFO")
    known = {hit["seq"]: hit for hit in hits}
    # A turn may begin before the first message shown.
    read = [json.loads(m["message"]) for m in found]
    brackets, why = turns(read)
    given = marks(found, why, window)
    found, read, brackets, given = (part[-newest:] for part in (found, read, brackets, given))
    left = info["messages"] - len(found)
    lines = [f"{cut(key, 60)} ({info['encoding']})"]
    if info["complete"] != "yes":
        lines.append("The conversation is incomplete: older messages may be in a database.")
    if summary:
        upto = "of no given reach" if summary["upto"] is None else f"up to {summary['upto']}"
        head = f"Summary {upto}, {number(summary['tokens'])} tokens: "
        lines.append(head + cut(summary["text"], WIDTH - len(head)))
    lines.append(f"{'number':>7} {'time':11}  {'role':9} {'tokens':>6}  message")
    if left:
        lines.append(f"        {number(left)} older messages are not shown")
    head = f"---- window of {number(budget)} tokens starts here "
    leading, used = not left, set()
    for meta, message, bracket, mark in zip(found, read, brackets, given, strict=True):
        seq, (body, _, _) = meta["seq"], blocks(message)
        if window["first"] and seq == window["first"]:
            lines.append(head + "-" * (WIDTH - len(head)))
        hit = known.get(seq, {})
        role = str(hit.get("role") or message.get("role") or body.get("role") or message.get("type") or "?")
        leading = leading and role in ("system", "developer")
        covered = summary and summary["upto"] is not None and seq <= summary["upto"]
        sign = "*" if leading and window["system"] else "s" if mark == " " and covered else mark
        used.add(sign)
        pin = "^" if meta["pinned"] else " "
        line = f"{sign}{seq:>6} {when(meta['time'])}{pin}{bracket}{cut(role, 9):9} {number(meta['tokens']):>6}  "
        lines.append(line + cut(words(message) or hit.get("snippet", ""), WIDTH - len(line)))
    lines.append(f"{number(info['messages'])} messages, {number(info['tokens'])} tokens, {info['pending']} pending")
    extra = " with the summary" * bool(window["summary"])
    where = f"window {window['first']} to {window['last']}" if window["first"] else "the window is empty"
    command = " ".join(map(str, ["CONV.RECENT", budget, *clearing]))
    lines.append(f"{command}: {len(window['messages'])} messages{extra}, {number(window['tokens'])} tokens, {where}")
    lines += [f"  {sign}  {text}" for sign, text in LEGEND.items() if sign in used]
    lines += ["  ^  pinned"] * any(meta["pinned"] for meta in found)
    lines += ["  ┌│└  a tool turn: returned as a whole or not at all"] * any(b != " " for b in brackets)
    return lines


def main() -> None:
    options = argparse.ArgumentParser(description="Shows a conversation on a terminal of 80 columns.")
    options.add_argument("key")
    options.add_argument("--port", type=int, default=6379)
    options.add_argument("--budget", type=int, default=3000, help="tokens of the window (3000)")
    options.add_argument("--newest", type=int, default=50, help="how many messages are shown (50)")
    options.add_argument("--clear", type=int, help="return only the newest tool results in full: how many")
    given = options.parse_args()
    if given.budget < 0 or given.newest < 1 or (given.clear or 0) < 0:
        options.error("--budget and --clear are 0 or more, --newest is 1 or more")

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
    print("\n".join(view(ask, given.key, given.budget, given.newest, given.clear)))


if __name__ == "__main__":
    main()
