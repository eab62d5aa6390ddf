"""The base of all annotations."""

from __future__ import annotations

import random
from typing import Any

import attrs
import pytest

import synapse.annotations as annotations
from synapse.annotations import Annotation
from synapse.annotations.base import check_number, make_id
from synapse.errors import FieldValueError


def test_ids_are_new_and_leave_the_programs_random_numbers_alone() -> None:
    random.seed(7)
    expected = random.random()
    random.seed(7)
    ids = {make_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert all(len(one) == 10 and one.isalnum() for one in ids)
    assert random.random() == expected


def test_every_class_reads_and_writes() -> None:
    def subclasses(cls: type) -> set[type]:
        direct = set(cls.__subclasses__())
        return direct | {one for each in direct for one in subclasses(each)}

    shared = {field.name for field in attrs.fields(Annotation)}
    for cls in subclasses(Annotation):
        if {field.name for field in attrs.fields(cls)} - shared:
            assert cls._read.__func__ is not Annotation._read.__func__, cls  # type: ignore[attr-defined] # a class method
            assert cls._write is not Annotation._write, cls


def test_numbers_are_plain_and_finite() -> None:
    assert check_number(2) == 2
    with pytest.raises(FieldValueError, match="not a number"):
        check_number("2")
    with pytest.raises(FieldValueError, match="inf"):
        check_number(float("inf"))


TEXTS = [
    (cls, field.name)
    for cls in (
        *(annotations.Box, annotations.Polygon, annotations.Polyline, annotations.Keypoint),
        *(annotations.Mask, annotations.Label, annotations.Relation, annotations.Group),
        *(annotations.BoxTrack, annotations.FrameSection, annotations.TimeSection),
        *(annotations.TimeRange, annotations.Cuboid, annotations.PointSet),
        *(annotations.NamedEntity, annotations.Prompt, annotations.Answer),
        annotations.OtherAnnotation,
    )
    for field in attrs.fields(cls)
    if field.type in ("str", "str | None", str, str | None)
]


@pytest.mark.parametrize(("cls", "name"), TEXTS)
@pytest.mark.parametrize("value", [3, 1.5, True, b"car", ["car"]])
def test_text_fields_of_every_class_refuse_other_values(cls: Any, name: str, value: Any) -> None:
    needed = {
        field.name: "a" if field.type in ("str", str) else []
        for field in attrs.fields(cls)
        if field.default is attrs.NOTHING
    }
    needed |= {key: 1 for key in ("x", "y", "width", "height", "start", "end") if key in needed}
    needed |= {key: (1, 2, 3) for key in ("position", "scale") if key in needed}
    needed |= {"frames": {}} if "frames" in needed else {}
    with pytest.raises(FieldValueError, match=rf"^{cls.__name__}\.{name} takes text.*, not "):
        cls(**{**needed, name: value})


def test_the_walk_finds_the_texts() -> None:
    assert {(annotations.Box, "label"), (annotations.Relation, "start_id")} <= set(TEXTS)
    assert len(TEXTS) > 50


@pytest.mark.parametrize("value", [{3: "a"}, [("a", 1)], "ab", 5, None])
def test_attributes_are_a_mapping_by_name(value: Any) -> None:
    with pytest.raises(FieldValueError, match="is not a mapping of attributes"):
        annotations.Box(1, 2, 3, 4, attributes=value)


def test_only_the_label_may_be_none() -> None:
    assert annotations.Box(1, 2, 3, 4, label=None).label is None
    with pytest.raises(FieldValueError, match=r"Box\.id takes text, not None"):
        annotations.Box(1, 2, 3, 4, id=None)  # type: ignore[arg-type] # refused, which is tested
