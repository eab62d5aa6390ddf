"""Upload items: identity, stamp, and comparison with a server's unit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from synapse.transfer.bulk.upload_item import ExistingUnit, ItemFile, UploadItem, quote_path
from synapse.transfer.checksum import Checksums, hash_blocks


def build_item(meta: dict[str, Any] | None = None, **changes: Any) -> UploadItem:
    files = [
        ItemFile("mask", "/x/b.png", "b.png", 2, 20, "bb"),
        ItemFile("image", "/x/a.png", "a.png", 1, 10, "aa"),
    ]
    for name, value in changes.items():
        setattr(files[1], name, value)
    return UploadItem("a", files, {"n": 1} if meta is None else meta)


def test_key_depends_on_names_and_meta_only() -> None:
    key = build_item().key

    assert build_item(path="/y/a.png", size=9, changed=9, checksum="cc").key == key
    assert build_item(name="c.png").key != key
    assert build_item(meta={}).key != key


def test_stamp_depends_on_size_and_time() -> None:
    assert build_item().stamp == "1.10 2.20"
    assert build_item(changed=11).stamp == "1.11 2.20"


def test_matches_a_unit_of_the_server() -> None:
    row = {
        "files": {
            "image": {"checksum": "AA", "path": "a.png"},
            "mask": {"checksum": "bb", "path": "renamed.png"},
        },
        "meta": {"n": 1, "added": True},
    }

    assert build_item().matches(row, by_name=False)
    assert not build_item().matches(row, by_name=True)
    assert not build_item(checksum="cc").matches(row, by_name=False)
    assert not build_item(meta={"n": 2}).matches(row, by_name=False)
    assert not build_item().matches({"files": {}}, by_name=False)


def test_key_and_content_have_one_form_of_each_letter() -> None:
    one, other = build_item(name="\u00e9.png"), build_item(name="e\u0301.png")
    assert (one.key, one.content) == (other.key, other.content)


def build_unit(item: UploadItem, **changes: Any) -> ExistingUnit:
    files = {
        file.specification: {"checksum": file.checksum.upper(), "path": file.name, "size": 1}
        for file in item.files
    }
    return ExistingUnit.from_row(7, {"files": files, "meta": item.meta, **changes})


@pytest.mark.parametrize(
    ("meta", "stored"),
    [
        ({"a": 1, "b": [2]}, {"b": [2.0], "a": 1.0}),
        ({"a": 1e300}, {"a": 10**300}),
        ({"a": -0.0}, {"a": 0}),
        ({"a": 0.1}, {"a": 0.1}),
        ({"a": 5e-324}, {"a": 5e-324}),
        ({}, None),
    ],
)
def test_equal_unit(meta: dict[str, Any], stored: Any) -> None:
    item = build_item(meta=meta)
    unit = build_unit(item, meta=stored)
    assert unit.content == item.content
    assert item.is_equal(unit.checksums)


@pytest.mark.parametrize(
    ("meta", "stored"),
    [
        ({"a": 1}, {"a": True}),
        ({"a": 1}, {"a": "1"}),
        ({"a": 0}, {"a": False}),
        ({"a": 0}, {"a": None}),
        ({"a": 0}, {}),
        ({}, {"a": 1}),
        ({"a": [1]}, {"a": ["1"]}),
        ({"a": 2**53}, {"a": 2**53 + 1}),
        ({"a": 10}, {"a": 1}),
        ({"a": []}, {"a": {}}),
        ({}, [1]),
        ({}, "x"),
    ],
)
def test_unit_of_other_meta(meta: dict[str, Any], stored: Any) -> None:
    item = build_item(meta=meta)
    assert build_unit(item, meta=stored).content != item.content


@pytest.mark.parametrize("files", [None, [], {}, {"image": None}, {"image": {"path": "a.png"}}])
def test_unit_of_other_files(files: Any) -> None:
    item = build_item()
    unit = build_unit(item, files=files)
    assert unit.content != item.content or not item.is_equal(unit.checksums)


def test_unit_of_other_bytes() -> None:
    unit = build_unit(build_item())
    assert build_item().is_equal(unit.checksums)
    assert not build_item(checksum="cc").is_equal(unit.checksums)


def test_changed_file(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_text("a")
    file = ItemFile("image", str(path), "a.png")
    file.read_status()

    assert file.size == 1
    assert not file.has_changed()
    path.write_text("ab")
    assert file.has_changed()
    path.unlink()
    assert not file.has_changed()


def test_quote_path() -> None:
    assert quote_path("a b.png") == "a b.png"
    assert quote_path("a\nb.png") == r"'a\nb.png'"


def test_checksums_survive_in_the_journal() -> None:
    file = ItemFile("image", "a.png", "a.png", checksum="m", sha1="s", server_checksum="s")
    text = UploadItem("a", [file], {}).dump_checksums()
    other = UploadItem("a", [ItemFile("image", "a.png", "a.png")], {})

    assert not other.has_checksums(text)
    other.load_checksums(text)

    assert other.has_checksums(text)
    assert (other.files[0].known_checksums, other.files[0].server_checksum) == (
        Checksums("m", "s"),
        "s",
    )
    assert other.body(1)["files"]["image"]["checksum"] == "s"


def test_older_journal_has_the_md5_alone() -> None:
    item = UploadItem("a", [ItemFile("image", "a.png", "a.png")], {})

    item.load_checksums('{"image": "m"}')

    assert item.has_checksums('{"image": "m"}')
    assert (item.files[0].checksum, item.files[0].sha1) == ("m", "")
    assert item.body(1)["files"]["image"]["checksum"] == "m"


@pytest.mark.parametrize("kind", ["md5", "sha1"])
def test_units_match_by_either_kind(kind: str) -> None:
    found = hash_blocks([b"abc"])
    other = hash_blocks([b"abd"])
    file = ItemFile("image", "a", "a", checksum=found.md5, sha1=found.sha1)
    item = UploadItem("a", [file], {})

    for checksums, is_same in ((found, True), (other, False)):
        value = getattr(checksums, kind).upper()
        row = {"files": {"image": {"checksum": value, "path": "a"}}}
        assert item.matches(row, by_name=True) is is_same
        assert item.is_equal({"image": value}) is is_same
    assert not item.is_equal({})
    assert not item.is_equal({"other": found.md5})
