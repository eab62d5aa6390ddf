"""A server with a list, and a transport to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pytest
from list_server import ListServer, Row

from synapse.transport import Transport
from synapse.transport.options import Options
from synapse.transport.retry import RetryPolicy

Lists: TypeAlias = Callable[..., tuple[ListServer, Transport]]


@pytest.fixture
def list_server(connect: Callable[..., Transport]) -> Iterator[Lists]:
    """Makes a server with these rows, and a transport with these options."""
    servers: list[ListServer] = []

    def make(rows: list[Row], *, key: str = "id", **options: Any) -> tuple[ListServer, Transport]:
        servers.append(ListServer(rows, key=key))
        return servers[-1], connect(
            servers[-1].url, options=Options(retry=RetryPolicy(attempts=1), **options)
        )

    yield make
    for server in servers:
        server.close()
