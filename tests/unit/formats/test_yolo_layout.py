"""Folders of YOLO data sets."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from synapse import formats
from synapse.errors import MissingExtra, UsageError
from synapse.formats import FormatReport
from synapse.formats.yolo_layout import (
    YoloSettings,
    find_settings,
    find_sources,
    get_label_path,
    is_within,
    iterate_labels,
    iterate_pictures,
    load_yaml,
    read_settings,
)


def make_files(folder: Path, *names: str, **texts: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("")
    for name, text in texts.items():
        (folder / name.replace("_", ".")).write_text(text)


def list_names(folder: Path, report: FormatReport | None = None) -> list[tuple[str | None, str]]:
    sources = find_sources(folder, read_settings(folder), report or FormatReport())
    return [
        (source.split, name)
        for source in sources
        for name, path in iterate_pictures(folder, source)
        if path is not None
    ]


@pytest.mark.parametrize(
    ("picture", "label"),
    [
        ("images/train/a.jpg", "labels/train/a.txt"),
        ("train/images/a.jpg", "train/labels/a.txt"),
        ("images/train/images/a.jpg", "images/train/labels/a.txt"),
        ("images/myimages/a.b.jpg", "labels/myimages/a.b.txt"),
        ("obj_train_data/a.png", "obj_train_data/a.txt"),
        ("images/.asdf.jpg", "labels/.asdf.txt"),
        ("images/a", "labels/a.txt"),
    ],
)
def test_label_is_at_the_last_images_folder(picture: str, label: str) -> None:
    assert get_label_path(picture) == label


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("[car, 'no']", ("car", "no")),
        ("{0: car, 1: bus}", ("car", "bus")),
        ("{1: bus, 0: car}", ("car", "bus")),
        ("{'0': car}", ("car",)),
        ("[car, 7]", ("car", "7")),
        ("[]", ()),
    ],
)
def test_names_are_a_list_or_a_mapping(
    tmp_path: Path, names: str, expected: tuple[str, ...]
) -> None:
    make_files(tmp_path, data_yaml=f"train: images\nnames: {names}\n")
    assert read_settings(tmp_path).names == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("names: {1: car, 7: bus}", "the keys of names are .* not category ids"),
        ("names: {a: car}", "aren't numbers"),
        ("names: car", "neither a list nor a mapping"),
        ("names: [[car]]", "neither a list nor a mapping"),
        ("names: [car, car]", "'car' twice"),
        ("names: [car, '']", "an empty name"),
        ("names: [yes, car]", "reads as true or false"),
        ("names: [car, null]", "reads as null"),
        ("names: {0: car, 1: 2024-01-31}", "reads as a date"),
        ("names: {0: car, 1: bus, 1: van}", "line 2: the key '1' is there twice"),
        ("names: [car]\nnc: 3", "nc is 3, but names has 1"),
        ("names: [car]\nkpt_shape: [17]", "kpt_shape is"),
        ("names: [car]\nkpt_shape: [0, 3]", "kpt_shape is"),
        ("names: [car]\nkpt_shape: [10001, 3]", "at most 10000 joints"),
        ("names: [car]\nkpt_names: nose", "kpt_names is not"),
        ("names: [car]\npath: [a]", "path is"),
        ("names: [car", "not valid YAML"),
        ("names: !!python/object/apply:os.system [ls]", "not valid YAML"),
        ("names: " + "[" * 1500, "not valid YAML"),
    ],
)
def test_invalid_settings_are_refused(tmp_path: Path, text: str, message: str) -> None:
    make_files(tmp_path, data_yaml=f"train: images\n{text}\n")
    with pytest.raises(UsageError, match=message):
        read_settings(tmp_path)


def test_yaml_is_a_mapping(tmp_path: Path) -> None:
    make_files(tmp_path, data_yaml="- 1\n")
    with pytest.raises(UsageError, match="not a mapping"):
        load_yaml(tmp_path / "data.yaml")


def test_missing_yaml_library_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    make_files(tmp_path, data_yaml="train: images\nnames: [car]\n")
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(MissingExtra, match=r"Reading data\.yaml .*pip install .*\[plugins\]"):
        read_settings(tmp_path)


def test_joints_have_names(tmp_path: Path) -> None:
    text = "train: images\nnames: [a, b]\nkpt_shape: [2, 3]\nkpt_names: {1: [nose, 7]}\n"
    make_files(tmp_path, data_yaml=text)
    settings = read_settings(tmp_path)
    assert (settings.shape, settings.joints) == ((2, 3), {1: ("nose", "7")})


@pytest.mark.parametrize(
    "text",
    [
        "train: images/train\nval: images/val",
        "path: .\ntrain: images/train\nval: images/val",
        "path: images\ntrain: train\nval: val",
        "path: ../datasets/coco8\ntrain: images/train\nval: images/val",
        "path: /data/of/another/machine\ntrain: images/train\nval: images/val\ntest:",
        "train: ../images/train\nval: ../images/val",
        "train: .\\images\\train\nval: images/val/",
        "train: [images/train]\nvalid: [images/val]",
    ],
)
def test_paths_of_splits(tmp_path: Path, text: str) -> None:
    folder = tmp_path / "set"
    make_files(folder, "images/train/sub dir/a.jpg", "images/val/b.jpg")
    make_files(folder, data_yaml=f"{text}\nnames: [car]\n")
    assert list_names(folder) == [("train", "sub dir/a.jpg"), ("val", "b.jpg")]


def test_absolute_paths_may_be_in_the_folder(tmp_path: Path) -> None:
    make_files(tmp_path, "images/a.jpg")
    make_files(tmp_path, data_yaml=f"path: {tmp_path}\ntrain: images\nnames: [car]\n")
    assert list_names(tmp_path) == [("train", "a.jpg")]
    make_files(tmp_path, data_yaml=f"train: {tmp_path}/images\nnames: [car]\n")
    assert list_names(tmp_path) == [("train", "a.jpg")]


@pytest.mark.parametrize(
    "text",
    [
        "train: ../other",
        "train: ../other/",
        "train: /etc",
        "train: [images, ../other]",
        "train: images/../../other",
        "test: ../other",
        "path: ..\ntrain: other",
        "path: ../other\ntrain: sub",
        "train: ../gone",
        "train: ..",
    ],
)
def test_settings_that_point_out_of_the_folder_are_refused(tmp_path: Path, text: str) -> None:
    folder = tmp_path / "set"
    make_files(tmp_path, "set/images/a.jpg", "other/b.jpg", "other/sub/c.jpg")
    make_files(folder, data_yaml=f"{text}\nnames: [car]\n")
    with pytest.raises(UsageError, match=r"data\.yaml: .* points out of"):
        list_names(folder)


@pytest.mark.parametrize("value", ["7", "no", "[[images]]", "' '", "[images, {a: 1}]", '"a\\0b"'])
def test_splits_are_texts(tmp_path: Path, value: str) -> None:
    make_files(tmp_path, "images/a.jpg", data_yaml=f"train: {value}\nnames: [car]\n")
    with pytest.raises(UsageError, match="train is"):
        list_names(tmp_path)


def test_missing_folder_of_a_split_is_reported(tmp_path: Path) -> None:
    make_files(tmp_path, "train/images/a.jpg")
    text = "train: ../train/images\nval: valid/images\ntest: ../test/images\nnames: [car]\n"
    make_files(tmp_path, data_yaml=text)
    report = FormatReport()
    assert list_names(tmp_path, report) == [("train", "a.jpg")]
    assert report.skipped == {"no-folder": 2}
    make_files(tmp_path, data_yaml="train: gone\nnames: [car]\n")
    with pytest.raises(UsageError, match="none of the splits' folders"):
        list_names(tmp_path)


def test_several_folders_keep_names_apart(tmp_path: Path) -> None:
    make_files(tmp_path, "one/images/a.jpg", "two/images/a.jpg")
    text = "train: [one/images, two/images, one/images]\nval: one/images\nnames: [car]\n"
    make_files(tmp_path, data_yaml=text)
    assert list_names(tmp_path) == [("train", "one/images/a.jpg"), ("train", "two/images/a.jpg")]


def test_lists_of_pictures(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    make_files(tmp_path, "out.jpg", "set/images/a.jpg", "set/images/b c.jpg", "set/lists/d.jpg")
    lines = ["./images/a.jpg", "", "images\\b c.jpg", "../out.jpg", "/etc/passwd", "images/no.jpg"]
    make_files(folder, data_yaml="train: train.txt\nnames: [car]\n", train_txt="\n".join(lines))
    (source,) = find_sources(folder, read_settings(folder), FormatReport())
    found = [(name, path and path.name) for name, path in iterate_pictures(folder, source)]
    assert found == [
        ("images/a.jpg", "a.jpg"),
        ("images/b c.jpg", "b c.jpg"),
        ("../out.jpg", None),
        ("/etc/passwd", None),
        ("images/no.jpg", None),
    ]
    assert list(iterate_labels(folder, source)) == []


def test_darknet_settings(tmp_path: Path) -> None:
    make_files(tmp_path, "obj_train_data/a.jpg", "obj_train_data/a.txt")
    text = "classes = 1\ntrain = data/train.txt\nnames = data/obj.names\nbackup = backup/\n"
    make_files(tmp_path, obj_data=text, obj_names="car\n", train_txt="data/obj_train_data/a.jpg\n")
    assert read_settings(tmp_path).names == ("car",)
    assert list_names(tmp_path) == [("train", "obj_train_data/a.jpg")]
    (tmp_path / "obj.names").unlink()
    with pytest.raises(UsageError, match="not a file of the folder"):
        read_settings(tmp_path)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["images/a.jpg", "labels/a.txt"], [(None, "a.jpg")]),
        (["images/s/a.jpg", "images/b.jpg", "labels/b.txt"], [(None, "b.jpg"), (None, "s/a.jpg")]),
        (["images/train/a.jpg", "images/val/b.jpg", "labels/x.txt"],
         [("train", "a.jpg"), ("val", "b.jpg")]),
        (["train/images/a.jpg", "train/labels/a.txt", "valid/images/b.jpg", "valid/labels/b.txt"],
         [("train", "a.jpg"), ("val", "b.jpg")]),
    ],
)  # fmt: skip
def test_folders_without_settings(
    tmp_path: Path, files: list[str], expected: list[tuple[str | None, str]]
) -> None:
    make_files(tmp_path, *files, classes_txt="car\n")
    assert list_names(tmp_path) == expected


def test_folder_of_something_else(tmp_path: Path) -> None:
    make_files(tmp_path, config_yaml="name: plugin\nactions: {train: {}}\n")
    assert find_settings(tmp_path) is None
    assert read_settings(tmp_path) == YoloSettings()
    with pytest.raises(UsageError, match="neither a data"):
        find_sources(tmp_path, YoloSettings(), FormatReport())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("names: [car\n", "not valid YAML"),
        ("train images\nnames: [car]\n", "not valid YAML"),
        ("\0\1", "not valid YAML"),
        ("- car\n", "not a mapping"),
        ("", "not a mapping"),
        ("train: images\nnc: 1\n", "data.yaml has no names. Add .* names="),
        ("names: car\n", "neither a list nor a mapping"),
    ],
)
def test_broken_settings_are_told(tmp_path: Path, text: str, message: str) -> None:
    make_files(tmp_path, "images/a.jpg", labels_a_txt="", data_yaml=text)
    (tmp_path / "labels").mkdir()
    assert formats.choose_format(tmp_path) == ("yolo", "data.yaml is broken or lacks a part")
    with pytest.raises(UsageError, match=message):
        formats.read(tmp_path)


def test_settings_of_something_else_are_none(tmp_path: Path) -> None:
    make_files(tmp_path, data_yaml="host: localhost\n")
    assert find_settings(tmp_path) is None
    assert formats.recognize(tmp_path) == {}


def test_names_may_be_beside_the_settings(tmp_path: Path) -> None:
    make_files(tmp_path, data_yaml="train: images\n", classes_txt="car\nbus\n")
    assert read_settings(tmp_path).names == ("car", "bus")


def test_settings_may_have_another_name(tmp_path: Path) -> None:
    make_files(tmp_path, "a.yaml", coco8_yaml="names: [car]\ntrain: images\n")
    assert find_settings(tmp_path) == tmp_path / "coco8.yaml"
    make_files(tmp_path, data_yml="names: [car]\ntrain: images\n")
    assert find_settings(tmp_path) == tmp_path / "data.yml"


def test_labels_of_a_split(tmp_path: Path) -> None:
    make_files(tmp_path, "images/train/a.jpg", "labels/train/s/b.txt", "labels/val/c.txt")
    make_files(tmp_path, "labels/train/classes.txt", "labels/train/a.txt")
    make_files(tmp_path, data_yaml="train: images/train\nnames: [car]\n")
    (source,) = find_sources(tmp_path, read_settings(tmp_path), FormatReport())
    assert list(iterate_labels(tmp_path, source)) == ["labels/train/a.txt", "labels/train/s/b.txt"]


def test_place_in_a_folder() -> None:
    assert is_within(Path("/a/b/c"), Path("/a/b"))
    assert not is_within(Path("/a/b/../c"), Path("/a/b"))
    assert not is_within(Path("/a/bc"), Path("/a/b"))


def test_aliases_are_refused(tmp_path: Path) -> None:
    lines = ["a: &a [1, 1, 1, 1, 1, 1, 1, 1]", "b: &b [*a, *a, *a, *a]", "names: *b"]
    (tmp_path / "data.yaml").write_text("\n".join(lines))
    with pytest.raises(UsageError, match="has aliases"):
        load_yaml(tmp_path / "data.yaml")


def test_many_names_are_compared_at_once(tmp_path: Path) -> None:
    names = [f"class {number}" for number in range(100_000)]
    (tmp_path / "classes.txt").write_text("\n".join(names))
    assert read_settings(tmp_path).names == tuple(names)
