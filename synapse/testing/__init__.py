"""Helpers for tests of code that uses the SDK.

With pytest, the fixtures `synapse_emulator`, `synapse_session` and `synapse_agent` are available
without an import.
"""

# Every run of pytest where the SDK is installed imports this: nothing but the standard library.
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

__all__ = ["CountsRequests", "assert_num_requests"]


class CountsRequests(Protocol):
    """An object that counts the requests: a session, or a client."""

    @property
    def request_count(self) -> int:
        """Number of requests so far, retries included."""


@contextmanager
def assert_num_requests(session: CountsRequests, expected: int) -> Iterator[None]:
    """Check the number of requests in a block, retries included.

    Args:
        session: The session, `BackendClient` or other client whose requests are counted.
        expected: The expected number.

    Raises:
        AssertionError: The block made more or fewer requests.

    Example:
        >>> with assert_num_requests(session, 0):
        ...     query = session.projects.filter(category="image")
    """
    before = session.request_count
    yield
    count = session.request_count - before
    if count != expected:
        raise AssertionError(f"Expected {expected} requests, but {count} were made.")
