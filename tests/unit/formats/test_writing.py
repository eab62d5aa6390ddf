"""Steps that the writers of several formats share."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from synapse.annotations import Box, Group, Keypoint, Label, Relation
from synapse.errors import UsageError
from synapse.formats import DataSet, DataSetClass, FormatReport, Sample
from synapse.formats.names import open_register
from synapse.formats.objects import ImageObject
from synapse.formats.parts import Unfit
from synapse.formats.writing import (
    PartFiles,
    begin_export,
    choose_picture_name,
    iterate_objects,
    write_objects,
)


def test_details_of_a_set_are_noted() -> None:
    report = FormatReport()
    classes = [DataSetClass("car"), DataSetClass("person", keypoints=["nose"])]
    begin_export(DataSet(classes, [], {"licenses": []}), "copy", "list.csv", report)
    assert report.lossy == {"info": 1, "class-details": 1}
    assert {each.sample for each in report.details} == {"list.csv"}

    with pytest.raises(UsageError, match="images='move'"):
        begin_export(DataSet([], []), "move", "list.csv", report)


def test_pictures_of_one_stem_get_another_name() -> None:
    report = FormatReport()
    samples = [Sample("a.jpg", split="val"), Sample("a.png", split="val"), Sample("a.jpg")]
    with open_register() as register:
        names = [choose_picture_name(register, sample, report) for sample in samples]
    assert names == ["val/a.jpg", "val/a_png.png", "a.jpg"]
    assert report.lossy == {"renamed": 1}


def test_objects_come_one_by_one() -> None:
    boxes = [Box(1, 2, 3, 4, label="car", id="a"), Box(5, 6, 7, 8, label="bus", id="b")]
    others = [Group(["a", "b"]), Label(label="sunny"), Relation("a", "b"), Keypoint(1, 1)]
    sample = Sample("a.jpg", [*boxes, *others])
    report = FormatReport()
    assert [each.box for each in iterate_objects(sample, report)] == [*boxes, None]
    assert (report.lossy, report.skipped) == ({"group": 1}, {"kind": 2})

    def write(found: ImageObject) -> None:
        if found.box is None:
            raise Unfit("no-area", "No box.")

    report = FormatReport()
    write_objects(sample, report, write)
    assert report.skipped == {"kind": 2, "no-area": 1}


def test_files_appear_at_the_end(tmp_path: Path) -> None:
    with ExitStack() as stack:
        files = PartFiles(stack)
        path = tmp_path / "val" / "a.txt"
        assert [files.open(path)[1], files.open(path)[1]] == [True, False]
        files.open(path)[0].write("x\n")
        assert not path.exists()
        files.finish()
    assert path.read_bytes() == b"x\n"
    assert [each.name for each in tmp_path.rglob("*") if each.is_file()] == ["a.txt"]
