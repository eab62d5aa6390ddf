"""Sources of upload items."""

from __future__ import annotations

import json
import os
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from synapse.errors import FieldValueError, MissingExtra, UsageError
from synapse.transfer.bulk.sources import LOOKAHEAD, RefusedItem, open_source
from synapse.transfer.bulk.specification_matcher import Matcher
from synapse.transfer.bulk.upload_item import Specification, UploadItem

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
        assert [record.files[0].name for record in read(tmp_path / "a")] == [
            "1.png",
            "away.png",
            "self.png",
            "there/2.png",
            "up/other/2.png",
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

    def test_folder_that_cannot_be_read(self, tmp_path: Path) -> None:
        touch(tmp_path, "a/1.png")
        (tmp_path / "a").chmod(0)
        try:
            if os.access(tmp_path / "a", os.R_OK):
                pytest.skip("this user may read everything")
            with pytest.raises(UsageError, match="a can't be read"):
                read(tmp_path)
        finally:
            (tmp_path / "a").chmod(0o700)

    def test_function(self, tmp_path: Path) -> None:
        touch(tmp_path, "1.dat", "2.tmp")
        records = read(tmp_path, match=lambda path: "image" if path.suffix == ".dat" else None)
        assert names(records) == [{"image": "1.dat"}]


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
        assert peak(20 * LOOKAHEAD) < peak(2 * LOOKAHEAD) + 4_000_000

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
        path.write_text("image,note\n1.png,\n")
        assert names(read(path, IMAGE, NOTE)) == [{"image": "1.png"}]

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
        with pytest.raises(MissingExtra, match=r"synapse-sdk\[parquet\]"):
            read(path)

    @pytest.mark.parametrize(
        ("name", "content", "message"),
        [
            ("x.csv", b"image,n\n1.png\n", "x.csv:2 has another number of columns"),
            ("x.csv", b"image\n1.png,2\n", "x.csv:2 has another number of columns"),
            ("x.csv", b'image\n"1.png', r"x.csv:\d is not valid CSV"),
            ("x.csv", b"image\n\xff.png\n", "isn't UTF-8"),
            ("x.csv", b"photo\n1.png\n", "x.csv:2 has no file for 'image'"),
            ("x.jsonl", b'{"image": "1.png"}\n{"image"', "x.jsonl:2 is not valid JSON"),
            ("x.jsonl", b"[1]", "x.jsonl:1 is not a JSON object"),
            ("x.jsonl", b"[" * 100_000, "x.jsonl:1 is not valid JSON"),
            ("x.csv", b"image,n,n\n1.png,1,2\n", "x.csv has two columns named 'n'"),
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
