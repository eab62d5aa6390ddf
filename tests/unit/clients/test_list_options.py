"""Keywords of the lists: checks, pauses, further attempts, and pages that fail."""

from __future__ import annotations

import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from synapse.clients import list_options
from synapse.clients.list_options import ListOptions, read_pages
from synapse.errors import ClientError, NotFound, RequestTimeout, ServerError, UsageError


class Answer:
    """A response whose body is known."""

    was_throttled = False

    def __init__(self, body: Any) -> None:
        self.body = body
        self.response = SimpleNamespace(status_code=200)

    def json(self) -> Any:
        if isinstance(self.body, Exception):
            raise self.body
        return self.body


class Server:
    """Serves a list of seven rows, two per page.

    Attributes:
        asked: Page number and further arguments of each request.
        fails: Returns the error for a page, if any.
    """

    base_url = "http://fake/"

    def __init__(self) -> None:
        self.asked: list[tuple[int, dict[str, Any]]] = []
        self.fails: Callable[[int], ClientError | None] = lambda number: None

    def fetch(self, method: str, path: str, *, params: Any, **arguments: Any) -> Answer:
        number = dict(params).get("page", 1)
        self.asked.append((number, arguments))
        if error := self.fails(number):
            return Answer(error)
        rows = [{"id": key} for key in range(2 * number - 2, min(2 * number, 7))]
        next_url = f"http://fake/?page={number + 1}" if number < 4 else None
        return Answer({"count": 7, "next": next_url, "previous": None, "results": rows})


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were asked for; none is made."""
    made: list[float] = []

    def pause(seconds: float) -> bool:
        made.append(seconds)
        return True

    monkeypatch.setattr(list_options, "pause", pause)
    return made


def read_ids(server: Any, **keywords: Any) -> list[int]:
    pages = read_pages(server, "rows/", [], ListOptions.of(keywords), resource="rows")
    return [row["id"] for page in pages for row in page.rows]


@pytest.mark.parametrize(
    ("keywords", "error", "text"),
    [
        ({"page_retry": 1}, TypeError, "Lists take no 'page_retry'; did you mean 'page_retries'?"),
        ({"page_size": 0}, UsageError, "page_size=0 is not valid"),
        ({"page_retries": -1}, UsageError, "page_retries=-1 is not valid"),
        ({"page_retries": "3"}, UsageError, "page_retries='3' is not valid"),
        ({"page_retry_backoff": -1}, UsageError, "page_retry_backoff=-1 is not valid"),
        ({"throttle_seconds": "x"}, UsageError, "throttle_seconds='x' is not valid"),
        ({"page_failures": ()}, UsageError, "page_failures=() is not a list"),
    ],
)
def test_keyword_that_cannot_work(keywords: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=re.escape(text)):
        ListOptions.of(keywords)


@pytest.mark.parametrize(
    ("params", "size", "expected"),
    [
        (None, None, None),
        ({"a": 1}, None, {"a": 1}),
        (None, 20, {"page_size": 20}),
        ({"a": 1}, 20, {"a": 1, "page_size": 20}),
        ({"page_size": 20}, 20, {"page_size": 20}),
        ({"page_size": "20"}, 20, {"page_size": "20"}),
    ],
)
def test_page_size_joins_the_params(params: Any, size: Any, expected: Any) -> None:
    assert ListOptions(page_size=size).add_page_size(params) == expected


def test_two_page_sizes() -> None:
    with pytest.raises(UsageError, match=r"page_size=20 and params\['page_size'\]=10 differ"):
        ListOptions(page_size=20).add_page_size({"page_size": 10})


@pytest.mark.parametrize(
    ("timeout", "expected"),
    [(7, {"read": 7}), ((1, 2), (1, 2)), ({"connect": 1, "read": 2}, {"connect": 1, "read": 2})],
)
def test_timeout_of_each_request(server: Server, timeout: Any, expected: Any) -> None:
    read_ids(server, timeout=timeout)

    assert [arguments["timeout"] for _, arguments in server.asked] == [expected] * 4


def test_no_keyword_changes_nothing(server: Server, pauses: list[float]) -> None:
    assert read_ids(server) == list(range(7))
    assert {tuple(arguments) for _, arguments in server.asked} == {("resource",)}
    assert pauses == []


def test_pause_between_pages(server: Server, pauses: list[float]) -> None:
    assert read_ids(server, throttle_seconds=0.5) == list(range(7))
    assert pauses == [0.5] * 3


@pytest.mark.real_pauses
def test_page_is_requested_again(server: Server, pauses: list[float]) -> None:
    errors: list[ClientError | None] = [None, ServerError(500), RequestTimeout(408)]
    server.fails = lambda number: errors.pop(0) if errors else None

    assert read_ids(server, page_retries=2, page_retry_backoff=4) == list(range(7))
    assert [number for number, _ in server.asked] == [1, 2, 2, 2, 3, 4]
    assert [2 <= pauses[0] <= 4, 4 <= pauses[1] <= 8, len(pauses)] == [True, True, 2]


@pytest.mark.parametrize(
    ("error", "requests"), [(ServerError(502), 3), (ServerError(520), 3), (NotFound(404), 1)]
)
def test_page_that_goes_on_failing(
    server: Server, pauses: list[float], error: ClientError, requests: int
) -> None:
    server.fails = lambda number: error

    with pytest.raises(type(error)):
        read_ids(server, page_retries=2)
    assert len(server.asked) == requests


def test_single_request_is_repeated(pauses: list[float]) -> None:
    results: list[Any] = [ServerError(503), {"id": 1}]

    def request(**keywords: Any) -> Any:
        result = results.pop(0)
        if isinstance(result, Exception):
            raise result
        return keywords | result

    options = ListOptions.of({"timeout": 3, "page_retries": 1})

    assert options.send(request) == {"timeout": {"read": 3}, "id": 1}


@pytest.mark.parametrize(
    ("failing", "expected"),
    [([2], [0, 1, 4, 5, 6]), ([2, 3], [0, 1, 6]), ([4], [0, 1, 2, 3, 4, 5]), ([], [*range(7)])],
)
def test_pages_that_fail_are_noted(server: Server, failing: list[int], expected: list[int]) -> None:
    failures: list[dict[str, Any]] = []
    server.fails = lambda number: ServerError(502, "bad") if number in failing else None

    assert read_ids(server, page_failures=failures) == expected
    assert failures == [
        {
            "page": number,
            "url": f"http://fake/rows/?page={number}",
            "error": "ServerError: bad (HTTP 502)",
        }
        for number in failing
    ]


def test_first_page_must_succeed(server: Server) -> None:
    failures: list[dict[str, Any]] = []
    server.fails = lambda number: ServerError(502)

    with pytest.raises(ServerError):
        read_ids(server, page_failures=failures)
    assert failures == []
