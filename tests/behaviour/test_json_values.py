"""Python values on their way to the server: stored as meant, or refused before any request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import synapse
from synapse.clients.backend import BackendClient
from synapse.errors import FieldValueError

MOMENT = np.datetime64("2027-01-31T12:30:00", "ns")
STORED = "2027-01-31T12:30:00"
MISSING = [pd.NaT, pd.NA, float("nan"), np.datetime64("NaT", "s"), np.float32("nan")]


def test_a_time_of_numpy_is_stored_as_text_on_every_way(
    client: BackendClient, unit: synapse.DataUnit, project: synapse.Project
) -> None:
    meta = {"taken": MOMENT, "count": np.int64(3)}
    stored = {"taken": STORED, "count": 3}
    body = {"data_collection": unit.data_collection_id, "files": {"text": _file(unit)}}

    created = unit.data_collection.data_units.create(files=body["files"], meta=meta)
    by_client = client.create_data_units([{**body, "meta": meta}])[0]
    project.settings = meta
    project.save()

    assert client.get_project(project.id)["settings"] == stored
    for one in (created.id, by_client["id"]):
        assert client.get_data_unit(one)["meta"] == stored


def test_manifests_and_records_store_the_same_meta(unit: synapse.DataUnit, tmp_path: Path) -> None:
    collection = unit.data_collection
    texts = [tmp_path / f"{name}.txt" for name in "ab"]
    for text in texts:
        text.write_text(text.name)
    rows = pd.DataFrame({"text": ["a.txt"], "taken": [MOMENT], "labels": [["x"]]})
    pq.write_table(pa.Table.from_pandas(rows, preserve_index=False), tmp_path / "list.parquet")
    record = {"files": {"text": texts[1]}, "meta": {"taken": MOMENT, "labels": {"x"}}}

    collection.upload(tmp_path / "list.parquet")
    collection.upload([record])

    stored = [one.meta for one in collection.data_units.order_by("-id")[0:2]]
    assert stored == [{"taken": STORED, "labels": ["x"]}] * 2


@pytest.mark.parametrize("value", MISSING)
def test_a_missing_value_is_refused_before_any_request(
    client: BackendClient, unit: synapse.DataUnit, project: synapse.Project, value: Any
) -> None:
    files = {"text": _file(unit)}
    units = unit.data_collection.data_units
    plugin = synapse.Plugin.objects.create(name="A", code="a")
    before = client.request_count
    refusal = r"(meta|settings)\.score is .*, which JSON can't hold\. Use None"

    with pytest.raises(FieldValueError, match=f"^{refusal}"):
        units.create(files=files, meta={"score": value})
    with pytest.raises(FieldValueError, match=refusal):
        client.create_data_units([{"files": files, "meta": {"score": value}}])
    project.settings = {"score": value}
    assert project.is_changed
    with pytest.raises(FieldValueError, match=f"^{refusal}"):
        project.save()
    project.revert()
    project.settings["score"] = value
    with pytest.raises(FieldValueError, match=f"^{refusal}"):
        project.save()
    with pytest.raises(FieldValueError, match=r"^params\.score is "):
        plugin.run("train", params={"score": value})

    assert client.request_count == before


def _file(unit: synapse.DataUnit) -> dict[str, Any]:
    return {"checksum": unit.files["text"].checksum, "path": "sample.txt"}


@pytest.mark.parametrize("value", [{(1, 2): 3}, {1: "a", "1": "b"}, b"x", {"a": object()}])
def test_a_value_that_cannot_be_sent_is_a_change_until_it_is_mended(
    project: synapse.Project, value: Any
) -> None:
    project.settings["a"] = value
    assert project.is_changed
    with pytest.raises(FieldValueError, match=r"^settings\.a.*JSON"):
        project.save()
    project.settings["a"] = 1
    assert project.save().changes == {}
