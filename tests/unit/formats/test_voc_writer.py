"""Files of a picture as Pascal VOC has them."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from synapse.annotations import Box, Group, Mask, Polygon
from synapse.formats import FormatReport, Sample
from synapse.formats.names import open_register
from synapse.formats.voc_writer import FLAGS, VocWriter, clean_name
from synapse.formats.writing import PartFiles


def write(folder: Path, sample: Sample, **options: Any) -> tuple[ET.Element, FormatReport]:
    report = FormatReport()
    with open_register() as register, ExitStack() as stack:
        files = PartFiles(stack)
        VocWriter(folder, report, register, files, ["car"], images="none", **options).write(sample)
        files.finish()
    return ET.parse(folder / "Annotations" / "a.xml").getroot(), report


def test_flags_and_edges(tmp_path: Path) -> None:
    box = Box(1.25, 2, 3, 4, label="car", attributes={"truncated": True, "pose": "Left"})
    root, report = write(tmp_path, Sample("a.jpg", [box], size=(50, 40)), one_based=True)

    assert [root.findtext(f"object/{flag}") for flag in FLAGS] == ["1", "0", None]
    assert root.findtext("object/pose") == "Left"
    edges = [root.findtext(f"object/bndbox/{edge}") for edge in ("xmin", "ymin", "xmax", "ymax")]
    assert edges == ["2", "3", "4", "6"]
    assert report.lossy == {"rounded": 1}
    assert (tmp_path / "ImageSets" / "Main" / "default.txt").read_text() == "a\n"


def test_outlines_are_painted_unless_masks_are_off(tmp_path: Path) -> None:
    outline = Polygon([(0, 0), (9, 0), (9, 9)], label="car")
    root, report = write(tmp_path, Sample("a.jpg", [outline], size=(50, 40)))
    assert root.findtext("segmented") == "1"
    assert report.lossy == {"box-added": 1, "outline": 1}
    assert (tmp_path / "SegmentationClass" / "a.png").is_file()

    root, report = write(tmp_path / "b", Sample("a.jpg", [outline], size=(50, 40)), masks=False)
    assert root.findtext("segmented") == "0"
    assert not (tmp_path / "b" / "SegmentationClass").exists()


def test_one_object_costs_no_other(tmp_path: Path) -> None:
    boxes = [Box(1, 2, 0, 4, label="car"), Box(1, 2, 3, 4, label="car"), Group([])]
    mask = Mask([(0, 3)], size=(9, 9), label="car")
    root, report = write(tmp_path, Sample("a.jpg", [*boxes, mask], size=(50, 40)))
    assert len(root.findall("object")) == 2
    assert report.skipped == {"no-area": 1}
    assert report.lossy["mask-size"] == 1


def test_names_of_one_line() -> None:
    report = FormatReport()
    assert clean_name(" a\n b", "a.jpg", report) == "a b"
    assert clean_name("a b", "a.jpg", report) == "a b"
    assert report.lossy == {"characters": 1}
