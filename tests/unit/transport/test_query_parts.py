"""Queries that are too long for one request: how they are divided, and their rows joined."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synapse.config import Settings
from synapse.errors import InvalidQuery
from synapse.transport.options import Options
from synapse.transport.query_parts import split_query
from synapse.transport.transport import Transport
from synapse.transport.urls import query_string


def make_transport() -> Transport:
    return Transport(Settings("http://127.0.0.1:9/", {}), Options(max_query_length=300))


@pytest.fixture
def transport() -> Transport:
    """A transport whose queries may have 300 bytes."""
    return make_transport()


def values_of(params: Any, name: str) -> list[str]:
    return [str(value) for parameter, value in params if parameter == name]


class TestSplit:
    def test_a_short_query_stays_whole(self, transport: Transport) -> None:
        assert split_query(transport, [("id__in", "1,2"), ("page_size", 100)]) is None

    @pytest.mark.parametrize("name", ["data_unit", "id__in"])
    def test_each_part_fits_and_none_is_lost(self, transport: Transport, name: str) -> None:
        wanted = [str(n) for n in range(1000, 1200)]
        filters = [(name, ",".join(wanted))] if name == "id__in" else [(name, n) for n in wanted]
        divided = split_query(transport, [("status", "pending"), *filters, ("page_size", 100)])
        assert divided is not None
        assert divided.name == name
        lengths = [len(query_string(part)) for part in divided.parts]
        assert max(lengths) <= 300
        assert min(lengths[:-1]) > 250  # no more requests than needed
        found = [v for part in divided.parts for v in values_of(part, name)]
        assert ",".join(found).split(",") == wanted
        for part in divided.parts:
            assert values_of(part, "status") == ["pending"]
            assert values_of(part, "page_size") == ["100"]

    def test_the_longest_list_is_divided(self, transport: Transport) -> None:
        params = [*(("status", f"s{n}") for n in range(3)), *(("unit", n) for n in range(100))]
        divided = split_query(transport, params)
        assert divided is not None
        assert divided.name == "unit"
        assert all(len(values_of(part, "status")) == 3 for part in divided.parts)

    def test_a_repeated_value_is_sent_once(self, transport: Transport) -> None:
        divided = split_query(transport, [("unit", n % 50) for n in range(500)])
        assert divided is not None
        found = [v for part in divided.parts for v in values_of(part, "unit")]
        assert found == [str(n) for n in range(50)]

    @pytest.mark.parametrize(
        ("params", "complaint"),
        [
            ([("search", "x" * 400)], "no list of values"),
            ([("fields", "a" * 200), ("fields", "b" * 200)], "no list of values"),
            ([("unit", "x" * 400), ("unit", "y")], "too long for a request"),
            ([*(("unit", n) for n in range(99)), ("ordering", "-status,id")], "can't be joined"),
        ],
    )
    def test_what_cannot_be_divided(
        self, transport: Transport, params: Any, complaint: str
    ) -> None:
        with pytest.raises(InvalidQuery, match=complaint):
            split_query(transport, params)

    @given(st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=200))
    @settings(deadline=None)
    def test_any_text(self, texts: list[str]) -> None:
        texts = [text.encode("utf-8", "ignore").decode() or "x" for text in texts]
        divided = split_query(make_transport(), [("name", text) for text in texts])
        parts = [[("name", text) for text in texts]] if divided is None else divided.parts
        assert all(len(query_string(part)) <= 300 for part in parts)
        found = [v for part in parts for v in values_of(part, "name")]
        assert list(dict.fromkeys(found)) == list(dict.fromkeys(texts))


class TestJoin:
    @pytest.fixture
    def units(self, list_server: Any) -> Any:
        """A list of 600 rows of 90 units, and a transport whose queries may have 300 bytes."""
        numbers = random.Random(5)
        rows = [{"id": n, "unit": numbers.randrange(90), "tags": [n % 7]} for n in range(600)]
        server, transport = list_server(rows, max_query_length=300)
        server.filters = {"unit", "tags"}
        server.longest_query = 340  # a page number comes on top
        return server, transport

    def read(self, transport: Transport, params: Any) -> list[int]:
        divided = split_query(transport, params)
        assert divided is not None
        pages = divided.walk(transport, "tasks/", size=50)
        return [row["id"] for page in pages for row in page.rows]

    @pytest.mark.parametrize("order", [None, "id", "-id"])
    @pytest.mark.parametrize("served", [None, "id", "-id"])
    def test_in_order(self, units: Any, order: str | None, served: str | None) -> None:
        server, transport = units
        server.default_order = served
        params = [*(("unit", n) for n in range(80)), ("page_size", 20)]
        if order is not None:
            params.append(("ordering", order))
        expected = [row["id"] for row in server.rows if row["unit"] < 80]
        if (order or served) == "-id":
            expected.reverse()
        assert self.read(transport, params) == expected

    def test_by_ids(self, units: Any) -> None:
        _, transport = units
        wanted = random.Random(1).sample(range(1000), 500)
        found = self.read(transport, [("id__in", ",".join(map(str, wanted)))])
        assert found == sorted(n for n in wanted if n < 600)

    def test_a_row_of_several_parts_comes_once(self, units: Any) -> None:
        server, transport = units
        for row in server.rows:
            row["unit"] = [row["unit"], 89 - row["unit"]]
        found = self.read(transport, [("unit", n) for n in range(90)])
        assert found == [row["id"] for row in server.rows]

    def test_rows_in_another_order_come_part_by_part(self, units: Any) -> None:
        server, transport = units
        server.default_order = "tags"
        found = self.read(transport, [("unit", n) for n in range(90)])
        assert sorted(found) == [row["id"] for row in server.rows]

    def test_the_count(self, units: Any) -> None:
        server, transport = units
        divided = split_query(transport, [("unit", n) for n in range(80)])
        assert divided is not None
        expected = sum(row["unit"] < 80 for row in server.rows)
        assert divided.count(transport, "tasks/") == expected
        assert next(divided.walk(transport, "tasks/", size=10)).count == expected

    def test_an_early_end(self, units: Any) -> None:
        server, transport = units
        divided = split_query(transport, [("unit", n) for n in range(80)])
        assert divided is not None
        pages = divided.walk(transport, "tasks/", size=10)
        next(pages)
        asked = len(server.queries)
        pages.close()
        assert list(pages) == []
        assert asked == len(server.queries) == len(divided.parts)
