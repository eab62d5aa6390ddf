"""Index of COCO files on the disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from synapse.formats import FormatReport
from synapse.formats.coco_index import CocoFile, CocoIndex, read_size_of_row


def make_index(folder: Path, *documents: dict[str, Any], split: str | None = None) -> Any:
    files = []
    for number, document in enumerate(documents):
        path = folder / f"{number}.json"
        path.write_text(json.dumps(document))
        files.append(CocoFile(path, split))
    report = FormatReport()
    return CocoIndex(files, report), report


def test_rows_of_each_picture_in_their_order(tmp_path: Path) -> None:
    images = [{"id": number, "file_name": f"{number}.jpg"} for number in range(1500)]
    rows = [{"id": number, "image_id": number * 7 % 1500} for number in range(6000)]
    index, report = make_index(tmp_path, {"annotations": rows, "images": images})
    assert [row.id for row in index] == list(range(1500))
    for row in index:
        ids = [each["id"] for each in index.read_annotations(row)]
        assert ids == [number for number in range(6000) if number * 7 % 1500 == row.id]
        if row.id > 20:
            break
    assert not report.skipped


def test_files_keep_their_pictures_apart(tmp_path: Path) -> None:
    documents = [
        {
            "images": [{"id": 1, "file_name": "a.jpg"}],
            "annotations": [{"id": number, "image_id": "1"}],
            "info": {"version": number},
            "licenses": [{"id": number}],
            "categories": [{"id": number}],
        }
        for number in range(2)
    ]
    index, _ = make_index(tmp_path, *documents)
    first, second = index
    assert [index.read_annotations(row)[0]["id"] for row in (first, second)] == [0, 1]
    assert [index.is_first(row) for row in (first, second)] == [True, False]
    assert index.make_name(second) == "a~1~1.jpg"
    assert index.has_name("a.jpg")
    assert not index.has_name("b.jpg")
    assert index.files[1].info == {"info": {"version": 1}, "licenses": [{"id": 1}]}
    assert index.files[1].categories == [{"id": 1}]


def test_rows_without_a_picture_are_noted_once_each(tmp_path: Path) -> None:
    rows = [{"id": number, "image_id": number % 3} for number in range(9)]
    images = [{"id": 1, "file_name": "a.jpg"}]
    index, report = make_index(tmp_path, {"annotations": rows, "images": images})
    assert report.skipped == {"no-image": 6}
    assert {loss.annotation for loss in report.details} == {"0", "2", "3", "5", "6", "8"}
    assert len(list(index)) == 1


@pytest.mark.parametrize(
    ("width", "height", "size"),
    [
        (4, 3, (4, 3)),
        (4.0, 3, (4, 3)),
        (4.5, 3, None),
        (0, 3, None),
        (-4, 3, None),
        (float("nan"), 3, None),
        (float("inf"), 3, None),
        ("4", 3, None),
        (True, 3, None),
        (None, 3, None),
        (2**31, 3, None),
    ],
)
def test_sizes_are_whole_and_positive(width: Any, height: Any, size: Any) -> None:
    assert read_size_of_row({"width": width, "height": height}) == size
