"""The replies of commands, and how they are read from RESP2 and RESP3."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict

#: A message, in the form of the framework that wrote it.
Message = dict[str, Any]


class Recent(TypedDict):
    """The reply of `recent(..., with_info=True)`."""

    messages: list[Message]
    #: Tokens of the reply.
    tokens: int
    #: Sequence numbers of the window's first and last message, 0 if it is empty.
    first: int
    last: int
    #: Older messages that are not in the reply.
    skipped: int
    #: 1 if the summary is in the reply.
    summary: int
    #: 1 if a user message was placed before the window.
    elided: int
    #: 1 if the only group exceeds the budget.
    over: int
    #: Leading system messages in the reply, and not in it.
    system: int
    system_left_out: int
    #: Messages before the window that are there because of a pin.
    pinned: int
    #: Messages between `first` and `last` that are not in the reply.
    dropped: int
    #: Messages that were edited, results that were cleared, texts that were cut.
    edited: int
    cleared: int
    cut: int


class Summary(TypedDict):
    """The reply of `summary(..., with_info=True)`."""

    text: str
    tokens: int
    #: The last message that it covers, None if it only precedes the messages.
    upto: int | None
    #: Unix milliseconds.
    updated: int


class Claim(TypedDict):
    """The reply of `claim_summary`: what is to be summarised."""

    upto: int
    summary: str | None
    messages: list[Message]


class Stored(TypedDict):
    """A message with what the server knows about it."""

    seq: int
    time: int
    #: None while it is pending.
    tokens: int | None
    unread: int
    pinned: int
    message: Message


class SearchHit(TypedDict):
    """A message found by `search(..., with_info=True)`."""

    seq: int
    time: int
    role: str
    tokens: int | None
    snippet: str
    message: Message


class Encoding(TypedDict):
    """An entry of `encodings`."""

    name: str
    kind: str
    vocabulary: int
    fingerprint: str
    memory: int
    state: str
    error: str | None


class Info(TypedDict):
    """The reply of `info`."""

    messages: int
    tokens: int
    first: int
    last: int
    created: int
    updated: int
    encoding: str
    overhead: int
    scale: int
    encoding_missing: int
    max_messages: int
    max_tokens: int
    ttl: int
    complete: str | int
    summary_tokens: NotRequired[int | None]
    summary_upto: NotRequired[int | None]
    pins: int
    unread: int
    pending: int
    bytes_raw: int
    bytes_stored: int
    segments: int


def text(value: Any) -> Any:
    """A bulk string as `str`; other values as they are."""
    return value.decode() if isinstance(value, bytes) else value


def message(value: Any) -> Message | None:
    """A message, None for nil."""
    return None if value is None else json.loads(value)


def messages(value: Any) -> list[Message]:
    """A `FORMAT JSON` reply; nil is an empty list."""
    return json.loads(value) if value else []


def messages_or_miss(value: Any) -> list[Message] | None:
    """A `FORMAT JSON` reply; None for a miss."""
    return None if value is None else json.loads(value)


def listed(value: Any) -> list[Message | None]:
    """An array of messages and nils."""
    return [message(item) for item in value or []]


def pairs(value: Any) -> dict[str, Any] | None:
    """A map: a mapping over RESP3, a flat array over RESP2. Names become identifiers."""
    if value is None:
        return None
    items = value.items() if isinstance(value, Mapping) else zip(value[::2], value[1::2], strict=True)
    return {text(name).replace("-", "_"): text(item) for name, item in items}


def state(value: Any) -> dict[str, Any]:
    """Session fields, parsed. Their names stay as they are."""
    items = value.items() if isinstance(value, Mapping) else zip(value[::2], value[1::2], strict=True)
    return {text(name): json.loads(item) for name, item in items}


def with_messages(value: Any) -> Any:
    """A map whose `messages` are one JSON string, or an array."""
    reply = pairs(value)
    if reply is not None:
        found = reply["messages"]
        reply["messages"] = listed(found) if isinstance(found, list) else messages(found)
    return reply


def with_message(value: Any) -> Any:
    """Maps whose `message` is JSON; nil for what is not there."""
    replies = [pairs(item) for item in value or []]
    for reply in replies:
        if reply is not None:
            reply["message"] = message(reply["message"])
    return replies
