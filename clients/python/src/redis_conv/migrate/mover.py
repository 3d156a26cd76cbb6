"""Moves keys one by one. The service may write to them meanwhile."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import redis
from redis.client import Pipeline
from redis.exceptions import ClusterCrossSlotError

from .names import temporary

#: Lists with the oldest message first (RPUSH) or the newest first (LPUSH), strings with a JSON document, RedisJSON.
Source = Literal["lists", "lists-newest-first", "strings", "redisjson"]
Status = Literal["moved", "checked", "skipped", "rejected", "busy"]

#: What TYPE returns for each source.
TYPES: dict[str, bytes] = {
    "lists": b"list",
    "lists-newest-first": b"list",
    "strings": b"string",
    "redisjson": b"ReJSON-RL",
}
#: Elements of a list that are read at once. LRANGE of a long list would block the server.
CHUNK = 1000
#: What a run that was killed leaves behind expires after this time. The longest import takes seconds.
TEMPORARY_MS = 600_000
#: Errors of the server that redis-py has no class for.
SERVER_ERRORS = ("MISCONF", "NOREPLICAS", "MASTERDOWN", "BUSY", "unknown command")
#: PEXPIRETIME of a key without an expiry.
NO_EXPIRY = -1


class RejectedError(Exception):
    """The value is not a conversation."""


@dataclass(frozen=True)
class Outcome:
    """What happened to a key."""

    key: bytes
    status: Status
    #: Why, if it was not moved.
    reason: str = ""
    messages: int = 0


class Mover:
    """Moves keys of one source.

    Each key is imported under a temporary name and then renamed in a transaction. WATCH makes that transaction fail if
    anybody has written to the key since it was read, so no message is lost. The expiry is kept to the millisecond.
    """

    def __init__(
        self,
        client: redis.Redis,
        source: Source,
        *,
        history: str | None = None,
        name: Callable[[bytes], bytes] | None = None,
        keep: bool = False,
        overwrite: bool = False,
        dry_run: bool = False,
        attempts: int = 20,
    ) -> None:
        """`client` is one node, with bytes as replies (`decode_responses=False`).

        `history` is the path of the messages in a document. `name` returns the new name of a key; without it the
        conversation takes the place of the key. `keep` leaves the old key where it is, `overwrite` replaces new keys
        that exist, `dry_run` only checks, and `attempts` bounds how often a key that is written to is tried.
        """
        if keep and name is None:
            raise ValueError("keep needs a new name: a key cannot hold both values")
        self.client = client
        self.source = source
        self.history = history
        self.name = name
        self.keep = keep
        self.overwrite = overwrite
        self.dry_run = dry_run
        self.attempts = attempts

    def run(self, pattern: str, scanned: Callable[[int], None] | None = None) -> Iterator[Outcome]:
        """Moves all keys of the source that match. `scanned` is told about how many keys the scan has passed."""
        cursor, seen = 0, set[bytes]()
        while True:
            cursor, keys = self.client.scan(cursor, pattern, CHUNK, TYPES[self.source].decode())
            # SCAN may return a key twice. Where the old key stays it would be moved twice.
            fresh = [key for key in dict.fromkeys(keys) if key not in seen]
            if self.keep or self.dry_run:
                seen.update(fresh)
            for key in fresh:
                yield self.move(key)
            if scanned is not None:
                scanned(CHUNK)
            if cursor == 0:
                return

    def move(self, key: bytes) -> Outcome:
        """Moves a key. Raises `RedisError` if the server fails; nothing has changed then."""
        target = key if self.name is None else self.name(key)
        scratch = temporary(target)
        try:
            for _ in range(self.attempts):
                try:
                    return self._attempt(key, target, scratch)
                except redis.WatchError:
                    # Tried again: the import keeps what is the same, so that only the new messages cost.
                    continue
            return Outcome(key, "busy", f"was written to during each of {self.attempts} attempts")
        except RejectedError as reason:
            return Outcome(key, "rejected", str(reason))

    def _attempt(self, key: bytes, target: bytes, scratch: bytes) -> Outcome:
        with self.client.pipeline(transaction=True) as pipe:
            self._watch(pipe, key, target)
            if (kind := pipe.type(key)) != TYPES[self.source]:
                reason = "no longer exists" if kind == b"none" else f"is of type {kind.decode()} now"
                return Outcome(key, "skipped", reason)
            if target != key and not self.overwrite and pipe.exists(target):
                return Outcome(key, "skipped", "the new key exists")
            expires = pipe.execute_command("PEXPIRETIME", key)
            document, count = self._read(pipe, key)
            messages = self._import(pipe, scratch, document)
            try:
                if count not in (None, messages):
                    raise RejectedError(f"{count} messages were read and {messages} imported")
                if self.dry_run:
                    return Outcome(key, "checked", messages=messages)
                # If it expires or is evicted now, the transaction fails, so the old key is never removed alone.
                pipe.watch(scratch)
                if not pipe.exists(scratch):
                    raise redis.WatchError
                pipe.multi()
                pipe.rename(scratch, target)
                if expires == NO_EXPIRY:
                    pipe.persist(target)
                else:
                    pipe.pexpireat(target, expires)
                if target != key and not self.keep:
                    pipe.unlink(key)
                pipe.execute()
            finally:
                if self.dry_run:
                    pipe.unlink(scratch)
            return Outcome(key, "moved", messages=messages)

    def _read(self, pipe: Pipeline, key: bytes) -> tuple[bytes, int | None]:
        """The document, and how many messages it has if that is known."""
        if self.source == "strings":
            return pipe.get(key), None
        if self.source == "redisjson":
            return _bytes(pipe.execute_command("JSON.GET", key)), None
        elements: list[bytes] = []
        while chunk := pipe.lrange(key, len(elements), len(elements) + CHUNK - 1):
            elements += chunk
        if self.source == "lists-newest-first":
            elements.reverse()
        for number, element in enumerate(elements, 1):
            _check_element(number, element)
        return b"[" + b",".join(elements) + b"]", len(elements)

    def _watch(self, pipe: Pipeline, key: bytes, target: bytes) -> None:
        try:
            pipe.watch(key, target)
        except ClusterCrossSlotError:
            raise RejectedError("the new key is in another hash slot of the cluster") from None

    def _import(self, pipe: Pipeline, scratch: bytes, document: bytes) -> int:
        words: list[Any] = ["CONV.IMPORT", scratch, document, "REPLACE", "PX", TEMPORARY_MS]
        if self.history is not None and not self.source.startswith("lists"):
            words += ["HISTORY", self.history]
        try:
            return pipe.execute_command(*words)
        except redis.ResponseError as error:
            if _is_about_the_document(error):
                raise RejectedError(str(error)) from None
            raise


def _check_element(number: int, element: bytes) -> None:
    """Elements are joined to one array, so each has to be exactly one JSON value."""
    try:
        value = json.loads(element)
    except (ValueError, RecursionError) as error:
        raise RejectedError(f"message {number}: not JSON: {error}") from None
    if not isinstance(value, dict):
        raise RejectedError(f"message {number}: expected a JSON object")


def _is_about_the_document(error: redis.ResponseError) -> bool:
    """Whether the server rejected this document. Every key would meet the other errors: they end the run."""
    # Most conditions of a server (out of memory, read-only, no permission) have classes of their own.
    return type(error) is redis.ResponseError and not str(error).startswith(SERVER_ERRORS)


def _bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value
