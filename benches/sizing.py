"""Measures bytes per message, for docs/operations/sizing.md.

    python benches/sizing.py MODULE DIRECTORY

MODULE is libconv.so; DIRECTORY holds *.jsonl, one conversation a line, a JSON array of messages. Starts servers of its
own on a free loopback port. Prints two Markdown tables: each conversation under a key of its own, and all messages of
a file in one conversation. Memory is the growth of used_memory without conv_tokenizer_memory, measured when nothing is
pending.
"""

import json
import pathlib
import socket
import subprocess
import sys
import tempfile
import time

import redis


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """A redis-server with the module, stopped at the end of the block."""

    def __init__(self, module):
        self.module = module

    def __enter__(self):
        self.dir = tempfile.TemporaryDirectory()
        port = free_port()
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", self.dir.name]
            + ["--loadmodule", str(pathlib.Path(self.module).resolve())],
            stdout=subprocess.DEVNULL,
        )
        self.r = redis.Redis(port=port)
        while True:
            if self.process.poll() is not None:
                sys.exit("redis-server exited: is MODULE the path of libconv.so?")
            try:
                self.r.ping()
                return self
            except (redis.ConnectionError, redis.BusyLoadingError):
                time.sleep(0.05)

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)
        self.dir.cleanup()

    def used(self):
        """Memory in use once all messages are counted and short conversations are packed, in bytes."""
        while True:
            figures = self.r.info("conv")
            if figures["conv_pending"] == 0 and figures["conv_keys_to_revisit"] == 0:
                break
            time.sleep(0.05)
        # Short conversations are packed a second or two after their last use, and the server releases client buffers
        # periodically.
        time.sleep(4)
        return self.r.info("memory")["used_memory"] - self.r.info("conv")["conv_tokenizer_memory"]

    def rdb(self):
        """Size of a snapshot in bytes."""
        self.r.save()
        return (pathlib.Path(self.dir.name) / "dump.rdb").stat().st_size


def fill(r, command, conversations, one_key):
    for number, messages in enumerate(conversations):
        pipe = r.pipeline(transaction=False)
        for message in messages:
            pipe.execute_command(command, "k" if one_key else f"chat:{number}", message)
        pipe.execute()


def measure(module, conversations, one_key):
    """Returns bytes per message: as appended, in a list, in conversations, and in the snapshot of each."""
    count = sum(map(len, conversations))
    row = [sum(len(m) for c in conversations for m in c) / count]
    snapshots = []
    for command in "RPUSH", "CONV.APPEND":
        with Server(module) as server:
            server.r.execute_command("CONV.TOKENS", "x")
            empty, empty_rdb = server.used(), server.rdb()
            fill(server.r, command, conversations, one_key)
            server.used()
            row.append((server.used() - empty) / count)
            snapshots.append((server.rdb() - empty_rdb) / count)
    return [len(conversations), count, *row, *snapshots]


def main(module, directory):
    files = sorted(pathlib.Path(directory).glob("*.jsonl"))
    for one_key in False, True:
        print("\none conversation" if one_key else "\none key per conversation")
        print("| set | conversations | messages | appended | list | conv | RDB, list | RDB, conv |")
        print("|---|---|---|---|---|---|---|---|")
        for file in files:
            with open(file, encoding="utf-8") as lines:
                read = [json.loads(line) for line in lines if line.strip()]
            conversations = [[json.dumps(m, ensure_ascii=False).encode() for m in c] for c in read]
            figures = measure(module, conversations, one_key)
            print(f"| {file.stem} | " + " | ".join(f"{x:,.0f}" for x in figures) + " |")


main(*sys.argv[1:])
