"""Changes of annotations: on the newest document, compared, and undone."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import pytest

from synapse.annotations import Annotation, Annotations, Box, Group, Label, Relation
from synapse.display.browse.edits import (
    AnnotationEdit,
    FieldEdit,
    Swap,
    TagEdit,
    _swap,
    remove,
    replace,
)
from synapse.errors import UsageError

CAR, BUS = Box(0, 0, 5, 5, id="a", label="car"), Box(1, 1, 5, 5, id="b", label="bus")
NIGHT = Label(id="c", label="night")
ALL = [CAR, BUS, NIGHT]


def apply(before: Sequence[Annotation], swaps: Sequence[Swap]) -> list[Annotation]:
    after = _swap(before, swaps)
    assert after is not None
    return after


def undo(after: Sequence[Annotation], swaps: Sequence[Swap]) -> list[Annotation]:
    inverse = AnnotationEdit(1, "", tuple(swaps)).invert()
    return apply(after, inverse.swaps)


@pytest.mark.parametrize("old", ALL)
def test_deleted_annotation_comes_back_to_its_place(old: Annotation) -> None:
    swaps = remove(ALL, old)

    after = apply(ALL, swaps)
    assert old not in after
    assert len(after) == 2
    assert undo(after, swaps) == ALL


def test_mentions_are_deleted_too_and_come_back() -> None:
    group = Group(id="g", members=("b", "a", "c"))
    relation = Relation(id="r", start_id="b", end_id="c")
    elsewhere = Group(id="h", members=("b",), medium="image_2")
    before = [CAR, BUS, NIGHT, group, relation, elsewhere]
    swaps = remove(before, BUS)

    after = apply(before, swaps)
    assert after == [CAR, NIGHT, attrs.evolve(group, members=("a", "c")), elsewhere]
    assert undo(after, swaps) == before


def test_mentions_of_an_id_that_others_have_stay() -> None:
    twin = attrs.evolve(BUS, x=9)
    group = Group(id="g", members=("b",))

    assert apply([BUS, twin, group], remove([BUS, twin, group], BUS)) == [twin, group]


def test_others_changes_stay() -> None:
    new = attrs.evolve(BUS, label="truck")
    swaps = replace(ALL, BUS, new)
    added = Box(9, 9, 1, 1, id="z")

    assert apply([added, NIGHT, BUS], swaps) == [added, NIGHT, new]
    assert undo([added, new], swaps) == [added, BUS]


@pytest.mark.parametrize(
    "swaps", [replace(ALL, BUS, attrs.evolve(BUS, label="x")), remove(ALL, BUS)]
)
def test_annotation_that_others_changed_is_refused(swaps: list[Swap]) -> None:
    moved = attrs.evolve(BUS, x=3)

    with pytest.raises(UsageError, match="'bus' was changed elsewhere since it was shown"):
        _swap([CAR, moved], swaps)


def test_change_that_is_stored_already_is_done() -> None:
    new = attrs.evolve(BUS, label="truck")

    assert _swap([CAR, new], replace(ALL, BUS, new)) is None
    assert _swap([CAR], remove(ALL, BUS)) is None
    assert _swap(ALL, [swap.invert() for swap in remove(ALL, BUS)]) is None


def test_relabelling_what_was_deleted_is_refused() -> None:
    with pytest.raises(UsageError):
        _swap([CAR], replace(ALL, BUS, attrs.evolve(BUS, label="truck")))


def test_annotations_are_a_sequence_too() -> None:
    assert apply(Annotations(ALL), remove(Annotations(ALL), CAR)) == [BUS, NIGHT]


def test_fields_and_tags_are_inverted() -> None:
    field = FieldEdit(1, "set status completed", "status", "pending", "completed")
    assert (field.invert().old, field.invert().new) == ("completed", "pending")
    assert field.invert().invert() == field
    tag = TagEdit(1, "tag night", 7, is_added=True)
    assert not tag.invert().is_added
