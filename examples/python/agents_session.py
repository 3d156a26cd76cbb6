"""OpenAI Agents SDK: a session in conv. Needs `redis-conv[openai-agents]`.

python agents_session.py redis://127.0.0.1:6379
"""

import asyncio
import sys

import redis.asyncio
from agents import Agent, RunConfig, Runner, function_tool
from agents.testing import ScriptedModel, assistant_message, function_call
from redis_conv.openai_agents import ConvSession


@function_tool
def weather(city: str) -> str:
    """The weather of a city."""
    return f"21 C and sunny in {city}"


async def main() -> None:
    """Runs an agent twice; the second run gets what fits of the first."""
    # The SDK's model for tests, so that the example needs no account.
    model = ScriptedModel(
        [
            [function_call("weather", {"city": "Lisbon"}, call_id="c1")],
            [assistant_message("21 degrees and sunny.")],
            [assistant_message("Wear a hat.")],
        ]
    )
    agent = Agent(name="forecaster", model=model, tools=[weather])
    config = RunConfig(tracing_disabled=True)
    async with redis.asyncio.Redis.from_url(sys.argv[1]) as client:
        session = ConvSession("example", client, max_tokens=3000, clear=3)
        await session.clear_session()
        await session.add_pinned_item({"role": "user", "content": "I am in Portugal until Sunday."})
        await Runner.run(agent, "How is Lisbon?", session=session, run_config=config)
        result = await Runner.run(agent, "What to wear?", session=session, run_config=config)
        print(result.final_output)
        for item in await session.get_items():
            print(item.get("type") or item["role"])


asyncio.run(main())
