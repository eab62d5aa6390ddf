"""Where the files of a Pascal VOC data set are."""

from __future__ import annotations

from pathlib import Path

from synapse.formats.voc_layout import find_layout


def make(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("<annotation><filename>a.PNG</filename></annotation>")


def test_files_of_a_picture_belong_together(tmp_path: Path) -> None:
    make(
        tmp_path,
        *("Annotations/s/a.xml", "JPEGImages/s/a.jpg", "SegmentationClass/s/a.png"),
        *("Annotations/b.xml", "SegmentationObject/c.png"),
    )
    (tmp_path / "ImageSets/Segmentation").mkdir(parents=True)
    (tmp_path / "ImageSets/Segmentation/test.txt").write_text('"s/a"\r\nmissing\n')
    layout = find_layout(tmp_path)
    assert layout is not None
    found = [
        (each.name, each.split, each.labels is not None, each.image is not None, each.has_masks)
        for each in layout.iterate_entries()
    ]
    assert found == [
        ("b.PNG", None, True, False, False),
        ("c.jpg", None, False, False, True),
        ("missing.jpg", "test", False, False, False),
        ("s/a.jpg", "test", True, True, True),
    ]


def test_nothing_is_no_layout(tmp_path: Path) -> None:
    make(tmp_path, "a.txt", "Annotations/a.json")
    assert find_layout(tmp_path) is None
