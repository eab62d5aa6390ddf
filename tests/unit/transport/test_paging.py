"""Pages: what one is, and walking through all of them."""

from __future__ import annotations

import itertools
import random
import types
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synapse import errors
from synapse.transport import Transport, paging
from synapse.transport.paging import Page, get_page, walk


def page(rows: Iterable[Any], count: int, following: Any = None) -> dict[str, Any]:
    """A page as the platform answers it; the host in its links is another one."""
    link = f"http://elsewhere.invalid/x/?{following}" if isinstance(following, str) else following
    return {"count": count, "next": link, "previous": None, "results": list(rows)}


def rows(*ids: Any) -> list[dict[str, Any]]:
    return [{"id": key} for key in ids]


def queries(server: Any) -> list[dict[str, list[str]]]:
    return [parse_qs(urlsplit(request.target).query) for request in server.requests]


def ids(pages: Iterable[Page]) -> list[list[Any]]:
    return [[row["id"] for row in one.rows] for one in pages]


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


class TestWalk:
    def test_one_page(self, server: Any, transport: Transport) -> None:
        server.reply(body=page(rows(1, 2), 2))
        assert ids(walk(transport, "projects/", [("a", "b")])) == [[1, 2]]
        assert queries(server) == [{"a": ["b"]}]

    def test_no_rows(self, server: Any, transport: Transport) -> None:
        server.reply(body=page([], 0))
        assert ids(walk(transport, "projects/", [])) == [[]]

    def test_every_page_from_the_configured_host(self, server: Any, transport: Transport) -> None:
        server.reply(body=page(rows(1, 2), 5, "page=2"))
        server.reply(body=page(rows(3, 4), 5, "page=3"))
        server.reply(body=page(rows(5), 5))
        walked = walk(transport, "projects/", [("a", "b")], workers=1)
        assert ids(walked) == [[1, 2], [3, 4], [5]]
        assert queries(server) == [
            {"a": ["b"], **({"page": [p]} if p else {})} for p in ("", "2", "3")
        ]

    def test_pages_are_asked_for_when_they_are_used(
        self, server: Any, transport: Transport
    ) -> None:
        server.reply(body=page(rows(1), 2, "page=2"))
        server.reply(body=page(rows(2), 2))
        walked = walk(transport, "projects/", [], workers=1)
        assert server.requests == []
        next(walked)
        assert len(server.requests) == 1
        walked.close()
        assert len(server.requests) == 1

    def test_start(self, server: Any, transport: Transport) -> None:
        server.reply(body=page(rows(3), 3))
        assert ids(walk(transport, "projects/", [], start=3)) == [[3]]
        assert queries(server) == [{"page": ["3"]}]

    def test_links_that_do_not_number_pages(self, server: Any, transport: Transport) -> None:
        server.reply(body=page(rows(1, 2), 5, "cursor=x"))
        server.reply(body=page(rows(3, 4), 5, "cursor=y&a=b"))
        server.reply(body=page(rows(5), 5))
        walked = walk(transport, "projects/", [("a", "b")])
        assert ids(walked) == [[1, 2], [3, 4], [5]]
        assert queries(server)[1:] == [{"cursor": ["x"]}, {"cursor": ["y"], "a": ["b"]}]

    def test_a_row_that_moved_on_is_given_once(self, server: Any, transport: Transport) -> None:
        server.reply(body=page(rows(1, 2), 4, "page=2"))
        server.reply(body=page(rows(2, 3), 5, "page=3"))
        server.reply(body=page(rows(4), 5))
        assert ids(walk(transport, "projects/", [], workers=1)) == [[1, 2], [3], [4]]

    def test_rows_without_ids_are_all_given(self, server: Any, transport: Transport) -> None:
        nameless = [{"name": "a"}, {"name": "a"}, {"id": [1]}, {"id": [1]}]
        server.reply(body=page(nameless, 4))
        (only,) = walk(transport, "projects/", [])
        assert only.rows == nameless

    def test_a_count_that_goes_up_and_down_ends(self, server: Any, transport: Transport) -> None:
        server.answer_to("", page(rows(1), 9, "page=2"))
        server.answer_to("page=2", page([], 0))
        assert ids(walk(transport, "projects/", [], workers=1))[0] == [1]
        assert len(server.requests) < 50

    def test_rows_that_went_away_are_followed_back(self, server: Any, transport: Transport) -> None:
        server.reply(body=page(rows(1, 2), 6, "page=2"))
        # Two rows of the first page are gone: what was the second page is now the first.
        server.reply(body=page(rows(5, 6), 4))
        server.reply(body=page(rows(3, 4), 4, "page=2"))
        server.reply(body=page(rows(5, 6), 4))
        walked = walk(transport, "projects/", [], workers=1)
        assert ids(walked) == [[1, 2], [3, 4], [5, 6]]
        assert [query.get("page") for query in queries(server)] == [None, ["2"], None, ["2"]]

    def test_a_page_that_went_away(self, server: Any, transport: Transport) -> None:
        server.reply(body=page(rows(1, 2), 4, "page=2"))
        server.reply(404, {"detail": "Invalid page."})
        server.reply(body=page(rows(3, 4), 2))
        assert ids(walk(transport, "projects/", [], workers=1)) == [[1, 2], [3, 4]]

    def test_a_first_page_that_is_not_there(self, server: Any, transport: Transport) -> None:
        server.reply(404, {"detail": "Invalid page."})
        with pytest.raises(errors.NotFound):
            next(walk(transport, "projects/", [], start=7))

    def test_a_failure_on_the_way(self, server: Any, transport: Transport) -> None:
        server.reply(body=page(rows(1), 2, "page=2"))
        server.reply(500, {"detail": "Ouch."})
        walked = walk(transport, "projects/", [], workers=1)
        next(walked)
        with pytest.raises(errors.ServerError, match="Ouch"):
            next(walked)

    def test_not_a_page_on_the_way(self, server: Any, transport: Transport) -> None:
        server.reply(body=page(rows(1), 2, "page=2"))
        server.reply(body=[])
        walked = walk(transport, "projects/", [], workers=1)
        next(walked)
        with pytest.raises(errors.InvalidResponse, match="not a page"):
            next(walked)

    @pytest.mark.parametrize("link", ["page=2", "cursor=x"])
    def test_a_circle(self, server: Any, transport: Transport, link: str) -> None:
        for _ in range(4):
            server.reply(body=page(rows(1, 2), 100, link))
        walked = walk(transport, "projects/", [], workers=1, resource="Project")
        given: list[Any] = []
        with pytest.raises(errors.InvalidResponse, match="goes in a circle") as caught:
            given.extend(row for one in walked for row in one.rows)
        assert given == rows(1, 2)
        assert caught.value.url == f"{server.url}projects/"
        assert caught.value.resource == "Project"
        assert len(server.requests) == 4

    def test_an_empty_page_that_has_a_next(self, server: Any, transport: Transport) -> None:
        server.reply(body=page([], 100, "page=2"))
        walked = walk(transport, "projects/", [])
        assert next(walked).rows == []
        with pytest.raises(errors.InvalidResponse, match="goes in a circle"):
            next(walked)

    @pytest.mark.parametrize("size", [1, 3, 10])
    def test_ahead_of_use(self, server: Any, transport: Transport, size: int) -> None:
        count = 30
        numbers = iter(range(count))
        last = -(-count // size)
        for number in range(1, last + 1):
            some = itertools.islice(numbers, size)
            following = f"page={number + 1}" if number < last else None
            server.answer_to(
                f"page={number}" if number > 1 else "", page(rows(*some), count, following)
            )
        walked = ids(walk(transport, "projects/", [], workers=4))
        assert [key for one in walked for key in one] == list(range(count))
        assert len(server.requests) == last


class Racing:
    """Stands for reading ahead, with a server that is as slow as chance has it.

    It counts, and some time later reads a page's rows, while the ones before are removed.
    """

    def __init__(self, rows: list[int], size: int, chance: random.Random) -> None:
        self.rows = rows
        self.requests = 0
        self.is_on = True
        self._size = size
        self._chance = chance
        self._flying: dict[int, dict[str, Any]] = {}

    def remove(self, row: int) -> None:
        self.rows.remove(row)
        self._pass_time()

    def get(self, number: int, last: int) -> Any:
        for ahead in range(number, min(number + 4, last + 1)) if self.is_on else ():
            self._flying.setdefault(ahead, {})
        self._pass_time()
        answer = self._flying.pop(number, {})
        while "results" not in answer:
            self._go_on(number, answer)
        self.requests += 1
        following = f"?page={number + 1}" if number * self._size < answer["count"] else None
        if not answer["results"] and number > 1:
            raise errors.NotFound(404, "Invalid page.")
        return types.SimpleNamespace(json=lambda: {**answer, "next": following})

    def forget(self) -> None:
        self._flying.clear()

    def stop(self) -> None:
        self._flying.clear()
        self.is_on = False

    def close(self) -> None:
        self._flying.clear()

    def _pass_time(self) -> None:
        for number, answer in self._flying.items():
            if self._chance.random() < 0.3:
                self._go_on(number, answer)

    def _go_on(self, number: int, answer: dict[str, Any]) -> None:
        if "count" not in answer:
            answer["count"] = len(self.rows)
        elif "results" not in answer:
            there = self.rows[(number - 1) * self._size : number * self._size]
            answer["results"] = [{"id": row} for row in there]


@settings(max_examples=300)
@given(count=st.integers(0, 40), size=st.integers(1, 7), stay=st.floats(0, 1), seed=st.integers())
def test_rows_that_leave_while_pages_are_read_ahead_hide_no_other(
    count: int, size: int, stay: float, seed: int
) -> None:
    chance = random.Random(seed)
    racing = Racing(list(range(count)), size, chance)
    reached: list[int] = []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(paging, "ReadAhead", lambda fetch, workers: racing)
        for one in walk(None, "tasks/", []):  # type: ignore[arg-type] # nothing is sent
            for row in one.rows:
                reached.append(row["id"])
                if chance.random() >= stay:
                    racing.remove(row["id"])
    assert sorted(reached) == list(range(count))
