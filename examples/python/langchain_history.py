"""LangChain: an agent's history in conv. Needs `redis-conv[langchain]`.

python langchain_history.py redis://127.0.0.1:6379
"""

import sys

import redis
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from redis_conv.langchain import ConvChatMessageHistory, trim_messages

client = redis.Redis.from_url(sys.argv[1])
# What the model gets: at most 120 tokens, and only the newest tool result in full.
history = ConvChatMessageHistory("example:langchain", client, max_tokens=120, clear=1)
history.clear()
history.add_messages([SystemMessage("You plan journeys.")])
history.add_pinned(HumanMessage("Find the warmest city of Portugal this week."))

model = FakeListChatModel(responses=["Lisbon, it seems.", "Faro is warmer."])
for n, city in enumerate(["Lisbon", "Faro", "Porto", "Braga"]):
    call = {"name": "weather", "args": {"city": city}, "id": f"c{n}"}
    result = ToolMessage(f"{city}: {20 + n} C " * 5, tool_call_id=f"c{n}")
    history.add_messages([AIMessage("", tool_calls=[call]), result])
history.add_messages([model.invoke(history.messages)])

for message in history.messages:
    print(f"{message.type:7} {message.text[:60]}")
# `trim_messages`, done by the server.
window = trim_messages(history, max_tokens=60, include_system=True)
print(f"{len(window)} messages fit 60 tokens")
