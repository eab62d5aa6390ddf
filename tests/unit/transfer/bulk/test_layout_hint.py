"""Arguments for folders that were refused; the layouts of data sets are in `tests/behaviour`."""

from __future__ import annotations

import pytest

from synapse.transfer.bulk.layout_hint import LayoutSample
from synapse.transfer.bulk.specification_matcher import Matcher
from synapse.transfer.bulk.upload_item import Specification

IMAGE = Specification("image", "image", is_primary=True)
LABEL = Specification("label", "text")
MASK = Specification("mask", "image")
NOTE = Specification("note", "text", is_required=False)


def suggest(files: list[str], *specifications: Specification, match: object = None) -> str | None:
    matcher = Matcher(specifications, match)  # type: ignore[arg-type] # a mapping or None
    return LayoutSample(files).suggest(matcher)


@pytest.mark.parametrize(
    ("files", "specifications", "expected"),
    [
        (["a/1.jpg", "b/1.txt"], [IMAGE, LABEL], "match={'a/*.jpg': 'image', 'b/*.txt': 'label'}"),
        # several extensions
        (
            ["a/1.jpg", "a/2.png", "b/1.txt", "b/2.txt"],
            [IMAGE, LABEL],
            "match={'a/*.*': 'image', 'b/*.*': 'label'}",
        ),
        # the shared folder only where it matters
        (
            ["x/a/1.jpg", "x/b/1.txt", "y/a/1.jpg", "x/a/2.jpg", "x/b/2.txt"],
            [IMAGE, LABEL],
            "match={'x/a/*.jpg': 'image', 'x/b/*.txt': 'label'}",
        ),
        # a few files too many
        (["1.jpg", "1.txt", "README.txt"], [IMAGE, LABEL], "ignore=['README.txt']"),
        (["1.jpg", "a/b/c.txt", "a/d.txt"], [IMAGE, NOTE], "ignore=['a']"),
        # words that differ from picture to picture
        (
            [*("a/1-dog_rgb.jpg", "a/2-cat_rgb.jpg"), *("b/1-dog_x.txt", "b/2-cat_x.txt")],
            [IMAGE, LABEL],
            "match={'a/*_rgb.jpg': 'image', 'b/*_x.txt': 'label'}",
        ),
        # the partner of one picture in three says nothing about the others
        (
            ["a/1-dog_rgb.jpg", "a/2-cat_rgb.jpg", "a/3-cow_rgb.jpg", "b/1-dog_x.txt"],
            [IMAGE, LABEL],
            None,
        ),
        # nothing helps
        (["1.jpg", "1.txt", "2.jpg"], [IMAGE, LABEL], None),
        (["1.jpg", "2.txt"], [IMAGE, LABEL], None),
        (["1.jpg", *(f"{n}a.txt" for n in range(2, 9))], [IMAGE, NOTE], None),
        (["a*/1.jpg", "b/1.txt"], [IMAGE, LABEL], None),
        ([], [IMAGE, LABEL], None),
        # most pictures have no partner
        ([*(f"a/{n}.jpg" for n in range(9)), "b/1.txt"], [IMAGE, LABEL], None),
    ],
)
def test_suggestions(
    files: list[str], specifications: list[Specification], expected: str | None
) -> None:
    assert suggest(files, *specifications) == expected


def test_patterns_of_the_caller_stay() -> None:
    match = {"*.jpg": "image", "*.txt": "label"}
    assert suggest(["1.jpg", "1.txt", "2.txt"], IMAGE, LABEL, match=match) == "ignore=['2.txt']"
    assert suggest(["a/1.jpg", "b/1.txt"], IMAGE, LABEL, match=match) is None


def test_large_folder_is_sampled_in_pairs() -> None:
    names = range(5000)
    files = [*(f"img/{n}_rgb.png" for n in names), *(f"lbl/{n}_color.png" for n in names)]
    sample = LayoutSample(files)
    assert 200 < len(sample.files) <= 2000
    assert sample.suggest_match([IMAGE, MASK]) == (
        "match={'lbl/*_color.png': 'mask', 'img/*_rgb.png': 'image'}"
    )
