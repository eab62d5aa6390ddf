"""What stands between the SDK and its server in these tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fault_proxy import FaultProxy
from raw_server import Recorder


@pytest.fixture
def home() -> Iterator[Recorder]:
    """The configured server, which may be told to say anything."""
    server = Recorder()
    yield server
    server.close()


@pytest.fixture
def proxy_to() -> Iterator[Callable[..., FaultProxy]]:
    """Makes fault proxies, and closes them at the end."""
    made: list[FaultProxy] = []

    def make(target: str, **options: Any) -> FaultProxy:
        made.append(FaultProxy(target, **options))
        return made[-1]

    yield make
    for proxy in made:
        proxy.close()
