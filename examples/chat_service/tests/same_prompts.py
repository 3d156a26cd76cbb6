"""Real conversations, turn by turn, with all stores: the model is given the same, and never more than the budget."""

import asyncio
import os
from collections.abc import Sequence

from ..messages import Message
from .client import Client, tokens, valid, without_ids
from .world import STORES, World, corpora

BUDGET = 400
MOST_TURNS = 8


async def run(world: World) -> None:
    replay = os.pathsep.join(map(str, corpora()))
    async with world.services(*STORES, budget=BUDGET, replay=replay) as services:
        talks = await asyncio.gather(
            *(talk(world, store, client) for store, client in zip(STORES, services, strict=True))
        )
    json_prompts, list_prompts, conv_prompts = talks
    calls = sum("tool_calls" in message for prompt in conv_prompts for message in prompt[-2:])
    cut = sum(len(prompt) > 1 and prompt[1]["role"] != "user" for prompt in conv_prompts)
    detail = f"{len(world.conversations)} conversations, {len(conv_prompts)} prompts, {calls} after tool calls"
    world.check("some prompts follow tool calls, some were cut", calls > 0 and cut > 0, f"{calls}, {cut}")
    same = [without_ids(p) for p in list_prompts] == [without_ids(p) for p in conv_prompts]
    world.check("message_list and conv give the model the same prompts", same, detail)
    same = [without_ids(p) for p in json_prompts] == [without_ids(p) for p in conv_prompts]
    world.check("session_json too", same)
    for store, prompts in zip(STORES, talks, strict=True):
        most = max(map(tokens, prompts))
        world.check(f"{store}: recounted with tiktoken, within {BUDGET} tokens", most <= BUDGET, f"at most {most}")
        world.check(f"{store}: no tool result without its call", all(map(valid, prompts)))


async def talk(world: World, store: str, client: Client) -> list[list[Message]]:
    """All prompts that the model was given, conversation after conversation."""
    prompts: list[list[Message]] = []
    for number, conversation in enumerate(world.conversations):
        for text in user_texts(conversation):
            answer, _ = await client.turn(f"{store}-talk-{number}", text)
            prompts += answer["prompts"]
    return prompts


def user_texts(conversation: Sequence[Message]) -> list[str]:
    return [message["content"] for message in conversation if message["role"] == "user"][:MOST_TURNS]
