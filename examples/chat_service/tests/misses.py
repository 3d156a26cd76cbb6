"""Redis does not have the conversation: a cold start, a miss while messages arrive, a thousand misses at once."""

import asyncio
import time
from itertools import islice
from statistics import median

from .client import Client, history, tokens, truth, valid
from .table import Table
from .world import STORES, World

BUDGET = 3000
OLD_CHATS = 5
OLD_MESSAGES = 1000
AT_ONCE = 1000
AT_ONCE_MESSAGES = 100


async def cold_start(world: World, services: list[Client]) -> Table:
    """The first prompt of old conversations."""
    table = Table(
        f"First prompt of a conversation of {OLD_MESSAGES} messages that Redis does not have (median of {OLD_CHATS})",
        ["store", "ms", "reads of the database", "rows read", "bytes to and from Redis"],
    )
    endless = history(world.conversations)
    asking = await world.asking_costs()
    for store, client in zip(STORES, services, strict=True):
        chats = [f"{store}-old-{n}" for n in range(OLD_CHATS)]
        for chat in chats:
            await world.database.append(chat, list(islice(endless, OLD_MESSAGES)))
        reads, rows = await world.reads_and_rows()
        await client.prompt(f"{store}-nothing")
        moved, times, prompts = await world.bytes_moved(), [], []
        for chat in chats:
            started = time.perf_counter()
            prompts.append((await client.prompt(chat))[0])
            times.append((time.perf_counter() - started) * 1000)
        moved = (await world.bytes_moved() - moved - asking) / OLD_CHATS
        reads_now, rows_now = await world.reads_and_rows()
        reads, rows = (reads_now - reads - 1) / OLD_CHATS, (rows_now - rows) / OLD_CHATS  # 1: the warm-up
        table.add(store, f"{median(times):.1f}", f"{reads:g}", f"{rows:,.0f}", f"{moved:,.0f}")

        right = [
            prompt == await truth(world.database, chat, BUDGET) for chat, prompt in zip(chats, prompts, strict=True)
        ]
        world.check(f"{store}: the first prompts of old conversations are right", all(right))
        kept = all(valid(prompt) and tokens(prompt) <= BUDGET for prompt in prompts)
        world.check(f"{store}: within the budget", kept, f"{max(map(tokens, prompts))} of {BUDGET} tokens")
        if store == "conv":
            in_prompt = sum(map(len, prompts)) / OLD_CHATS
            world.check("conv: one read of the database", reads == 1, f"{reads:g}")
            few = in_prompt <= rows < OLD_MESSAGES / 2
            world.check("conv: about the budget is read", few, f"{rows:.0f} rows for {in_prompt:.0f} messages")
    return table


async def during_an_append(world: World, services: list[Client]) -> None:
    """One process reads the database for a miss; before it fills the cache, another serves a turn of the same chat."""
    for store, fast in zip(STORES, services, strict=True):
        chat = f"{store}-race"
        await world.database.append(chat, list(islice(history(world.conversations), 40)))
        async with world.behind_a_gate(store, budget=BUDGET) as (slow, gate):
            loading = asyncio.create_task(slow.prompt(chat))
            await asyncio.wait_for(gate.held.wait(), 20)
            answer, _ = await fast.turn(chat, "And one more thing.")
            gate.release()
            await loading
        said = await truth(world.database, chat, BUDGET)
        fresh = answer["prompts"][0]
        now, _ = await fast.prompt(chat)
        if store == "conv":
            whole = len(fresh) > 2 and fresh == said[: len(fresh)]
            world.check("conv: a turn during a load has the whole history", whole)
            world.check("conv: and nothing is lost afterwards", now == said)
        else:
            lost = sum(message not in now for message in said)
            print(f"       {store}: the same with it loses {lost} messages, for as long as the key lives")


async def at_once(world: World) -> Table:
    """Many clients ask for the same conversation, which Redis does not have, before the first load is done."""
    table = Table(
        f"{AT_ONCE:,} clients miss the same conversation of {AT_ONCE_MESSAGES} messages at once",
        ["store", "reads of the database", "seconds from the first load's end until all are answered"],
    )
    for store, command in zip(STORES, ("get", "lrange", "conv.recent"), strict=True):
        chat = f"{store}-at-once"
        await world.database.append(chat, list(islice(history(world.conversations), AT_ONCE_MESSAGES)))
        async with world.behind_a_gate(store, budget=BUDGET, wait_ms=30_000) as (client, gate):
            (reads, _), asked = await world.reads_and_rows(), await world.asked(command)
            asking = [asyncio.create_task(client.prompt(chat)) for _ in range(AT_ONCE)]
            await world.until_asked(command, asked + AT_ONCE)
            started = time.perf_counter()
            gate.release()
            answers = await asyncio.gather(*asking)
            seconds = time.perf_counter() - started
        reads = (await world.reads_and_rows())[0] - reads
        table.add(store, f"{reads:,}", f"{seconds:.1f}")
        said = await truth(world.database, chat, BUDGET)
        world.check(f"{store}: {AT_ONCE:,} right answers", all(prompt == said for prompt, _ in answers))
        if store == "conv":
            world.check("conv: one read", reads == 1, f"{reads:,}")
    return table
