"""Redis is emptied, restarted, not there, or was not there for a while."""

from contextlib import suppress
from itertools import islice

from redis.asyncio import Redis
from redis.exceptions import RedisError

from ..local.servers import free_port
from .client import Client, history, tokens, truth, valid
from .world import STORES, World

BUDGET = 3000


async def restart(world: World, services: list[Client]) -> None:
    for store, client in zip(STORES, services, strict=True):
        chat = await talk(world, store, "restart", client)
        await world.redis.flushall()
        await right_turn(world, client, chat, f"{store}: Redis was emptied, the next turn has the whole history")
        await world.restart_redis()
        await right_turn(world, client, chat, f"{store}: Redis was restarted, empty, and so has this one")


async def down(world: World, services: list[Client]) -> None:
    chats = [await talk(world, store, "down", client) for store, client in zip(STORES, services, strict=True)]
    world.redis_server.stop()
    for store, client, chat in zip(STORES, services, chats, strict=True):
        answer, _ = await client.turn(chat, "Are you there without Redis?")
        prompt = answer["prompts"][0]
        right = len(prompt) > 2 and prompt[-1]["content"] == "Are you there without Redis?"
        world.check(f"{store}: without Redis the database answers", right, f"{len(prompt)} messages in the prompt")
        world.check(f"{store}: within the budget", tokens(prompt) <= BUDGET and valid(prompt), tokens(prompt))
    await world.restart_redis()
    for store, client, chat in zip(STORES, services, chats, strict=True):
        await right_turn(world, client, chat, f"{store}: Redis is back, empty")


async def away(world: World, services: list[Client]) -> None:
    """Redis cannot be reached for one turn, and comes back with what it held before: the turn must not be missing."""
    for store, client in zip(STORES, services, strict=True):
        chat = await talk(world, store, "away", client)
        other = free_port()
        await move(world.redis_server.port, other)
        answer, _ = await client.turn(chat, "Only the database hears this.")
        await move(other, world.redis_server.port)
        world.check(f"{store}: Redis away, the database answers", len(answer["prompts"][0]) > 2)
        await right_turn(world, client, chat, f"{store}: Redis is back with what it held, nothing is missing")


async def move(port: int, to: int) -> None:
    """The Redis at `port` listens at another, and ends all connections."""
    async with Redis(port=port) as redis:
        await redis.config_set("port", to)
        with suppress(RedisError):
            await redis.client_kill_filter(_type="normal", skipme=False)


async def talk(world: World, store: str, name: str, client: Client) -> str:
    chat = f"{store}-{name}"
    await world.database.append(chat, list(islice(history(world.conversations), 60)))
    for number in range(3):
        await client.turn(chat, f"Question {number}: what was said so far?")
    return chat


async def right_turn(world: World, client: Client, chat: str, what: str) -> None:
    """A turn whose first prompt is what the database says, and after which the cache says so too."""
    answer, _ = await client.turn(chat, "Go on.")
    prompt = answer["prompts"][0]
    right = len(prompt) > 10 and prompt[-1]["content"] == "Go on."
    now, _ = await client.prompt(chat)
    said = await truth(world.database, chat, BUDGET)
    same = now == said and [m["id"] for m in prompt[1:] if m in said] == [m["id"] for m in said[1:] if m in prompt]
    world.check(what, right and same, f"{len(prompt)} messages in the prompt")
