"""All of it: `python -m chat_service.tests path/to/libconv.so`. Ends with 1 if something is wrong."""

import asyncio
import signal
import sys
import time
from pathlib import Path

from ..local.servers import LocalRedis, postgres
from . import agent, costs, databases, failures, misses, same_prompts
from .tokenizer import provide_table
from .world import STORES, World, world

MOST_SECONDS = 170


async def run(redis_server: LocalRedis, database_url: str) -> list[str]:
    async with asyncio.timeout(MOST_SECONDS), world(redis_server, database_url) as here:
        headline("The databases")
        await databases.run(here)
        headline("An agent")
        await agent.run(here)
        headline("Real conversations over HTTP, with all stores")
        await same_prompts.run(here)
        async with here.services(*STORES, budget=misses.BUDGET) as services:
            await with_large_budgets(here, services)
        return here.failures


async def with_large_budgets(here: World, services: list) -> None:
    headline("A cold start")
    print(await misses.cold_start(here, services))
    headline("A miss while messages arrive")
    await misses.during_an_append(here, services)
    headline("A thousand misses at once")
    print(await misses.at_once(here))
    headline("Redis emptied, restarted, down, away")
    await failures.restart(here, services)
    await failures.down(here, services)
    await failures.away(here, services)
    headline("What a turn costs")
    async with here.services("message_list", budget=costs.BUDGET, keep_messages=0) as [all_kept]:
        json_service, list_service, conv_service = services
        named = {
            "session_json": json_service,
            "message_list, newest 500": list_service,
            "message_list, all kept": all_kept,
            "conv": conv_service,
        }
        print(await costs.run(here, named))


def headline(text: str) -> None:
    print(f"\n{text}", flush=True)


def main() -> int:
    started = time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # the servers end, too
    provide_table()
    with postgres() as database_url, LocalRedis(str(Path(sys.argv[1]).resolve())) as redis_server:
        failed = asyncio.run(run(redis_server, database_url))
    print(f"\n{time.monotonic() - started:.0f} s. " + (f"{len(failed)} wrong: {failed}" if failed else "All is right."))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
