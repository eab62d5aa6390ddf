"""A data set names no file outside of its folder, neither when read nor when written."""

from __future__ import annotations

from pathlib import Path

import pytest

from synapse import formats
from synapse.annotations import Box, Label, Mask, Polygon, masks
from synapse.errors import UsageError
from synapse.formats import DataSet, DataSetClass, FormatReport, Sample
from synapse.formats.contained import ContainedSamples, find_roots


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of pictures by class; one is a link to a secret, one a link within the folder."""
    inside = tmp_path / "set" / "cat"
    inside.mkdir(parents=True)
    (inside / "1.png").write_bytes(masks.to_png(((0, 1),), 4, 4))
    (tmp_path / "secret.png").write_bytes(b"secret")
    (inside / "2.png").symlink_to(tmp_path / "secret.png")
    (inside / "3.png").symlink_to("1.png")
    return tmp_path / "set"


def test_links_out_of_the_folder_are_left_out_and_reported(folder: Path) -> None:
    data, report = formats.read(folder, "image_folder")
    images = {sample.name: sample.image for sample in data.samples}
    assert {Path(name).name for name, image in images.items() if image is None} == {"2.png"}
    assert len(images) == 3
    assert report.lossy == {"outside": 1}
    list(data.samples)
    assert report.lossy == {"outside": 1}

    data, report = formats.read(folder, "image_folder", follow_links=True)
    assert all(sample.image for sample in data.samples)
    assert report.lossy == {}


def test_folders_of_arguments_count_too(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "pictures").mkdir()
    image = tmp_path / "pictures" / "a.png"
    image.write_bytes(b"")
    roots = find_roots(tmp_path / "set", {"images": str(tmp_path / "pictures"), "task": "detect"})
    samples = ContainedSamples([Sample("a.png", image=image)], roots, FormatReport())
    assert [sample.image for sample in samples] == [image]


def test_what_a_reader_raises_is_an_error_of_the_data_set(tmp_path: Path) -> None:
    def samples() -> object:
        yield Sample("a.png")
        raise OSError("File name too long")

    contained = ContainedSamples(samples(), (tmp_path,), FormatReport())  # type: ignore[arg-type] # a generator
    with pytest.raises(UsageError, match="can't be read: File name too long"):
        list(contained)


@pytest.mark.parametrize("split", ["../victim", "/any/where", "..", "", "a/b", "a\\b", ".x"])
def test_splits_that_leave_the_folder_are_refused(split: str) -> None:
    with pytest.raises(UsageError, match="can't name a folder"):
        Sample("a.png", split=split)


@pytest.mark.parametrize("name", ["coco", "label_studio"])
def test_what_a_writer_raises_is_an_error_of_the_data_set(tmp_path: Path, name: str) -> None:
    outline = Polygon([(0, 0), (1e308, 0), (1e308, 1e308)], label="a")
    data = DataSet([DataSetClass("a")], [Sample("a.png", [outline], size=(5, 5))])
    with pytest.raises(UsageError, match="can't be written as"):
        formats.write(data, tmp_path / name, name, images="none")


def test_file_is_no_folder_to_write_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UsageError, match="is not a folder"):
        formats.write(DataSet([], []), tmp_path / "file", "coco")


READABLE = sorted(set(formats.FORMATS) - {"webdataset"})


@pytest.mark.parametrize("whole", [False, True], ids=["a picture", "a folder"])
@pytest.mark.parametrize("name", READABLE)
def test_no_reader_follows_links_out_of_the_folder(tmp_path: Path, name: str, whole: bool) -> None:
    picture = tmp_path / "given" / "a.png"
    picture.parent.mkdir()
    picture.write_bytes(masks.to_png(((0, 1),), 8, 8))
    shapes = {
        "image_folder": Label(label="car"),
        "mask_png": Mask([(0, 9)], size=(8, 8), label="car"),
    }
    shape = shapes.get(name, Box(1, 1, 4, 4, label="car"))
    folder = tmp_path / "set"
    sample = Sample("sub/a.png", [shape], size=(8, 8), image=picture, split="train")
    formats.write(DataSet([DataSetClass("car")], [sample]), folder, name)
    written = [path for path in folder.rglob("a.png") if path.read_bytes() == picture.read_bytes()]
    assert written
    for path in written:
        target = path.parent if whole else path
        target.rename(tmp_path / "outside")
        target.symlink_to(tmp_path / "outside")

    data, report = formats.read(folder, name)

    assert [each.image for each in data.samples if each.image] == []
    assert whole or report.lossy["outside"] == 1
    data, _ = formats.read(folder, name, follow_links=True)
    if not whole:
        assert [each.image for each in data.samples if each.image]
