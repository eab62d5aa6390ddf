"""Walks over local files."""

from __future__ import annotations

import glob
import os
from pathlib import Path
from typing import Any

import pytest

from synapse.errors import UsageError
from synapse.transfer.bulk.file_walk import glob_files, is_pattern, pattern_root, walk_files


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
