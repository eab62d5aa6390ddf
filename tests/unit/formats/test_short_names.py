"""Samples whose names are short enough for files."""

from __future__ import annotations

from pathlib import Path

import pytest

from synapse import formats
from synapse.annotations import Box, Label
from synapse.errors import UsageError
from synapse.formats import FORMATS, DataSet, DataSetClass, FormatReport, Sample
from synapse.formats.short_names import ShortSamples, shorten

LONG = 300 * "x"


@pytest.mark.parametrize("name", ["a.jpg", "a/b/c.jpg", 176 * "x" + ".jpg", 90 * "é"])
def test_short_names_stay(name: str) -> None:
    assert shorten(name) == name


@pytest.mark.parametrize(
    "name",
    [
        f"{LONG}.jpg",
        f"a/{LONG}/b.jpg",
        200 * "日" + ".jpg",
        f"a.{LONG}",
        "/".join(900 * "ab") + ".jpg",
    ],
)
def test_long_names_are_cut(name: str) -> None:
    short = shorten(name)
    assert max(len(part.encode()) for part in short.split("/")) <= 180
    assert len(short.encode()) <= 1000
    assert short.endswith(".jpg") == name.endswith(".jpg")
    assert short == shorten(name) == shorten(short)
    assert short != shorten(f"y{name}")


def test_names_and_splits_are_reported() -> None:
    report = FormatReport()
    given = [Sample(f"{LONG}{end}.jpg", split=LONG) for end in "ab"]
    samples = list(ShortSamples([*given, Sample("c.jpg", split="val")], report))
    assert len({each.name for each in samples}) == 3
    assert samples[0].split == samples[1].split == shorten(LONG)
    assert samples[2] == Sample("c.jpg", split="val")
    assert report.lossy == {"renamed": 4}


@pytest.mark.parametrize("name", FORMATS)
def test_formats_write_pictures_of_long_names(tmp_path: Path, name: str) -> None:
    source = tmp_path / "source.jpg"
    source.write_bytes(b"a picture")
    annotations = [Box(1, 1, 3, 3, label="car"), Label(label="car"), Label(label=LONG)]
    samples = [
        Sample(f"{LONG}{end}.jpg", annotations[:2], size=(9, 9), image=source) for end in "ab"
    ]
    samples.append(Sample("c.jpg", annotations[2:], size=(9, 9), image=source, split=LONG))
    data = DataSet([DataSetClass("car"), DataSetClass(LONG)], samples)
    report = formats.write(data, tmp_path / "set", name)
    assert report.lossy["renamed"] >= 3
    assert report.samples == (2 if name == "image_folder" else 3)


def test_folder_with_too_long_a_path_is_an_error(tmp_path: Path) -> None:
    data = DataSet([DataSetClass("car")], [Sample("a.jpg")])
    with pytest.raises(UsageError, match="too long"):
        formats.write(data, tmp_path / LONG, "coco")
