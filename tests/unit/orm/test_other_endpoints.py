"""Requests to endpoints that the SDK doesn't know."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import synapse
from synapse.errors import (
    ConfigurationError,
    InvalidResponse,
    NotFound,
    ServerError,
    UsageError,
    ValidationError,
)

TOKEN = "tok-5up3r-s3cret"


@pytest.fixture
def session(server: Any) -> Iterator[synapse.Session]:
    with synapse.Session(server.url, TOKEN, tenant="vision", retries=1) as session:
        yield session


def page(*ids: int, count: int, more: bool = False) -> dict[str, Any]:
    query = "http://elsewhere.example/labels/?page=2" if more else None
    return {"count": count, "next": query, "results": [{"id": number} for number in ids]}


def test_request_has_everything_that_other_requests_have(
    server: Any, session: synapse.Session
) -> None:
    server.reply(201, {"id": 7})

    answer = session.request(
        "post",
        "/labels/new ones/?kind=a",
        params={"tag": ["x", "y"], "none": None},
        json={"name": "dark"},
        headers={"X-Reason": "test"},
    )

    assert answer == {"id": 7}
    sent = server.last
    assert (sent.method, sent.target) == ("POST", "/labels/new%20ones/?kind=a&tag=x&tag=y")
    assert sent.body == b'{"name":"dark"}'
    assert sent.headers["synapse-access-token"] == f"Token {TOKEN}"
    assert sent.headers["synapse-tenant"] == "Token vision"
    assert sent.headers["x-reason"] == "test"
    assert len(sent.headers["x-request-id"]) == 32
    assert "synapse-sdk/" in sent.headers["user-agent"]


def test_requests_are_retried_by_the_rules(server: Any, session: synapse.Session) -> None:
    server.reply(503)
    server.reply(204, b"")
    assert session.request("PUT", "labels/1/", json={}) is None

    server.reply(503)
    with pytest.raises(ServerError):
        session.request("POST", "labels/", json={})
    server.reply(503)
    with pytest.raises(ServerError):
        session.request("PUT", "labels/1/", json={}, repeatable=False)

    assert session.request_count == 4


def test_errors_are_the_sdks_without_the_token(server: Any, session: synapse.Session) -> None:
    server.reply(400, {"name": [f"refused for {TOKEN}"]})

    with pytest.raises(ValidationError) as caught:
        session.request("POST", "labels/", json={})

    assert "name" in caught.value.fields
    assert TOKEN not in f"{caught.value} {caught.value.fields} {caught.value.response}"
    server.reply(200, b"<html>")
    server.reply(200, b"<html>")
    with pytest.raises(InvalidResponse, match="labels/"):
        session.request("GET", "labels/")


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        (UsageError, {"path": "http://evil.example/"}),
        (UsageError, {"method": "G T"}),
        (ConfigurationError, {"headers": {"SYNAPSE-Access-Token": "x"}}),
        (ConfigurationError, {"headers": {"Content-Length": "1"}}),
        (ConfigurationError, {"timeout": -1}),
    ],
    ids=str,
)
def test_nothing_is_sent_for_malformed_arguments(
    session: synapse.Session, kind: type[Exception], arguments: Any
) -> None:
    with pytest.raises(kind):
        session.request(**{"method": "GET", "path": "labels/", **arguments})
    assert session.request_count == 0


def test_rows_come_lazily_from_all_pages(server: Any, session: synapse.Session) -> None:
    rows = session.pages("labels/", params={"tag": ["x", "y"]}, page_size=2)
    assert repr(rows) == "<ListedRows of labels/>"
    assert session.request_count == 0
    server.reply(200, page(1, 2, count=3, more=True))
    walk = iter(rows)
    assert next(walk) == {"id": 1}
    assert session.request_count == 1

    # The link names another host, and row 2 moved to the second page.
    server.reply(200, page(2, 3, count=3))
    assert [row["id"] for row in walk] == [2, 3]

    assert server.last.target == "/labels/?tag=x&tag=y&page_size=2&page=2"
    server.reply(200, page(1, count=3, more=True))
    assert rows.count() == 3
    assert "page_size=1" in server.last.target
    server.reply(200, page(8, count=1))
    assert list(rows) == [{"id": 8}]


def test_pages_of_something_else_are_errors(server: Any, session: synapse.Session) -> None:
    server.reply(200, [1, 2])

    with pytest.raises(InvalidResponse, match="not a page"):
        list(session.pages("labels/"))


@pytest.mark.parametrize(
    "arguments",
    [
        {"path": "https://evil.example/labels/"},
        {"path": "labels/?page=2"},
        {"params": {"page": 2}},
        {"params": {"page_size": 2}},
        {"page_size": 0},
        {"workers": 0},
    ],
    ids=str,
)
def test_malformed_arguments_of_pages(session: synapse.Session, arguments: Any) -> None:
    with pytest.raises(UsageError):
        session.pages(**{"path": "labels/", **arguments})


def test_secrets_in_a_path_are_sent_and_not_shown(server: Any, session: synapse.Session) -> None:
    path = f"agents/{TOKEN}/state/"
    server.reply(404, {"detail": "Not found."})
    with pytest.raises(NotFound) as caught:
        session.request("GET", path)
    rows = session.pages(path)
    server.reply(200, {"count": 1, "next": "no-query", "results": []})
    with pytest.raises(InvalidResponse) as of_pages:
        list(rows)

    assert all(f"/{path}".encode() in each.raw for each in server.requests)
    for shown in (caught.value, of_pages.value):
        assert TOKEN not in f"{shown} {vars(shown)}"
        assert "agents/***/state/" in str(shown)
    assert repr(rows) == "<ListedRows of agents/***/state/>"
