"""The agent: its task stays in the prompt, old results are cleared, it recalls them, and summaries are made."""

from itertools import pairwise
from typing import Any

from ..agent import FULL_RESULTS, Agent
from ..messages import Message, message
from .client import tokens, valid
from .world import World

BUDGET = 1500
CITIES = [f"city-{number}" for number in range(40)]
CLEARED = "[tool result cleared]"
TASK = "Find the hotel with a pool in each city, then tell me the one of city-3."


async def hotels(arguments: dict[str, Any]) -> str:
    """A tool with long results."""
    return (
        f"{arguments['city']}: "
        + "The hotel of this city has a garden and a pool. " * 8
        + f"Code {arguments['city']}-P"
    )


class Model:
    """Asks for each city, recalls one, and answers. It keeps the prompts that it was given."""

    def __init__(self) -> None:
        self.prompts: list[list[Message]] = []

    async def __call__(self, prompt: list[Message]) -> Message:
        self.prompts.append(prompt)
        step = len(self.prompts) - 1
        if step < len(CITIES):
            return self._calls(step, "hotels", f'{{"city":"{CITIES[step]}"}}')
        if step == len(CITIES):
            return self._calls(step, "recall", '{"query":"city-3:"}')
        return message("assistant", content=prompt[-1]["content"].rpartition("Code ")[2])

    def _calls(self, step: int, name: str, arguments: str) -> Message:
        call = {"id": f"call_{step}", "type": "function", "function": {"name": name, "arguments": arguments}}
        return message("assistant", content=None, tool_calls=[call])


async def run(world: World) -> None:
    agent, model = Agent(world.redis, "agent:1", {"hotels": hotels}, BUDGET), Model()
    await agent.start(TASK)
    answer = await agent.run(model)
    prompts = model.prompts
    world.check("the task is in every prompt", all(any(m.get("content") == TASK for m in p) for p in prompts))
    largest = max(map(tokens, prompts))
    world.check("every prompt is within the budget, and valid", largest <= BUDGET and all(map(valid, prompts)), largest)
    results = [message["content"] for message in prompts[len(CITIES)] if message["role"] == "tool"]
    cleared = results.count(CLEARED)
    whole = [result for result in results if result != CLEARED]
    world.check("old results are cleared", cleared > 2 and len(whole) >= FULL_RESULTS, f"{cleared} of {len(results)}")
    same = sum(after[: len(before)] == before for before, after in pairwise(prompts))
    world.check("most prompts continue the one before", same > len(prompts) / 2, f"{same} of {len(prompts) - 1}")
    gone = not any(CITIES[3] + ":" in str(message) for message in prompts[len(CITIES)])
    world.check(
        "what has left the prompt is found by searching", gone and answer["content"] == "city-3-P", answer["content"]
    )

    async def summarise(before: str | None, messages: list[Message]) -> str:
        return f"{before or ''} {sum(m['role'] == 'tool' for m in messages)} hotels were found.".strip()

    done = [await agent.summarise(summarise) for _ in range(2)]
    prompt = await agent.prompt()
    summary = next((m["content"] for m in prompt if "hotels were found" in (m.get("content") or "")), None)
    world.check("a summary is made once, and is in the prompt", done == [True, False] and summary is not None, summary)
    world.check("the task stays beside the summary", any(m.get("content") == TASK for m in prompt))
