"""Parts of an import: the specification for pictures, records out of samples."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from synapse import FileSpecification
from synapse.annotations import Box, read_document
from synapse.errors import UsageError
from synapse.formats import DataSet, FormatReport, Sample
from synapse.resources.import_comparison import ImportedSamples
from synapse.resources.imported_classes import SeenTools
from synapse.resources.project_import import (
    ImportReport,
    _find_specification,
    _read_records,
)
from synapse.transfer.bulk.report import UploadReport


class Collection:
    def __init__(self, *specifications: tuple[str, str, bool, bool]) -> None:
        self.file_specifications = [
            FileSpecification(name=name, file_type=kind, is_required=required, is_primary=primary)
            for name, kind, required, primary in specifications
        ]


def test_primary_picture_is_chosen() -> None:
    collection = Collection(
        ("small", "image", False, False),
        ("photo", "image", True, True),
        ("text", "text", False, False),
    )
    assert _find_specification("Project 1", collection) == "photo"


@pytest.mark.parametrize(
    "collection",
    [None, Collection(("text", "text", True, False)), Collection()],
    ids=["none", "texts", "empty"],
)
def test_collections_without_pictures_are_refused(collection: Any) -> None:
    with pytest.raises(UsageError, match="can't take pictures"):
        _find_specification("Project 1", collection)


def test_records_have_document_and_meta(tmp_path: Path) -> None:
    picture = tmp_path / "a.jpg"
    samples = [
        Sample(
            "sub/a.jpg", [Box(1, 2, 3, 4, label="car")], size=(9, 8), image=picture, split="train"
        ),
        Sample("b.jpg", size=(5, 5), image=picture),
        Sample("c.jpg", [Box(1, 2, 3, 4)]),
        Sample("d.jpg", image=picture, is_labelled=False),
    ]
    report = FormatReport()
    counts: Counter[str] = Counter()

    kept = ImportedSamples()

    first, second, third = _read_records(
        DataSet([], samples), "photo", report, counts, SeenTools(), kept
    )
    kept.close()

    assert (first["files"], first["meta"]) == (
        {"photo": picture},
        {"name": "sub/a.jpg", "split": "train"},
    )
    assert first["task"]["status"] == second["task"]["status"] == "completed"
    assert first["task"]["data"]["extra"] == {"image_1": {"width": 9, "height": 8}}
    assert second["meta"] == {"name": "b.jpg"}
    assert read_document(second["task"]["data"]).sizes == {"image_1": (5, 5)}
    assert not read_document(second["task"]["data"])
    assert third["task"] == {}
    assert report.skipped == {"no-picture": 1}
    assert counts == {"annotated": 1, "empty": 1, "unlabelled": 1}


def test_report_tells_all_pictures() -> None:
    report = ImportReport("coco", None, FormatReport(), UploadReport(), 1200, 3, 4)
    assert "annotated: 1,200, empty: 3, unlabelled: 4" in str(report)
