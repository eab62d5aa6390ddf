"""Lists of local files."""

from __future__ import annotations

from pathlib import Path

import pytest

from synapse.errors import UsageError
from synapse.transfer.bulk.file_listing import (
    FileListing,
    glob_files,
    is_pattern,
    pattern_root,
    walk_files,
)
from synapse.transfer.bulk.upload_item import ItemFile


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.png", "a/1.png", "a/2.txt", ".hidden", "a/.hidden"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
    return tmp_path


def test_walk_skips_hidden_files_and_loops(folder: Path) -> None:
    (folder / "a" / "loop").symlink_to(folder)

    assert sorted(walk_files(folder)) == ["a/1.png", "a/2.txt", "b.png"]


def test_walk_of_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="can't be read"):
        list(walk_files(tmp_path / "nowhere"))


def test_glob(folder: Path) -> None:
    pattern = f"{folder}/**/*.png"

    assert is_pattern(pattern)
    assert not is_pattern(str(folder))
    assert pattern_root(pattern) == folder
    assert sorted(glob_files(pattern)) == ["a/1.png", "b.png"]


def test_files_of_a_unit_come_together() -> None:
    listing = FileListing(Path("/x"))
    listing.fill(
        [
            ("2", ItemFile("image", "", "image/2.png", 5, 1)),
            ("1", ItemFile("mask", "", "mask/1.png", -1, -1)),
            ("1", ItemFile("image", "", "image/1.png", 3, 1)),
        ]
    )

    assert (listing.files, listing.size) == (3, 8)
    assert [(key, [file.path for file in files]) for key, files in listing] == [
        ("1", ["/x/image/1.png", "/x/mask/1.png"]),
        ("2", ["/x/image/2.png"]),
    ]
    listing.check(["image"])
    with pytest.raises(UsageError, match=r"^1 record has no file for 'mask', .*: 2\. Nothing was"):
        listing.check(["mask"])
    listing.close()


def test_two_files_for_one_specification() -> None:
    listing = FileListing(Path("/x"))
    listing.fill([("1", ItemFile("image", "", name, 1, 1)) for name in ("1.png", "1.jpg")])

    with pytest.raises(UsageError, match=r"more than one file for a specification: 1 \(image\)"):
        listing.check([])
    listing.close()
