"""Each command as a function that returns its arguments and how its reply is read.

`Conv` and `AsyncConv` are made of these, so a command is written once.
"""

from __future__ import annotations

import builtins
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from . import replies
from .replies import Claim, Encoding, Info, Message, SearchHit, Stored, Summary

T = TypeVar("T")

#: Keys as redis-py takes them.
Key = str | bytes
#: A message, or its JSON.
Json = Mapping[str, Any] | str | bytes


@dataclass(frozen=True)
class Call(Generic[T]):
    """A command with its arguments, and what makes a value of its reply."""

    args: tuple[Any, ...]
    parse: Callable[[Any], T]


def _json(value: Any) -> str | bytes:
    if isinstance(value, (str, bytes)):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _flags(**options: bool) -> list[str]:
    return [name.replace("_", "").upper() for name, on in options.items() if on]


def _values(**options: Any) -> list[Any]:
    return [
        word for name, value in options.items() if value is not None for word in (name.replace("_", "").upper(), value)
    ]


def _same(value: T) -> T:
    return value


def append(
    key: Key,
    *messages: Json,
    nx: bool = False,
    xx: bool = False,
    unique: bool = False,
    if_last: int | None = None,
    tokens: int | None = None,
) -> Call[int | None]:
    """Appends messages. Returns the number of the last one, None if a condition does not hold.

    `tokens` is the count of the first message.
    """
    options = _flags(nx=nx, xx=xx, unique=unique) + _values(if_last=if_last, tokens=tokens)
    return Call(("CONV.APPEND", key, *options, *map(_json, messages)), _same)


def _recent_options(
    messages: int | None,
    start: Literal["USER"] | None,
    oversize: Literal["EMPTY", "KEEP", "CUT"] | None,
    step: int | None,
    clear: int | None,
    above: int | None,
    no_system: bool,
    no_summary: bool,
    no_pins: bool,
    rev: bool,
    any: bool,
    wait: int | None,
    with_info: bool,
) -> list[Any]:
    cleared = [] if clear is None else ["CLEAR", clear, *_values(above=above)]
    return [
        "FORMAT",
        "JSON",
        *_values(messages=messages, start=start, oversize=oversize, step=step, wait=wait),
        *cleared,
        *_flags(
            no_system=no_system,
            no_summary=no_summary,
            no_pins=no_pins,
            rev=rev,
            any=any,
            with_info=with_info,
        ),
    ]


def recent(
    key: Key,
    max_tokens: int,
    *,
    messages: int | None = None,
    start: Literal["USER"] | None = None,
    oversize: Literal["EMPTY", "KEEP", "CUT"] | None = None,
    step: int | None = None,
    clear: int | None = None,
    above: int | None = None,
    no_system: bool = False,
    no_summary: bool = False,
    no_pins: bool = False,
    rev: bool = False,
    any: bool = False,
    wait: int | None = None,
) -> Call[list[Message] | None]:
    """Returns the newest messages that fit `max_tokens`, oldest first; None on a cache miss."""
    options = _recent_options(
        messages, start, oversize, step, clear, above, no_system, no_summary, no_pins, rev, any, wait, False
    )
    return Call(("CONV.RECENT", key, max_tokens, *options), replies.messages_or_miss)


def recent_with_info(
    key: Key,
    max_tokens: int,
    *,
    messages: int | None = None,
    start: Literal["USER"] | None = None,
    oversize: Literal["EMPTY", "KEEP", "CUT"] | None = None,
    step: int | None = None,
    clear: int | None = None,
    above: int | None = None,
    no_system: bool = False,
    no_summary: bool = False,
    no_pins: bool = False,
    rev: bool = False,
    any: bool = False,
    wait: int | None = None,
) -> Call[replies.Recent | None]:
    """As `recent`, with the figures of `WITHINFO`."""
    options = _recent_options(
        messages, start, oversize, step, clear, above, no_system, no_summary, no_pins, rev, any, wait, True
    )
    return Call(("CONV.RECENT", key, max_tokens, *options), replies.with_messages)


def recent_of_many(
    max_tokens: int,
    keys: Iterable[Key],
    *,
    messages: int | None = None,
    start: Literal["USER"] | None = None,
    oversize: Literal["EMPTY", "KEEP", "CUT"] | None = None,
    step: int | None = None,
    clear: int | None = None,
    above: int | None = None,
    no_system: bool = False,
    no_summary: bool = False,
    no_pins: bool = False,
    rev: bool = False,
    any: bool = False,
    wait: int | None = None,
) -> Call[list[list[Message] | None]]:
    """One `recent` for each key. In a cluster all keys must be in one slot."""
    keys = list(keys)
    options = _recent_options(
        messages, start, oversize, step, clear, above, no_system, no_summary, no_pins, rev, any, wait, False
    )
    args = ("CONV.MRECENT", max_tokens, builtins.len(keys), *keys, *options)
    return Call(args, lambda value: [replies.messages_or_miss(item) for item in value])


def recent_of_many_with_info(
    max_tokens: int,
    keys: Iterable[Key],
    *,
    messages: int | None = None,
    start: Literal["USER"] | None = None,
    oversize: Literal["EMPTY", "KEEP", "CUT"] | None = None,
    step: int | None = None,
    clear: int | None = None,
    above: int | None = None,
    no_system: bool = False,
    no_summary: bool = False,
    no_pins: bool = False,
    rev: bool = False,
    any: bool = False,
    wait: int | None = None,
) -> Call[list[replies.Recent | None]]:
    """As `recent_of_many`, each with the figures of `WITHINFO`."""
    keys = list(keys)
    options = _recent_options(
        messages, start, oversize, step, clear, above, no_system, no_summary, no_pins, rev, any, wait, True
    )
    args = ("CONV.MRECENT", max_tokens, builtins.len(keys), *keys, *options)
    return Call(args, lambda value: [replies.with_messages(item) for item in value])


def summary(key: Key) -> Call[str | None]:
    """Returns the text of the summary."""
    return Call(("CONV.SUMMARY", key), replies.text)


def summary_with_info(key: Key) -> Call[Summary | None]:
    """Returns the summary with its tokens and what it covers."""
    return Call(("CONV.SUMMARY", key, "WITHINFO"), replies.pairs)  # type: ignore[arg-type]


def set_summary(key: Key, text: str, *, upto: int | None = None, min_change: int | None = None) -> Call[bool]:
    """Stores the summary; False if a newer one is stored. Empty text removes it."""
    return Call(("CONV.SETSUMMARY", key, text, *_values(upto=upto, min_change=min_change)), bool)


def claim_summary(
    key: Key, min_tokens: int, *, keep: int | None = None, lease: int | None = None
) -> Call[Claim | None]:
    """Returns what is to be summarised once it counts at least `min_tokens`; `lease` in milliseconds."""
    return Call(("CONV.CLAIMSUMMARY", key, min_tokens, *_values(keep=keep, lease=lease)), replies.with_messages)


def range(key: Key, start: int, stop: int, *, rev: bool = False) -> Call[list[Message]]:
    """Returns messages by index, as `LRANGE` does."""
    return Call(("CONV.RANGE", key, start, stop, *_flags(rev=rev), "FORMAT", "JSON"), replies.messages)


def index(key: Key, index: int, *, rev: bool = False) -> Call[Message | None]:
    """Returns one message by index, as `LINDEX` does."""
    return Call(("CONV.INDEX", key, index, *_flags(rev=rev)), replies.message)


def get(key: Key, *seqs: int) -> Call[list[Message | None]]:
    """Returns messages by sequence number, None for those that are not held."""
    return Call(("CONV.GET", key, *seqs), replies.listed)


def get_with_info(key: Key, *seqs: int) -> Call[list[Stored | None]]:
    """As `get`, with time, tokens, `unread` and `pinned`."""
    return Call(("CONV.GET", key, *seqs, "WITHINFO"), replies.with_message)


def len(key: Key) -> Call[int]:
    """Returns the number of messages."""
    return Call(("CONV.LEN", key), _same)


def info(key: Key) -> Call[Info | None]:
    """Returns figures and attributes."""
    return Call(("CONV.INFO", key), replies.pairs)  # type: ignore[arg-type]


def tokens(*texts: str, encoding: str | None = None) -> Call[list[int]]:
    """Counts the tokens of texts."""
    return Call(("CONV.TOKENS", *texts, *_values(encoding=encoding)), _same)


def search(
    key: Key,
    pattern: str,
    *,
    regex: bool = False,
    case: bool = False,
    role: Literal["system", "user", "assistant", "tool"] | None = None,
    after: int | None = None,
    before: int | None = None,
    since: int | None = None,
    until: int | None = None,
    limit: int | None = None,
) -> Call[list[SearchHit]]:
    """Returns the newest messages whose text matches."""
    options = _flags(regex=regex, case=case) + _values(
        role=role, after=after, before=before, since=since, until=until, limit=limit
    )
    return Call(("CONV.SEARCH", key, pattern, *options, "WITHINFO"), replies.with_message)


def encodings() -> Call[list[Encoding]]:
    """Lists the encodings that the server knows."""
    return Call(("CONV.ENCODINGS",), lambda value: [replies.pairs(item) for item in value])  # type: ignore[misc]


def _attributes(
    encoding: str | None,
    overhead: int | None,
    scale: int | None,
    max_messages: int | None,
    max_tokens: int | None,
    ttl: int | None,
    complete: bool | None,
) -> list[Any]:
    return _values(
        encoding=encoding,
        overhead=overhead,
        scale=scale,
        max_messages=max_messages,
        max_tokens=max_tokens,
        ttl=ttl,
        complete=None if complete is None else ("yes" if complete else "no"),
    )


def create(
    key: Key,
    *,
    encoding: str | None = None,
    overhead: int | None = None,
    scale: int | None = None,
    max_messages: int | None = None,
    max_tokens: int | None = None,
    ttl: int | None = None,
    complete: bool | None = None,
) -> Call[bool]:
    """Creates an empty conversation; raises `ResponseError` if the key exists."""
    attributes = _attributes(encoding, overhead, scale, max_messages, max_tokens, ttl, complete)
    return Call(("CONV.CREATE", key, *attributes), bool)


def alter(
    key: Key,
    *,
    encoding: str | None = None,
    overhead: int | None = None,
    scale: int | None = None,
    max_messages: int | None = None,
    max_tokens: int | None = None,
    ttl: int | None = None,
    complete: bool | None = None,
) -> Call[bool]:
    """Changes attributes. A new encoding, overhead or scale recounts."""
    attributes = _attributes(encoding, overhead, scale, max_messages, max_tokens, ttl, complete)
    return Call(("CONV.ALTER", key, *attributes), bool)


def backfill(key: Key, *messages: Json, complete: bool = False) -> Call[int]:
    """Prepends older messages, oldest first. Returns how many were added."""
    return Call(("CONV.BACKFILL", key, *_flags(complete=complete), *map(_json, messages)), _same)


def edit(key: Key, seq: int, message: Json) -> Call[bool]:
    """Replaces a message."""
    return Call(("CONV.EDIT", key, seq, _json(message)), bool)


def delete(key: Key, *seqs: int) -> Call[int]:
    """Removes messages. Returns how many there were."""
    return Call(("CONV.DEL", key, *seqs), _same)


def pop(key: Key) -> Call[Message | None]:
    """Removes and returns the newest message."""
    return Call(("CONV.POP", key), replies.message)


def pop_many(key: Key, count: int) -> Call[list[Message]]:
    """Removes and returns the newest messages, newest first."""
    return Call(("CONV.POP", key, count), replies.listed)  # type: ignore[arg-type]


def trim(
    key: Key, *, max_messages: int | None = None, max_tokens: int | None = None, before: int | None = None
) -> Call[int]:
    """Removes the oldest messages without splitting groups. Returns how many are left."""
    limits = _values(max_messages=max_messages, max_tokens=max_tokens, before=before)
    return Call(("CONV.TRIM", key, *limits), _same)


def pin(key: Key, *seqs: int) -> Call[int]:
    """Pins messages. Returns how many changed."""
    return Call(("CONV.PIN", key, *seqs), _same)


def unpin(key: Key, *seqs: int) -> Call[int]:
    """Unpins messages. Returns how many changed."""
    return Call(("CONV.UNPIN", key, *seqs), _same)


def fork(key: Key, newkey: Key, *, upto: int | None = None, replace: bool = False) -> Call[bool]:
    """Copies a conversation up to a message; False if `newkey` exists or `key` is missing."""
    return Call(("CONV.FORK", key, newkey, *_values(upto=upto), *_flags(replace=replace)), bool)


def import_document(
    key: Key,
    document: Any,
    *,
    history: str | None = None,
    replace: bool = False,
    ex: int | None = None,
    px: int | None = None,
    exat: int | None = None,
    pxat: int | None = None,
    keepttl: bool = False,
) -> Call[int]:
    """Stores a session document. With `replace`, only what differs is stored. Returns the number of messages."""
    options = [
        *_values(history=history),
        *_flags(replace=replace),
        *_values(ex=ex, px=px, exat=exat, pxat=pxat),
        *_flags(keepttl=keepttl),
    ]
    return Call(("CONV.IMPORT", key, _json(document), *options), _same)


def export_document(key: Key) -> Call[Any]:
    """Returns the session document, None for a missing key."""
    return Call(("CONV.EXPORT", key), replies.message)


def get_state(key: Key) -> Call[dict[str, Any]]:
    """Returns all session fields."""
    return Call(("CONV.GETSTATE", key), replies.state)


def get_state_fields(key: Key, *fields: str) -> Call[list[Any]]:
    """Returns session fields, None for those that are missing."""
    return Call(("CONV.GETSTATE", key, *fields), replies.listed)


def set_state(key: Key, fields: Mapping[str, Any]) -> Call[int]:
    """Sets session fields. Returns how many are new."""
    words = [word for name, value in fields.items() for word in (name, json.dumps(value, ensure_ascii=False))]
    return Call(("CONV.SETSTATE", key, *words), _same)


def delete_state(key: Key, *fields: str) -> Call[int]:
    """Removes session fields. Returns how many there were."""
    return Call(("CONV.DELSTATE", key, *fields), _same)
