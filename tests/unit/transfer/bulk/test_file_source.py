"""Files of a folder: the notes on what is left out, and refusals; pairs are in `test_sources`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from synapse.errors import UsageError
from synapse.transfer.bulk.file_source import FileSource
from synapse.transfer.bulk.file_walk import walk_files
from synapse.transfer.bulk.specification_matcher import Matcher
from synapse.transfer.bulk.upload_item import Specification

IMAGE = Specification("image", "image", is_primary=True)
MASK = Specification("mask", "image", is_required=False)


def check(
    folder: Path, files: list[str], *specifications: Specification, match: Any = None
) -> FileSource:
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    matcher = Matcher(specifications or [IMAGE], match)
    source = FileSource("x", folder, walk_files, folder, matcher, ["old"])
    try:
        source.check()
    finally:
        source.close()
    return source


def test_all_that_is_left_out_is_named(tmp_path: Path) -> None:
    files = [
        *("1.png", "b.txt", "a.txt", "README", "old/1.png", "Thumbs.db", "doc/x.md", "doc/y.txt"),
        *("masks/1.png", "sub/2.png", "sub/note.txt"),
    ]
    source = check(tmp_path, files)
    masks = (
        "masks/: masks were not taken (1), because the names promise annotations of pictures that "
        "are elsewhere. Name the folder after a specification, or pass match=."
    )
    assert source.notes == [
        "Thumbs.db: left out, names that are hidden, or that systems make (1).",
        "old/: left out, selected by ignore= (1).",
        "doc/: no file is for a specification (2).",
        "README, a.txt and 3 more .txt, x.md: not for a specification.",
        masks,
    ]
    assert source.ignored == 8


def test_notes_are_there_after_a_refusal(tmp_path: Path) -> None:
    source = FileSource("x", tmp_path, walk_files, tmp_path, Matcher([IMAGE]), [])
    (tmp_path / "a.txt").touch()
    with pytest.raises(UsageError, match="None of the 1 files"):
        source.check()
    assert source.notes == ["a.txt: not for a specification."]
    source.close()


def test_hidden_files_alone_are_an_empty_folder(tmp_path: Path) -> None:
    assert check(tmp_path, [".git/a.png", "Thumbs.db"]).files == 0


def test_masks_may_be_left_out(tmp_path: Path) -> None:
    files = ["img/1.png", "a/gt/1.png", "b/gt/1.png"]
    with pytest.raises(UsageError) as caught:
        check(tmp_path, files, IMAGE, MASK)
    assert "a/gt/, b/gt/: these pictures may be for 'mask'" in str(caught.value)
    assert "ignore=['a/gt', 'b/gt'] leaves them out." in str(caught.value)


def test_files_that_nothing_joins(tmp_path: Path) -> None:
    optional = [
        Specification("image", "image", is_required=False),
        Specification("note", "text", is_required=False),
    ]
    with pytest.raises(UsageError, match=r"one file, for image or note.* Pass match=\{'a/\*\.png'"):
        check(tmp_path / "x", ["a/1.png", "b/1.txt"], *optional)
    source = check(tmp_path / "y", ["a/1.png", "a/1.txt", "b/2.png", "c/2.txt"], *optional)
    assert source.files == 4
