"""LlamaIndex: a chat store in conv. Needs `redis-conv[llama-index]`.

python llamaindex_chat_store.py redis://127.0.0.1:6379
"""

import sys

import redis
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.memory import ChatMemoryBuffer
from redis_conv.llama_index import ConvChatStore

store = ConvChatStore(redis.Redis.from_url(sys.argv[1]), prefix="example:")
store.delete_messages("llamaindex")
store.add_pinned("llamaindex", ChatMessage(role="user", content="I am in Portugal until Sunday."))
memory = ChatMemoryBuffer.from_defaults(
    chat_store=store, chat_store_key="llamaindex", token_limit=3000, tokenizer_fn=str.split
)
for n in range(20):
    memory.put(ChatMessage(role="user", content=f"Question {n}: how is the weather in Lisbon?"))
    memory.put(ChatMessage(role="assistant", content=f"Answer {n}: 21 degrees and sunny."))

# The memory reads all messages and counts them itself; the server returns only what fits.
print(f"memory: {len(memory.get())} messages")
for message in store.get_recent("llamaindex", 60):
    print(f"{message.role.value:9} {message.content}")
