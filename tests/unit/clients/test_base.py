"""The verbs of `BaseClient`: paths, pages and rewritten URLs."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from synapse.clients.base import BaseClient
from synapse.errors import InvalidResponse, UsageError

PAGE = {"count": 1, "next": None, "previous": None, "results": [{"id": 1, "files": "u"}]}


@pytest.fixture
def base_client(transport: Any) -> BaseClient:
    return BaseClient(transport=transport)


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda c: c._get("/a/b/", {"x": 1}), ("GET", "a/b/", {"params": {"x": 1}})),
        (lambda c: c._post("a/", {"n": 1}), ("POST", "a/", {"json": {"n": 1}, "params": None})),
        (lambda c: c._put("a/", []), ("PUT", "a/", {"json": [], "params": None})),
        (lambda c: c._patch("a/", {}), ("PATCH", "a/", {"json": {}, "params": None})),
        (lambda c: c._delete("a/"), ("DELETE", "a/", {"json": None, "params": None})),
        (
            lambda c: c._get("a/", timeout=3, resource="thing A"),
            ("GET", "a/", {"params": None, "timeout": 3, "resource": "thing A"}),
        ),
    ],
)
def test_verbs(base_client: BaseClient, transport: Any, call: Any, expected: Any) -> None:
    call(base_client)

    method, path, options = expected
    assert transport.calls == [(method, path, {"resource": path.strip("/"), **options})]


@pytest.mark.parametrize(
    "path",
    [
        *("", "/", "//other.example/", "http://other.example/", "a//b/", "../a/", "a/../b/"),
        *("a/./b", "a/..", "a?x=1", "a#b", "a\\b", "a b", "a\nb", "a\x00b"),
    ],
)
@pytest.mark.parametrize("verb", ["_get", "_post", "_put", "_patch", "_delete", "_list"])
def test_path_stays_below_the_base_url(
    base_client: BaseClient, transport: Any, verb: str, path: str
) -> None:
    with pytest.raises(UsageError, match=re.escape(repr(path.removeprefix("/")))):
        getattr(base_client, verb)(path)

    assert transport.calls == []


def test_urls_of_a_row_are_rewritten(base_client: BaseClient, respond: Callable[..., None]) -> None:
    respond({"id": 1, "files": {"a": {"url": "u", "path": "p"}}})

    row = base_client._get("a/", url_conversion={"files": str.upper})

    assert row == {"id": 1, "files": {"a": {"url": "U", "path": "p"}}}


def test_urls_of_a_page_are_rewritten(
    base_client: BaseClient, respond: Callable[..., None]
) -> None:
    respond(PAGE)

    page = base_client._list("a/", url_conversion={"files": str.upper})

    assert page == {**PAGE, "results": [{"id": 1, "files": "U"}]}


@pytest.mark.parametrize("body", [[], {}, {"results": None}, {"detail": "x"}, 7, None])
def test_response_without_results(
    base_client: BaseClient, respond: Callable[..., None], body: Any
) -> None:
    respond(body)

    with pytest.raises(InvalidResponse, match="a: the answer is not a page"):
        base_client._list("a/")


def test_close_and_repr(base_client: BaseClient, transport: Any) -> None:
    with base_client:
        assert repr(base_client) == "BaseClient('http://fake')"

    assert transport.is_closed
