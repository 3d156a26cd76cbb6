"""redis-py: over both protocols, with both parsers, blocking and asyncio, in pipelines and in a cluster."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
import redis
import redis.asyncio
from redis import connection
from redis.asyncio import connection as aconnection

from samples import ANSWER, CHAT, RESULT, SYSTEM, chat, dump
from servers import Server

#: A parser of the blocking client, its twin of asyncio, the protocol.
PARSERS = {
    "resp2": (connection._RESP2Parser, aconnection._AsyncRESP2Parser, 2),
    "resp3": (connection._RESP3Parser, aconnection._AsyncRESP3Parser, 3),
    "hiredis-resp2": (connection._HiredisParser, aconnection._AsyncHiredisParser, 2),
    "hiredis-resp3": (connection._HiredisParser, aconnection._AsyncHiredisParser, 3),
}


def as_dict(reply: Any, protocol: int) -> dict[str, Any]:
    """A reply that is a map, which RESP2 sends as a flat list."""
    assert isinstance(reply, dict if protocol == 3 else list)
    return reply if protocol == 3 else dict(zip(reply[::2], reply[1::2], strict=True))


@pytest.mark.parametrize("name", PARSERS)
def test_blocking(server: Server, name: str) -> None:
    parser, _, protocol = PARSERS[name]
    pool = redis.ConnectionPool(port=server.port, protocol=protocol, parser_class=parser, decode_responses=True)
    with redis.Redis(connection_pool=pool) as client:
        run = client.execute_command
        assert client.connection_pool.get_connection()._parser.__class__ is parser
        assert run("CONV.APPEND", "k", *chat()) == 5
        assert run("CONV.RECENT", "k", 3000) == chat()
        assert json.loads(run("CONV.RECENT", "k", 3000, "FORMAT", "JSON")) == CHAT
        window = as_dict(run("CONV.RECENT", "k", 30, "WITHINFO"), protocol)
        assert window == {
            "messages": [dump(SYSTEM), dump(ANSWER)],
            "tokens": 22,
            "first": 5,
            "last": 5,
            "skipped": 3,
            "summary": 0,
            "elided": 0,
            "over": 0,
            "system": 1,
            "system-left-out": 0,
            "pinned": 0,
            "dropped": 0,
            "edited": 0,
            "cleared": 0,
            "cut": 0,
        }
        assert run("CONV.RECENT", "missing", 30) == []
        assert run("CONV.RECENT", "missing", 30, "WAIT", 1) is None
        assert run("CONV.GET", "k", 4, 99) == [dump(RESULT), None]
        first, none = run("CONV.GET", "k", 1, 99, "WITHINFO")
        assert none is None
        first = as_dict(first, protocol)
        assert (first["seq"], first["tokens"], first["message"]) == (1, 10, dump(SYSTEM))
        info = as_dict(run("CONV.INFO", "k"), protocol)
        assert (info["messages"], info["encoding"], info["summary-upto"]) == (5, "o200k_base", None)
        assert run("CONV.SETSUMMARY", "k", "Lisbon.", "UPTO", 4) == 1
        assert run("CONV.SUMMARY", "k") == "Lisbon."
        assert run("CONV.TOKENS", "hello world", "") == [2, 0]
        # Some clients turn this OK into True: ours is the plain status.
        assert run("CONV.ALTER", "k", "TTL", 100) == "OK"
        assert run("CONV.POP", "k") == dump(ANSWER)
        with pytest.raises(redis.ResponseError, match=r"^BADMSG message 2: expected a JSON object, found an"):
            run("CONV.APPEND", "k", dump(ANSWER), "[]")
        with pytest.raises(redis.ResponseError, match="^WRONGTYPE"):
            client.lrange("k", 0, -1)
        assert client.type("k") == "conv-list"
        assert run("CONV.LEN", "k") == 4


@pytest.mark.parametrize("protocol", [2, 3])
def test_bytes_are_bytes(server: Server, protocol: int) -> None:
    with redis.Redis(port=server.port, protocol=protocol) as client:
        client.execute_command("CONV.APPEND", b"k", dump(SYSTEM).encode())
        assert client.execute_command("CONV.RECENT", "k", 3000) == [dump(SYSTEM).encode()]
        packed = client.execute_command("CONV.RECENT", "k", 3000, "FORMAT", "MSGPACK")
        assert isinstance(packed, bytes)
        assert packed[0] == 0x91, "an array of one"


@pytest.mark.parametrize("protocol", [2, 3])
def test_pipelines(server: Server, protocol: int) -> None:
    with redis.Redis(port=server.port, protocol=protocol, decode_responses=True) as client:
        pipe = client.pipeline(transaction=False)
        for n in range(1000):
            pipe.execute_command("CONV.APPEND", f"k{n % 10}", dump({"role": "user", "content": str(n)}))
        assert pipe.execute() == [n // 10 + 1 for n in range(1000)]

        def transaction(*commands: tuple[Any, ...]) -> list[Any]:
            pipe = client.pipeline(transaction=True)
            for command in commands:
                pipe.execute_command(*command)
            return pipe.execute(raise_on_error=False)

        done = transaction(("CONV.APPEND", "t", *chat()), ("CONV.RECENT", "t", 30), ("CONV.LEN", "t"))
        assert done == [5, [dump(SYSTEM), dump(ANSWER)], 5]
        length, error = transaction(("CONV.LEN", "t"), ("CONV.APPEND", "t", "nothing"))
        assert length == 5
        assert str(error).startswith("BADMSG message 1: ")
        # Optimistic locking: what changed nothing does not break it, an append does.
        with client.pipeline() as pipe:
            pipe.watch("t")
            client.execute_command("CONV.APPEND", "t", "NX", dump(ANSWER))
            pipe.multi()
            pipe.execute_command("CONV.LEN", "t")
            assert pipe.execute() == [5]
            pipe.watch("t")
            client.execute_command("CONV.APPEND", "t", dump(ANSWER))
            pipe.multi()
            pipe.execute_command("CONV.LEN", "t")
            with pytest.raises(redis.WatchError):
                pipe.execute()


def test_scripts_scan_and_copy(client: redis.Redis) -> None:
    """What redis-py knows of Redis's own commands works on conversations."""
    client.execute_command("CONV.APPEND", "k", *chat())
    client.set("s", "x")
    script = client.register_script("return redis.call('CONV.RECENT', KEYS[1], ARGV[1])")
    assert script(keys=["k"], args=[30]) == [dump(SYSTEM), dump(ANSWER)]
    assert list(client.scan_iter(_type="conv-list")) == ["k"]
    assert client.copy("k", "copy")
    assert client.execute_command("CONV.LEN", "copy") == 5
    payload = redis.Redis(port=client.connection_pool.connection_kwargs["port"]).dump("k")
    assert client.restore("again", 0, payload)
    assert client.execute_command("CONV.RECENT", "again", 3000) == chat()
    assert client.memory_usage("k") > 100
    assert client.expire("k", 100)
    assert 0 < client.ttl("k") <= 100


def test_command_and_keys(server: Server) -> None:
    """What redis-py asks of the server about commands it does not know."""
    with redis.Redis(port=server.port, protocol=2, decode_responses=True) as client:
        known = {name.lower(): command for name, command in client.command().items()}
        recent = known["conv.recent"]
        assert (recent["first_key_pos"], recent["last_key_pos"], recent["step_count"]) == (1, 1, 1)
        assert client.command_getkeys("CONV.RECENT", "the key", 100) == ["the key"]


@pytest.mark.parametrize("name", PARSERS)
async def test_asyncio(server: Server, name: str) -> None:
    _, parser, protocol = PARSERS[name]
    pool = redis.asyncio.ConnectionPool(port=server.port, protocol=protocol, parser_class=parser, decode_responses=True)
    async with redis.asyncio.Redis(connection_pool=pool) as client:
        run = client.execute_command
        assert await run("CONV.APPEND", "k", *chat()) == 5
        replies = await asyncio.gather(*(run("CONV.RECENT", "k", 30) for _ in range(50)))
        assert replies == [[dump(SYSTEM), dump(ANSWER)]] * 50
        window = as_dict(await run("CONV.RECENT", "k", 30, "WITHINFO"), protocol)
        assert (window["tokens"], window["skipped"]) == (22, 3)
        with pytest.raises(redis.ResponseError, match="^BADMSG message 1: "):
            await run("CONV.APPEND", "k", "nothing")
        async with client.pipeline(transaction=True) as pipe:
            pipe.execute_command("CONV.POP", "k", 2)
            pipe.execute_command("CONV.LEN", "k")
            assert await pipe.execute() == [[dump(ANSWER), dump(RESULT)], 3]
    await pool.aclose()


async def test_a_wait_for_counts_holds_up_nobody_else(server: Server) -> None:
    """Its client waits until a megabyte is counted; others are served meanwhile."""
    async with redis.asyncio.Redis(port=server.port, decode_responses=True) as client:
        long = dump({"role": "user", "content": "a word or two " * 70_000})
        await client.execute_command("CONV.APPEND", "long", long)
        waiting = asyncio.create_task(client.execute_command("CONV.RECENT", "long", 10_000_000))
        assert await client.ping()
        assert await waiting == [long]


@pytest.mark.parametrize("protocol", [2, 3])
def test_cluster(cluster: list[Server], protocol: int) -> None:
    """The client finds the node of a key of a command that it does not know: by COMMAND."""
    with redis.RedisCluster(host="127.0.0.1", port=cluster[0].port, protocol=protocol, decode_responses=True) as client:
        client.flushall(target_nodes=redis.RedisCluster.PRIMARIES)
        keys = [f"chat:{n}" for n in range(30)]
        for key in keys:
            assert client.execute_command("CONV.APPEND", key, *chat()) == 5
        per_node = [len(redis.Redis(port=node.port).keys("chat:*")) for node in cluster]
        assert sum(per_node) == 30
        assert min(per_node) > 0, per_node
        for key in keys:
            window = as_dict(client.execute_command("CONV.RECENT", key, 30, "WITHINFO"), protocol)
            assert window["tokens"] == 22
        pipe = client.pipeline()
        for key in keys:
            pipe.execute_command("CONV.LEN", key)
        assert pipe.execute() == [5] * 30
        # A command without a key goes to any node, which this client wants named.
        node = client.get_random_node()
        assert client.execute_command("CONV.TOKENS", "hello world", target_nodes=node) == [2]


async def test_asyncio_cluster(cluster: list[Server]) -> None:
    async with redis.asyncio.RedisCluster(host="127.0.0.1", port=cluster[0].port, decode_responses=True) as client:
        keys = [f"async:{n}" for n in range(30)]
        appended = await asyncio.gather(*(client.execute_command("CONV.APPEND", key, *chat()) for key in keys))
        assert appended == [5] * 30
        got = await asyncio.gather(*(client.execute_command("CONV.RECENT", key, 30) for key in keys))
        assert got == [[dump(SYSTEM), dump(ANSWER)]] * 30
        await asyncio.gather(*(client.delete(key) for key in keys))
        node = client.get_random_node()
        assert await client.execute_command("CONV.TOKENS", "hello world", target_nodes=node) == [2]
