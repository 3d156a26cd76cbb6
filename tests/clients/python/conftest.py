"""What the tests share: a server, a cluster, both empty for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis

from servers import Server, running, running_cluster


@pytest.fixture(scope="session")
def started() -> Iterator[Server]:
    """The server, started once."""
    with running() as server:
        yield server


@pytest.fixture
def server(started: Server) -> Server:
    """The server, with nothing in it."""
    with redis.Redis(port=started.port) as client:
        client.flushall()
    return started


@pytest.fixture
def client(server: Server) -> Iterator[redis.Redis]:
    """A client as people make one."""
    with redis.Redis(port=server.port, decode_responses=True) as client:
        yield client


@pytest.fixture(scope="session")
def cluster() -> Iterator[list[Server]]:
    """Three primaries, started once for those who ask."""
    with running_cluster() as nodes:
        yield nodes
