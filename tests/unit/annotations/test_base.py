"""The base of all annotations."""

from __future__ import annotations

import random

import attrs
import pytest

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
