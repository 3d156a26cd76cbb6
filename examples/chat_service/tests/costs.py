"""What a turn costs: time over HTTP, time in the store, bytes between the service and Redis."""

import time
from itertools import islice
from statistics import median

from ..messages import Message, dumps
from .client import Client, history
from .table import Table
from .world import World

SESSIONS = {"20 messages": 5_000, "10 MB": 10_000_000}
ROUNDS = {"20 messages": 30, "10 MB": 8}
BUDGET = 3000


async def run(world: World, services: dict[str, Client]) -> Table:
    """`services` by what the table calls them: the store's name, and behind a comma what else is special."""
    table = Table(
        f"A turn: the user's message in, a prompt of at most {BUDGET} tokens, the answer in (medians)",
        ["session", "store", "ms over HTTP", "ms in the store", "bytes to and from Redis"],
    )
    asking = await world.asking_costs()
    for session in SESSIONS:
        messages = session_of(world, session)
        chats = {name: f"cost-{number}-{len(messages)}" for number, name in enumerate(services)}
        for name, chat in chats.items():
            await fill(world, name.split(",")[0], chat, messages)
        figures: dict[str, list[tuple[float, float, int]]] = {name: [] for name in services}
        for name, client in services.items():
            await client.turn(chats[name], "Hello again.", trace=False)
        for _ in range(ROUNDS[session]):
            for name, client in services.items():
                moved, started = await world.bytes_moved(), time.perf_counter()
                _, store_ms = await client.turn(chats[name], "What did I ask first?", trace=False)
                elapsed = (time.perf_counter() - started) * 1000
                figures[name].append((elapsed, store_ms, await world.bytes_moved() - moved - asking))
        for name, rows in figures.items():
            http, store, moved = (median(column) for column in zip(*rows, strict=True))
            table.add(f"{session}", name, f"{http:.1f}", f"{store:.2f}", f"{moved:,.0f}")
        check(world, session, figures)
        await world.redis.flushall()
    return table


def check(world: World, session: str, figures: dict[str, list[tuple[float, float, int]]]) -> None:
    cost = {name: [median(column) for column in zip(*rows, strict=True)] for name, rows in figures.items()}
    if session == "10 MB":
        faster = cost["session_json"][1] / cost["conv"][1]
        less = cost["session_json"][2] / cost["conv"][2]
        detail = f"{faster:,.0f} times, and 1/{less:,.0f} of the bytes"
        world.check("conv: in the store at least 50 times faster than the 10 MB of JSON", faster >= 50, detail)


def session_of(world: World, session: str) -> list[Message]:
    if session != "10 MB":
        return list(islice(history(world.conversations), int(session.split()[0])))
    messages, size = [], 0
    for message in history(world.conversations):
        messages.append(message)
        size += len(dumps(message).encode()) + 1
        if size >= SESSIONS[session]:
            return messages
    raise AssertionError("history() has no end")


async def fill(world: World, store: str, chat: str, messages: list[Message]) -> None:
    """The whole session into Redis. (A miss would load only what `conv` needs, and all for the others.)"""
    document = dumps({"history": messages})
    match store:
        case "session_json":
            await world.redis.set(f"session:{chat}", document)
        case "message_list":
            async with world.redis.pipeline(transaction=False) as pipe:
                for start in range(0, len(messages), 1000):
                    pipe.rpush(f"list:{chat}", *map(dumps, messages[start : start + 1000]))
                await pipe.execute()
        case "conv":
            async with world.redis.pipeline(transaction=False) as pipe:
                for start in range(0, len(messages), 1000):
                    pipe.execute_command("CONV.APPEND", f"conv:{chat}", *map(dumps, messages[start : start + 1000]))
                pipe.execute_command("CONV.ALTER", f"conv:{chat}", "COMPLETE", "yes")
                await pipe.execute()
