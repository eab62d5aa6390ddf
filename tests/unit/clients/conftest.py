"""A transport that records requests and returns prepared responses."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import attrs
import pytest

from synapse.clients.backend import BackendClient
from synapse.config import Settings


@attrs.define
class FakeTransport:
    """Record each request; return the prepared responses in turn, then the last one again.

    Attributes:
        responses: Bodies to return.
        calls: Method, path and options of each request.
    """

    base_url: str = "http://fake/"
    request_count: int = 0
    responses: list[Any] = attrs.field(factory=lambda: [{}])
    calls: list[tuple[str, str, dict[str, Any]]] = attrs.field(factory=list)
    is_closed: bool = False
    settings: Settings = attrs.field(factory=lambda: Settings("http://fake/", {}))

    @property
    def lines(self) -> list[str]:
        """Method and path of each request."""
        return [f"{method} {path}" for method, path, _ in self.calls]

    def request(self, method: str, path: str, **options: Any) -> Any:
        self.calls.append((method, path, options))
        self.request_count += 1
        return self.responses.pop(0) if len(self.responses) > 1 else self.responses[0]

    def fetch(self, method: str, path: str, **options: Any) -> Any:
        """Return a response with the body, as the pages of a list are read."""
        body = self.request(method, path, **options)
        return SimpleNamespace(json=lambda: body)

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def transport() -> FakeTransport:
    """The transport of the test's clients."""
    return FakeTransport()


@pytest.fixture
def backend_client(transport: Any) -> BackendClient:
    """A backend client over the recording transport."""
    return BackendClient(transport=transport)


@pytest.fixture
def respond(transport: FakeTransport) -> Callable[..., None]:
    """Sets the bodies that the transport returns."""

    def set_responses(*bodies: Any) -> None:
        transport.responses = list(bodies)

    return set_responses
