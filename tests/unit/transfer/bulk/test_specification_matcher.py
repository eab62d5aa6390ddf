"""Specifications of files, and units of several files."""

from __future__ import annotations

from pathlib import Path

import pytest

from synapse.errors import UsageError
from synapse.transfer.bulk.specification_matcher import (
    Matcher,
    Placement,
    find_core,
    find_mask_folder,
    guess_file_type,
)
from synapse.transfer.bulk.upload_item import Specification

IMAGE = Specification("image", "image", is_primary=True)
MASK = Specification("mask", "image", is_required=False)
LABEL = Specification("label", "text")
META = Specification("meta", "data", is_required=False)


def place(specifications: list[Specification], path: str) -> tuple[str, str] | None:
    found = Matcher(specifications).place(path, f"/photos/{path}")
    return found and (found.specification, found.short)


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
        ("label/1.ann", ("label", "1")),
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
        # by type before the name and the folder
        ("warning_label.png", ("image", "warning_label")),
        ("warning_label.txt", ("label", "warning")),
        ("label/1.png", ("image", "1")),
        ("mask/1.txt", ("label", "1")),
        ("image/mask.txt", ("label", "mask")),
        # without the specification's name in the folder and in the name
        ("image/1_image.png", ("image", "1")),
        ("mask/1_mask.png", ("mask", "1")),
        ("mask/1_image.png", ("mask", "1_image")),
        # without extensions before the last one
        ("1.png.txt", ("label", "1")),
        ("label/1.png.json", ("label", "1")),
        ("1_label.png.json", ("label", "1")),
        ("1.v2.txt", ("label", "1.v2")),
        ("label/1.nii.gz", ("label", "1")),
        # names as people see them
        ("mask/e\u0301.png", ("mask", "\u00e9")),
    ],
)
def test_several_specifications(path: str, expected: tuple[str, str] | None) -> None:
    assert place([IMAGE, MASK, LABEL], path) == expected


def test_data_by_name_only_without_a_type_of_its_own() -> None:
    assert place([IMAGE, META], "cat_meta.png") == ("image", "cat_meta")
    assert place([IMAGE, META], "meta/cat.png") == ("meta", "cat")
    assert place([IMAGE, META], "cat/meta.png") == ("meta", "cat")
    assert place([IMAGE, META], "cat_meta.zip") == ("meta", "cat")
    assert place([IMAGE, META], "cat.png.json") == ("meta", "cat")


def test_name_at_the_end_is_only_cut_from_the_short_key() -> None:
    found = Matcher([IMAGE, LABEL]).place("a/warning_label.txt", "")
    assert found == Placement("label", "a/warning_label", "a/warning")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("trainannot/1.png", True),
        ("masks/1.png", True),
        ("SegmentationClass/1.png", True),
        ("gtFine/a/1.png", True),
        ("x/ground truth/1.png", True),
        ("val_gt/1.png", True),
        ("LabeledApproved_full/1_L.png", True),
        ("1_seg.png", True),
        ("1_parts_2.png", True),
        ("1_seg.jpg", False),
        ("seg.png", False),
        ("1_mask.png", False),
        ("train/1.png", False),
        ("labeled/1.png", False),
        ("weight/1.png", False),
        ("image/masks/1.png", False),
        ("mask/1.png", False),
        ("masks/1.txt", False),
    ],
)
def test_picture_among_annotations_is_doubtful(path: str, expected: bool) -> None:
    found = Matcher([IMAGE, MASK, LABEL]).place(path, "")
    assert found is not None
    assert found.is_doubtful is expected


def test_function_leaves_no_doubt() -> None:
    found = Matcher([IMAGE], lambda _: "image").place("masks/1.png", "")
    assert found == Placement("image", "masks/1.png", "masks/1.png")


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
    assert matcher.place("a/1.png", "/photos/a/1.png") == Placement("mask", "a/1", "a/1")
    assert matcher.place("x.db", "/photos/x.db") is None
    assert seen == [Path("/photos/a/1.png"), Path("/photos/x.db")]


def test_function_names_what_does_not_exist() -> None:
    with pytest.raises(UsageError, match=r"match\(\) named 'photo' for 1\.png; .*'image'"):
        Matcher([IMAGE], lambda _: "photo").place("1.png", "1.png")


def test_collection_without_specifications() -> None:
    with pytest.raises(UsageError, match=r"no file specifications.* such as \[\{"):
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


@pytest.mark.parametrize(
    ("stem", "core"),
    [
        ("1", "1"),
        ("img_1", "img_1"),
        ("gt_img_1", "img_1"),
        ("0001tp_006690_l", "0001tp_006690"),
        ("ade_train_00016869_seg", "ade_train_00016869"),
        ("ade_train_00016869_parts_1", "ade_train_00016869"),
        ("cat_mask", "cat"),
        ("cat_dog", "cat_dog"),
        ("mask", "mask"),
        ("_", "_"),
        ("", ""),
    ],
)
def test_core_of_a_name(stem: str, core: str) -> None:
    assert find_core(stem) == core


@pytest.mark.parametrize(
    ("path", "folder"),
    [
        ("gtFine/train/aachen/1.png", "gtFine"),
        ("a/trainannot/1.png", "a/trainannot"),
        ("a/b/1_seg.png", "a/b"),
        ("1_seg.png", "."),
    ],
)
def test_folder_of_masks(path: str, folder: str) -> None:
    assert find_mask_folder(path) == folder


def test_patterns_decide() -> None:
    matcher = Matcher([IMAGE, LABEL], {"img/*": "image", "ann/*.json": "label"})
    assert matcher.place("ds/img/1.jpg", "") == Placement("image", "ds/1.jpg", "ds/1.jpg")
    assert matcher.place("ds/ann/1.jpg.json", "") == Placement("label", "ds/1.jpg", "ds/1")
    assert matcher.place("ds/1.jpg", "") is None
    single = Matcher([IMAGE], {"img": "image"})
    assert single.place("img/1.jpg", "") == Placement("image", "img/1.jpg", "img/1.jpg")
