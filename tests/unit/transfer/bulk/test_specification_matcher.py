"""Specifications of files, and units of several files."""

from __future__ import annotations

from pathlib import Path

import pytest

from synapse.errors import UsageError
from synapse.transfer.bulk.specification_matcher import Matcher, guess_file_type
from synapse.transfer.bulk.upload_item import Specification

IMAGE = Specification("image", "image", is_primary=True)
MASK = Specification("mask", "image", is_required=False)
LABEL = Specification("label", "text")
META = Specification("meta", "data", is_required=False)


def place(specifications: list[Specification], path: str) -> tuple[str, str] | None:
    return Matcher(specifications).place(path, f"/photos/{path}")


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("a.png", "image"),
        ("a.JPEG", "image"),
        ("a.b.tiff", "image"),
        ("a.mp4", "video"),
        ("a.flac", "audio"),
        ("a.txt", "text"),
        ("a.json", "text"),
        ("a.pcd", "pcd"),
        ("a.zip", None),
        ("png", None),
        (".png", None),
    ],
)
def test_file_types(path: str, kind: str | None) -> None:
    assert guess_file_type(path) == kind


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a.png", ("image", "a.png")),
        ("mask/a.jpg", ("image", "mask/a.jpg")),
        ("a.txt", None),
        ("README", None),
    ],
)
def test_only_specification(path: str, expected: tuple[str, str] | None) -> None:
    assert place([IMAGE], path) == expected


def test_data_takes_any_file() -> None:
    assert place([META], "a.xyz") == ("meta", "a.xyz")
    assert place([IMAGE, META], "a.xyz") == ("meta", "a")
    assert place([IMAGE, META], "a.png") == ("image", "a")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        # by folder, the nearest one, in any case
        ("images/1.png", ("image", "images/1")),
        ("image/1.png", ("image", "1")),
        ("Mask/1.png", ("mask", "1")),
        ("train/mask/a/1.png", ("mask", "train/a/1")),
        ("image/mask/1.png", ("mask", "image/1")),
        ("label/1.png", ("label", "1")),
        # by name
        ("1/mask.png", ("mask", "1")),
        ("mask.png", ("mask", "")),
        ("1_mask.png", ("mask", "1")),
        ("a/1-MASK.png", ("mask", "a/1")),
        ("1.mask.png", ("mask", "1")),
        ("1__mask.png", ("mask", "1")),
        ("unmask.png", ("image", "unmask")),
        ("_mask.png", ("image", "_mask")),
        # by type
        ("1.png", ("image", "1")),
        ("1.txt", ("label", "1")),
        ("1.tar.txt", ("label", "1.tar")),
        ("1.zip", None),
    ],
)
def test_several_specifications(path: str, expected: tuple[str, str] | None) -> None:
    assert place([IMAGE, MASK, LABEL], path) == expected


def test_longest_name_wins() -> None:
    both = [Specification("mask", "image"), Specification("soft_mask", "image")]
    assert place(both, "1_soft_mask.png") == ("soft_mask", "1")


def test_of_one_type_the_required_one() -> None:
    photo = Specification("photo", "image")
    assert place([photo, MASK], "1.png") == ("photo", "1")


def test_what_could_be_for_several_is_refused() -> None:
    left, right = Specification("left", "image"), Specification("right", "image")
    with pytest.raises(UsageError, match=r"a/1\.png could be for any of left, right"):
        place([left, right], "a/1.png")


def test_function_decides() -> None:
    seen: list[Path] = []

    def match(path: Path) -> str | None:
        seen.append(path)
        return None if path.suffix == ".db" else "mask"

    matcher = Matcher([IMAGE, MASK], match)
    assert matcher.place("a/1.png", "/photos/a/1.png") == ("mask", "a/1")
    assert matcher.place("x.db", "/photos/x.db") is None
    assert seen == [Path("/photos/a/1.png"), Path("/photos/x.db")]


def test_function_names_what_does_not_exist() -> None:
    with pytest.raises(UsageError, match=r"match\(\) named 'photo' for 1\.png; .*'image'"):
        Matcher([IMAGE], lambda _: "photo").place("1.png", "1.png")


def test_collection_without_specifications() -> None:
    with pytest.raises(UsageError, match="no file specifications"):
        Matcher([])


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["image"], "record 3 has no file for 'label', which is required"),
        (["image", "label", "photo"], "record 3 has a file for 'photo'"),
    ],
)
def test_record_is_checked(names: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Matcher([IMAGE, MASK, LABEL]).check("record 3", names)


def test_record_without_files() -> None:
    with pytest.raises(UsageError, match="has no files"):
        Matcher([MASK]).check("record 3", [])
