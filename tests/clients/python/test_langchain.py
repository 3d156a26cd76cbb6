"""LangChain: the history beside its own in memory, in its runnable; trimming beside its own."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
import redis.asyncio
from langchain_core import messages as langchain
from langchain_core.chat_history import BaseChatMessageHistory, InMemoryChatMessageHistory
from langchain_core.language_models import FakeListChatModel, GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.runnables.history import RunnableWithMessageHistory
from redis_conv.langchain import ConvChatMessageHistory, trim_messages

from servers import Server

TOOL_TURN = [
    HumanMessage("Weather in Lisbon? ☀️ Мир", id="q", name="ana"),
    AIMessage("", tool_calls=[{"name": "weather", "args": {"city": "Lisbon"}, "id": "c1"}]),
    ToolMessage("21 C, sunny", tool_call_id="c1", artifact={"raw": [21]}),
    AIMessage(
        [{"type": "text", "text": "21 degrees."}],
        usage_metadata={"input_tokens": 9, "output_tokens": 4, "total_tokens": 13},
        response_metadata={"model_name": "m"},
    ),
]


@pytest.fixture(params=["theirs", "ours"])
def history(request: pytest.FixtureRequest, client: redis.Redis) -> BaseChatMessageHistory:
    """What every history of LangChain's does, ours has to do: each test runs on both."""
    return InMemoryChatMessageHistory() if request.param == "theirs" else ConvChatMessageHistory("7", client)


def test_contract(history: BaseChatMessageHistory) -> None:
    assert history.messages == []
    history.add_message(HumanMessage("Hello"))
    history.add_messages([AIMessage("World"), *TOOL_TURN])
    history.add_messages([])
    assert history.messages == [HumanMessage("Hello"), AIMessage("World"), *TOOL_TURN]
    history.add_user_message("More")
    history.add_ai_message("Enough")
    assert history.messages[-2:] == [HumanMessage("More"), AIMessage("Enough")]
    assert str(history).startswith("Human: Hello\nAI: World\n")
    history.clear()
    history.clear()
    assert history.messages == []


async def test_contract_async(history: BaseChatMessageHistory, server: Server) -> None:
    async with redis.asyncio.Redis(port=server.port) as client:
        for async_client in (None, client):
            if isinstance(history, ConvChatMessageHistory):
                history.async_client = async_client
            await history.aadd_messages(TOOL_TURN)
            await history.aadd_messages([])
            assert await history.aget_messages() == TOOL_TURN == history.messages
            await history.aclear()
            assert await history.aget_messages() == []


def test_sessions_are_apart(client: redis.Redis) -> None:
    one, other = ConvChatMessageHistory("1", client), ConvChatMessageHistory("2", client)
    one.add_user_message("mine")
    assert other.messages == []
    other.clear()
    assert ConvChatMessageHistory("1", client).messages == [HumanMessage("mine")]


def test_nothing_of_a_batch_that_is_refused(client: redis.Redis) -> None:
    history = ConvChatMessageHistory("7", client)
    with pytest.raises(redis.ResponseError, match=r"^BADMSG message 2"):
        history.add_messages([HumanMessage("Hello"), langchain.RemoveMessage(id="x")])
    assert history.messages == []


def chain(model: Any, factory: Callable[[str], BaseChatMessageHistory]) -> RunnableWithMessageHistory:
    prompt = ChatPromptTemplate.from_messages([MessagesPlaceholder("history"), ("human", "{question}")])
    return RunnableWithMessageHistory(
        prompt | model, factory, input_messages_key="question", history_messages_key="history"
    )


def test_in_their_runnable(client: redis.Redis) -> None:
    """LangChain loads the history, calls the model, and stores question and answer."""
    seen: list[int] = []

    class Model(FakeListChatModel):
        def _call(self, messages: list[Any], *args: Any, **kwargs: Any) -> str:
            seen.append(len(messages))
            return super()._call(messages, *args, **kwargs)

    runnable = chain(
        Model(responses=["one", "two", "three"]),
        lambda session: ConvChatMessageHistory(session, client, max_tokens=60),
    )
    for question in ("1?", "2?", "3? " + "a long question " * 10):
        runnable.invoke({"question": question}, {"configurable": {"session_id": "s"}})
    assert seen == [1, 3, 5]
    stored = ConvChatMessageHistory("s", client).messages
    assert [message.content for message in stored][:4] == ["1?", "one", "2?", "two"]
    assert len(stored) == 6
    # The long question fills the window: what came before stays away.
    runnable.invoke({"question": "4?"}, {"configurable": {"session_id": "s"}})
    assert seen[3] < 7


async def test_in_their_runnable_streamed(server: Server) -> None:
    """A streamed answer comes as a chunk, and is stored as a message."""
    async with redis.asyncio.Redis(port=server.port) as async_client:
        client = redis.Redis(port=server.port)
        model = GenericFakeChatModel(messages=iter([AIMessage("an answer in pieces")]))
        runnable = chain(model, lambda session: ConvChatMessageHistory(session, client, async_client=async_client))
        pieces = runnable.astream({"question": "1?"}, {"configurable": {"session_id": "s"}})
        assert len([piece async for piece in pieces]) > 3
        stored = ConvChatMessageHistory("s", client).messages
        assert [type(message) for message in stored] == [HumanMessage, AIMessage]
        assert stored[1].content == "an answer in pieces"


def counted(client: redis.Redis) -> Callable[[list[Any]], int]:
    """The sum of T(message) over texts, as README has it, counted by the server."""
    role = {"human": "user", "ai": "assistant", "system": "system"}

    def count(messages: list[Any]) -> int:
        texts = [text for m in messages for text in (role[m.type], m.content)]
        return 3 * len(messages) + sum(client.execute_command("CONV.TOKENS", *texts)) if messages else 0

    return count


def conversations() -> Iterator[list[Any]]:
    """A system message, then human and AI, of many lengths."""
    dice = random.Random(7)
    for _ in range(20):
        messages: list[Any] = [SystemMessage("You are a helpful assistant.")]
        for n in range(dice.randrange(1, 30)):
            kind = HumanMessage if n % 2 == 0 else AIMessage
            messages.append(kind("word " * dice.randrange(1, 40)))
        yield messages


@pytest.mark.parametrize("start_on", [None, "human"])
def test_trims_as_theirs(client: redis.Redis, start_on: str | None) -> None:
    count, cut = counted(client), 0
    for n, conversation in enumerate(conversations()):
        history = ConvChatMessageHistory(str(n), client)
        history.add_messages(conversation)
        for budget in (50, 100, 300, 2000):
            ours = trim_messages(history, max_tokens=budget, start_on=start_on, include_system=True)
            # A reply counts 3 more than its messages.
            theirs = langchain.trim_messages(
                conversation,
                max_tokens=budget - 3,
                token_counter=count,
                start_on=start_on,
                include_system=True,
            )
            if start_on and not any(isinstance(message, HumanMessage) for message in theirs):
                # Theirs is empty then; ours goes back for the question, if that fits with the newest message.
                assert all(isinstance(message, HumanMessage) for message in ours[1:2])
                assert count(ours) <= budget - 3
            else:
                assert ours == theirs
                cut += len(theirs) < len(conversation)
    assert cut > 20


def test_trims_by_messages(client: redis.Redis) -> None:
    history = ConvChatMessageHistory("7", client)
    conversation = [HumanMessage(str(n)) for n in range(10)]
    history.add_messages(conversation)
    theirs = langchain.trim_messages(conversation, max_tokens=4, token_counter=len)
    assert trim_messages(history, max_tokens=4, token_counter=len) == theirs == conversation[-4:]


def test_trims_whole_tool_turns(client: redis.Redis) -> None:
    history = ConvChatMessageHistory("7", client)
    history.add_messages([SystemMessage("Be brief."), *TOOL_TURN, *TOOL_TURN])
    lengths = set()
    for budget in range(3, 120):
        window = trim_messages(history, max_tokens=budget, include_system=True)
        lengths.add(len(window))
        for before, message in zip([None, *window], window, strict=False):
            if isinstance(message, ToolMessage):
                assert isinstance(before, AIMessage)
                assert before.tool_calls
    assert lengths == {0, 1, 2, 4, 5, 6, 8, 9}, "never the result alone, never the call alone"
    without = trim_messages(history, max_tokens=1000)
    assert without == [*TOOL_TURN, *TOOL_TURN]


def test_trims_in_a_chain(client: redis.Redis) -> None:
    history = ConvChatMessageHistory("7", client)
    history.add_messages(TOOL_TURN)
    trimmer = trim_messages(max_tokens=1000, start_on="human", token_counter=len)
    assert trimmer.invoke(history) == TOOL_TURN


@pytest.mark.parametrize(
    "options", [{"strategy": "first"}, {"allow_partial": True}, {"end_on": "ai"}, {"start_on": "ai"}]
)
def test_what_the_server_cannot_do_is_refused(client: redis.Redis, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="on the server"):
        trim_messages(ConvChatMessageHistory("7", client), max_tokens=10, **options)


def test_pins_and_cleared_results(client: redis.Redis) -> None:
    """The task stays however old it is, and of old results only their place."""
    history = ConvChatMessageHistory("7", client, max_tokens=140, clear=1, step=10)
    history.add_message(SystemMessage("Be brief."))
    history.add_pinned(HumanMessage("The task"))
    for n in range(30):
        call = {"name": "weather", "args": {}, "id": f"c{n}"}
        history.add_messages([AIMessage("", tool_calls=[call]), ToolMessage(f"sunny {n} " * 6, tool_call_id=f"c{n}")])
    window = history.messages
    assert [message.content for message in window[:2]] == ["Be brief.", "The task"]
    results = [message.content for message in window if isinstance(message, ToolMessage)]
    assert len(results) > 2
    assert results[-1] == "sunny 29 " * 6
    assert set(results[:-1]) == {"[tool result cleared]"}
    assert trim_messages(history, max_tokens=140, include_system=True)[1].content == "The task"
    with pytest.raises(ValueError, match="need max_tokens"):
        ConvChatMessageHistory("7", client, clear=1)
