"""What the contract says of a built conversation: counts, groups and windows, from `expect` alone."""

from __future__ import annotations

import glob
import hashlib
import os
import shutil
import sys
from functools import cache
from pathlib import Path
from typing import Any

import tiktoken

MEDIA_TOKENS = 85
OVERHEAD = 3
#: What a reply costs on top of its messages.
REPLY_TOKENS = 3


VOCABULARY = "https://openaipublic.blob.core.windows.net/encodings/o200k_base.tiktoken"


@cache
def encoding() -> tiktoken.Encoding:
    """The default encoding of a conversation.

    tiktoken downloads its vocabulary. The module's dependency tiktoken-rs ships the same file, so it is copied from
    there to where tiktoken looks for it, and the suite needs no network.
    """
    cached = Path(os.environ.setdefault("TIKTOKEN_CACHE_DIR", os.path.join(sys.prefix, "tiktoken")))
    cached /= hashlib.sha1(VOCABULARY.encode()).hexdigest()
    home = os.environ.get("CARGO_HOME", os.path.expanduser("~/.cargo"))
    copies = glob.glob(home + "/registry/src/*/tiktoken-rs-*/assets/o200k_base.tiktoken")
    if copies and not cached.exists():
        cached.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(copies[0], cached)
    return tiktoken.get_encoding("o200k_base")


@cache
def tokens_of(text: str) -> int:
    """E(s): the tokens of a text, special tokens as ordinary text."""
    return len(encoding().encode_ordinary(text))


def count(entry: dict[str, Any]) -> int:
    """T(message) with the default overhead and scale."""
    total = OVERHEAD + tokens_of(entry["role"]) + sum(map(tokens_of, entry["texts"]))
    total += sum(tokens_of(name or "") + tokens_of(arguments) + 1 for _, name, arguments in entry["calls"])
    if entry.get("name"):
        total += 1 + tokens_of(entry["name"])
    return total + MEDIA_TOKENS * entry["media"]


def leading_system(expect: list[dict[str, Any]]) -> int:
    """How many system messages the conversation starts with."""
    for index, entry in enumerate(expect):
        if entry["class"] != "system":
            return index
    return len(expect)


def pairs(expect: list[dict[str, Any]]) -> list[tuple[int, int]]:
    """Indexes of messages with a call and of messages with its result.

    By id where the result has one; the oldest open call without an id where it has none. Calls that their own message
    answers make no pair.
    """
    open_calls: list[tuple[int, str | None]] = []
    found: list[tuple[int, int]] = []
    for index, entry in enumerate(expect):
        own = [(index, call_id or None) for call_id, _, _ in entry["calls"]]
        for result in entry["results"]:
            wanted = result or None
            inside = next((call for call in own if call[1] == wanted), None)
            if inside is not None:
                own.remove(inside)
                continue
            call = next((call for call in open_calls if call[1] == wanted), None)
            if call is None and wanted is None and open_calls:
                call = open_calls[0]
            if call is None:
                raise ValueError(f"expect: message {index} holds a result of no call: {result!r}")
            open_calls.remove(call)
            found.append((call[0], index))
        # The calls of hosted tools never get a result and open nothing.
        open_calls += [call for call in own if not entry.get("hosted")]
    return found


def groups(expect: list[dict[str, Any]], also: list[list[int]]) -> list[range]:
    """Runs of messages that are returned together, oldest first, leading system messages left out."""
    start = leading_system(expect)
    spans = [(a, b) for a, b in pairs(expect)] + [(min(g), max(g)) for g in also if max(g) < len(expect)]
    # A group that is not complete yet: it has begun, and belongs together as far as it goes.
    spans += [(min(g), len(expect) - 1) for g in also if min(g) < len(expect) <= max(g)]
    found: list[range] = []
    for index in range(start, len(expect)):
        joined = any(a < index <= b for a, b in spans)
        if joined and found:
            found[-1] = range(found[-1].start, index + 1)
        else:
            found.append(range(index, index + 1))
    return found


def window(counts: list[int], leading_: int, groups_: list[range], budget: int) -> list[int]:
    """Indexes of the messages that RECENT returns for a budget; `leading_` system messages stand first."""
    left = budget - REPLY_TOKENS
    leading = list(range(leading_))
    system = leading if sum(counts[i] for i in leading) <= left else []
    left -= sum(counts[i] for i in system)
    chosen: list[int] = []
    for group in reversed(groups_):
        cost = sum(counts[i] for i in group)
        if cost > left:
            break
        left -= cost
        chosen = [*group, *chosen]
    return [*system, *chosen]


def retained(expect: list[dict[str, Any]], also: list[list[int]], limit: int) -> list[list[int]]:
    """Which messages MAXMESSAGES keeps after each append."""
    held: list[int] = []
    states = []
    unfinished = [[min(group)] for group in also if not expect[min(group)]["calls"]]
    for index in range(len(expect)):
        held.append(index)
        known = groups(expect[: index + 1], also)
        # A reasoning item that nothing follows yet is no group: the newest group is the one before it.
        if len(known) > 1 and list(known[-1]) in unfinished:
            known.pop()
        while len(held) > limit:
            # System messages at the start of what is held stay, and the newest group stays; else the oldest goes.
            oldest = held[leading_system([expect[i] for i in held]) :][:1]
            group = next((group for group in known[:-1] if oldest and oldest[0] in group), None)
            if group is None:
                break
            held = [i for i in held if i not in group]
        states.append(list(held))
    return states
