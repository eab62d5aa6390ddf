"""Names of an export's files."""

from __future__ import annotations

import pytest

from synapse.errors import UsageError
from synapse.formats import Sample
from synapse.formats.names import NameRegister, check_split, unhide
from synapse.formats.yolo_layout import get_label_path


@pytest.mark.parametrize(
    ("name", "expected"), [("a.jpg", "a.jpg"), (".a.jpg", "_a.jpg"), ("x/.y/z.", "x/_y/z.")]
)
def test_names_are_visible(name: str, expected: str) -> None:
    assert unhide(name) == expected


def test_each_name_is_given_once() -> None:
    names = NameRegister()
    assert [names.choose("s/a.jpg") for _ in range(4)] == [
        *("s/a.jpg", "s/a_jpg.jpg", "s/a_2.jpg", "s/a_3.jpg"),
    ]
    assert names.choose("s/A.JPG") == "s/A_4.JPG"
    assert [names.choose("b") for _ in range(2)] == ["b", "b_file"]


def test_name_of_a_source_is_the_same_in_each_order() -> None:
    found = []
    for order in ([1, 2], [2, 1]):
        names = NameRegister()
        names.choose("a.jpg")
        names.choose("a.jpg")
        found.append({number: names.choose("a.jpg", number) for number in order})
    assert found[0] == found[1]


def test_part_of_the_name_is_unique() -> None:
    names = NameRegister(get_label_path)
    assert [names.choose(name) for name in ("a.jpg", "a.png")] == ["a.jpg", "a_png.png"]


@pytest.mark.parametrize("split", ["", "../x", "a/b", ".x", "names", " "])
def test_split_is_checked(split: str) -> None:
    with pytest.raises(UsageError, match=r"a\.jpg: split="):
        check_split(Sample("a.jpg", split=split), frozenset({"names"}))


@pytest.mark.parametrize("split", [None, "train", "hold out-2.b", "größe"])
def test_usual_splits_pass(split: str | None) -> None:
    check_split(Sample("a.jpg", split=split))
