"""redis-cli: what a person sees who looks at conversations with it."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time

import pytest
import redis

from samples import chat, dump
from servers import Server, wait_until

#: What help says of a command: its arguments.
SYNTAX = {
    "CONV.APPEND": ("key [NX|XX] [UNIQUE] [IFLAST seq] [TOKENS tokens] message [[TOKENS tokens] message ...]"),
    "CONV.RECENT": (
        "key max_tokens [FORMAT LIST|JSON|MSGPACK] [MESSAGES messages] [START USER] [OVERSIZE EMPTY|KEEP|CUT]"
        " [STEP step] [CLEAR results [ABOVE tokens]]"
    ),
    "CONV.SETSUMMARY": "key text [UPTO seq] [MINCHANGE characters]",
    "CONV.GET": "key seq [seq ...] [WITHINFO]",
    "CONV.TOKENS": "text [text ...] [ENCODING name]",
    "CONV.TRIM": "key MAXMESSAGES max-messages|MAXTOKENS max-tokens|BEFORE seq",
}


def plain(text: str) -> str:
    """Without colours and cursor movements."""
    return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text)


@pytest.mark.parametrize("command", SYNTAX)
def test_help(server: Server, command: str) -> None:
    shown = plain(server.cli("help", command.lower()))
    assert f"{command} {SYNTAX[command]}" in shown
    assert re.search(r"summary: [A-Z].*\.\n\s+since: \d+\.\d+\.\d+\n", shown)


def test_every_command_has_help(server: Server) -> None:
    commands = server.cli("command", "list", "filterby", "module", "conv").split()
    assert len(commands) >= 16
    for command in commands:
        shown = plain(server.cli("help", command))
        name = command.upper()
        takes = {"CONV.TOKENS": "text", "CONV.ENCODINGS": ""}.get(name, r"(max_tokens numkeys )?key")
        assert re.match(rf"\s+{re.escape(name)} *{takes}\b.*\n\s+summary: \w", shown), shown


def hint_for(server: Server, typed: str) -> str:
    """What the prompt shows behind what has been typed, in a terminal of 200 columns."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "xterm"
        os.execvp("redis-cli", ["redis-cli", "-p", str(server.port)])
    try:
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 200, 0, 0))
        shown = b""

        def has(prompt: str) -> bool:
            nonlocal shown
            while select.select([terminal], [], [], 0.05)[0]:
                shown += os.read(terminal, 65_536)
            return prompt in plain(shown.decode()).rsplit("\r", 2)[-2:][0]

        prompt = f"127.0.0.1:{server.port}> "
        wait_until(lambda: has(prompt), "a prompt")
        os.write(terminal, typed.encode())
        wait_until(lambda: has(prompt + typed), "what was typed")
        line = plain(shown.decode()).rsplit("\r", 2)[-2]
        return line.split(prompt + typed)[1]
    finally:
        os.write(terminal, b"\x03")
        time.sleep(0.05)
        os.close(terminal)
        os.waitpid(pid, 0)


def test_argument_hints(server: Server) -> None:
    assert hint_for(server, "conv.append ") == SYNTAX["CONV.APPEND"]
    assert hint_for(server, "CONV.TRIM ") == SYNTAX["CONV.TRIM"]
    assert hint_for(server, "conv.setsummary k text ") == "[UPTO seq] [MINCHANGE characters]"


def test_replies_are_readable(server: Server, client: redis.Redis) -> None:
    client.execute_command("CONV.APPEND", "k", *chat())
    shown = server.cli("--no-raw", "conv.recent", "k", "30", "withinfo")
    assert shown.splitlines() == [
        ' 1) "messages"',
        r' 2) 1) "{\"role\": \"system\", \"content\": \"You are a helpful assistant.\"}"',
        r'    2) "{\"role\": \"assistant\", \"content\": \"21 degrees and sunny.\"}"',
        ' 3) "tokens"',
        " 4) (integer) 22",
        ' 5) "first"',
        " 6) (integer) 5",
        ' 7) "last"',
        " 8) (integer) 5",
        ' 9) "skipped"',
        "10) (integer) 3",
        '11) "summary"',
        "12) (integer) 0",
        '13) "elided"',
        "14) (integer) 0",
        '15) "over"',
        "16) (integer) 0",
        '17) "system"',
        "18) (integer) 1",
        '19) "system-left-out"',
        "20) (integer) 0",
        '21) "pinned"',
        "22) (integer) 0",
        '23) "dropped"',
        "24) (integer) 0",
        '25) "edited"',
        "26) (integer) 0",
        '27) "cleared"',
        "28) (integer) 0",
        '29) "cut"',
        "30) (integer) 0",
    ]
    shown = server.cli("--no-raw", "-3", "conv.recent", "k", "30", "withinfo")
    assert shown.splitlines()[0] == ' 1# "messages" => '
    assert shown.splitlines()[3:5] == [' 2# "tokens" => (integer) 22', ' 3# "first" => (integer) 5']
    # To a file or a pipe: a message a line, as it was appended, UTF-8 and all.
    assert server.cli("conv.range", "k", "0", "-1").splitlines() == chat()
    assert json.loads(server.cli("conv.recent", "k", "3000", "format", "json")) == list(map(json.loads, chat()))
    info = json.loads(server.cli("--json", "conv.info", "k"))
    assert (info["messages"], info["complete"], info["summary-upto"]) == (5, "yes", None)
    assert server.cli("--no-raw", "conv.summary", "k") == "(nil)\n"
    refused = server.cli("--no-raw", "conv.append", "k", "[]")
    reason = "expected a JSON object, found an array"
    assert refused == f"(error) BADMSG message 1: {reason}\n"
    # A message from standard input, as a shell script would send it.
    assert server.cli("-x", "conv.append", "k", stdin=chat()[1]).strip() == "6"


def fill(client: redis.Redis) -> None:
    """Makes a small conversation, a larger one, keys of other types."""
    client.execute_command("CONV.APPEND", "small", *chat())
    for n in range(200):
        message = dump({"role": "user", "content": f"message {n} of two hundred, and not a short one"})
        client.execute_command("CONV.APPEND", "large", message)
    client.set("string", "x" * 10)
    client.rpush("list", 1, 2)


def test_bigkeys_and_memkeys(server: Server, client: redis.Redis) -> None:
    fill(client)
    shown = server.cli("--bigkeys")
    assert "Sampled 4 keys in the keyspace!" in shown
    # It has no command that sizes a type of a module: it counts the keys, and its share.
    assert re.search(r"^2 conv-lists with 0 \? \(50\.00% of keys, avg size 0\.00\)$", shown, re.M)
    shown = server.cli("--memkeys")
    large, small = client.memory_usage("large"), client.memory_usage("small")
    assert large > 10_000 > small > 424, "more than the bytes of the messages"
    assert f"Biggest conv-list found '\"large\"' has {large} bytes" in shown
    assert re.search(rf"^2 conv-lists with {large + small} bytes ", shown, re.M)


def test_scan_by_type(server: Server, client: redis.Redis) -> None:
    fill(client)
    cursor, *keys = server.cli("scan", "0", "type", "conv-list", "count", "100").split()
    assert cursor == "0"
    assert sorted(keys) == ["large", "small"]
    assert server.cli("type", "small") == "conv-list\n"


#: What redis-py sends by itself, and how we wait.
OTHERS = {"HELLO", "CLIENT", "INFO"}


def test_monitor(server: Server, client: redis.Redis) -> None:
    """Who listens sees what clients sent, once each, and nothing of what the module does by itself."""
    words = ["redis-cli", "-p", str(server.port), "monitor"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True) as monitor:
        assert monitor.stdout is not None
        assert monitor.stdout.readline() == "OK\n"
        message = dump({"role": "user", "content": "hello " * 20_000})
        sent = [
            ["CONV.CREATE", "k", "MAXTOKENS", "100000"],
            *[["CONV.APPEND", "k", message]] * 8,
            # Waits for the counts.
            ["CONV.RECENT", "k", "1000000", "WITHINFO"],
            # Retention has acted, later than the append.
            ["CONV.LEN", "k"],
            ["PING"],
        ]
        for command in sent:
            reply = client.execute_command(*command)
            if command[0] == "CONV.RECENT":
                kept = sent.count(["CONV.APPEND", "k", message])
                wait_until(lambda: client.info("conv")["conv_keys_to_revisit"] == 0, "retention")
        assert reply is True
        assert client.execute_command("CONV.LEN", "k") < kept
        seen = []
        while not seen or '"PING"' not in seen[-1]:
            seen.append(monitor.stdout.readline())
        monitor.terminate()
    # The client's own greeting and our looking at INFO aside.
    commands = [re.findall(r'"(\S+)"', line)[0] for line in seen]
    ours = [line for line, name in zip(seen, commands, strict=True) if name not in OTHERS]
    assert [name for name in commands if name not in OTHERS] == [command[0] for command in sent]
    assert all(re.match(r"\d+\.\d+ \[0 127\.0\.0\.1:\d+\] ", line) for line in ours), ours[0][:100]


def test_slowlog(server: Server, client: redis.Redis) -> None:
    """A wait for counts is in it with the time that the main thread spent; the wait itself is in INFO."""
    client.config_set("slowlog-log-slower-than", 0)
    try:
        client.slowlog_reset()
        message = dump({"role": "user", "content": "a word or two " * 200_000})
        client.execute_command("CONV.APPEND", "k", message)
        waits = client.info("conv")["conv_waits"]
        begun = time.monotonic()
        client.execute_command("CONV.RECENT", "k", 10_000_000, "WITHINFO")
        waited = (time.monotonic() - begun) * 1e6
        entries = {entry["command"].decode().split()[0]: entry for entry in client.slowlog_get(10)}
        assert {"CONV.APPEND", "CONV.RECENT"} <= entries.keys()
        assert len(entries["CONV.APPEND"]["command"]) < 200, "long arguments are cut"
        assert entries["CONV.RECENT"]["duration"] < waited / 2
        assert client.info("conv")["conv_waits"] == waits + 1
    finally:
        client.config_set("slowlog-log-slower-than", 10_000)
    shown = server.cli("slowlog", "get", "10")
    assert "CONV.RECENT" in shown
    assert "more bytes)" in shown


def test_latency(server: Server, client: redis.Redis) -> None:
    client.config_set("latency-monitor-threshold", 1)
    try:
        client.execute_command("LATENCY", "RESET")
        client.execute_command("CONFIG", "RESETSTAT")
        # A background thread parses it.
        content = "a word or two " * 700_000
        client.execute_command("CONV.APPEND", "k", dump({"role": "user", "content": content}))
        client.execute_command("CONV.LEN", "k")
        histogram = server.cli("latency", "histogram", "conv.append", "conv.len").split()
        assert {"conv.append", "conv.len"} <= {word.lower() for word in histogram}
    finally:
        client.config_set("latency-monitor-threshold", 0)
    stats = {name.lower(): value for name, value in client.info("commandstats").items()}
    assert stats["cmdstat_conv.append"]["calls"] == 1
