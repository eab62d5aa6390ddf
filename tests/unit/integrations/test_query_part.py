"""Parts of a query as Arrow tables."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

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
