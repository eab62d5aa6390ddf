"""Queries as data sets of Hugging Face, with pictures."""

from __future__ import annotations

import gc
import io
import json
from pathlib import Path
from typing import Any

import datasets
import pytest
from PIL import Image

import synapse
from synapse.annotations import Box, Label, write_document
from synapse.errors import SampleError, UsageError
from synapse.integrations import huggingface

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:datasets.*")


@pytest.fixture
def tasks(session: synapse.Session, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Four tasks: one with a box and a class, two with a class, one without annotations."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    files = [synapse.FileSpecification(name="image_1", file_type="image", is_required=False)]
    collection = session.data_collections.create(
        name="Streets", category="image", file_specifications=files
    )
    project = session.projects.create(
        title="Streets",
        category="image",
        data_collection=collection,
        configuration={"classification": {"bounding_box": ["bus", "car"]}},
    )
    documents: list[list[Any]] = [
        [Box(10, 20, 30, 20, label="car"), Label(label="day")],
        [Label(label="night")],
        [Label(label="day")],
        [],
    ]
    for number, shapes in enumerate(documents):
        stream = io.BytesIO()
        Image.new("RGB", (64, 48), (number, 0, 0)).save(stream, "PNG")
        file = session.data_files.upload(io.BytesIO(stream.getvalue()), name=f"{number}.png")
        unit = collection.data_units.create(
            files={"image_1": {"checksum": file.checksum, "path": f"{number}.png"}}
        )
        document = write_document(shapes, sizes={"image_1": (64, 48)})
        project.tasks.create(data_unit=unit).annotate(document)
    return project.tasks.order_by("id")


def test_detection(session: synapse.Session, tasks: Any) -> None:
    before = session.request_count
    data = tasks.to_hf()
    assert session.request_count - before == 2 + 4

    assert data["image_id"][:] == [row["id"] for row in tasks.values("id")]
    assert data.features["objects"]["category"].feature.names == ["bus", "car"]
    first = data[0]
    assert first["image"].size == (64, 48)
    assert first["image"].getpixel((0, 0)) == (0, 0, 0)
    assert data[3]["image"].getpixel((0, 0)) == (3, 0, 0)
    assert first["objects"] == {
        "bbox": [[10, 20, 30, 20]],
        "category": [1],
        "area": [600],
        "iscrowd": [False],
    }
    assert data[3]["objects"]["bbox"] == []
    before = session.request_count
    assert tasks.to_hf()[:]["width"] == [64] * 4
    assert session.request_count - before == 2  # the pictures are in the cache


def test_each_call_reads_the_server(tasks: Any) -> None:
    assert len(tasks.to_hf()) == 4
    tasks[3].delete()
    assert len(tasks.to_hf()) == 3


def test_other_targets(tasks: Any) -> None:
    with pytest.raises(SampleError, match="has no class"):
        tasks.to_hf(target="classification")
    data = tasks.to_hf(target="classification", classes=["day", "night"], on_error="skip")
    assert data["label"][:] == [0, 1, 0]
    assert data.features["label"].names == ["day", "night"]
    documents = [json.loads(text) for text in tasks.to_hf(target="annotations")["annotations"]]
    assert len(documents[0]["annotations"]["image_1"]) == 2


def test_data_goes_through_the_library(tasks: Any) -> None:
    parts = tasks.to_hf().train_test_split(test_size=0.25, seed=7)
    assert (len(parts["train"]), len(parts["test"])) == (3, 1)
    sizes = parts["train"].map(lambda row: {"count": len(row["objects"]["bbox"])})
    assert sum(sizes["count"]) <= 1
    data = tasks.to_hf()
    gc.collect()
    assert data.with_format("arrow")[:].num_rows == 4


def test_file_stays_in_a_folder(tasks: Any, tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    data = tasks.to_hf(folder=folder)
    again = datasets.Dataset.from_file(str(folder / "data.arrow"))
    assert again[0]["objects"] == data[0]["objects"]
    assert [path.name for path in folder.iterdir()] == ["data.arrow"]
    with pytest.raises(UsageError, match="has the data set of an earlier call"):
        tasks.to_hf(folder=folder)


def test_failure_leaves_no_file(tasks: Any, tmp_path: Path) -> None:
    with pytest.raises(SampleError):
        tasks.to_hf(target="classification", folder=tmp_path / "kept")
    assert list((tmp_path / "kept").iterdir()) == []


def test_nothing_is_a_data_set(tasks: Any) -> None:
    data = tasks.filter(id=[]).to_hf()
    assert (len(data), data.column_names) == (
        0,
        ["image_id", "image", "width", "height", "objects"],
    )


def test_pictures_are_written_as_they_come(tasks: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface, "_BATCH_BYTES", 1)
    assert tasks.to_hf().data.column("image").num_chunks == 4
