"""The service. `STORE=conv uvicorn chat_service.app:app`; the other settings stand in settings.py."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import chain
from typing import Any

from fastapi import FastAPI, Request, Response
from pydantic import BaseModel
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError

from .databases import open_database
from .history import History
from .messages import Message, message
from .model import StubModel, recorded
from .settings import Settings
from .stores import open_store

SYSTEM = {"role": "system", "content": "You are a helpful assistant. Answer briefly."}
SYSTEM_TOKENS = 13
MAX_STEPS = 10

settings = Settings()


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.database = await open_database(settings.database_url)
    # Who waits in CONV.RECENT holds a connection. With too few of them the loader would wait for one, too.
    pool = BlockingConnectionPool.from_url(
        settings.redis_url,
        max_connections=2_000,
        socket_connect_timeout=5,
        socket_timeout=10 + settings.wait_ms / 1000,
        retry=Retry(NoBackoff(), 1, (ConnectionError,)),  # once, for a connection that Redis has closed,
    )
    app.state.redis = Redis(connection_pool=pool)
    app.state.model = StubModel(chain.from_iterable(map(recorded, settings.replay)))
    yield
    await app.state.redis.aclose()
    await pool.disconnect()
    await app.state.database.close()


app = FastAPI(lifespan=lifespan)


class Say(BaseModel):
    text: str


def history_of(request: Request, chat: str) -> History:
    state = request.app.state
    return History(open_store(settings, state.redis, state.database, chat), state.database, chat)


async def prompt_of(history: History) -> list[Message]:
    return [SYSTEM, *await history.prompt(settings.budget - SYSTEM_TOKENS)]


@app.post("/chats/{chat}/turns")
async def turn(chat: str, said: Say, request: Request, response: Response, trace: bool = False) -> dict[str, Any]:
    """The user says something, the model answers. With `trace` also the prompts that it was given."""
    history, model = history_of(request, chat), request.app.state.model
    await history.append(message("user", content=said.text))
    prompts: list[list[Message]] = []
    for _ in range(MAX_STEPS):
        prompts.append(await prompt_of(history))
        answer = await model.answer(prompts[-1])
        await history.append(answer, *await model.call_tools(answer))
        if not answer.get("tool_calls"):
            break
    await history.close()
    response.headers["Server-Timing"] = f"store;dur={history.store_seconds * 1000:.3f}"
    return {"answer": answer.get("content")} | ({"prompts": prompts} if trace else {})


@app.get("/chats/{chat}/prompt")
async def prompt(chat: str, request: Request, response: Response) -> dict[str, list[Message]]:
    """What the model would be given now."""
    history = history_of(request, chat)
    messages = await prompt_of(history)
    await history.close()
    response.headers["Server-Timing"] = f"store;dur={history.store_seconds * 1000:.3f}"
    return {"messages": messages}
