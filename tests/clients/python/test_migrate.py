"""The mover of `redis_conv.migrate`: every source, beside a service that writes, interrupted, and its command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from redis_conv.migrate import Mover, Template
from redis_conv.migrate.names import temporary

from samples import CHAT, dump
from servers import Server, running

HEADERS = "registry/src/*/redis-module-*/src/include/redismodule.h"


def said(n: int) -> str:
    """A message that differs for each number."""
    return json.dumps({"role": "user", "content": f"message {n} ☀️"}, ensure_ascii=False)


@pytest.fixture
def raw(server: Server) -> Iterator[redis.Redis]:
    """A client as the mover wants it."""
    with redis.Redis(port=server.port) as client:
        yield client


def held(client: redis.Redis, key: str) -> list[str]:
    return [text.decode() for text in client.execute_command("CONV.RANGE", key, 0, -1)]


def statuses(mover: Mover, pattern: str = "chat:*") -> dict[str, str]:
    return {outcome.key.decode(): outcome.status for outcome in mover.run(pattern)}


@pytest.mark.parametrize("source", ["lists", "lists-newest-first"])
def test_lists(raw: redis.Redis, source: Any) -> None:
    push = raw.rpush if source == "lists" else raw.lpush
    push("chat:1", *map(dump, CHAT))
    push("chat:long", *map(said, range(2500)))
    push("other:1", said(1))
    raw.set("chat:string", said(1))
    at = int(time.time() * 1000) + 100_000
    raw.pexpireat("chat:1", at)
    assert statuses(Mover(raw, source)) == {"chat:1": "moved", "chat:long": "moved"}
    assert held(raw, "chat:1") == [dump(message) for message in CHAT]
    assert held(raw, "chat:long") == [said(n) for n in range(2500)]
    assert raw.execute_command("PEXPIRETIME", "chat:1") == at
    assert raw.ttl("chat:long") == -1
    assert (raw.type("other:1"), raw.type("chat:string")) == (b"list", b"string")
    assert sorted(raw.keys()) == [b"chat:1", b"chat:long", b"chat:string", b"other:1"]
    # Once more: nothing is left to do.
    assert statuses(Mover(raw, source)) == {}


def test_settings_of_the_server_do_not_change_what_is_moved(raw: redis.Redis) -> None:
    """Retention and expiry act on the next append."""
    raw.rpush("chat:1", *map(said, range(20)))
    raw.config_set("conv.max-messages", 10)
    raw.config_set("conv.ttl", 100)
    try:
        assert statuses(Mover(raw, "lists")) == {"chat:1": "moved"}
        assert (len(held(raw, "chat:1")), raw.ttl("chat:1")) == (20, -1)
        raw.execute_command("CONV.APPEND", "chat:1", said(20))
        assert held(raw, "chat:1") == [said(n) for n in range(11, 21)]
        assert raw.ttl("chat:1") > 0
    finally:
        raw.config_set("conv.max-messages", 0)
        raw.config_set("conv.ttl", 0)


@pytest.mark.parametrize(
    ("elements", "reason"),
    [
        ([said(1), "no message"], "message 2: not JSON"),
        ([said(1), "[]"], "message 2: expected a JSON object"),
        # Joined to an array this would be two messages.
        ([f"{said(1)},{said(2)}"], "message 1: not JSON"),
        ([said(1), '{"content":"nobody"}'], "BADMSG message 2"),
        (["[" * 100_000], "message 1: "),
    ],
)
def test_lists_with_something_else(raw: redis.Redis, elements: list[str], reason: str) -> None:
    raw.rpush("chat:1", *elements)
    [outcome] = Mover(raw, "lists").run("chat:*")
    assert outcome.status == "rejected"
    assert outcome.reason.startswith(reason)
    assert [text.decode() for text in raw.lrange("chat:1", 0, -1)] == elements
    assert raw.keys() == [b"chat:1"]


def test_strings(raw: redis.Redis) -> None:
    document = json.dumps({"user": "Ana", "state": {"log": CHAT}, "n": 1.50}, indent=1)
    raw.set("session:1", document, ex=100)
    raw.set("session:2", json.dumps(CHAT))
    raw.set("session:3", "17")
    mover = Mover(raw, "strings", history="state.log")
    outcomes = {outcome.key: outcome for outcome in mover.run("session:*")}
    assert outcomes[b"session:1"].status == "moved"
    assert outcomes[b"session:1"].messages == 5
    assert 0 < raw.ttl("session:1") <= 100
    assert json.loads(raw.execute_command("CONV.EXPORT", "session:1")) == json.loads(document)
    assert "HISTORY" in outcomes[b"session:2"].reason
    assert outcomes[b"session:3"].status == "rejected"
    assert statuses(Mover(raw, "strings"), "session:*") == {"session:2": "moved", "session:3": "rejected"}
    assert raw.get("session:3") == b"17"


@pytest.fixture(scope="module")
def beside_redisjson(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that has a stand-in for RedisJSON, too."""
    home = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo"))
    headers = sorted(home.glob(HEADERS))
    if not headers:
        pytest.skip("no redismodule.h: the crate redis-module is not in Cargo's registry")
    module = tmp_path_factory.mktemp("stand_in") / "json.so"
    source = Path(__file__).parent / "stand_in/json.c"
    subprocess.run(["cc", "-shared", "-fPIC", f"-I{headers[-1].parent}", "-o", module, source], check=True, timeout=60)
    with running("--loadmodule", str(module)) as server:
        yield server


def test_redisjson(beside_redisjson: Server) -> None:
    document = json.dumps({"user": "Ana", "messages": CHAT}, separators=(",", ":"))
    with redis.Redis(port=beside_redisjson.port) as client:
        client.execute_command("JSON.SET", "doc:1", "$", document)
        client.expire("doc:1", 100)
        client.execute_command("JSON.SET", "doc:2", "$", '{"a":1}')
        mover = Mover(client, "redisjson", name=Template("doc:*", "chat:{1}"), keep=True)
        assert statuses(mover, "doc:*") == {"doc:1": "moved", "doc:2": "rejected"}
        assert client.type("doc:1") == b"ReJSON-RL"
        assert json.loads(client.execute_command("CONV.EXPORT", "chat:1")) == json.loads(document)
        assert 0 < client.ttl("chat:1") <= 100
        assert statuses(Mover(client, "redisjson"), "doc:*") == {"doc:1": "moved", "doc:2": "rejected"}
        assert client.type("doc:1") == b"conv-list"
        # A write between reading and renaming.
        client.execute_command("JSON.SET", "doc:3", "$", document)
        assert_conflict_is_noticed(
            client,
            "redisjson",
            "doc:3",
            lambda: client.execute_command("JSON.SET", "doc:3", "$", json.dumps({"messages": CHAT[:3]})),
        )
        assert client.execute_command("CONV.LEN", "doc:3") == 3


def assert_conflict_is_noticed(client: redis.Redis, source: Any, key: str, write: Any) -> None:
    """Calls `write` once, after the mover has read the key."""
    mover = Mover(client, source)
    read, writes = mover._read, [write]

    def read_and_write(*args: Any) -> Any:
        found = read(*args)
        if writes:
            writes.pop()()
        return found

    mover._read = read_and_write
    assert mover.move(key.encode()).status == "moved"
    assert not writes


def test_a_push_during_the_move(raw: redis.Redis) -> None:
    raw.rpush("chat:1", said(0))
    assert_conflict_is_noticed(raw, "lists", "chat:1", lambda: raw.rpush("chat:1", said(1)))
    assert held(raw, "chat:1") == [said(0), said(1)]
    raw.rpush("chat:2", said(0))
    assert_conflict_is_noticed(raw, "lists", "chat:2", lambda: raw.expire("chat:2", 50))
    assert 0 < raw.ttl("chat:2") <= 50


def test_a_key_that_is_always_written_to(raw: redis.Redis) -> None:
    raw.rpush("chat:1", said(0))
    mover = Mover(raw, "lists", attempts=3)
    read = mover._read

    def read_and_write(*args: Any) -> Any:
        found = read(*args)
        raw.rpush("chat:1", said(1))
        return found

    mover._read = read_and_write
    assert mover.move(b"chat:1").status == "busy"
    assert raw.llen("chat:1") == 4


def test_a_temporary_key_that_vanishes(raw: redis.Redis) -> None:
    """The old key is removed only together with the rename."""
    raw.rpush("chat:1", said(0))
    mover = Mover(raw, "lists", name=Template("chat:*", "new:{1}"))
    load, lost = mover._import, []

    def load_and_lose(pipe: Any, scratch: bytes, document: bytes) -> int:
        count = load(pipe, scratch, document)
        if len(lost) < 2:
            raw.delete(scratch)
            lost.append(scratch)
        return count

    mover._import = load_and_lose
    assert mover.move(b"chat:1").status == "moved"
    assert held(raw, "new:1") == [said(0)]
    assert raw.keys() == [b"new:1"]


class Service(threading.Thread):
    """Appends to keys as a service does that is deployed before the move: to a list, or to a conversation."""

    def __init__(self, port: int, keys: list[str]) -> None:
        super().__init__()
        self.client = redis.Redis(port=port)
        self.keys = keys
        self.sent: dict[str, list[str]] = {key: [] for key in keys}
        self.to_conversations = 0
        self.ends = threading.Event()

    def run(self) -> None:
        n = 0
        while not self.ends.is_set():
            key, text = self.keys[n % len(self.keys)], said(n)
            try:
                self.client.rpush(key, text)
            except redis.ResponseError as error:
                if "WRONGTYPE" not in str(error):
                    raise
                self.client.execute_command("CONV.APPEND", key, text)
                self.to_conversations += 1
            self.sent[key].append(text)
            n += 1
        self.client.close()


def test_beside_a_service(raw: redis.Redis, server: Server) -> None:
    """No message is lost, doubled or out of order."""
    service = Service(server.port, [f"chat:{n}" for n in range(40)])
    service.start()
    try:
        time.sleep(0.5)
        moved: set[str] = set()
        end = time.monotonic() + 60
        while len(moved) < 40 and time.monotonic() < end:
            moved |= {key for key, status in statuses(Mover(raw, "lists")).items() if status == "moved"}
        time.sleep(0.2)
    finally:
        service.ends.set()
        service.join()
    assert len(moved) == 40
    assert service.to_conversations > 0
    for key, sent in service.sent.items():
        assert held(raw, key) == sent


def test_new_names(raw: redis.Redis) -> None:
    raw.rpush("chat:1", said(1))
    raw.rpush("chat:2", said(2))
    raw.execute_command("CONV.APPEND", "new:2", said(0))
    name = Template("chat:*", "new:{1}")
    assert statuses(Mover(raw, "lists", name=name, keep=True)) == {"chat:1": "moved", "chat:2": "skipped"}
    assert (raw.llen("chat:1"), held(raw, "new:1"), held(raw, "new:2")) == (1, [said(1)], [said(0)])
    assert set(statuses(Mover(raw, "lists", name=name, keep=True)).values()) == {"skipped"}
    raw.rpush("chat:1", said(3))
    assert set(statuses(Mover(raw, "lists", name=name, overwrite=True)).values()) == {"moved"}
    assert (held(raw, "new:1"), held(raw, "new:2")) == ([said(1), said(3)], [said(2)])
    assert sorted(raw.keys()) == [b"new:1", b"new:2"]
    with pytest.raises(ValueError, match="keep needs a new name"):
        Mover(raw, "lists", keep=True)


def test_templates() -> None:
    assert Template("*:h?st[a-c]:*", "{4}/{key}/{1}{2}{3}")(b"x:hosta:7:8") == b"7:8/x:hosta:7:8/xoa"
    assert Template("a\\*[*]", "n{key}")(b"a**") == b"na**"
    assert Template("*", "{1}:\\{x}")(b"\xff\n") == b"\xff\n:\\{x}"
    for template in ("new", "{0}", "{2}"):
        with pytest.raises(ValueError, match="new name must|no wildcard"):
            Template("chat:*", template)


def test_temporary_names_are_in_the_same_slot(cluster: list[Server]) -> None:
    with redis.Redis(port=cluster[0].port) as client:
        for key in (b"chat:7", b"{a}b", b"x{a}{b}", b"{", b"{}", b"a{", b"a}b", b"", b"\xff\n"):
            slots = {client.execute_command("CLUSTER KEYSLOT", name) for name in (key, temporary(key))}
            assert len(slots) == 1, key


def command(port: int, *words: str) -> list[str]:
    return [sys.executable, "-m", "redis_conv.migrate", "--url", f"redis://127.0.0.1:{port}/0", *words]


def ran(port: int, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(port, *words), capture_output=True, text=True, timeout=60)


def test_command_line(raw: redis.Redis, server: Server, tmp_path: Path) -> None:
    for n in range(5):
        raw.rpush(f"chat:{n}", said(n))
    raw.rpush(b"chat:bad\xff", "no message")
    done = ran(server.port, "--from", "lists", "chat:*", "--dry-run")
    assert done.returncode == 1
    assert done.stdout.startswith("5 checked, 1 rejected; 5 messages")
    assert "rejected chat:bad\\xff: message 1: not JSON" in done.stderr
    assert {raw.type(key) for key in raw.scan_iter()} == {b"list"}
    assert len(raw.keys()) == 6
    report = tmp_path / "rejected.jsonl"
    done = ran(server.port, "--from", "lists", "chat:*", "--to", "new:{1}", "--rejected", str(report), "--quiet")
    assert (done.returncode, done.stdout[:30]) == (1, "5 moved, 1 rejected; 5 messages"[:30])
    [line] = report.read_text().splitlines()
    assert json.loads(line)["key"] == "chat:bad\\xff"
    raw.delete(b"chat:bad\xff")
    done = ran(server.port, "--from", "lists", "chat:*")
    assert (done.returncode, done.stdout[:15]) == (0, "nothing to move")
    assert ran(server.port, "--from", "lists", "chat:*", "--keep").returncode == 2
    assert "no wildcard 2" in ran(server.port, "--from", "lists", "chat:*", "--to", "{2}").stderr
    assert ran(1, "--from", "lists", "chat:*").returncode == 2


def test_a_server_that_is_full(raw: redis.Redis, server: Server) -> None:
    """The run ends: no key is called rejected for it."""
    raw.rpush("chat:1", said(1))
    raw.config_set("maxmemory", 1)
    try:
        done = ran(server.port, "--from", "lists", "chat:*")
    finally:
        raw.config_set("maxmemory", 0)
    assert done.returncode == 2
    assert "Ended early" in done.stderr
    assert raw.lrange("chat:1", 0, -1) == [said(1).encode()]


def test_killed_and_started_again(raw: redis.Redis, server: Server) -> None:
    for n in range(400):
        raw.rpush(f"chat:{n}", *map(said, range(n % 7, 60)))
    raw.config_resetstat()
    process = subprocess.Popen(command(server.port, "--from", "lists", "chat:*"), stderr=subprocess.DEVNULL)
    end = time.monotonic() + 30
    while raw.info("commandstats").get("cmdstat_rename", {"calls": 0})["calls"] < 20 and time.monotonic() < end:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = ran(server.port, "--from", "lists", "chat:*")
    assert done.returncode == 0
    for n in range(400):
        assert held(raw, f"chat:{n}") == [said(m) for m in range(n % 7, 60)]
    # What was in the works when it was killed expires.
    assert all(raw.ttl(key) > 0 for key in raw.scan_iter() if b":moving:" in key)


def test_cluster(cluster: list[Server]) -> None:
    client = redis.RedisCluster(port=cluster[0].port, host="127.0.0.1")
    client.flushall(target_nodes="primaries")
    for n in range(60):
        client.rpush(f"chat:{n}", said(n))
    done = ran(cluster[0].port, "--cluster", "--from", "lists", "chat:*", "--to", "{{key}}:new", "--keep")
    assert done.stdout.startswith("60 moved; 60 messages")
    assert client.execute_command("CONV.LEN", "{chat:7}:new") == 1
    done = ran(cluster[0].port, "--cluster", "--from", "lists", "chat:*", "--to", "elsewhere:{1}")
    assert "in another hash slot" in done.stderr
    done = ran(cluster[0].port, "--cluster", "--from", "lists", "chat:*")
    assert done.stdout.startswith("60 moved; 60 messages")
    assert client.execute_command("CONV.LEN", "chat:59") == 1
    client.close()


def test_progress_on_a_terminal(raw: redis.Redis, server: Server) -> None:
    for n in range(3000):
        raw.rpush(f"chat:{n}", said(n))
    ours, theirs = os.openpty()
    with subprocess.Popen(command(server.port, "--from", "lists", "chat:*"), stderr=theirs, stdout=theirs) as process:
        os.close(theirs)
        seen = b""
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:
                break
            seen += piece
        assert process.wait() == 0
    os.close(ours)
    assert b"%  " in seen
    assert b"#" in seen
    assert b"3,000 moved; 3,000 messages" in seen
