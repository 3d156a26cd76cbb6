"""The package in `clients/python`, as installed from its wheel: every method, over both protocols, sync and asyncio."""

from __future__ import annotations

import inspect
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import redis
import redis.asyncio
import redis_conv
from redis_conv import AsyncConv, Conv, calls

from samples import ANSWER, CALL, CHAT, QUESTION, RESULT, SYSTEM, dump
from servers import ROOT, Server

#: Replays the AOF; clients do not send it.
INTERNAL = {"CONV.EFFECT"}
#: The package asks for JSON, and parses it.
UNUSED = {"LIST", "MSGPACK"}
#: A value for each parameter. What is not listed has none to try.
VALUES: dict[str, Any] = {
    "key": "k",
    "newkey": "k2",
    "messages": 5,
    "message": ANSWER,
    "text": "text",
    "pattern": "text",
    "document": [],
    "encoding": "cl100k_base",
    "history": "a",
    "start": "USER",
    "role": "user",
    "keys": ["k"],
    "fields": {"a": 1},
}
#: Parameters with several words, all of which have to be sent.
CHOICES = {
    "role": ["system", "user", "assistant", "tool"],
    "oversize": ["EMPTY", "KEEP", "CUT"],
    "complete": [True, False],
}

Method = Callable[..., Awaitable[Any]]


@pytest.fixture(params=["sync", "asyncio"])
async def conv(request: pytest.FixtureRequest, server: Server, protocol: int, decode: bool) -> AsyncIterator[Any]:
    """Either client, with methods to await."""
    options = {"port": server.port, "protocol": protocol, "decode_responses": decode}
    if request.param == "asyncio":
        async with redis.asyncio.Redis(**options) as client:
            yield AsyncConv(client)
    else:
        with redis.Redis(**options) as client:
            yield Awaited(Conv(client))


@pytest.fixture(params=[2, 3])
def protocol(request: pytest.FixtureRequest) -> int:
    return request.param


@pytest.fixture(params=[False, True], ids=["bytes", "str"])
def decode(request: pytest.FixtureRequest) -> bool:
    return request.param


class Awaited:
    """`Conv`, with the methods of `AsyncConv`."""

    def __init__(self, conv: Conv) -> None:
        self.conv = conv

    def __getattr__(self, name: str) -> Method:
        async def run(*args: Any, **options: Any) -> Any:
            return getattr(self.conv, name)(*args, **options)

        return run


def test_the_installed_package_is_tested() -> None:
    assert ROOT / "clients" not in Path(redis_conv.__file__).resolve().parents
    assert (Path(redis_conv.__file__).parent / "py.typed").exists()


async def test_messages(conv: Any) -> None:
    assert await conv.recent("k", 3000) == []
    assert await conv.recent("k", 3000, wait=1) is None
    assert await conv.append("k", SYSTEM, dump(QUESTION), dump(CALL).encode(), RESULT, ANSWER, nx=True) == 5
    assert await conv.append("k", ANSWER, if_last=4) is None
    assert await conv.append("k", ANSWER, tokens=7, xx=True, unique=True) == 6
    assert await conv.pop("k") == ANSWER
    assert await conv.recent("k", 3000) == CHAT
    assert await conv.recent("k", 3000, rev=True, any=True) == CHAT[::-1]
    assert await conv.recent_of_many(3000, ["k", "none"], no_system=True) == [CHAT[1:], []]
    window = await conv.recent_with_info("k", 30)
    assert window["messages"] == [SYSTEM, ANSWER]
    assert (window["tokens"], window["system_left_out"]) == (22, 0)
    assert set(window) == set(redis_conv.Recent.__annotations__)
    assert await conv.recent_of_many_with_info(30, ["k"]) == [window]
    assert await conv.range("k", 0, 1) == [SYSTEM, QUESTION]
    assert await conv.range("k", 0, 1, rev=True) == [ANSWER, RESULT]
    assert await conv.range("none", 0, 1) == []
    assert (await conv.index("k", 0), await conv.index("k", 0, rev=True)) == (SYSTEM, ANSWER)
    assert await conv.index("k", 9) is None
    assert await conv.get("k", 1, 99) == [SYSTEM, None]
    first, none = await conv.get_with_info("k", 1, 99)
    assert (first["seq"], first["tokens"], first["pinned"], first["message"]) == (1, 10, 0, SYSTEM)
    assert none is None
    assert set(first) == set(redis_conv.Stored.__annotations__)
    assert (await conv.len("k"), await conv.len("none")) == (5, 0)
    assert await conv.tokens("hello world", "") == [2, 0]
    assert await conv.tokens("hello world", encoding="gpt-4") == [2]


async def test_summaries(conv: Any) -> None:
    await conv.append("k", *CHAT)
    assert (await conv.summary("k"), await conv.summary_with_info("k")) == (None, None)
    claim = await conv.claim_summary("k", 1, keep=0, lease=1000)
    assert set(claim) == set(redis_conv.Claim.__annotations__)
    assert (claim["upto"], claim["summary"], claim["messages"]) == (5, None, CHAT[1:])
    assert await conv.claim_summary("k", 1) is None
    assert await conv.set_summary("k", "Lisbon ☀️", upto=4) is True
    assert await conv.set_summary("k", "late", upto=2, min_change=1) is False
    assert await conv.summary("k") == "Lisbon ☀️"
    described = await conv.summary_with_info("k")
    assert (described["text"], described["upto"]) == ("Lisbon ☀️", 4)
    assert set(described) == set(redis_conv.Summary.__annotations__)


async def test_writing(conv: Any) -> None:
    attributes = {"overhead": 4, "scale": 120, "max_messages": 100, "max_tokens": 10**6, "ttl": 1000}
    assert await conv.create("k", encoding="cl100k_base", complete=False, **attributes) is True
    assert await conv.alter("k", encoding="gpt-4o", max_messages=50, complete=True) is True
    await conv.append("k", *CHAT)
    info = await conv.info("k")
    assert (info["messages"], info["encoding"], info["max_messages"]) == (5, "o200k_base", 50)
    assert (info["overhead"], info["scale"], info["ttl"], info["summary_upto"]) == (4, 120, 1000, None)
    assert set(redis_conv.Info.__annotations__) >= set(info)
    assert await conv.info("none") is None
    assert await conv.backfill("k", SYSTEM, complete=True) == 1
    assert await conv.edit("k", 5, QUESTION) is True
    assert await conv.delete("k", 0, 99) == 1
    assert await conv.pop_many("k", 2) == [QUESTION, RESULT]
    assert (await conv.pop("none"), await conv.pop_many("none", 2)) == (None, [])
    assert await conv.pin("k", 1, 2) == 2
    assert await conv.unpin("k", 1, 2) == 2
    assert await conv.fork("k", "k2", upto=2, replace=True) is True
    assert await conv.fork("none", "k2") is False
    assert await conv.range("k2", 0, -1) == CHAT[:2]
    assert await conv.trim("k2", before=2) == 2
    assert await conv.trim("k2", max_messages=1) == 2
    assert await conv.trim("k2", max_tokens=1) == 2
    with pytest.raises(redis.ResponseError, match="no such message"):
        await conv.edit("k", 99, ANSWER)


async def test_sessions(conv: Any) -> None:
    document = {"user-name": "Ana ☀️", "messages": CHAT, "state": {"a": [1]}}
    assert await conv.import_document("k", document) == 5
    assert await conv.import_document("k", document, replace=True, history="messages") == 5
    assert await conv.export_document("k") == document
    assert await conv.export_document("none") is None
    assert await conv.get_state("none") == {}
    assert await conv.get_state("k") == {"user-name": "Ana ☀️", "state": {"a": [1]}}
    assert await conv.set_state("k", {"user-name": "Eva", "n": None}) == 1
    assert await conv.get_state_fields("k", "user-name", "n", "none") == ["Eva", None, None]
    assert await conv.delete_state("k", "n", "none") == 1


async def test_expiry_of_documents(conv: Any, client: redis.Redis) -> None:
    needs(client, "CONV.IMPORT", "EX")
    for options, expires in [({"ex": 100}, True), ({"keepttl": True}, True), ({}, False), ({"px": 9000}, True)]:
        assert await conv.import_document("k", CHAT, replace=True, **options) == 5
        assert (client.ttl("k") > 0) == expires


async def test_search_and_encodings(conv: Any, client: redis.Redis) -> None:
    needs(client, "CONV.SEARCH")
    needs(client, "CONV.ENCODINGS")
    await conv.append("k", *CHAT)
    found = await conv.search("k", "lisbon", role="user", limit=1)
    assert [(hit["seq"], hit["role"], hit["message"]) for hit in found] == [(2, "user", QUESTION)]
    assert set(found[0]) == set(redis_conv.SearchHit.__annotations__)
    assert await conv.search("k", "LISBON", case=True, after=1, before=9, since=0, until=2**52) == []
    assert len(await conv.search("k", "l.sbon", regex=True)) == 2
    listed = {encoding["name"]: encoding for encoding in await conv.encodings()}
    assert listed["o200k_base"]["state"] == "ready"
    assert set(listed["o200k_base"]) == set(redis_conv.Encoding.__annotations__)


def needs(client: redis.Redis, command: str, word: str | None = None) -> None:
    """Skips the test on a server of a version without a command, or without a word of it."""
    docs = described(client, command)
    if not docs or (word and word not in documented(docs.get("arguments", []))):
        pytest.skip(f"the server has no {command} {word or ''}")


def builders() -> dict[str, Callable[..., calls.Call[Any]]]:
    """The functions that make calls, by name."""
    found = inspect.getmembers(calls, inspect.isfunction)
    return {name: f for name, f in found if f.__module__ == calls.__name__ and not name.startswith("_")}


def sent(build: Callable[..., calls.Call[Any]]) -> set[str]:
    """The command and the words that a function sends when every option is used."""
    words: set[str] = set()
    positional, options = [], {}
    for name, parameter in inspect.signature(build).parameters.items():
        value = VALUES.get(name, True if parameter.default is False else 1)
        if parameter.kind is parameter.KEYWORD_ONLY:
            options[name] = value
        elif parameter.kind is parameter.VAR_POSITIONAL and name == "messages":
            positional.append(ANSWER)
        else:
            positional.append(value)
    variants = [options]
    for name, choices in CHOICES.items():
        if name in options:
            variants += [{**options, name: choice} for choice in choices]
    for variant in variants:
        words |= {word.upper() for word in build(*positional, **variant).args if isinstance(word, str)}
    return words


def documented(arguments: list[Any]) -> set[str]:
    """The words of a command, at any depth."""
    words: set[str] = set()
    for argument in arguments:
        described = as_dict(argument)
        if "token" in described:
            words.add(described["token"].upper())
        words |= documented(described.get("arguments", []))
    return words


def described(client: redis.Redis, command: str) -> dict[str, Any]:
    """COMMAND DOCS of a command, empty if there is none of that name."""
    return next(map(as_dict, as_dict(client.execute_command("COMMAND DOCS", command)).values()), {})


def as_dict(reply: Any) -> dict[str, Any]:
    return reply if isinstance(reply, dict) else dict(zip(reply[::2], reply[1::2], strict=True))


def test_every_command_and_option_of_the_server(client: redis.Redis) -> None:
    """A new command or option fails here until the package has it."""
    words: dict[str, set[str]] = {}
    for build in builders().values():
        found = sent(build)
        command = next(word for word in found if word.startswith("CONV."))
        words.setdefault(command, set()).update(found)
    names = {name.upper() for name in client.execute_command("COMMAND LIST", "FILTERBY", "MODULE", "conv")}
    assert names - INTERNAL <= set(words)
    for name in sorted(names - INTERNAL):
        docs = described(client, name)
        missing = documented(docs.get("arguments", [])) - words[name] - UNUSED
        assert not missing, f"{name}: the package cannot send {missing}"


@pytest.mark.parametrize("kind", [Conv, AsyncConv])
def test_every_call_is_a_method(kind: type) -> None:
    methods = {name for name in vars(kind) if not name.startswith("_")} - {"run"}
    assert methods == set(builders())
    assert kind.__dict__["append"].__doc__ == calls.append.__doc__


def test_json_of_messages() -> None:
    """As compact as possible, and not escaped: that is what the server stores."""
    assert json.loads(calls.append("k", QUESTION).args[-1]) == QUESTION
    assert calls.append("k", {"role": "user", "content": "☀️"}).args[-1] == '{"role":"user","content":"☀️"}'
