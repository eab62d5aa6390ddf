"""Walks by page number."""

from __future__ import annotations

import random
import types
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from list_server import ListServer

from synapse import errors
from synapse.transport import Transport, numbered_pages
from synapse.transport.numbered_pages import NumberedPages
from synapse.transport.page import ListRequest


class Racing:
    """Stands for reading ahead, with a server that is as slow as chance has it.

    It counts, and some time later reads a page's rows, while the ones before are removed.
    """

    def __init__(self, rows: list[int], size: int, chance: random.Random) -> None:
        self.rows = rows
        self.requests = 0
        self.window = 8
        self.is_on = True
        self._size = size
        self._chance = chance
        self._flying: dict[int, dict[str, Any]] = {}

    def remove(self, row: int) -> None:
        self.rows.remove(row)
        self._pass_time()

    def get(self, number: int, last: int) -> Any:
        for ahead in range(number, min(number + self.window, last + 1)) if self.is_on else ():
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
    request = ListRequest(None, "tasks/", [])  # type: ignore[arg-type] # nothing is sent
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(numbered_pages, "ReadAhead", lambda fetch, workers: racing)
        for one in NumberedPages(request, workers=4):
            for row in one.rows:
                reached.append(row["id"])
                if chance.random() >= stay:
                    racing.remove(row["id"])
    assert sorted(reached) == list(range(count))


def read(server: ListServer, transport: Transport, **params: Any) -> list[int]:
    pages = NumberedPages(ListRequest(transport, "x/", [("page_size", 10), *params.items()]))
    return [row["id"] for page in pages for row in page.rows]


def test_ties_that_a_server_shuffles_lose_no_row(list_server: Any) -> None:
    server, transport = list_server([{"id": n, "status": n % 3} for n in range(1, 301)])
    server.shuffles_ties = True
    assert sorted(read(server, transport, ordering="status")) == list(range(1, 301))
    assert {query["ordering"][0] for query in server.queries} == {"status,id"}


def test_rows_that_never_come_are_an_error(list_server: Any) -> None:
    server, transport = list_server([{"id": n} for n in range(1, 301)])
    server.shuffles_ties = True  # and the request has no order
    with pytest.raises(errors.InvalidResponse, match=r"has 300 rows, but its pages gave \d+ "):
        read(server, transport)


def test_a_row_that_is_replaced_meanwhile_is_looked_for_again(list_server: Any) -> None:
    server, transport = list_server([{"id": n} for n in range(30, 0, -1)])

    def change(query: dict[str, list[str]]) -> None:
        if query.get("page") == ["2"] and server.rows[0]["id"] == 30:
            server.rows = [{"id": 31}, *server.rows[:-1]]

    server.before = change
    assert sorted(read(server, transport)) == list(range(2, 32))


def test_rows_without_a_key_are_not_read_twice(list_server: Any) -> None:
    server, transport = list_server([{"name": "a"}] * 5)
    server.count = 7
    with pytest.raises(errors.InvalidResponse, match="has 7 rows, but its pages gave 5"):
        list(NumberedPages(ListRequest(transport, "x/", [])))
    assert len(server.queries) == 1
