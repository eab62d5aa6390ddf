"""Upload items: identity, stamp, and comparison with a server's unit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from synapse.transfer.bulk.upload_item import ItemFile, UploadItem, quote_path


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
