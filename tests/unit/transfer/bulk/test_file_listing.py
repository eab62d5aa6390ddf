"""Lists of local files."""

from __future__ import annotations

import glob
import os
from pathlib import Path
from typing import Any

import pytest

from synapse.errors import UsageError
from synapse.transfer.bulk.file_listing import (
    FileListing,
    glob_files,
    is_pattern,
    pattern_root,
    walk_files,
)
from synapse.transfer.bulk.specification_matcher import Placement
from synapse.transfer.bulk.upload_item import ItemFile


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.png", "a/1.png", "a/2.txt", ".hidden", "a/.hidden"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
    return tmp_path


def refuse(path: str, error: OSError) -> None:
    raise AssertionError(path) from error


def test_walk_skips_hidden_files_and_loops(folder: Path) -> None:
    (folder / "a" / "loop").symlink_to(folder)
    (folder / "b").symlink_to("a/1.png")

    assert sorted(walk_files(folder, refuse)) == [
        ("a/1.png", False),
        ("a/2.txt", False),
        ("b", True),
        ("b.png", False),
    ]


def test_walk_of_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="can't be read"):
        list(walk_files(tmp_path / "nowhere", refuse))


def find(pattern: str) -> list[str]:
    return sorted(name for name, _ in glob_files(pattern, refuse))


def test_glob(folder: Path) -> None:
    pattern = f"{folder}/**/*.png"

    assert is_pattern(pattern)
    assert not is_pattern(str(folder))
    assert pattern_root(pattern) == folder
    assert find(pattern) == ["a/1.png", "b.png"]


@pytest.mark.parametrize(
    "pattern",
    [
        "*",
        "**",
        "*/*",
        "**/*.png",
        "a/*",
        "[ab]*",
        "*/[12].*",
        ".h*",
        "*/.h*",
        "a*",
        "a/**",
        "**/a/*",
    ],
)
def test_glob_finds_what_python_finds(folder: Path, pattern: str) -> None:
    python = glob.glob(pattern, root_dir=folder, recursive=True)  # noqa: PTH207 - the model
    expected = {name for name in python if (folder / name).is_file()}
    root = pattern_root(pattern)
    assert {str(root / name) for name in find(f"{folder}/{pattern}")} == expected


def test_glob_follows_no_link_to_a_parent(folder: Path) -> None:
    (folder / "self").symlink_to(".")
    (folder / "a" / "up").symlink_to("..")
    assert find(f"{folder}/**/*.png") == ["a/1.png", "b.png"]


def test_glob_compares_letters_as_people_see_them(tmp_path: Path) -> None:
    (tmp_path / "e\u0301.png").touch()
    assert find(f"{tmp_path}/\u00e9*") == ["e\u0301.png"]


@pytest.mark.parametrize("pattern", ["**/*.png", "*/*.png", "*/b/*"])
def test_unreadable_folder_is_told(
    folder: Path, pattern: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = os.scandir

    def scandir(path: str) -> Any:
        if Path(path).name == "a":
            raise PermissionError(13, "Permission denied")
        return scan(path)

    (folder / "c").mkdir()
    (folder / "c" / "3.png").touch()
    monkeypatch.setattr(os, "scandir", scandir)
    told: set[str] = set()
    found = list(glob_files(f"{folder}/{pattern}", lambda path, _: told.add(path)))
    assert told == {str(folder / "a")}
    assert ("c/3.png", False) in found or pattern == "*/b/*"


def build_listing(root: Path, *files: tuple[str, str, str, str]) -> FileListing:
    """Build a listing of files, each with specification, path, key and short key."""
    listing = FileListing(root)
    listing.fill(
        (Placement(name, key, short), ItemFile(name, str(root / path), path, 3, 1), False)
        for name, path, key, short in files
    )
    listing.settle()
    return listing


def units(listing: FileListing) -> dict[str, list[str]]:
    return {key: [file.name for file in files] for key, files in listing}


def test_files_of_a_unit_come_together() -> None:
    listing = build_listing(
        Path("/x"),
        ("image", "image/2.png", "2", "2"),
        ("mask", "mask/1.png", "1", "1"),
        ("image", "image/1.png", "1", "1"),
    )

    assert (listing.files, listing.size) == (3, 9)
    assert [(key, [file.path for file in files]) for key, files in listing] == [
        ("1", ["/x/image/1.png", "/x/mask/1.png"]),
        ("2", ["/x/image/2.png"]),
    ]
    listing.check(["image"])
    with pytest.raises(UsageError, match=r"^1 record has no file for 'mask', .*: 2\. Nothing was"):
        listing.check(["mask"])
    listing.close()


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        # the short key joins a unit, or two short keys are one
        ([("i", "1", "1", "1"), ("m", "1_m", "1_m", "1")], {"1": ["1", "1_m"]}),
        ([("i", "1_i", "1_i", "1"), ("m", "1_m", "1_m", "1")], {"1": ["1_i", "1_m"]}),
        # a file with a partner stays there
        (
            [("i", "1", "1", "1"), ("i", "1_m.png", "1_m", "1_m"), ("m", "1_m", "1_m", "1")],
            {"1": ["1"], "1_m": ["1_m.png", "1_m"]},
        ),
        # a place that is taken, and one that two files want
        (
            [("i", "1", "1", "1"), ("m", "1.m", "1", "1"), ("m", "1_m", "1_m", "1")],
            {"1": ["1", "1.m"], "1_m": ["1_m"]},
        ),
        (
            [("i", "1", "1", "1"), ("m", "1-m", "1-m", "1"), ("m", "1_m", "1_m", "1")],
            {"1": ["1"], "1-m": ["1-m"], "1_m": ["1_m"]},
        ),
    ],
)
def test_short_key(files: list[tuple[str, str, str, str]], expected: dict[str, list[str]]) -> None:
    listing = build_listing(Path("/x"), *files)
    assert units(listing) == expected
    listing.close()


def test_two_files_for_one_specification() -> None:
    files = (("image", name, "1", "1") for name in ("1.png", "1.jpg"))
    listing = build_listing(Path("/x"), *files)

    with pytest.raises(UsageError, match=r"more than one file for a specification: 1 \(image\)"):
        listing.check([])
    listing.close()


@pytest.mark.parametrize(
    ("one", "other"), [("a/1", "A/1"), ("1", "001"), ("1", "1.nii"), ("a_b", "a-b"), ("é", "É")]
)
def test_near_miss_is_noted(one: str, other: str) -> None:
    listing = build_listing(Path("/x"), ("i", "x", one, one), ("m", "y", other, other))
    listing.check([])
    assert len(listing.notes) == 1
    assert one in listing.notes[0]
    assert other in listing.notes[0]
    listing.close()


def test_units_of_the_same_specification_are_no_near_miss() -> None:
    listing = build_listing(Path("/x"), ("i", "x", "a", "a"), ("i", "y", "A", "A"))
    listing.check([])
    assert listing.notes == []
    listing.close()
