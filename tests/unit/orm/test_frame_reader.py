"""Rows of frames as values: what is missing, what is converted, what is refused."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from synapse import Task
from synapse.errors import FieldValueError, MissingExtra, UsageError
from synapse.orm.frame_reader import FrameReader


def read(frame: Any, cls: Any = Task) -> list[dict[str, Any]]:
    return list(FrameReader(cls, frame).values())


ROWS: dict[str, list[Any]] = {
    "data_unit_id": [3, 4],
    "assignee": [7, None],
    "priority": ["high", None],
    "data": ['{"a": [1, null]}', None],
}


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pa.table])
def test_every_library_gives_the_same_values(make: Any) -> None:
    reader = FrameReader(Task, make(ROWS))
    assert list(reader.values()) == [
        {"data_unit": 3, "assignee": 7, "priority": "high", "data": {"a": [1, None]}},
        {"data_unit": 4, "assignee": None, "priority": None, "data": None},
    ]
    # pandas has floats in the column with a missing value.
    assert {type(row["assignee"]) for row in reader.values()} == {int, type(None)}
    assert reader.nulls == {"assignee": 1, "priority": 1, "data": 1}
    assert reader.is_repeatable


@pytest.mark.parametrize(
    "missing", [None, float("nan"), np.float32("nan"), np.datetime64("NaT", "ns"), pd.NaT, pd.NA]
)
def test_missing_values_are_none_and_counted(missing: Any) -> None:
    frame = pd.DataFrame({"priority": pd.Series([missing, "low"], dtype=object)})
    reader = FrameReader(Task, frame)
    assert [row["priority"] for row in reader.values()] == [None, "low"]
    assert reader.nulls == {"priority": 1}


def test_infinity_is_not_missing() -> None:
    reader = FrameReader(Task, pl.DataFrame({"assignee": [float("inf")]}))
    with pytest.raises(FieldValueError, match=r"^row 0: column 'assignee' is inf"):
        list(reader.values())


def test_values_of_numpy_are_plain() -> None:
    values = [np.int64(3), np.array([1, 2]), {"n": np.float32(0.5)}]
    frame = pd.DataFrame(
        {
            "data_unit": pd.Series(values[:1], dtype=object),
            "data": pd.Series([{"ids": values[1], **values[2]}], dtype=object),
        }
    )
    (row,) = read(frame)
    assert row == {"data_unit": 3, "data": {"ids": [1, 2], "n": 0.5}}
    assert type(row["data_unit"]) is int


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("data", "{", r"column 'data': '{' isn't JSON"),
        ("data", "[" * 100_000, r"column 'data': '\[\["),
        ("data", {"a": float("nan")}, r"column 'data'\.a is nan"),
        ("assignee", 1.5, r"column 'assignee': 1\.5 isn't a whole number"),
        ("meta", b"x", r"column 'meta' is a bytes"),
    ],
)
def test_values_that_do_not_fit_name_row_and_column(column: str, value: Any, message: str) -> None:
    frame = pd.DataFrame({column: pd.Series([None, value], dtype=object)})
    with pytest.raises(FieldValueError, match=rf"^row 1: {message}"):
        read(frame)


def test_texts_of_a_text_column_are_not_decoded() -> None:
    assert read(pl.DataFrame({"priority": ["1"]})) == [{"priority": "1"}]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["statsu"], "column 'statsu', but Task has no such field; did you mean 'status'"),
        ([0], "column 0, but Task has no such field"),
        (["project", "project_id"], "'project' and 'project_id' are both for 'project'"),
        (["status", "status"], "'status' and 'status' are both"),
    ],
)
def test_columns_are_checked_first(names: list[Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        FrameReader(Task, pd.DataFrame([["x"] * len(names)], columns=names))


def test_a_table_without_columns_of_names_is_refused() -> None:
    with pytest.raises(UsageError, match="isn't a table"):
        FrameReader(Task, pa.chunked_array([[1, 2]]))


def test_streams_are_read_once_and_in_parts() -> None:
    schema = pa.schema([("assignee", pa.int64())])
    batches = [pa.record_batch([list(range(2500))], schema=schema)] * 2
    reader = FrameReader(Task, pa.RecordBatchReader.from_batches(schema, batches))
    assert not reader.is_repeatable
    assert [row["assignee"] for row in reader.values()] == [*range(2500)] * 2


def test_arrow_needs_its_library(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stream:
        def __arrow_c_stream__(self, requested_schema: Any = None) -> object: ...

    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert read(pd.DataFrame({"assignee": [1]})) == [{"assignee": 1}]
    with pytest.raises(MissingExtra):
        FrameReader(Task, Stream())


@pytest.mark.parametrize("name", ["meta", "data"])
@pytest.mark.parametrize(
    ("value", "message"),
    [
        ('{"b":', "isn't JSON"),
        ("[1]", "takes a dict, not the list"),
        ('"text"', "takes a dict, not the str"),
        (5, "takes a dict, not the int"),
        ([{"a": 1}], "takes a dict, not the list"),
        ('{"a": NaN}', "a is nan"),
    ],
)
def test_a_document_column_takes_nothing_but_documents(name: str, value: Any, message: str) -> None:
    frame = pd.DataFrame({"id": [1, 2], name: [{"a": 1}, value]})
    with pytest.raises(FieldValueError, match=rf"^row 1: column '{name}'.*{message}"):
        read(frame)


@pytest.mark.parametrize("value", ['{"a": [1]}', {"a": np.array([1])}])
def test_a_document_may_be_text_or_a_dict(value: Any) -> None:
    assert read(pd.DataFrame({"meta": [value, "null"]})) == [{"meta": {"a": [1]}}, {"meta": None}]


@pytest.mark.parametrize("text", ["[3, 4]", "[3 4]", "[3,4]"])
def test_a_list_of_ids_may_be_the_text_of_a_csv_file(text: str) -> None:
    frame = pd.DataFrame({"tag_ids": [text, "[]"]})
    assert read(frame) == [{"tags": [3, 4]}, {"tags": []}]
