"""What all tests need: the servers, the services, connections, the conversations, and how a result is reported."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import asyncpg
from redis.asyncio import Redis

from ..databases.postgres import Postgres
from ..local.servers import LocalRedis, service
from ..messages import Message
from ..model import recorded
from .client import Client
from .gate import Gate

STORES = ("session_json", "message_list", "conv")
OWN = Path(__file__).resolve().parents[1] / "data"
FROM_EACH_FILE = 8
"""Conversations that are taken from each file of CONV_CORPUS."""
READS = """
SELECT seq_scan + idx_scan, seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables WHERE relname = 'messages'
"""
OTHERS = "pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"


@dataclass
class World:
    redis_server: LocalRedis
    redis: Redis
    database_url: str
    database: Postgres
    sql: asyncpg.Connection
    http: aiohttp.ClientSession
    conversations: list[list[Message]]
    failures: list[str] = field(default_factory=list)

    def check(self, what: str, right: bool, detail: object = "") -> None:
        print(f"  {'ok  ' if right else 'FAIL'} {what}" + (f": {detail}" if detail != "" else ""), flush=True)
        if not right:
            self.failures.append(what)

    @asynccontextmanager
    async def services(self, *stores: str, database_url: str = "", **settings: object) -> AsyncIterator[list[Client]]:
        """One process per store, started at the same time."""
        async with AsyncExitStack() as stack:

            def start(store: str) -> object:
                return service(store, self.redis_server.url, database_url or self.database_url, **settings)

            started = [start(store) for store in stores]
            urls = await asyncio.gather(*(asyncio.to_thread(one.__enter__) for one in started))
            for one in started:
                stack.callback(one.__exit__, None, None, None)
            yield [Client(self.http, url) for url in urls]

    async def restart_redis(self) -> None:
        """Stops it if it runs, and starts it, empty."""
        self.redis_server.stop()
        self.redis_server.start()
        await self.redis.connection_pool.disconnect()

    @asynccontextmanager
    async def behind_a_gate(self, store: str, **settings: object) -> AsyncIterator[tuple[Client, Gate]]:
        """A service whose loads from the database take until the gate is released."""
        address = urlsplit(self.database_url)
        gate = Gate(address.hostname, address.port, b'"role":')
        async with gate.listen() as port:
            url = self.database_url.replace(f":{address.port}/", f":{port}/")
            async with self.services(store, database_url=url, **settings) as [client]:
                yield client, gate

    async def bytes_moved(self) -> int:
        """Bytes that Redis has received and sent so far. Asking costs some, see `asking_costs`."""
        stats = await self.redis.info("stats")
        return stats["total_net_input_bytes"] + stats["total_net_output_bytes"]

    async def asking_costs(self) -> int:
        first, second = await self.bytes_moved(), await self.bytes_moved()
        return second - first

    async def asked(self, command: str) -> int:
        """How many have called a command, or wait in it."""
        stats = {name.lower(): stat["calls"] for name, stat in (await self.redis.info("commandstats")).items()}
        calls = stats.get(f"cmdstat_{command}", 0)
        return calls + (await self.redis.info("clients"))["blocked_clients"]

    async def until_asked(self, command: str, times: int) -> None:
        deadline = time.monotonic() + 30
        while (asked := await self.asked(command)) < times:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{command} was called {asked} times of {times}")
            await asyncio.sleep(0.02)

    async def reads_and_rows(self) -> tuple[int, int]:
        """Reads of the messages, and rows that they took, as PostgreSQL has counted them.

        Its processes report with a delay, but at once when they end. Whoever was connected connects again.
        """
        ended = [row["pid"] for row in await self.sql.fetch(f"SELECT pid, pg_terminate_backend(pid) FROM {OTHERS}")]
        while await self.sql.fetchval("SELECT count(*) FROM pg_stat_activity WHERE pid = ANY($1)", ended):
            await asyncio.sleep(0.02)
        # The pool may not have noticed yet that its connections have ended.
        await self.database.reconnect()
        await self.sql.execute("SELECT pg_stat_clear_snapshot()")
        return tuple(await self.sql.fetchrow(READS))


@asynccontextmanager
async def world(redis_server: LocalRedis, database_url: str) -> AsyncIterator[World]:
    database = await Postgres.open(database_url)
    sql = await asyncpg.connect(database_url)
    redis = Redis.from_url(redis_server.url)
    timeout = aiohttp.ClientTimeout(total=120)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=timeout) as http:
        yield World(redis_server, redis, database_url, database, sql, http, conversations())
    await redis.aclose()
    await sql.close()
    await database.close()


def corpora() -> list[Path]:
    own = sorted(OWN.glob("*.jsonl"))
    return own + sorted(Path(os.environ["CONV_CORPUS"]).glob("*.jsonl")) if os.environ.get("CONV_CORPUS") else own


def conversations() -> list[list[Message]]:
    """The example's own, and some of each file in CONV_CORPUS, evenly spaced."""
    chosen: list[list[Message]] = []
    for path in corpora():
        all_of_file = list(recorded(path))
        step = 1 if path.parent == OWN else max(1, len(all_of_file) // FROM_EACH_FILE)
        chosen += all_of_file[::step][: None if step == 1 else FROM_EACH_FILE]
    return chosen
