"""Names of downloaded files."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse.transfer.bulk.layout import build_file_names, build_folder_name


def names(**paths: str | None) -> dict[str, str]:
    return build_file_names({name: {"path": path} for name, path in paths.items()})


def test_names_are_kept() -> None:
    assert names(image="a/1.png", text="notes.txt") == {"image": "1.png", "text": "notes.txt"}


@pytest.mark.parametrize(
    ("one", "other"),
    [("1.png", "1.png"), ("1.png", "1.PNG"), ("é.png", "e\u0301.png"), ("straße", "STRASSE")],
)
def test_names_that_a_file_system_may_take_for_one(one: str, other: str) -> None:
    made = names(image=one, mask=other)
    assert ".image" in made["image"]
    assert ".mask" in made["mask"]
    assert len({name.casefold() for name in made.values()}) == 2


def test_longer_name_may_be_taken_too() -> None:
    made = names(a="x.png", b="x.png", c="x.a.png")
    assert made == {"a": "x.a.2.png", "b": "x.b.png", "c": "x.a.png"}


def test_order_makes_no_difference() -> None:
    assert names(a="x", b="X", c="x.a") == names(c="x.a", b="X", a="x")


@pytest.mark.parametrize("name", ["../../x", "/etc/x", "C:\\x", "..\\x", "a\0/x"])
def test_nothing_leaves_the_folder(name: str) -> None:
    assert names(image=name) == {"image": "x"}


def test_no_name_is_that_of_another_that_is_being_written() -> None:
    made = names(image="x.png", other=".x.png.part", third=".x.png.PART")
    assert made["image"] == "x.png"
    assert not any(name.startswith(".") for name in made.values())


def test_name_that_is_missing() -> None:
    assert build_file_names({"image": {"path": None}, "text": {}, "x": None}) == {
        "image": "image",
        "text": "text",
        "x": "x",
    }


@pytest.mark.parametrize(
    ("unit", "folder"), [(7, "7"), ("../../x", "x"), ("..", "unit"), (None, "None")]
)
def test_folder(unit: object, folder: str) -> None:
    assert build_folder_name(unit) == folder


@given(st.lists(st.text(max_size=300), min_size=1, max_size=6))
def test_any_names(paths: list[str]) -> None:
    made = build_file_names({f"s{number}": {"path": path} for number, path in enumerate(paths)})
    assert len({name.casefold() for name in made.values()}) == len(paths)
    for name in made.values():
        assert 0 < len(name.encode()) <= 255
        assert name not in (".", "..")
        assert not set(name) & set("/\\\0")
