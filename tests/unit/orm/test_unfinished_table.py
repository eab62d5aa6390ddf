"""Rows on disk, while a Parquet file is being made of them."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from synapse._internal.key_order import Place
from synapse.orm.unfinished_table import UnfinishedTable

pa = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

SCHEMA = pa.schema([("id", pa.int64()), ("status", pa.dictionary(pa.int32(), pa.string()))])


def open_table(target: Path) -> UnfinishedTable:
    return UnfinishedTable(target, SCHEMA, {"query": "tasks", "fields": "id, status"})


def add(table: UnfinishedTable, *keys: int) -> None:
    rows = {"id": keys, "status": [f"status {key % 3}" for key in keys]}
    batch = pa.table(rows).cast(SCHEMA).to_batches()
    table.append(batch, Place(keys[-1], 1))


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "tasks.parquet"


@pytest.fixture
def part(target: Path) -> Path:
    """The rows 1 to 4, as a killed program leaves them."""
    table = open_table(target)
    table.clear()
    add(table, 1, 2)
    add(table, 3, 4)
    table.close(keep=True)
    return target.with_name(".tasks.parquet.part")


def finish(table: UnfinishedTable, target: Path) -> list[Any]:
    table.finish()
    table.close(keep=True)
    assert [path.name for path in target.parent.iterdir()] == [target.name]
    return parquet.read_table(target).column("id").to_pylist()


def test_rows_go_on_after_the_last_block(target: Path, part: Path) -> None:
    table = open_table(target)
    table.resume()

    assert (table.rows, table.place) == (4, Place(4, 1))
    add(table, 5)
    assert finish(table, target) == [1, 2, 3, 4, 5]
    statuses = parquet.read_table(target).column("status").to_pylist()
    assert statuses == [f"status {key % 3}" for key in range(1, 6)]


def test_cut_or_damaged_at_any_byte(target: Path, part: Path) -> None:
    content = part.read_bytes()
    for size in random.Random(7).sample(range(len(content)), 60):
        for damaged in (content[:size], content[:size] + b"\0" * (len(content) - size)):
            part.write_bytes(damaged)
            table = open_table(target)
            table.resume()
            begin = 0 if table.place is None else table.place.key
            assert begin == table.rows < 4
            add(table, *range(begin + 1, 6))
            assert finish(table, target) == [1, 2, 3, 4, 5]


def test_a_row_group_has_a_limited_size(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synapse.orm.unfinished_table._GROUP_ROWS", 3)
    table = open_table(target)
    table.resume()
    for key in range(1, 9):
        add(table, key)
    assert finish(table, target) == list(range(1, 9))
    assert parquet.read_metadata(target).num_row_groups == 3
