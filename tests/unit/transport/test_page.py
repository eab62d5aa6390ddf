"""One page of a list."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import attrs
import pytest

from synapse import errors
from synapse.transport import Transport
from synapse.transport.page import get_page, sort_uniquely


def page(rows: Iterable[Any], count: int, following: Any = None) -> dict[str, Any]:
    """A page as the platform answers it; the host in its links is another one."""
    link = f"http://elsewhere.invalid/x/?{following}" if isinstance(following, str) else following
    return {"count": count, "next": link, "previous": None, "results": list(rows)}


def rows(*ids: Any) -> list[dict[str, Any]]:
    return [{"id": key} for key in ids]


def queries(server: Any) -> list[dict[str, list[str]]]:
    return [parse_qs(urlsplit(request.target).query) for request in server.requests]


class TestGetPage:
    def test_reads_one(self, server: Any, transport: Transport) -> None:
        server.reply(body=page(rows(1, 2), 5, "page=2&page_size=2"))
        one = get_page(transport, "projects/", [("page_size", 2)])
        assert attrs.astuple(one) == (5, rows(1, 2), "page=2&page_size=2")
        assert queries(server) == [{"page_size": ["2"]}]

    def test_reads_another(self, server: Any, transport: Transport) -> None:
        server.reply(body=page(rows(3), 3))
        assert get_page(transport, "projects/", [], 2).next_query is None
        assert queries(server) == [{"page": ["2"]}]

    @pytest.mark.parametrize("link", [None, ""])
    def test_last(self, server: Any, transport: Transport, link: Any) -> None:
        server.reply(body={"count": 0, "next": link, "results": []})
        assert attrs.astuple(get_page(transport, "projects/", [])) == (0, [], None)

    def test_without_a_link(self, server: Any, transport: Transport) -> None:
        server.reply(body={"count": 0, "results": []})
        assert attrs.astuple(get_page(transport, "projects/", [])) == (0, [], None)

    @pytest.mark.parametrize(
        ("link", "query"),
        [
            ("?page=2", "page=2"),
            ("/x/?page=2#top", "page=2"),
            ("http://[/?page=2", "page=2"),
            ("http://user:pw@evil/?page=2", "page=2"),
        ],
    )
    def test_only_the_links_query_matters(
        self, server: Any, transport: Transport, link: str, query: str
    ) -> None:
        server.reply(body={"count": 9, "next": link, "results": []})
        assert get_page(transport, "projects/", []).next_query == query

    @pytest.mark.parametrize("link", ["/x/2/", "http://host/x/", "#top", "?", 2, {"page": 2}])
    def test_link_that_leads_nowhere(self, server: Any, transport: Transport, link: Any) -> None:
        server.reply(body={"count": 9, "next": link, "results": rows(1)})
        with pytest.raises(errors.InvalidResponse, match="next page has no query"):
            get_page(transport, "projects/", [])

    @pytest.mark.parametrize("row", [None, 5, "row", [1], True])
    def test_results_that_are_no_objects(self, server: Any, transport: Transport, row: Any) -> None:
        server.reply(body={"count": 2, "next": None, "results": [{"id": 1}, row]})
        with pytest.raises(errors.InvalidResponse, match="not all of its results are objects"):
            get_page(transport, "projects/", [])

    @pytest.mark.parametrize(
        "answer",
        [
            [],
            {},
            None,
            5,
            "page",
            {"results": []},
            {"count": 1},
            {"count": "1", "results": []},
            {"count": 1, "results": {}},
            {"count": 1, "results": None},
        ],
    )
    def test_not_a_page(self, server: Any, transport: Transport, answer: Any) -> None:
        server.reply(203, answer)
        with pytest.raises(errors.InvalidResponse) as caught:
            get_page(transport, "projects/", [("a", "b")], resource="Project")
        error = caught.value
        assert error.detail == "the answer is not a page: it has no count and results"
        assert (error.method, error.url) == ("GET", f"{server.url}projects/")
        assert (error.response, error.resource, error.status_code) == (answer, "Project", 203)

    def test_refusal(self, server: Any, transport: Transport) -> None:
        server.reply(403, {"detail": "No."})
        with pytest.raises(errors.PermissionDenied, match=r"^Project: No"):
            get_page(transport, "projects/", [], resource="Project")


class TestOrder:
    @pytest.mark.parametrize(
        ("ordering", "unique"),
        [
            ("status", "status,id"),
            ("-status", "-status,id"),
            ("-status,priority", "-status,priority,id"),
            ("id", "id"),
            ("-id", "-id"),
            ("status,-id", "status,-id"),
            ("", ""),
            (" status , ", "status,id"),
        ],
    )
    def test_ends_in_the_key(self, ordering: str, unique: str) -> None:
        params = [("a", 1), ("ordering", ordering)]
        assert sort_uniquely(params, "id") == [("a", 1), ("ordering", unique)]

    def test_takes_the_resources_key(self) -> None:
        assert sort_uniquely([("ordering", "id")], "pgh_id") == [("ordering", "id,pgh_id")]

    def test_nothing_is_added_without_an_order(self) -> None:
        assert sort_uniquely([("a", 1)], "id") == [("a", 1)]

    def test_each_page_is_asked_for_so(self, server: Any, transport: Transport) -> None:
        server.reply(body=page([], 0))
        get_page(transport, "projects/", [("ordering", "-title")])
        assert queries(server) == [{"ordering": ["-title,id"]}]
