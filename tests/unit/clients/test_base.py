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


# -- For subclasses ------------------------------------------------------------------------------

CONVERSION = {"files_fields": ["files"], "coerce": str.upper}


@pytest.mark.parametrize(
    ("arguments", "keywords", "params", "is_page"),
    [
        ((CONVERSION,), {}, None, True),
        ((CONVERSION, False, {"a": 1}), {}, {"a": 1}, True),
        ((CONVERSION, True, {"a": 1}), {}, [("a", 1), ("page_size", 100)], False),
        ((CONVERSION, True), {}, [("page_size", 100)], False),
        ((CONVERSION,), {"list_all": True}, [("page_size", 100)], False),
        ((None, True), {}, [("page_size", 100)], False),
        (({"a": 1}, CONVERSION, True), {}, [("a", 1), ("page_size", 100)], False),
    ],
)
def test_orders_of_the_arguments_of_a_list(
    base_client: BaseClient,
    respond: Callable[..., None],
    transport: Any,
    arguments: Any,
    keywords: Any,
    params: Any,
    is_page: bool,
) -> None:
    respond(PAGE)

    answer = base_client._list("a/", *arguments, **keywords)

    assert isinstance(answer, dict) == is_page
    assert transport.calls[0][2]["params"] == params
    (row,) = answer["results"] if is_page else answer
    assert row["files"] == ("U" if CONVERSION in arguments else "u")


def test_rule_in_the_second_place_of_get(
    base_client: BaseClient, respond: Callable[..., None], transport: Any
) -> None:
    respond({"files": "u"})

    assert base_client._get("a/", CONVERSION) == {"files": "U"}
    assert transport.calls[0][2]["params"] is None


class Job:
    """A model with an integer and an optional text."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = {"id": int(values["id"]), "name": values.get("name")}

    @classmethod
    def model_validate(cls, values: Any) -> Job:
        return cls(values)

    def model_dump(self) -> dict[str, Any]:
        return self.values


@pytest.mark.parametrize("verb", ["_post", "_put", "_patch", "_delete"])
@pytest.mark.parametrize("keyword", ["data", "json"])
def test_models(
    base_client: BaseClient,
    respond: Callable[..., None],
    transport: Any,
    verb: str,
    keyword: str,
) -> None:
    respond({"id": "8", "x": 1})

    answer = getattr(base_client, verb)(
        "a/", **{keyword: {"id": "7"}}, request_model=Job, response_model=Job
    )

    assert answer == {"id": "8", "x": 1}
    assert transport.calls[0][2]["json"] == {"id": 7}


@pytest.mark.parametrize(
    ("keywords", "error"),
    [
        ({"data": {"name": "n"}, "request_model": Job}, KeyError),
        ({"data": {"a": 1}, "request_model": dict}, UsageError),
        ({"data": {"a": 1}, "json": {"a": 2}}, UsageError),
        ({"data": [1], "files": {}}, UsageError),
        ({"files": {"file": "missing.txt"}}, UsageError),
    ],
)
def test_request_that_cannot_be_sent(
    base_client: BaseClient, transport: Any, keywords: Any, error: type[Exception]
) -> None:
    with pytest.raises(error):
        base_client._post("a/", **keywords)
    assert transport.calls == []


@pytest.mark.parametrize("call", ["_get", "_post"])
def test_response_that_a_model_refuses(
    base_client: BaseClient, respond: Callable[..., None], call: str
) -> None:
    respond({"name": "n"})

    with pytest.raises(KeyError):
        getattr(base_client, call)("a/", response_model=Job)


class Lists(BaseClient):
    """A client with one list."""

    def list_things(self, params: Any = None, list_all: bool = False) -> Any:
        return self._list("things/", params, list_all=list_all)


@pytest.mark.parametrize(("count", "expected"), [(0, False), (1, True)])
@pytest.mark.parametrize("list_all", [False, True])
def test_list_has_rows(
    transport: Any, respond: Callable[..., None], count: int, expected: bool, list_all: bool
) -> None:
    respond({**PAGE, "count": count, "results": PAGE["results"][:count]})

    answer = Lists(transport=transport).exists("list_things", {"a": 1}, list_all=list_all)

    assert answer is expected


@pytest.mark.parametrize("name", ["list_thing", "close"])
def test_list_that_does_not_exist(transport: Any, name: str) -> None:
    with pytest.raises(UsageError, match=r"is not a list.*list_things"):
        Lists(transport=transport).exists(name)
