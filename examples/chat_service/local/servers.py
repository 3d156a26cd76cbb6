"""PostgreSQL, Redis with conv, and the service itself, each as a process that ends with its `with` block."""

import glob
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(ready: Callable[[], bool], what: str, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not start in {seconds:.0f} s")
        time.sleep(0.02)


def listens(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def postgres() -> Iterator[str]:
    """A new PostgreSQL, without fsync. As root it runs as `postgres` or `nobody`, since it refuses to run as root."""
    user = None
    if os.geteuid() == 0:
        user = next(name for name in ("postgres", "nobody") if name in {entry.pw_name for entry in pwd.getpwall()})
    directory = tempfile.mkdtemp(prefix="chat-service-postgres-")
    if user:
        shutil.chown(directory, user)
    port, data = free_port(), f"{directory}/data"

    def run(program: str, *arguments: str) -> None:
        subprocess.run(
            [postgres_program(program), *arguments],
            check=True, cwd=directory, user=user, stdout=subprocess.DEVNULL, timeout=60,
        )  # fmt: skip

    try:
        run("initdb", "-D", data, "-U", "chat", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
        options = f"-p {port} -k {directory} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=200"
        run("pg_ctl", "-D", data, "-l", f"{directory}/log", "-w", "-o", options, "start")
        try:
            yield f"postgresql://chat@127.0.0.1:{port}/postgres"
        finally:
            with suppress(subprocess.CalledProcessError):  # Ctrl-C has ended it already
                run("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def postgres_program(name: str) -> str:
    found = shutil.which(name) or next(iter(sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"))[::-1]), None)
    if not found:
        raise FileNotFoundError(f"{name} is missing: apt-get install postgresql")
    return found


@dataclass
class LocalRedis:
    """A Redis that is only a cache: it saves nothing."""

    module: str
    port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def __enter__(self) -> "LocalRedis":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        program = os.environ.get("REDIS_SERVER", "redis-server")
        arguments = f"--port {self.port} --bind 127.0.0.1 --appendonly no --dir {tempfile.gettempdir()}".split()
        load = ["--loadmodule", self.module, "assume-complete", "no", "ttl", "86400"]
        self._process = subprocess.Popen([program, *arguments, "--save", "", *load], stdout=subprocess.DEVNULL)
        wait_until(lambda: self._process.poll() is not None or listens(self.port), "Redis")
        if self._process.poll() is not None:
            raise RuntimeError(f"redis-server ended at once. Is {self.module} there? (make build)")

    def stop(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextmanager
def service(store: str, redis_url: str, database_url: str, **settings: object) -> Iterator[str]:
    """The service, with one store, on a port of its own. Yields its URL."""
    port = free_port()
    environment = os.environ | {
        "PYTHONPATH": str(EXAMPLES), "STORE": store, "REDIS_URL": redis_url, "DATABASE_URL": database_url,
    }  # fmt: skip
    environment |= {name.upper(): str(value) for name, value in settings.items()}
    command = f"-m uvicorn chat_service.app:app --port {port} --log-level error --no-access-log".split()
    process = subprocess.Popen([sys.executable, *command], env=environment)
    try:
        wait_until(lambda: process.poll() is not None or listens(port), f"The service with {store}")
        if process.poll() is not None:
            raise RuntimeError(f"the service with {store} ended at once")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
