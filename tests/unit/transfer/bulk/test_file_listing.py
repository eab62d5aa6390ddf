"""Lists of local files."""

from __future__ import annotations

from pathlib import Path

import pytest

from synapse.errors import UsageError
from synapse.transfer.bulk.file_listing import FileListing
from synapse.transfer.bulk.specification_matcher import Placement
from synapse.transfer.bulk.upload_item import ItemFile


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
