"""Sources of upload items."""

from __future__ import annotations

import csv
import json
import os
import sys
import tracemalloc
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse.errors import FieldValueError, MissingExtra, UsageError
from synapse.transfer.bulk.file_listing import FileListing
from synapse.transfer.bulk.sources import LOOKAHEAD, RefusedItem, open_source
from synapse.transfer.bulk.specification_matcher import Matcher
from synapse.transfer.bulk.upload_item import ItemFile, Specification, UploadItem

IMAGE = Specification("image", "image", is_primary=True)
LABEL = Specification("label", "text")
NOTE = Specification("note", "text", is_required=False)


def read(source: Any, *specifications: Specification, match: Any = None) -> list[Any]:
    """Check a source, and return all items."""
    opened = open_source(source, Matcher(specifications or [IMAGE], match))
    try:
        opened.check()
        return list(opened)
    finally:
        opened.close()


def names(records: list[UploadItem]) -> list[dict[str, str]]:
    return [{file.specification: file.name for file in record.files} for record in records]


def touch(folder: Path, *paths: str) -> Path:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(path)
    return folder


def lock(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Make a folder unreadable, also for root."""
    scan = os.scandir

    def scandir(path: str) -> Any:
        if Path(path) == folder:
            raise PermissionError(13, "Permission denied")
        return scan(path)

    monkeypatch.setattr(os, "scandir", scandir)


class TestFolder:
    def test_files_in_order(self, tmp_path: Path) -> None:
        touch(tmp_path, "b.png", "a/2.png", "a/1.jpg", "notes.txt", ".hidden.png", ".git/a.png")
        records = read(tmp_path)
        assert names(records) == [{"image": "a/1.jpg"}, {"image": "a/2.png"}, {"image": "b.png"}]
        assert [record.size for record in records] == [7, 7, 5]

    def test_several_are_put_together(self, tmp_path: Path) -> None:
        touch(tmp_path, "images/1.png", "label/1.txt", "images/2.png", "label/2.txt", "x.zip")
        records = read(str(tmp_path), Specification("images", "image"), LABEL)
        assert names(records) == [
            {"images": f"images/{n}.png", "label": f"label/{n}.txt"} for n in (1, 2)
        ]

    def test_missing_one_is_named(self, tmp_path: Path) -> None:
        touch(tmp_path, *(f"a/{n}.png" for n in range(5)), "a/4.txt")
        with pytest.raises(
            UsageError, match=r"4 records have no file for 'label'.*a/0, a/1, a/2, \.\.\."
        ):
            read(tmp_path, IMAGE, LABEL)

    def test_missing_optional_one_is_fine(self, tmp_path: Path) -> None:
        touch(tmp_path, "1.png", "2.png", "2.txt")
        assert len(read(tmp_path, IMAGE, NOTE)) == 2

    def test_two_for_one(self, tmp_path: Path) -> None:
        touch(tmp_path, "1.png", "1.jpg", "1.txt")
        with pytest.raises(UsageError, match=r"1 record has more than one .*: 1 \(image\)"):
            read(tmp_path, IMAGE, LABEL)

    def test_none_fits(self, tmp_path: Path) -> None:
        touch(tmp_path, "1.txt", "2.txt")
        with pytest.raises(UsageError, match="None of the 2 files"):
            read(tmp_path)

    def test_empty_folder(self, tmp_path: Path) -> None:
        assert read(tmp_path) == []

    def test_ignored_are_counted(self, tmp_path: Path) -> None:
        touch(tmp_path, "1.png", "2.txt", "3.txt")
        opened = open_source(tmp_path, Matcher([IMAGE]))
        opened.check()
        assert (opened.ignored, opened.files, opened.size) == (2, 1, 5)
        opened.close()

    @pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
    def test_links(self, tmp_path: Path) -> None:
        touch(tmp_path, "a/1.png", "other/2.png")
        (tmp_path / "a" / "up").symlink_to(tmp_path)
        (tmp_path / "a" / "self").symlink_to("self")
        (tmp_path / "a" / "self.png").symlink_to("self.png")
        (tmp_path / "a" / "away.png").symlink_to(tmp_path / "nowhere")
        (tmp_path / "a" / "there").symlink_to(tmp_path / "other")
        refused, *records = read(tmp_path / "a")
        assert "the link leads nowhere" in str(refused.error)
        assert [record.files[0].name for record in records] == [
            "1.png",
            "away.png",
            "self.png",
            "there/2.png",
        ]

    @pytest.mark.skipif(sys.platform == "win32", reason="its file systems have no such names")
    def test_names_of_any_kind(self, tmp_path: Path) -> None:
        odd = ["line\nbreak.png", "x" * 251 + ".png", "quo'te\".png", " .png", "é\u0301.png"]
        touch(tmp_path, *odd)
        bad = os.fsdecode(b"\xff\xfe.png")
        (tmp_path / bad).write_text("x")
        records = read(tmp_path)
        assert {record.files[0].name for record in records} == {*odd, bad}
        assert all("\n" not in record.label for record in records)
        assert len({record.key for record in records}) == len(odd) + 1

    def test_folder_that_cannot_be_read(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        touch(tmp_path, "1.png", "a/2.png", "b/3.png")
        lock(monkeypatch, tmp_path / "a")
        for source in (tmp_path, f"{tmp_path}/**/*.png", f"{tmp_path}/**"):
            refused, *records = read(source)
            assert names(records) == [{"image": "1.png"}, {"image": "b/3.png"}]
            assert refused.label == str(tmp_path / "a")
            assert "can't be read: Permission denied" in str(refused.error)

    @pytest.mark.parametrize("source", ["{}", "{}/*.png"])
    def test_source_that_cannot_be_read(
        self, tmp_path: Path, source: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        lock(monkeypatch, tmp_path)
        with pytest.raises(UsageError, match="can't be read: Permission denied"):
            read(source.format(tmp_path))

    @pytest.mark.parametrize(
        ("files", "expected"),
        [
            # the type decides before the name
            (
                ["warning.jpg", "warning_label.jpg"],
                [{"image": "warning.jpg"}, {"image": "warning_label.jpg"}],
            ),
            (
                ["warning.jpg", "warning_label.jpg", "warning_label.txt", "warning.txt"],
                [
                    {"image": "warning.jpg", "label": "warning.txt"},
                    {"image": "warning_label.jpg", "label": "warning_label.txt"},
                ],
            ),
            (["road.jpg", "road_label.txt"], [{"image": "road.jpg", "label": "road_label.txt"}]),
            # the name of the specification twice
            (
                ["image/001_image.png", "mask/001_mask.png", "label/001_label.txt"],
                [
                    {
                        "image": "image/001_image.png",
                        "label": "label/001_label.txt",
                        "mask": "mask/001_mask.png",
                    }
                ],
            ),
            (
                ["image/road_label.jpg", "label/road_label.txt"],
                [{"image": "image/road_label.jpg", "label": "label/road_label.txt"}],
            ),
            # two extensions
            (["x.nii.gz", "x.json"], [{"label": "x.json", "scan": "x.nii.gz"}]),
            (["img.png", "img.png.json"], [{"image": "img.png", "label": "img.png.json"}]),
            (["image/1.png", "image/1.json"], [{"image": "image/1.png", "label": "image/1.json"}]),
            (
                ["image/1.png", "label/1.png.json"],
                [{"image": "image/1.png", "label": "label/1.png.json"}],
            ),
            # the forms of a letter
            (
                ["image/\u00e9.png", "mask/e\u0301.png", "\u00e9.txt"],
                [
                    {
                        "image": "image/\u00e9.png",
                        "label": "\u00e9.txt",
                        "mask": "mask/e\u0301.png",
                    }
                ],
            ),
            (
                ["with_mask/1.png", "other/2.png"],
                [{"image": "other/2.png"}, {"image": "with_mask/1.png"}],
            ),
        ],
    )
    def test_pairs(self, tmp_path: Path, files: list[str], expected: list[dict[str, str]]) -> None:
        touch(tmp_path, *files)
        specifications = [
            attrs.evolve(IMAGE, is_required=False),
            Specification("mask", "image", is_required=False),
            Specification("label", "text", is_required=False),
            Specification("scan", "data", is_required=False),
        ]
        assert names(read(tmp_path, *specifications)) == expected
        paths = [tmp_path / name for name in sorted(files)]
        if all("/" not in name for name in files):
            assert names(read(paths, *specifications)) == expected

    def test_masks_are_left_out_and_named(self, tmp_path: Path) -> None:
        touch(tmp_path, "val/1.png", "valannot/1.png", "valannot/2.png", "xml/1.xml", "val/1.xml")
        opened = open_source(tmp_path, Matcher([IMAGE]))
        opened.check()
        assert names(list(opened)) == [{"image": "val/1.png"}]
        assert opened.ignored == 4
        assert [note.partition(":")[0] for note in opened.notes] == [
            "xml/",
            "1.xml and 1 more .xml",
            "valannot/",
        ]
        opened.close()
        assert len(read(tmp_path / "valannot")) == 2
        assert (
            len(read(tmp_path, match=lambda path: "image" if path.suffix == ".png" else None)) == 3
        )

    def test_one_name_in_two_forms(self, tmp_path: Path) -> None:
        touch(tmp_path, "\u00e9.png", "e\u0301.png")
        if len(list(tmp_path.iterdir())) == 1:
            pytest.skip("one name for this file system")
        with pytest.raises(UsageError, match="1 record has more than one file"):
            read(tmp_path)

    @pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
    @pytest.mark.parametrize(
        ("links", "expected"),
        [
            ({"l": "."}, ["a/1.png", "a/2.png"]),
            ({"a/l": "..", "l": "a", "b": "l"}, ["a/1.png", "a/2.png"]),
            ({"b": "a"}, ["a/1.png", "a/2.png"]),
            ({"3.png": "a/1.png", "x": "3.png"}, ["a/1.png", "a/2.png"]),
            ({"b": "../other", "c": "../other/4.png"}, ["a/1.png", "a/2.png", "c"]),
        ],
    )
    def test_each_file_once(
        self, tmp_path: Path, links: dict[str, str], expected: list[str]
    ) -> None:
        folder = tmp_path / "folder"
        touch(folder, "a/1.png", "a/2.png")
        touch(tmp_path, "other/4.png")
        for link, target in links.items():
            (folder / link).symlink_to(target)
        match = lambda _: "image"  # noqa: E731
        for source in (folder, f"{folder}/**"):
            opened = open_source(source, Matcher([IMAGE], match))
            opened.check()
            assert [item.files[0].name for item in opened] == expected
            assert opened.files == len(expected)
            opened.close()

    @pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
    def test_file_that_units_share(self, tmp_path: Path) -> None:
        touch(tmp_path, "1.png", "2.png", "label/1.txt")
        (tmp_path / "label" / "2.txt").symlink_to("1.txt")
        assert names(read(tmp_path, IMAGE, LABEL)) == [
            {"image": f"{n}.png", "label": f"label/{n}.txt"} for n in (1, 2)
        ]

    def test_names_that_nearly_pair_are_told(self, tmp_path: Path) -> None:
        touch(tmp_path, "image/a.png", "label/A.txt")
        with pytest.raises(UsageError, match=r"no file for 'image'.*: A\. .*A and a\."):
            read(tmp_path, IMAGE, LABEL)

    def test_function(self, tmp_path: Path) -> None:
        touch(tmp_path, "1.dat", "2.tmp")
        records = read(tmp_path, match=lambda path: "image" if path.suffix == ".dat" else None)
        assert names(records) == [{"image": "1.dat"}]


def place_all(files: list[str]) -> dict[str, list[str]]:
    """Return the specifications of each unit, by the sorted names of the unit's files."""
    listing = FileListing(Path("/nowhere"))
    matcher = Matcher([IMAGE, attrs.evolve(LABEL, is_required=False)])
    for name in files:
        place = matcher.place(name, name)
        if place is not None:
            listing.fill([(place, ItemFile(place.specification, name, name), False)])
    listing.settle()
    units = {key: [file.name for file in files] for key, files in listing}
    listing.close()
    return units


@given(st.lists(st.text("ab\u00e9_.", min_size=1, max_size=4), min_size=1, max_size=6, unique=True))
def test_pictures_and_texts_of_the_same_name_are_units(stems: list[str]) -> None:
    """Whatever the names: a picture and a text of one name are one unit, however spelt."""
    files = [f"{stem}.png" for stem in stems]
    texts = [unicodedata.normalize("NFD", f"{stem}.txt") for stem in stems]
    for folder in ("", "label/"):
        units = place_all([*files, *(folder + name for name in texts)])
        expected = ([one, folder + other] for one, other in zip(files, texts, strict=True))
        assert sorted(map(sorted, units.values())) == sorted(map(sorted, expected))


@given(st.lists(st.from_regex(r"[ab]{1,2}(_label|_image|\.png)?", fullmatch=True), unique=True))
def test_no_picture_becomes_a_text(stems: list[str]) -> None:
    units = place_all([f"{stem}.jpg" for stem in stems])
    assert sorted(name for names in units.values() for name in names) == sorted(
        f"{stem}.jpg" for stem in stems
    )
    assert all(len(names) == 1 for names in units.values())


class TestPattern:
    def test_files(self, tmp_path: Path) -> None:
        touch(tmp_path, "a/1.png", "a/b/2.png", "3.png", "a/4.txt")
        assert names(read(f"{tmp_path}/**/*.png")) == [
            {"image": "3.png"},
            {"image": "a/1.png"},
            {"image": "a/b/2.png"},
        ]
        assert names(read(f"{tmp_path}/a/?.*")) == [{"image": "1.png"}]

    def test_nothing_matches(self, tmp_path: Path) -> None:
        touch(tmp_path, "a.png")
        with pytest.raises(UsageError, match="No file matches the pattern"):
            read(f"{tmp_path}/*.jpg")

    def test_folder_with_such_a_name(self, tmp_path: Path) -> None:
        touch(tmp_path, "[1]/1.png")
        assert len(read(tmp_path / "[1]")) == 1


class TestPaths:
    @pytest.mark.parametrize("kind", [list, tuple, iter])
    def test_one_specification(self, tmp_path: Path, kind: Any) -> None:
        touch(tmp_path, "a/1.png", "b/1.png")
        records = read(kind([tmp_path / "a/1.png", str(tmp_path / "b/1.png")]))
        assert names(records) == [{"image": "1.png"}] * 2
        assert records[0].key != records[1].key
        assert records[0].size == 7

    def test_neighbours_belong_together(self, tmp_path: Path) -> None:
        touch(tmp_path, "1.png", "1.txt", "2.png", "2.txt")
        records = read(sorted(tmp_path.iterdir()), IMAGE, LABEL)
        assert names(records) == [{"image": f"{n}.png", "label": f"{n}.txt"} for n in (1, 2)]

    def test_missing_one(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="2 has no file for 'label'"):
            read([tmp_path / "1.png", tmp_path / "1.txt", tmp_path / "2.png"], IMAGE, LABEL)

    def test_one_that_fits_nothing(self) -> None:
        with pytest.raises(UsageError, match=r"a\.txt is for no specification"):
            read(["a.txt"])

    def test_one_that_is_no_path(self) -> None:
        with pytest.raises(UsageError, match="item 1 is not a path"):
            read(["a.png", 5])

    def test_wrong_one_beyond_the_window_is_one_failure(self) -> None:
        def paths() -> Iterator[Any]:
            for number in range(LOOKAHEAD + 5):
                yield f"{number}.png"
            yield "x.txt"
            yield 5
            yield "last.png"

        found = read(paths())
        assert len(found) == LOOKAHEAD + 8
        assert [one.label for one in found if isinstance(one, RefusedItem)] == [
            f"item {LOOKAHEAD + 5}",
            f"item {LOOKAHEAD + 6}",
        ]

    def test_path_that_is_not_there_is_for_later(self) -> None:
        assert read(["nowhere.png"])[0].size == 0


class TestRecords:
    def test_records(self) -> None:
        records = read(
            [{"files": {"image": "a.png"}, "meta": {"n": 1}}, {"files": {"image": "b.png"}}]
        )
        assert names(records) == [{"image": "a.png"}, {"image": "b.png"}]
        assert [record.meta for record in records] == [{"n": 1}, {}]
        assert records[0].label == "record 0"

    @pytest.mark.parametrize(
        ("record", "message"),
        [
            ({"files": {}}, "record 1 has no file for 'image'"),
            ({"files": {"photo": "a"}}, "record 1 has a file for 'photo'"),
            ({"image": "a.png"}, "record 1 is not a valid record"),
            ("a.png", "record 1 is not a valid record"),
            ({"files": {"image": 5}}, "record 1: the file for 'image' is not a path"),
            ({"files": {"image": b"a"}}, "record 1: the file for 'image' is not a path"),
            ({"files": {"image": "a"}, "meta": 5}, "record 1: its meta is not a mapping"),
            ({"files": {"image": "a"}, "tags": 5}, "record 1 has 'tags'"),
        ],
    )
    def test_wrong_one_is_found_before(self, record: Any, message: str) -> None:
        good = {"files": {"image": "a.png"}}
        with pytest.raises(UsageError, match=message):
            read([good, record])
        with pytest.raises(UsageError, match=message):
            read(iter([good, record]))

    def test_meta_must_be_json(self) -> None:
        with pytest.raises(FieldValueError, match=r"record 0: meta\.x is "):
            read([{"files": {"image": "a.png"}, "meta": {"x": object()}}])
        with pytest.raises(FieldValueError, match=r"record 0: meta\.x is "):
            read([{"files": {"image": "a.png"}, "meta": {"x": float("nan")}}])
        with pytest.raises(FieldValueError, match=r"record 0: meta\.x is "):
            read([{"files": {"image": "a.png"}, "meta": {"x": "half a pair: \ud83d"}}])

    def test_wrong_one_beyond_the_window_is_one_failure(self) -> None:
        def records() -> Iterator[Any]:
            for number in range(LOOKAHEAD + 10):
                yield {"files": {"image": "a.png"}, "meta": {"n": number}}
                if number == LOOKAHEAD + 5:
                    yield {"files": {}}

        found = read(records())
        refused = [one for one in found if isinstance(one, RefusedItem)]
        assert len(found) == LOOKAHEAD + 11
        assert [one.label for one in refused] == [f"record {LOOKAHEAD + 6}"]
        assert isinstance(refused[0].error, UsageError)

    def test_generator_is_read_as_it_is_used(self) -> None:
        given = 0

        def records() -> Iterator[Any]:
            nonlocal given
            for _ in range(10 * LOOKAHEAD):
                given += 1
                yield {"files": {"image": "a.png"}}

        opened = open_source(records(), Matcher([IMAGE]))
        opened.check()
        assert given == LOOKAHEAD
        iterator = iter(opened)
        for _ in range(LOOKAHEAD + 1):
            next(iterator)
        assert given == LOOKAHEAD + 1

    @pytest.mark.slow
    def test_memory_is_flat(self) -> None:
        def records(count: int) -> Iterator[Any]:
            for number in range(count):
                yield {"files": {"image": f"{number}.png"}, "meta": {"number": number}}

        def peak(count: int) -> int:
            opened = open_source(records(count), Matcher([IMAGE]))
            opened.check()
            tracemalloc.start()
            assert sum(1 for _ in opened) == count
            highest = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            return highest

        # A record takes about a kilobyte; the table of interned names grows now and then.
        assert peak(20 * LOOKAHEAD) < peak(2 * LOOKAHEAD) + 10_000_000

    def test_key_tells_records_apart(self) -> None:
        one = {"files": {"image": "a.png"}, "meta": {"a": 1, "b": 2}}
        same = {"files": {"image": "a.png"}, "meta": {"b": 2, "a": 1}}
        others = [
            {"files": {"image": "a.png"}, "meta": {"a": 1}},
            {"files": {"image": "b.png"}, "meta": {"a": 1, "b": 2}},
            {"files": {"image": "a.png"}},
        ]
        keys = [record.key for record in read([one, same, *others])]
        assert keys[0] == keys[1]
        assert len(set(keys)) == 4


def write(folder: Path, suffix: str, columns: list[str]) -> Path:
    """Write a manifest of one row, which has the number of each column."""
    path = folder / f"x.{suffix}"
    cells = [str(number) for number in range(len(columns))]
    if suffix == "csv":
        path.write_text(f"{','.join(columns)}\n{','.join(cells)}\n")
    elif suffix == "jsonl":
        pairs = (
            f"{json.dumps(name)}: {json.dumps(cell)}"
            for name, cell in zip(columns, cells, strict=True)
        )
        path.write_text("{" + ", ".join(pairs) + "}")
    else:
        import pyarrow as pa
        from pyarrow import parquet

        parquet.write_table(
            pa.Table.from_arrays([pa.array([cell]) for cell in cells], columns), path
        )
    return path


class TestManifest:
    def test_csv(self, tmp_path: Path) -> None:
        path = tmp_path / "list.csv"
        path.write_text('\ufeffimage,label,weather\na/1.png,1.txt,"rain, fog"\n/x/2.png,2.txt,\n')
        records = read(path, IMAGE, LABEL)
        assert names(records) == [
            {"image": "a/1.png", "label": "1.txt"},
            {"image": "2.png", "label": "2.txt"},
        ]
        assert [record.files[0].path for record in records] == [
            str(tmp_path / "a/1.png"),
            "/x/2.png",
        ]
        assert [record.meta for record in records] == [{"weather": "rain, fog"}, {"weather": ""}]

    def test_csv_with_nothing_for_an_optional_one(self, tmp_path: Path) -> None:
        path = tmp_path / "list.csv"
        path.write_text("image,note\n1.png,\n2.png,  \n")
        assert names(read(path, IMAGE, NOTE)) == [{"image": "1.png"}, {"image": "2.png"}]

    def test_lines(self, tmp_path: Path) -> None:
        path = tmp_path / "list.jsonl"
        rows = [
            {"image": "1.png", "score": 0.5},
            {"files": {"image": "2.png"}, "meta": {"deep": {"x": [1]}}, "id": 7},
        ]
        path.write_text("\n\n".join(map(json.dumps, rows)))
        records = read(str(path))
        assert names(records) == [{"image": "1.png"}, {"image": "2.png"}]
        assert [record.meta for record in records] == [{"score": 0.5}, {"deep": {"x": [1]}}]
        assert [record.label for record in records] == ["list.jsonl:1", "list.jsonl:3"]

    def test_parquet(self, tmp_path: Path) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        path = tmp_path / "list.parquet"
        table = pa.table({"image": ["1.png", "2.png"], "score": [0.5, 1.5]})
        parquet.write_table(table, path)
        records = read(path)
        assert names(records) == [{"image": "1.png"}, {"image": "2.png"}]
        assert [record.meta for record in records] == [{"score": 0.5}, {"score": 1.5}]

    def test_parquet_without_the_library(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        path = tmp_path / "list.parquet"
        path.write_bytes(b"PAR1")
        with pytest.raises(MissingExtra, match=r"pip install .*\[parquet\]"):
            read(path)

    @pytest.mark.parametrize("path", ["a\\1.png", " a/1.png", "a\\e\u0301.png", "a/\u00e9.png "])
    @pytest.mark.skipif(sys.platform == "win32", reason="each of these is another file there")
    def test_paths_of_another_system(self, tmp_path: Path, path: str) -> None:
        touch(tmp_path, "a/1.png", "a/\u00e9.png")
        manifest = tmp_path / "x.csv"
        manifest.write_text(f'image\n"{path}"\n', encoding="utf-8")
        (item,) = read(manifest)
        assert item.files[0].size > 0
        assert item.files[0].name in ("a/1.png", "a/\u00e9.png")

    @pytest.mark.skipif(sys.platform == "win32", reason="its file systems have no such names")
    def test_path_that_exists_stays(self, tmp_path: Path) -> None:
        touch(tmp_path, "a\\1.png", "a/1.png")
        (tmp_path / "x.csv").write_text("image\na\\1.png\n")
        assert names(read(tmp_path / "x.csv")) == [{"image": "a\\1.png"}]

    @pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
    def test_columns_that_nearly_have_a_name(self, tmp_path: Path, suffix: str) -> None:
        for column in ("Note", "NOTE", "no te", "n_ote"):
            with pytest.raises(
                UsageError, match=rf"x\.{suffix}:\d has a column '{column}'.*'note'"
            ):
                read(write(tmp_path, suffix, ["image", column]), IMAGE, NOTE)
        for column in (" note", "note\t"):
            (item,) = read(write(tmp_path, suffix, ["image", column]), IMAGE, NOTE)
            assert names([item]) == [{"image": "0", "note": "1"}]
        (item,) = read(write(tmp_path, suffix, ["image", "note", "Note"]), IMAGE, NOTE)
        assert item.meta == {"Note": "2"}
        with pytest.raises(UsageError, match="two columns named 'note'"):
            read(write(tmp_path, suffix, ["image", "note", " note"]), IMAGE, NOTE)
        with pytest.raises(UsageError, match=r"two (columns named|keys are) 'n'"):
            read(write(tmp_path, suffix, ["image", "n", "n"]), IMAGE, NOTE)

    @pytest.mark.parametrize(
        ("row", "files", "meta"),
        [
            ({"image": "1", "meta": {"a": 1}}, {"image": "1"}, {"a": 1}),
            ({"image": "1", "meta": None}, {"image": "1"}, {}),
            ({"image": "1", "meta": "x"}, {"image": "1"}, {"meta": "x"}),
            ({"image": "1", "files": "x"}, {"image": "1"}, {"files": "x"}),
            ({"files": {"image": "1", "note": None}, "meta": {"a": 1}}, {"image": "1"}, {"a": 1}),
            ({"files": {"image": "1"}, "id": 7}, {"image": "1"}, {}),
        ],
    )
    def test_files_and_meta(
        self, tmp_path: Path, row: dict[str, Any], files: dict[str, str], meta: dict[str, Any]
    ) -> None:
        path = tmp_path / "x.jsonl"
        path.write_text(json.dumps(row))
        (item,) = read(path, IMAGE, NOTE)
        assert (names([item]), item.meta) == ([files], meta)

    @pytest.mark.parametrize(
        ("row", "files", "meta"),
        [
            ({"image": "1", "meta": "2", "files": "3"}, {"meta": "2", "files": "3"}, {}),
            ({"files": {"image": "1", "files": "3"}, "meta": {"a": 1}}, {"files": "3"}, {"a": 1}),
            ({"image": "1", "meta": {"a": 1}}, {}, {"a": 1}),
            ({"files": {"image": "1", "meta": "2"}, "meta": {"a": 1}}, {"meta": "2"}, {"a": 1}),
        ],
    )
    def test_specifications_called_files_and_meta(
        self, tmp_path: Path, row: dict[str, Any], files: dict[str, str], meta: dict[str, Any]
    ) -> None:
        path = tmp_path / "x.jsonl"
        path.write_text(json.dumps(row))
        others = [Specification(name, "text", is_required=False) for name in ("files", "meta")]
        (item,) = read(path, IMAGE, *others)
        assert (names([item]), item.meta) == ([{"image": "1", **files}], meta)

    def test_cell_of_any_size(self, tmp_path: Path) -> None:
        path = tmp_path / "x.csv"
        path.write_text(f"image,text\n1.png,{'x' * 500_000}\n2.png,y\n")
        limit = csv.field_size_limit()
        assert [len(item.meta["text"]) for item in read(path)] == [500_000, 1]
        assert csv.field_size_limit() == limit

    def test_line_of_a_row_is_its_first(self, tmp_path: Path) -> None:
        path = tmp_path / "x.csv"
        path.write_text('image,n\n\n1.png,"a\nb"\n,,\n2.png,1\n')
        assert [item.label for item in read(path)] == ["x.csv:3", "x.csv:6"]
        path.write_text('image,n\n1.png,"a\nb"\n2.png,"c\nd\n')
        with pytest.raises(UsageError, match=r"x\.csv:4 is not valid CSV"):
            read(path)

    @pytest.mark.parametrize(
        ("content", "meta", "is_noted"),
        [
            ("image,n,,\n1.png,7,,\n", {"n": "7"}, False),
            ("image,n\n1.png,7,,\n", {"n": "7"}, False),
            (",image,n\n0,1.png,7\n", {"n": "7"}, True),
            ("image, ,n\n1.png,x,7\n", {"n": "7"}, True),
            ("image,n\n,\n  ,\n1.png,7\n\n", {"n": "7"}, False),
        ],
    )
    def test_columns_without_a_name_and_empty_rows(
        self, tmp_path: Path, content: str, meta: dict[str, str], is_noted: bool
    ) -> None:
        path = tmp_path / "x.csv"
        path.write_text(content)
        opened = open_source(path, Matcher([IMAGE]))
        opened.check()
        (item,) = opened
        assert isinstance(item, UploadItem)
        assert (names([item]), item.meta) == ([{"image": "1.png"}], meta)
        assert len(opened.notes) == is_noted

    @pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
    def test_empty_rows(self, tmp_path: Path, suffix: str) -> None:
        path = tmp_path / f"x.{suffix}"
        rows = [{"image": "1.png", "n": 1}, {"image": None, "n": None}, {"image": "2.png", "n": 2}]
        if suffix == "jsonl":
            path.write_text("\n{}\n".join(map(json.dumps, rows)))
        else:
            import pyarrow as pa
            from pyarrow import parquet

            parquet.write_table(pa.Table.from_pylist(rows), path)
        assert names(read(path)) == [{"image": "1.png"}, {"image": "2.png"}]

    @pytest.mark.parametrize("has_pandas", [True, False])
    def test_nanoseconds(
        self, tmp_path: Path, has_pandas: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        if not has_pandas:
            monkeypatch.setitem(sys.modules, "pandas", None)
        moment = 1_800_000_000_123_456_789
        table = pa.table(
            {
                "image": ["1.png", "2.png", "3.png"],
                "at": pa.array([moment, 10**18, None], pa.timestamp("ns")),
                "zoned": pa.array([moment, 10**18, None], pa.timestamp("ns", "Asia/Seoul")),
                "utc": pa.array([moment, 1000, None], pa.timestamp("ns", "UTC")),
                "clock": pa.array([1, 10**9, None], pa.time64("ns")),
                "deep": pa.array(
                    [[{"t": moment}], [], None], pa.list_(pa.struct({"t": pa.timestamp("ns")}))
                ),
                "text": ["2027-01-15 08:00:00.123456789", None, None],
            }
        )
        parquet.write_table(table, tmp_path / "x.parquet")
        first, second, _ = read(tmp_path / "x.parquet")
        assert first.meta == {
            "at": "2027-01-15T08:00:00.123456789",
            "zoned": "2027-01-15T17:00:00.123456789+09:00",
            "utc": "2027-01-15T08:00:00.123456789+00:00",
            "clock": "00:00:00.000000001",
            "deep": [{"t": "2027-01-15T08:00:00.123456789"}],
            "text": "2027-01-15 08:00:00.123456789",
        }
        assert second.meta == {
            "at": "2001-09-09T01:46:40",
            "zoned": "2001-09-09T10:46:40+09:00",
            "utc": "1970-01-01T00:00:00.000001+00:00",
            "clock": "00:00:01",
            "deep": [],
            "text": None,
        }

    def test_times_that_python_lacks(self, tmp_path: Path) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        table = pa.table({"image": ["1.png"], "at": pa.array([2**60], pa.timestamp("us"))})
        parquet.write_table(table, tmp_path / "x.parquet")
        with pytest.raises(UsageError, match=r"x.parquet: the column 'at' can't be read"):
            read(tmp_path / "x.parquet")
        table = pa.table({"image": ["1.png"], "for": pa.array([1], pa.duration("ns"))})
        parquet.write_table(table, tmp_path / "x.parquet")
        with pytest.raises(FieldValueError, match=r"x.parquet:1: meta.for is "):
            read(tmp_path / "x.parquet")

    @pytest.mark.parametrize(
        ("name", "content", "message"),
        [
            ("x.csv", b"image,n\n1.png\n", "x.csv:2 has another number of columns"),
            ("x.csv", b"image\n1.png,2\n", "x.csv:2 has another number of columns"),
            ("x.csv", b'image\n"1.png', r"x.csv:\d is not valid CSV"),
            ("x.csv", b"image\n\xff.png\n", "isn't UTF-8"),
            ("x.csv", b"photo\n1.png\n", "x.csv has no column .* Pass columns=.'photo': 'image'"),
            ("x.jsonl", b'{"image": "1.png"}\n{"image"', "x.jsonl:2 is not valid JSON"),
            ("x.jsonl", b"[1]", "x.jsonl:1 is not a JSON object"),
            ("x.jsonl", b"[" * 100_000, "x.jsonl:1 is not valid JSON"),
            ("x.csv", b"image,n,n\n1.png,1,2\n", "x.csv has two columns named 'n'"),
            ("x.jsonl", b'{"image": "1", "image": "2"}', "x.jsonl:1 .*two keys are 'image'"),
            ("x.jsonl", b'{"image": "1", "meta": {}, "n": 1}', "x.jsonl:1 has 'n'"),
            ("x.parquet", b"PAR1 no it isn't PAR1", "is not valid Parquet"),
        ],
    )
    def test_wrong_ones(self, tmp_path: Path, name: str, content: bytes, message: str) -> None:
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(UsageError, match=message):
            read(path)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("nowhere", "No folder, manifest or pattern 'nowhere'"),
        ("nowhere/*.png", r"No file matches the pattern 'nowhere/\*\.png'"),
        ("x" * 300, "No folder, manifest or pattern 'xxx"),
        ("a\0b", "No folder, manifest or pattern"),
        (5, "A int is not a valid source"),
        (b"photos", "A bytes is not a valid source"),
        ({"files": {}}, "A dict is not a valid source"),
        (None, "A NoneType is not a valid source"),
        (__file__, "is one file. Pass a folder, or a list"),
    ],
)
def test_what_is_no_source(source: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read(source)


def test_nothing() -> None:
    assert read([]) == []
    assert read(iter([])) == []
