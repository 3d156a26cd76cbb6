"""Servers of our own: one, or a cluster of three, with the module, on free ports of loopback."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

ROOT = Path(__file__).resolve().parents[3]
START_SECONDS = 30


def module() -> Path:
    """The module to load: CONV_MODULE, or what cargo built last."""
    if path := os.environ.get("CONV_MODULE"):
        return Path(path).resolve()
    built = [ROOT / "target" / profile / "libconv.so" for profile in ("debug", "release")]
    there = [path for path in built if path.exists()]
    if not there:
        raise FileNotFoundError("no libconv.so under target/: run cargo build, or set CONV_MODULE")
    return max(there, key=lambda path: path.stat().st_mtime)


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Returns when `condition` holds; fails if it does not in time."""
    end = time.monotonic() + START_SECONDS
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {START_SECONDS} s: {what}")
        time.sleep(0.02)


def free_port() -> int:
    """Below 55536, so that a cluster's bus (port + 10000) fits."""
    while True:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            port = listener.getsockname()[1]
        if port < 55_536:
            return port


class Server:
    """A redis-server with the module."""

    def __init__(self, *options: str) -> None:
        self.dir = Path(tempfile.mkdtemp(prefix="conv-clients-"))
        # Between choosing a free port and binding it someone else may take it: then another.
        for _ in range(5):
            self.port = free_port()
            self._spawn(options)
            if self._ready():
                return
            self.stop()
            if "Address already in use" not in self.log():
                break
        log = self.log()
        shutil.rmtree(self.dir, ignore_errors=True)
        raise RuntimeError(f"redis-server did not start:\n{log[-3000:]}")

    def _spawn(self, options: tuple[str, ...]) -> None:
        words = [os.environ.get("REDIS_SERVER", "redis-server"), "--port", str(self.port)]
        words += ["--bind", "127.0.0.1", "--dir", str(self.dir), "--save", "", "--appendonly", "no"]
        words += ["--loadmodule", str(module()), *options]
        with (self.dir / "redis.log").open("w") as log:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def _ready(self) -> bool:
        """Whether it is up and ours: another server could answer on the port that ours failed to get."""

        def answers() -> bool:
            if self.process.poll() is not None:
                return True
            try:
                with redis.Redis(port=self.port, protocol=2) as client:
                    return client.info("server")["process_id"] == self.process.pid
            except redis.RedisError:
                return False

        wait_until(answers, "redis-server answers")
        return self.process.poll() is None

    def log(self) -> str:
        """All that it has logged."""
        return (self.dir / "redis.log").read_text(errors="replace")

    def stop(self) -> None:
        """Ends it; nothing is saved."""
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        """Ends it and removes its files."""
        self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)

    def cli(self, *args: str, stdin: str | None = None, seconds: float = 30) -> str:
        """What redis-cli prints."""
        words = ["redis-cli", "-h", "127.0.0.1", "-p", str(self.port), *args]
        done = subprocess.run(words, input=stdin or "", capture_output=True, text=True, timeout=seconds)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@contextmanager
def running(*options: str) -> Iterator[Server]:
    """A server for the length of a `with`."""
    server = Server(*options)
    try:
        yield server
    finally:
        server.close()


@contextmanager
def running_cluster() -> Iterator[list[Server]]:
    """Three primaries that serve all slots."""
    nodes: list[Server] = []
    try:
        for _ in range(3):
            nodes.append(Server("--cluster-enabled", "yes", "--cluster-node-timeout", "5000"))
        addresses = [f"127.0.0.1:{node.port}" for node in nodes]
        nodes[0].cli("--cluster", "create", *addresses, "--cluster-yes", seconds=60)

        def formed() -> bool:
            states = [node.cli("cluster", "info") for node in nodes]
            return all("cluster_state:ok" in s and "cluster_known_nodes:3" in s for s in states)

        wait_until(formed, "the cluster forms")
        yield nodes
    finally:
        for node in nodes:
            node.close()
