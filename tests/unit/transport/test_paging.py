"""Walks through all pages of a list."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from synapse import errors
from synapse.transport import Transport, paging
from synapse.transport.page import ListRequest
from synapse.transport.paging import Page, walk
from synapse.transport.waiting import WaitMeter


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
        for _ in range(5):  # the second is asked for what comes after row 2
            server.reply(body=page(rows(1, 2), 100, link))
        walked = walk(transport, "projects/", [], workers=1, resource="Project")
        given: list[Any] = []
        with pytest.raises(errors.InvalidResponse, match="paging never ends") as caught:
            given.extend(row for one in walked for row in one.rows)
        assert given == rows(1, 2)
        assert caught.value.url == f"{server.url}projects/"
        assert caught.value.resource == "Project"
        assert len(server.requests) == 5

    def test_an_empty_page_that_has_a_next(self, server: Any, transport: Transport) -> None:
        server.reply(body=page([], 100, "page=2"))
        walked = walk(transport, "projects/", [])
        assert next(walked).rows == []
        with pytest.raises(errors.InvalidResponse, match="paging never ends"):
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
        transport.missing_ways.add(("projects/", "keys"))
        walked = ids(walk(transport, "projects/", [], workers=4))
        assert [key for one in walked for key in one] == list(range(count))
        assert len(server.requests) == last


class TestLongLists:
    """Lists of so many rows that a server can't answer the last pages by number."""

    COUNT = 12_345

    @pytest.fixture
    def long(self) -> list[dict[str, Any]]:
        return [{"id": 3 * n + n % 2, "status": n % 5} for n in range(1, self.COUNT + 1)]

    @pytest.mark.parametrize("order", ["id", "-id"])
    @pytest.mark.parametrize("way", ["auto", "keys"])
    def test_by_keys(self, list_server: Any, long: Any, order: str, way: str) -> None:
        server, transport = list_server(long, paging=way)
        server.default_order = order
        server.deepest_page = 20
        walked = list(walk(transport, "tasks/", [("page_size", 500)]))
        reached = [row["id"] for one in walked for row in one.rows]
        assert reached == sorted((row["id"] for row in long), reverse=order == "-id")
        assert {one.count for one in walked} == {self.COUNT}
        # The work is in proportion to the rows, and not to their square.
        assert server.cost < 3 * self.COUNT

    def test_by_cursor(self, list_server: Any, long: Any) -> None:
        server, transport = list_server(long)
        server.has_bounds = False
        server.deepest_page = 10
        pages = walk(transport, "sdk/tasks/", [("page_size", 500)])
        assert [row["id"] for one in pages for row in one.rows] == [row["id"] for row in long]
        assert server.cost < 2 * self.COUNT

    def test_by_cursor_in_another_order(self, list_server: Any, long: Any) -> None:
        server, transport = list_server(long)
        server.deepest_page = 10
        pages = walk(transport, "sdk/tasks/", [("page_size", 1000), ("ordering", "-status")])
        reached = [(row["status"], row["id"]) for one in pages for row in one.rows]
        assert reached == sorted(reached, key=lambda one: (-one[0], one[1]))
        assert len(reached) == len(long)

    def test_by_numbers(self, list_server: Any, long: Any) -> None:
        server, transport = list_server(long[:5000], paging="numbers")
        pages = walk(transport, "sdk/tasks/", [("page_size", 100)])
        assert [row["id"] for one in pages for row in one.rows] == [r["id"] for r in long[:5000]]
        assert all(set(query) <= {"page", "page_size"} for query in server.queries)

    def test_a_list_is_asked_once_for_its_ways(self, list_server: Any, long: Any) -> None:
        server, transport = list_server(long[:1000])
        server.has_bounds = server.has_cursors = False
        for extra in (2, 0):
            server.queries.clear()
            pages = walk(transport, "sdk/tasks/", [("page_size", 100)])
            assert sum(len(one.rows) for one in pages) == 1000
            assert len(server.queries) == 10 + extra
        server.queries.clear()
        assert sum(len(one.rows) for one in walk(transport, "tasks/", [("page_size", 100)])) == 1000
        assert len(server.queries) == 11

    @pytest.mark.parametrize("has_bounds", [True, False])
    def test_asking_for_ways_is_not_taken_for_work_of_the_caller(
        self, list_server: Any, long: Any, monkeypatch: pytest.MonkeyPatch, has_bounds: bool
    ) -> None:
        left_out: list[float] = []
        monkeypatch.setattr(WaitMeter, "leave_out", lambda _, seconds: left_out.append(seconds))
        server, transport = list_server(long[:1000])
        server.has_bounds, server.has_cursors = has_bounds, False
        pages = walk(transport, "sdk/tasks/", [("page_size", 100)])
        assert sum(len(one.rows) for one in pages) == 1000
        assert [seconds > 0 for seconds in left_out] == ([] if has_bounds else [True])

    def test_a_few_pages_go_by_number(self, list_server: Any, long: Any) -> None:
        server, transport = list_server(long[:500])
        assert sum(len(one.rows) for one in walk(transport, "sdk/tasks/", [])) == 500
        assert sorted(query.get("page", ["1"]) for query in server.queries) == [
            [n] for n in "12345"
        ]

    def test_an_order_that_is_the_keys_by_chance(self, list_server: Any) -> None:
        first = [{"id": n} for n in range(100, 200)]
        server, transport = list_server([*first, *({"id": n} for n in range(1, 100))])
        server.rows += [{"id": n} for n in range(200, 900)]
        reached = [row["id"] for one in walk(transport, "x/", []) for row in one.rows]
        assert sorted(reached) == list(range(1, 900))
        assert len(set(reached)) == len(reached)

    def test_from_the_middle(self, list_server: Any, long: Any) -> None:
        server, transport = list_server(long)
        server.deepest_page = 11
        pages = walk(transport, "tasks/", [("page_size", 500)], start=11)
        assert [row["id"] for one in pages for row in one.rows] == [r["id"] for r in long[5_000:]]

    def test_no_more_than_is_wanted_is_asked_for_ahead(self, list_server: Any, long: Any) -> None:
        server, transport = list_server(long)
        pages = walk(transport, "tasks/", [("page_size", 10)], end=8, workers=4)
        reached = [row["id"] for _, one in zip(range(8), pages, strict=False) for row in one.rows]
        pages.close()
        assert reached[:60] == [row["id"] for row in long[:60]]
        assert len(server.queries) < 14

    def test_a_cursor_that_loses_rows_is_an_error(self, list_server: Any, long: Any) -> None:
        server, transport = list_server(long[:1000])
        server.has_bounds = False
        cursor_page = server._cursor_page
        server._cursor_page = lambda rows, *rest: cursor_page(
            [row for row in rows if row["id"] != 600], *rest
        )
        with pytest.raises(errors.InvalidResponse, match="has 1000 rows, but its pages gave 999"):
            list(walk(transport, "sdk/tasks/", []))

    def test_another_key(self, list_server: Any) -> None:
        rows = [{"id": n % 7, "pgh_id": n} for n in range(1, 1001)]
        _, transport = list_server(rows, key="pgh_id")
        pages = walk(transport, "events/", [], key="pgh_id")
        assert [row["pgh_id"] for one in pages for row in one.rows] == list(range(1, 1001))


def test_absent_ways_take_a_bounded_memory(
    transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "_MOST_MISSING", 3)
    for number in range(8):
        request = ListRequest(transport, f"jobs/{number}/parts/", [])
        paging._LongWalk(request, Page(1, [{"id": 1}], None), 1, 9, 1)._note_absence("keys")
        assert (request.path, "keys") in transport.missing_ways
        assert len(transport.missing_ways) <= 3
