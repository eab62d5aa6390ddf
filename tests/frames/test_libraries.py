"""A query, read by pandas, polars, DuckDB and datasets from a server over HTTP.

`make test-frames` runs these tests with pandas 3 and with pandas 2; `make test` doesn't, as they
need the libraries.
"""

from __future__ import annotations

import os
from typing import Any

import datasets
import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import synapse

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:datasets.*")


@pytest.fixture
def tasks(project: synapse.Project) -> Any:
    one = project.tasks[0]
    one.annotate({"annotations": [{"type": "class", "label": "é"}]})
    return project.tasks.page_size(1)


def ids(tasks: Any) -> list[int]:
    return [task.id for task in tasks]


def test_pandas_has_the_version_that_this_run_is_for() -> None:
    expected = os.environ.get("EXPECTED_PANDAS")
    assert pd.__version__.partition(".")[0] in ([expected] if expected else ["2", "3"])


def test_pandas(tasks: Any) -> None:
    frame = tasks.to_pandas()
    assert frame["id"].tolist() == ids(tasks)
    assert {name: str(frame[name].dtype) for name in ("id", "status", "created")} == {
        "id": "Int64",
        "status": "category",
        "created": "datetime64[us, UTC]",
    }
    assert frame["assignee"].isna().all()
    assert frame["data"].dropna().str.contains("é").tolist() == [True]
    frame["priority"] = "high"
    assert sorted(tasks.update_from(frame[["id", "priority"]]).changed) == sorted(ids(tasks))


def test_pandas_reads_the_stream(tasks: Any) -> None:
    if not hasattr(pd.DataFrame, "from_arrow"):  # pandas 3
        assert pa.table(tasks).to_pandas()["id"].tolist() == ids(tasks)
        return
    assert pd.DataFrame.from_arrow(tasks)["id"].tolist() == ids(tasks)


def test_polars_reads_the_stream(tasks: Any) -> None:
    frame = pl.DataFrame(tasks)
    assert frame["id"].to_list() == ids(tasks)
    assert frame.schema["created"] == pl.Datetime("us", "UTC")
    assert frame["tag_ids"].to_list() == [[], []]


def test_duckdb_finds_the_variable(tasks: Any) -> None:
    count, largest = duckdb.sql("SELECT count(*), max(id) FROM tasks").fetchall()[0]
    assert (count, largest) == (2, max(ids(tasks)))
    rows = tasks.values("id", "status")
    found = duckdb.sql("SELECT id, status FROM rows ORDER BY id").fetchall()
    assert [key for key, _ in found] == sorted(row["id"] for row in rows)


def test_duckdb_gives_a_frame_back(tasks: Any) -> None:
    changed = duckdb.sql("SELECT id, 'low' AS priority FROM tasks")
    assert sorted(tasks.update_from(changed).changed) == sorted(ids(tasks))


def test_datasets_reads_the_table(tasks: Any) -> None:
    data = datasets.Dataset(tasks.values("id", "data", "tags").to_arrow())
    assert data["id"][:] == ids(tasks)
    assert data.features["data"].dtype == "string"
    frame = tasks.values("id", "status").to_pandas().astype({"status": "object"})
    assert datasets.Dataset.from_pandas(frame)["status"][:] == frame["status"].tolist()
    assert datasets.Dataset.from_polars(tasks.values("id").to_polars())["id"][:] == ids(tasks)


def test_datasets_reads_nothing_and_goes_back(tasks: Any) -> None:
    data = datasets.Dataset(tasks.values("id", "priority").to_arrow())
    assert tasks.update_from(data.with_format("arrow")[:]).unchanged == ids(tasks)
    assert datasets.Dataset(tasks.filter(id=[]).annotations.to_arrow()).num_rows == 0
