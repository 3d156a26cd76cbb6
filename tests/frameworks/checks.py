"""The checks of one built conversation against a server with the module."""

from __future__ import annotations

import json
from typing import Any

import redis

import expected
from servers import Server

RETENTION = 3


class Checks:
    """Runs all checks of a form. `results` holds the problems found by each; none means that it passed."""

    def __init__(self, server: Server, built: dict[str, Any]) -> None:
        self.client = redis.Redis(port=server.port, protocol=3)
        self.client.flushall()
        self.results: dict[str, list[str]] = {}
        #: Checks of what the module does not offer yet.
        self.built = built
        self.texts: list[bytes] = []
        self.expect: list[dict[str, Any]] = []
        self.rejected: list[bytes] = []
        for text, entry in zip(built["messages"], built["expect"], strict=True):
            if entry.get("rejected"):
                self.rejected.append(text.encode())
            else:
                self.texts.append(text.encode())
                self.expect.append(entry)
        self.also: list[list[int]] = built.get("groups", [])
        self.groups = expected.groups(self.expect, self.also)
        self.pairs = expected.pairs(self.expect)
        self.counts = [expected.count(entry) for entry in self.expect]
        self.leading = expected.leading_system(self.expect)

    @property
    def total(self) -> int:
        """The tokens of a reply with all messages."""
        return sum(self.counts) + expected.REPLY_TOKENS

    def record(self, check: str, problems: list[str]) -> None:
        """Keeps the outcome of a check."""
        self.results[check] = problems

    def command(self, *words: Any) -> Any:
        """A command's reply; an error is a reply as well."""
        try:
            return self.client.execute_command(*words)
        except redis.ResponseError as error:
            return error

    def run(self) -> None:
        """All checks; those that need the messages are left out if they are not accepted."""
        if self.rejected:
            self.record("rejected", self.check_rejected())
        self.record("append", self.check_append())
        if self.results["append"]:
            return
        self.record("tokens", self.check_tokens())
        self.record("unread", self.check_unread())
        self.record("verbatim", self.check_verbatim())
        self.record("RECENT", self.check_recent())
        self.record("START USER", self.check_start_user())
        self.record("retention", self.check_retention())
        if "checkpoint" in self.built:
            self.record("import", self.check_checkpoint())

    def check_rejected(self) -> list[str]:
        """Messages that are instructions to the framework and no part of a conversation."""
        replies = [self.command("CONV.APPEND", "rejected", text) for text in self.rejected]
        return [
            f"accepted: {text.decode()[:80]}"
            for text, reply in zip(self.rejected, replies, strict=True)
            if not (isinstance(reply, redis.ResponseError) and "BADMSG" in str(reply))
        ]

    def check_append(self) -> list[str]:
        """Every message is accepted, one by one."""
        problems = []
        for index, text in enumerate(self.texts):
            reply = self.command("CONV.APPEND", "k", text)
            if reply != index + 1:
                problems.append(f"message {index + 1}: {reply}")
        return problems

    def info(self, seq: int) -> dict[str, Any]:
        """What GET WITHINFO says of a message."""
        reply = self.command("CONV.GET", "k", seq, "WITHINFO")[0]
        if isinstance(reply, list):
            reply = dict(zip(reply[::2], reply[1::2], strict=True))
        return {name.decode(): value for name, value in reply.items()}

    def check_tokens(self) -> list[str]:
        """The count of every message is that of the formula."""
        self.command("CONV.RECENT", "k", 1_000_000)
        problems = []
        for index, entry in enumerate(self.expect):
            tokens = self.info(index + 1)["tokens"]
            if entry.get("open") and tokens >= self.counts[index]:
                # The contract leaves the count open: the other checks go by the module's.
                self.counts[index] = tokens
            elif tokens != self.counts[index]:
                problems.append(f"message {index + 1} ({entry['class']}): {tokens}, expected {self.counts[index]}")
        return problems

    def check_unread(self) -> list[str]:
        """No content of a known shape is counted as JSON text."""
        problems = []
        for index, entry in enumerate(self.expect):
            unread = self.info(index + 1).get("unread")
            wanted = entry.get("unread", 0)
            if unread is not None and wanted is not None and unread != wanted:
                problems.append(f"message {index + 1}: {unread}, expected {wanted}")
        return problems

    def check_verbatim(self) -> list[str]:
        """What was appended comes back byte for byte, and a document is exported as it was imported."""
        problems = []
        if self.command("CONV.RANGE", "k", 0, -1) != self.texts:
            problems.append("RANGE returns other bytes")
        if self.command("CONV.EXPORT", "k") != b"[" + b",".join(self.texts) + b"]":
            problems.append("EXPORT returns other bytes")
        document = b'{"user":"u7","history":[' + b",".join(self.texts) + b'],"state":{"n":1}}'
        if (reply := self.command("CONV.IMPORT", "document", document)) != len(self.texts):
            problems.append(f"IMPORT: {reply}")
        elif self.command("CONV.EXPORT", "document") != document:
            problems.append("EXPORT returns another document than was imported")
        return problems

    def check_recent(self) -> list[str]:
        """At every budget: within it, no torn pair, whole groups newest first, and all at the full budget."""
        problems = []
        for budget in range(self.total + 2):
            reply = self.command("CONV.RECENT", "k", budget)
            if isinstance(reply, redis.ResponseError):
                return [f"budget {budget}: {reply}"]
            indexes = self.indexes(reply)
            problem = self.invalid(indexes, budget)
            wanted = expected.window(self.counts, self.leading, self.groups, budget)
            if problem is None and indexes != wanted:
                problem = f"messages {seqs(indexes)}, expected {seqs(wanted)}"
            if problem:
                problems.append(f"budget {budget}: {problem}")
        if indexes != list(range(len(self.texts))):
            problems.append(f"not all at the full budget: {seqs(indexes)}")
        return problems

    def indexes(self, reply: list[bytes], appended: int | None = None) -> list[int]:
        """Which messages a reply holds: of equal ones the newest, in order. -1 is a message that is not among them."""
        found: list[int] = []
        before = len(self.texts) if appended is None else appended
        for text in reversed(reply):
            index = next((i for i in reversed(range(before)) if self.texts[i] == text), -1)
            before = index if index >= 0 else before
            found.append(index)
        return found[::-1]

    def invalid(self, indexes: list[int], budget: int) -> str | None:
        """Why a reply is no valid prompt within the budget, if it is not."""
        if -1 in indexes:
            return f"a message that was never appended, or the wrong order: {seqs(indexes)}"
        tokens = sum(self.counts[i] for i in indexes) + expected.REPLY_TOKENS
        if indexes and tokens > budget:
            return f"over the budget: {tokens} tokens in {seqs(indexes)}"
        for call, result in self.pairs:
            if (call in indexes) != (result in indexes):
                return f"torn: call in message {call + 1}, result in {result + 1}, returned {seqs(indexes)}"
        for group in self.also:
            if 0 < len(set(group) & set(indexes)) < len(group):
                return f"torn: messages {seqs(group)} belong together, returned {seqs(indexes)}"
        return None

    def check_start_user(self) -> list[str]:
        """The window starts with a user message, after the leading system messages, or is empty."""
        problems = []
        users = [i for i, entry in enumerate(self.expect) if entry["class"] == "user"]
        for budget in range(self.total + 2):
            reply = self.command("CONV.RECENT", "k", budget, "START", "USER")
            if isinstance(reply, redis.ResponseError):
                return [f"budget {budget}: {reply}"]
            indexes = self.indexes(reply)
            if problem := self.invalid(indexes, budget):
                problems.append(f"budget {budget}: {problem}")
            elif (rest := [i for i in indexes if i >= self.leading]) and rest[0] not in users:
                problems.append(f"budget {budget}: starts at message {rest[0] + 1}")
            else:
                # With a user message inside the window, the window starts there.
                window = self.plain(budget)
                start = next((i for i in window if i in users), None)
                if start is not None and rest != [i for i in window if i >= start]:
                    problems.append(f"budget {budget}: messages {seqs(rest)}, expected from {start + 1} on")
        return problems

    def plain(self, budget: int) -> list[int]:
        """The window without START USER and without leading system messages."""
        window = expected.window(self.counts, self.leading, self.groups, budget)
        return [i for i in window if i >= self.leading]

    def check_retention(self) -> list[str]:
        """MAXMESSAGES removes whole groups, oldest first, and never a leading system message or the newest group."""
        self.command("CONV.CREATE", "r", "MAXMESSAGES", RETENTION)
        problems = []
        for index, wanted in enumerate(expected.retained(self.expect, self.also, RETENTION)):
            self.command("CONV.APPEND", "r", self.texts[index])
            held = self.indexes(self.command("CONV.RANGE", "r", 0, -1), index + 1)
            torn = [(c, r) for c, r in self.pairs if r <= index and (c in held) != (r in held)]
            if torn:
                problems.append(f"after message {index + 1}: torn {seqs(torn[0])}, held {seqs(held)}")
            elif held != wanted:
                problems.append(f"after message {index + 1}: held {seqs(held)}, expected {seqs(wanted)}")
        return problems

    def check_checkpoint(self) -> list[str]:
        """A document whose messages lie in nested objects is imported and exported as it was."""
        document = self.built["checkpoint"].encode()
        path = self.built["history"]
        reply = self.command("CONV.IMPORT", "checkpoint", document, "HISTORY", path)
        problems = []
        if reply != len(json.loads(document)["channel_values"]["messages"]):
            problems.append(f"IMPORT HISTORY {path}: {reply}")
        if self.command("CONV.EXPORT", "checkpoint") != document:
            problems.append("EXPORT returns another document than was imported")
        if self.command("CONV.RANGE", "checkpoint", 0, -1) != self.texts:
            problems.append("RANGE returns other messages than the checkpoint's")
        if self.command("CONV.GETSTATE", "checkpoint", path.split(".")[0]) != [None]:
            problems.append("the field around the messages is a session field")
        self.command("CONV.APPEND", "checkpoint", self.texts[-1])
        last = self.texts[-1]
        if self.command("CONV.EXPORT", "checkpoint") != document.replace(last, last + b"," + last):
            problems.append("EXPORT returns an appended message in another place")
        return problems


def seqs(indexes: Any) -> list[int]:
    """Sequence numbers of indexes."""
    return [index + 1 for index in indexes]
