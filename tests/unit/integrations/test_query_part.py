"""Parts of a query as Arrow tables."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import synapse
from synapse.integrations.query_part import QueryPart, build_table

pa = pytest.importorskip("pyarrow")


@pytest.fixture
def session(server: Any, token: str) -> synapse.Session:
    """A session with the scripted server."""
    return synapse.Session(server.url, token, retries=0)


def test_types_do_not_depend_on_the_rows() -> None:
    kinds = {"id": int, "score": float, "note": "str | None", "meta": dict[str, Any]}

    table = build_table([{"id": 1, "score": 0.5, "meta": None}, {"id": None}], kinds, "json")

    assert [str(field.type) for field in table.schema] == ["int64", "double", "string"]
    assert build_table([{"id": None}], {"id": int}, "json").schema.field("id").type == pa.int64()


def test_nested_values_as_json() -> None:
    table = build_table([{"meta": {"a": 1}}, {"meta": None}], {}, "json")

    assert table.column("meta").to_pylist() == ['{"a": 1}', None]


def test_a_number_beyond_64_bits_is_a_text() -> None:
    assert build_table([{"id": 2**70}], {"id": int}, "json").column("id").to_pylist() == [
        str(2**70)
    ]


def test_a_slice_fetches_its_own_pages(server: Any, session: synapse.Session) -> None:
    part = QueryPart(session.tasks.order_by("id"), (), "json", 2)
    for rows in ([{"id": 3}, {"id": 4}], [{"id": 5}]):
        server.reply(200, {"results": rows, "count": 9, "next": f"{server.url}sdk/tasks/?page=3"})

    tables = list(part.slice(2, 5).tables())

    assert [table.column("id").to_pylist() for table in tables] == [[3, 4], [5]]


def test_a_pickle_has_no_token(session: synapse.Session, token: str) -> None:
    part = QueryPart(session.tasks.all(), (), "json", 2)

    assert token.encode() not in pickle.dumps(part)


@given(
    lowest=st.integers(0, 2**40),
    width=st.integers(1, 3000),
    count=st.integers(1, 3000),
    parts=st.integers(1, 64),
    is_descending=st.booleans(),
)
def test_each_key_is_in_one_of_parts_of_even_width(
    lowest: int, width: int, count: int, parts: int, is_descending: bool
) -> None:
    query = synapse.Session("http://127.0.0.1:9/", "t").tasks.all()
    keys = range(lowest, lowest + width)[:: -1 if is_descending else 1]

    divided = QueryPart(query, (), "json", 1, keys).divide(count, parts)

    bounds = [dict(part.query._state.filters) for part, _ in divided]
    ranges = [range(int(each["id__gte"]), int(each["id__lte"]) + 1) for each in bounds]
    in_order = [key for each in ranges for key in (reversed(each) if is_descending else each)]
    assert in_order == list(keys)
    assert len(ranges) == min(parts, count, width)
    assert max(map(len, ranges)) - min(map(len, ranges)) <= 1
