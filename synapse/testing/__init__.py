"""Helpers for tests of code that uses the SDK.

With pytest, the fixtures `synapse_emulator`, `synapse_session` and `synapse_agent` are available
without an import. `make` and `make_session` need no server.
"""

# Every run of pytest where the SDK is installed imports this: nothing but the standard library.
from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, overload

if TYPE_CHECKING:
    from synapse.orm.resource import Resource
    from synapse.session import Session

    R = TypeVar("R", bound=Resource)
    S = TypeVar("S", bound=Session)

__all__ = ["CountsRequests", "UnexpectedRequest", "assert_num_requests", "make", "make_session"]


class UnexpectedRequest(AssertionError):
    """Code under test would have sent a request, and its objects have no server.

    An `AssertionError`, so that code under test that handles `SynapseError` doesn't hide it.

    Attributes:
        request: The request: method, path and query, and the beginning of the body.
        resource: Name of the resource, if known.
    """

    def __init__(self, request: str, resource: str | None) -> None:
        self.request = request
        self.resource = resource
        super().__init__(request, resource)

    def __str__(self) -> str:
        of = f" for {self.resource}" if self.resource else ""
        return (
            f"{self.request} would be sent{of}, but this test has no server. Pass missing values "
            "to make(), replace the method by a double, or use the fixture synapse_session."
        )


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


@overload
def make_session() -> Session: ...
@overload
def make_session(cls: type[S]) -> S: ...
def make_session(cls: Any = None) -> Any:
    """Return a session without a server, for unit tests. Makes no request.

    Whatever would send a request raises `UnexpectedRequest`, which says what would be sent.

    Args:
        cls: The session's class, whose constructor takes the argument `transport` of `Session`.

    Example:
        >>> session = make_session()
        >>> try:
        ...     session.tasks.filter(status="pending").count()
        ... except UnexpectedRequest as error:
        ...     print(error.request)
        GET sdk/tasks/?status=pending&fields=id&page_size=1
    """
    from synapse._internal.lazy_import import load  # pytest imports this module in every run

    return load("synapse.testing.offline").make_session(cls or load("synapse.session").Session)


def make(
    cls: type[R],
    /,
    *,
    session: Session | None = None,
    extra: Mapping[str, Any] | None = None,
    **values: Any,
) -> R:
    """Return an object without a server, for unit tests. Makes no request.

    The object behaves like one of a server: fields have their types, assigning is checked, and
    `changes` are known. Whatever would send a request, such as `save()` or reading a field that
    wasn't passed, raises `UnexpectedRequest`, which says what would be sent.

    Args:
        cls: The class, or a subclass with own methods.
        session: The object's session, of `make_session()`. By default that of an object among the
            values, else a new one.
        extra: Keys of the server's that aren't fields.
        **values: Fields, also those that only the server sets; the id is required. A relation takes
            an object or an id.

    Raises:
        UsageError: A name isn't a field, or the id is missing.
        FieldValueError: A value isn't of the field's type.

    Example:
        >>> from synapse import Project, Task
        >>> project = make(Project, id=7, title="Streets")
        >>> task = make(Task, id=1, status="pending", project=project)
        >>> task.status, task.project is project, task.project_id
        (<TaskStatus.PENDING: 'pending'>, True, 7)
        >>> task.status = "completed"
        >>> task.changes
        {'status': 'completed'}
        >>> try:
        ...     task.save()
        ... except UnexpectedRequest as error:
        ...     print(error.request)
        PATCH tasks/1/ {"status":"completed"}
    """
    from synapse._internal.lazy_import import load  # pytest imports this module in every run

    made: R = load("synapse.testing.offline").make(cls, session, extra, values)
    return made
