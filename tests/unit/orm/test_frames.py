"""Tables out of rows: types by the declaration, exact ids, nothing lost without a word."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

import synapse
from synapse import Job, Project, Task
from synapse.errors import FieldValueError, MissingExtra
from synapse.orm import registry
from synapse.orm.frame_source import FrameSource
from synapse.orm.frames import Column, find_columns, read_batches, read_schema


class Source(FrameSource):
    """Rows that are there already."""

    def __init__(self, cls: Any, rows: list[dict[str, Any]], *names: str) -> None:
        self.cls, self.rows, self.names = cls, rows, names

    def _columns(self) -> list[Column]:
        return find_columns(self.cls, self.names)

    def _plain_pages(self) -> Iterator[list[dict[str, Any]]]:
        return iter([self.rows])


ROWS: list[dict[str, Any]] = [
    {
        "id": 2**60 + 1,
        "project": {"id": 3, "title": "Streets"},
        "status": "pending",
        "assignee": None,
        "tags": [1, {"id": 2}],
        "data": {"b": [1.5, None], "a": "é"},
        "metadata": {"n": 2**70},
        "is_discarded": False,
        "created": "2027-01-31T12:00:00.123456Z",
        "updated": "2027-01-31T12:00:00",
    },
    {"id": 2, "project": None, "status": "a new one", "assignee": 7, "tags": [], "data": None},
]


def test_columns_have_the_declared_types() -> None:
    table = Source(Task, ROWS).to_arrow()

    types = {field.name: str(field.type) for field in table.schema}
    assert types["id"] == types["assignee"] == types["project_id"] == "int64"
    assert types["tag_ids"] == "list<item: int64>"
    assert types["status"] == "dictionary<values=string, indices=int32, ordered=0>"
    assert types["created"] == "timestamp[us, tz=UTC]"
    assert types["is_discarded"] == "bool"
    assert types["data"] == types["meta"] == types["files"] == "string"
    first, second = table.to_pylist()
    assert (first["id"], first["project_id"], first["tag_ids"]) == (2**60 + 1, 3, [1, 2])
    assert first["data"] == '{"b":[1.5,null],"a":"é"}'
    assert first["meta"] == f'{{"n":{2**70}}}'
    assert (first["created"].isoformat(), first["updated"].isoformat()) == (
        "2027-01-31T12:00:00.123456+00:00",
        "2027-01-31T12:00:00+00:00",
    )
    assert (second["status"], second["assignee"], second["data"]) == ("a new one", 7, None)
    assert second["created"] is second["is_discarded"] is None


def test_every_declared_class_has_a_schema_for_nothing() -> None:
    for cls in registry.declared():
        empty = Source(cls, []).to_arrow()
        assert empty.num_rows == 0
        assert len(empty.schema) == len(cls.__schema__.fields)
        assert len(set(empty.schema.names)) == len(empty.schema)


def test_ids_that_are_texts_stay_texts() -> None:
    table = Source(Job, [{"id": "0001"}], "id").to_arrow()
    assert table.to_pylist() == [{"id": "0001"}]


def test_names_choose_the_columns() -> None:
    table = Source(Task, ROWS, "project", "project_id", "tags").to_arrow()
    assert table.to_pylist()[0] == {"project": 3, "project_id": 3, "tags": [1, 2]}


def test_pandas_keeps_ids_exact_and_gives_categories() -> None:
    frame = Source(Task, ROWS).to_pandas()
    assert frame["id"].tolist() == [2**60 + 1, 2]
    assert frame["assignee"].tolist()[1] == 7
    assert {name: str(frame[name].dtype) for name in ("id", "assignee", "status", "created")} == {
        "id": "Int64",
        "assignee": "Int64",
        "status": "category",
        "created": "datetime64[us, UTC]",
    }
    assert str(frame["is_discarded"].dtype) == "boolean"
    assert len(Source(Task, []).to_pandas()) == 0


def test_polars_reads_the_stream() -> None:
    source = Source(Task, ROWS)
    assert source.to_polars()["id"].to_list() == [2**60 + 1, 2]
    assert pl.DataFrame(source)["tag_ids"].to_list() == [[1, 2], []]


def test_a_table_of_nothing_has_a_chunk() -> None:
    class Empty(Source):
        def _plain_pages(self) -> Iterator[list[dict[str, Any]]]:
            return iter(())

    table = Empty(Task, []).to_arrow()
    assert table.num_rows == 0
    # Some libraries can't cast a column without any chunk.
    assert {column.num_chunks for column in table.columns} == {1}


def test_batches_have_a_thousand_rows() -> None:
    columns = find_columns(Project, ["id"])
    pages = ([{"id": n + k} for k in range(100)] for n in range(0, 2500, 100))
    batches = list(read_batches(columns, pages))
    assert [batch.num_rows for batch in batches] == [1000, 1000, 500]
    assert [row["id"] for batch in batches for row in batch.to_pylist()] == [*range(2500)]
    assert all(batch.schema == read_schema(columns) for batch in batches)


def test_pages_of_other_words_join() -> None:
    pages = [[{"status": f"s{page}"}, {"status": None}] for page in range(600)]
    table = pa.Table.from_batches(read_batches(find_columns(Task, ["status"]), pages))
    assert table["status"].to_pylist() == [
        word for page in range(600) for word in (f"s{page}", None)
    ]


def test_values_of_another_type_are_refused_with_the_columns_name() -> None:
    rows = [{"id": 1, "assignee": "nobody"}]
    with pytest.raises(
        FieldValueError, match=r"column 'assignee' has a value that doesn't fit int64"
    ):
        Source(Task, rows).to_arrow()


def test_errors_keep_their_class() -> None:
    class Failing(Source):
        def _plain_pages(self) -> Iterator[list[dict[str, Any]]]:
            yield self.rows
            raise synapse.NotFound(404, "gone")

    source = Failing(Task, ROWS)
    for convert in (source.to_arrow, source.to_pandas):
        with pytest.raises(synapse.NotFound):
            convert()
    with pytest.raises(pa.ArrowInvalid, match="gone"):
        pa.table(source)


def test_parquet_appears_when_complete(tmp_path: Any) -> None:
    path = Source(Task, ROWS).to_parquet(tmp_path / "tasks.parquet")
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(path)
    assert table.to_pylist() == Source(Task, ROWS).to_arrow().to_pylist()
    with pytest.raises(FieldValueError):
        Source(Task, [{"assignee": "x"}]).to_parquet(path)
    assert pyarrow.parquet.read_table(path) == table
    assert [each.name for each in tmp_path.iterdir()] == ["tasks.parquet"]


@pytest.mark.parametrize(
    ("library", "method", "extra"),
    [
        ("pyarrow", "to_arrow", "frames"),
        ("pandas", "to_pandas", "pandas"),
        ("polars", "to_polars", "polars"),
    ],
)
def test_missing_libraries_are_named(
    monkeypatch: pytest.MonkeyPatch, library: str, method: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtra, match=rf"pip install .*\[{extra}\]"):
        getattr(Source(Task, ROWS), method)()


def test_parquet_into_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="folder does not exist") as caught:
        Source(Task, ROWS).to_parquet(tmp_path / "none" / "tasks.parquet")

    assert caught.value.filename == str(tmp_path / "none")
