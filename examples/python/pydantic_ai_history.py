"""pydantic-ai: the message history of an agent in conv. Needs `redis-conv[pydantic-ai]`.

python pydantic_ai_history.py redis://127.0.0.1:6379
"""

import sys

import redis
from pydantic_ai import Agent
from pydantic_ai.models.test import TestModel
from redis_conv.pydantic_ai import ConvHistory

# pydantic-ai's model for tests, so that the example needs no account.
agent = Agent(TestModel(), system_prompt="You plan journeys.")


@agent.tool_plain
def weather(city: str) -> str:
    """The weather of a city."""
    return f"21 C and sunny in {city}"


history = ConvHistory("example", redis.Redis.from_url(sys.argv[1]), max_tokens=3000, clear=1)
history.clear()
for question in ("How is Lisbon?", "And Faro?", "What to wear?"):
    result = agent.run_sync(question, message_history=history.messages())
    history.append(result.new_messages())
for message in history.messages():
    print(message.kind, [part.part_kind for part in message.parts])
