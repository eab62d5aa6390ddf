"""Patterns of paths."""

from __future__ import annotations

import pytest

from synapse.errors import UsageError
from synapse.transfer.bulk.path_patterns import IgnoredFiles, PathPattern, read_match


@pytest.mark.parametrize(
    ("pattern", "path", "unit"),
    [
        # the name of a folder
        ("images", "images/1.png", "1"),
        ("images", "a/images/b/1.png", "a/b/1"),
        ("images", "images/1.nii.gz", "1"),
        ("images", "images/a.b.png", "a.b"),
        ("images", "images/README", "README"),
        ("a/images", "x/a/images/1.png", "x/1"),
        ("images", "xyimages/1.png", None),
        ("images", "images", None),
        # wildcards
        ("*.png", "a/b/1.png", "a/b/1"),
        ("*.png", "1.PNG", "1"),
        ("*.png", "1.jpg", None),
        ("*_m.png", "1_m.png", "1"),
        ("masks/*.png", "masks/a/1.png", None),
        ("masks/**/*.png", "masks/a/b/1.png", "a/b/1"),
        ("masks/**/*.png", "masks/1.png", "1"),
        ("*annot/*.png", "trainannot/1.png", "train/1"),
        ("img_?.png", "img_7.png", "7"),
        ("img_?.png", "img_77.png", None),
        ("img/*", "img/a.jpg", "a.jpg"),
        # any extension
        ("img/*.*", "img/a.jpg", "a"),
        ("img/*.*", "img/a.b.jpg", "a.b"),
        ("img/*.*", "img/a.nii.gz", "a"),
        ("img/*.*", "img/README", None),
        # letters that mean something in expressions
        ("a+(b)/*.png", "a+(b)/1.png", "1"),
        ("*.png", "a\n.png", "a\n"),
    ],
)
def test_unit_of_a_path(pattern: str, path: str, unit: str | None) -> None:
    assert PathPattern(pattern, "image").find_unit(path) == unit


def test_spelling_of_patterns() -> None:
    patterns = read_match({".\\masks\\*.png": "mask", "e\u0301/": "image"}, ["image", "mask"])
    assert [each.text for each in patterns] == ["masks/*.png", "\u00e9"]


@pytest.mark.parametrize("text", ["", "/", "./", " ", None, 7])
def test_patterns_that_are_none(text: object) -> None:
    with pytest.raises(UsageError, match="has the pattern"):
        read_match({text: "image"}, ["image"])


@pytest.mark.parametrize(
    ("pattern", "covered", "others"),
    [
        ("docs", ["docs", "a/docs"], ["docs.txt", "xdocs"]),
        ("*.bak", ["1.bak", "a/1.BAK"], ["1.bak.png"]),
        ("a/*.png", ["a/1.png", "x/a/1.png"], ["a/b/1.png"]),
        ("a/**", ["a/1.png", "a/b/1.png"], ["a"]),
    ],
)
def test_ignored(pattern: str, covered: list[str], others: list[str]) -> None:
    ignored = IgnoredFiles([pattern])
    assert [name for name in [*covered, *others] if ignored.covers(name, is_folder=False)] == (
        covered
    )
    assert ignored.files == len(covered)


def test_notes_name_some_and_count_all() -> None:
    ignored = IgnoredFiles(["x*"])
    for number in range(7):
        assert ignored.covers(f"x{number}", is_folder=False)
        assert ignored.covers(f"{number}/Thumbs.db", is_folder=False)
    assert ignored.covers(".git", is_folder=True)
    assert ignored.files == 14
    assert ignored.notes == [
        ".git/, Thumbs.db: left out, names that are hidden, or that systems make (8).",
        "x0, x1, x2, x3, x4, ...: left out, selected by ignore= (7).",
    ]


def test_hidden_names_that_are_asked_for() -> None:
    assert not IgnoredFiles().covers(".a", is_folder=False, is_hidden=False)
