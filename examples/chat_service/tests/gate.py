"""A TCP proxy in front of the database that can hold back an answer, so that a load takes as long as a test wants."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class Gate:
    """Holds answers that contain `marker` until they are released."""

    def __init__(self, host: str, port: int, marker: bytes) -> None:
        self._target, self._marker = (host, port), marker
        self.held, self._released = asyncio.Event(), asyncio.Event()

    def release(self) -> None:
        self._released.set()

    @asynccontextmanager
    async def listen(self) -> AsyncIterator[int]:
        server = await asyncio.start_server(self._connected, "127.0.0.1")
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            self.release()
            server.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_database, to_database = await asyncio.open_connection(*self._target)
        with suppress(ConnectionError, asyncio.CancelledError):
            await asyncio.gather(self._pass(reader, to_database), self._pass(from_database, writer, gated=True))

    async def _pass(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, gated: bool = False) -> None:
        try:
            while chunk := await source.read(1 << 16):
                if gated and self._marker in chunk:
                    self.held.set()
                    await self._released.wait()
                target.write(chunk)
                await target.drain()
        finally:
            target.close()
