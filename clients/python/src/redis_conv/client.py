"""`Conv` and `AsyncConv`: the commands as methods of a client."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Generic, ParamSpec, TypeVar

from . import calls
from .calls import Call

if TYPE_CHECKING:
    import redis
    import redis.asyncio

P = ParamSpec("P")
T = TypeVar("T")


class _Method(Generic[P, T]):
    """A method of `Conv`: runs the call that `build` returns."""

    def __init__(self, build: Callable[P, Call[T]]) -> None:
        self.build = build
        self.__doc__ = build.__doc__

    def __get__(self, conv: Conv, owner: type[Conv]) -> Callable[P, T]:
        def run(*args: P.args, **options: P.kwargs) -> T:
            return conv.run(self.build(*args, **options))

        run.__doc__ = self.__doc__
        return run


class _AsyncMethod(Generic[P, T]):
    """A method of `AsyncConv`: runs the call that `build` returns."""

    def __init__(self, build: Callable[P, Call[T]]) -> None:
        self.build = build
        self.__doc__ = build.__doc__

    def __get__(self, conv: AsyncConv, owner: type[AsyncConv]) -> Callable[P, Awaitable[T]]:
        async def run(*args: P.args, **options: P.kwargs) -> T:
            return await conv.run(self.build(*args, **options))

        run.__doc__ = self.__doc__
        return run


class Conv:
    """The commands of conv, over a `redis.Redis` or `redis.RedisCluster` that the caller owns."""

    def __init__(self, client: redis.Redis) -> None:
        self.client = client

    def run(self, call: Call[T]) -> T:
        """Sends a call and reads its reply."""
        return call.parse(self.client.execute_command(*call.args))

    append = _Method(calls.append)
    recent = _Method(calls.recent)
    recent_with_info = _Method(calls.recent_with_info)
    recent_of_many = _Method(calls.recent_of_many)
    recent_of_many_with_info = _Method(calls.recent_of_many_with_info)
    summary = _Method(calls.summary)
    summary_with_info = _Method(calls.summary_with_info)
    set_summary = _Method(calls.set_summary)
    claim_summary = _Method(calls.claim_summary)
    range = _Method(calls.range)
    index = _Method(calls.index)
    get = _Method(calls.get)
    get_with_info = _Method(calls.get_with_info)
    len = _Method(calls.len)
    info = _Method(calls.info)
    tokens = _Method(calls.tokens)
    search = _Method(calls.search)
    encodings = _Method(calls.encodings)
    create = _Method(calls.create)
    alter = _Method(calls.alter)
    backfill = _Method(calls.backfill)
    edit = _Method(calls.edit)
    delete = _Method(calls.delete)
    pop = _Method(calls.pop)
    pop_many = _Method(calls.pop_many)
    trim = _Method(calls.trim)
    pin = _Method(calls.pin)
    unpin = _Method(calls.unpin)
    fork = _Method(calls.fork)
    import_document = _Method(calls.import_document)
    export_document = _Method(calls.export_document)
    get_state = _Method(calls.get_state)
    get_state_fields = _Method(calls.get_state_fields)
    set_state = _Method(calls.set_state)
    delete_state = _Method(calls.delete_state)


class AsyncConv:
    """The commands of conv, over a `redis.asyncio.Redis` or `RedisCluster` that the caller owns."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self.client = client

    async def run(self, call: Call[T]) -> T:
        """Sends a call and reads its reply."""
        return call.parse(await self.client.execute_command(*call.args))

    append = _AsyncMethod(calls.append)
    recent = _AsyncMethod(calls.recent)
    recent_with_info = _AsyncMethod(calls.recent_with_info)
    recent_of_many = _AsyncMethod(calls.recent_of_many)
    recent_of_many_with_info = _AsyncMethod(calls.recent_of_many_with_info)
    summary = _AsyncMethod(calls.summary)
    summary_with_info = _AsyncMethod(calls.summary_with_info)
    set_summary = _AsyncMethod(calls.set_summary)
    claim_summary = _AsyncMethod(calls.claim_summary)
    range = _AsyncMethod(calls.range)
    index = _AsyncMethod(calls.index)
    get = _AsyncMethod(calls.get)
    get_with_info = _AsyncMethod(calls.get_with_info)
    len = _AsyncMethod(calls.len)
    info = _AsyncMethod(calls.info)
    tokens = _AsyncMethod(calls.tokens)
    search = _AsyncMethod(calls.search)
    encodings = _AsyncMethod(calls.encodings)
    create = _AsyncMethod(calls.create)
    alter = _AsyncMethod(calls.alter)
    backfill = _AsyncMethod(calls.backfill)
    edit = _AsyncMethod(calls.edit)
    delete = _AsyncMethod(calls.delete)
    pop = _AsyncMethod(calls.pop)
    pop_many = _AsyncMethod(calls.pop_many)
    trim = _AsyncMethod(calls.trim)
    pin = _AsyncMethod(calls.pin)
    unpin = _AsyncMethod(calls.unpin)
    fork = _AsyncMethod(calls.fork)
    import_document = _AsyncMethod(calls.import_document)
    export_document = _AsyncMethod(calls.export_document)
    get_state = _AsyncMethod(calls.get_state)
    get_state_fields = _AsyncMethod(calls.get_state_fields)
    set_state = _AsyncMethod(calls.set_state)
    delete_state = _AsyncMethod(calls.delete_state)
