"""For tests of code that uses the SDK."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from synapse.session import Session

__all__ = ["assert_num_requests"]


@contextmanager
def assert_num_requests(session: Session, expected: int) -> Iterator[None]:
    """Check how many requests a block makes.

    Args:
        session: The session whose requests are counted.
        expected: How many there must be.

    Raises:
        AssertionError: There were more or fewer.

    Example:
        >>> session = getfixture("session")
        >>> with assert_num_requests(session, 0):
        ...     query = session.projects.filter(category="image")
    """
    before = session.request_count
    yield
    made = session.request_count - before
    if made != expected:
        raise AssertionError(f"Expected {expected} requests, but {made} were made.")
