"""Names of an export's files."""

from __future__ import annotations

import pytest

from synapse.errors import UsageError
from synapse.formats import FormatReport, Sample
from synapse.formats.names import check_split, make_class_lines, open_register, unhide


def test_stems_are_given_once() -> None:
    with open_register() as register:
        names = [
            register.choose("a.jpg", "train"),
            register.choose("A.png", "train"),
            register.choose("a.jpg", "val"),
            register.choose("a.jpg", "val"),
            register.choose("a.jpg", "val"),
            register.choose("sub/a.jpg"),
            register.choose("a"),
        ]
    assert names == ["a.jpg", "A_png.png", "a_jpg.jpg", "val_a.jpg", "a_2.jpg", "sub/a.jpg", "a_3"]


def test_names_may_differ_in_the_suffix_only() -> None:
    with open_register() as register:
        names = [register.choose(name, by_stem=False) for name in ("a.jpg", "a.png", "A.jpg")]
    assert names == ["a.jpg", "a.png", "A_jpg.jpg"]


@pytest.mark.parametrize(
    ("name", "expected"), [("a.jpg", "a.jpg"), (".a.jpg", "_a.jpg"), ("x/.y/z.", "x/_y/z.")]
)
def test_names_are_visible(name: str, expected: str) -> None:
    assert unhide(name) == expected


def test_split_is_none_of_the_formats_own_names() -> None:
    with pytest.raises(UsageError, match=r"a\.jpg: split="):
        check_split(Sample("a.jpg", split="names"), frozenset({"names"}))


@pytest.mark.parametrize("split", [None, "train", "hold out-2.b", "größe"])
def test_usual_splits_pass(split: str | None) -> None:
    check_split(Sample("a.jpg", split=split), frozenset({"names"}))


def test_classes_have_one_line_each() -> None:
    report = FormatReport()
    names = ["a b", "a\nb", " cat", "dog\u2028", "x\x85y", "", "bus"]
    assert make_class_lines(names, "classes.txt", report) == [
        *("a b", "a b_2", "cat", "dog", "x y", "_", "bus")
    ]
    assert report.lossy == {"characters": 5}
    assert {each.sample for each in report.details} == {"classes.txt"}
