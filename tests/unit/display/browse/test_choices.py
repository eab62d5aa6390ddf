"""The classes and tags that the widget offers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import synapse
from synapse import Project, Task
from synapse.annotations import Box, LabelClass, Polygon
from synapse.display.browse.choices import ClassChoices, ProjectChoices, TagChoices
from synapse.errors import UsageError

DECLARED = [
    LabelClass("car", ("bounding_box",)),
    LabelClass("road", ("polygon",)),
    LabelClass("sky", ("polygon", "bounding_box")),
]


@pytest.fixture
def make() -> Iterator[Callable[..., Any]]:
    with synapse.Session("http://127.0.0.1:9", "no-token") as session:

        def load(cls: type[Any], **row: Any) -> Any:
            return session.identity.load(cls, [{"id": 1, **row}])[0]

        yield load
        assert session.request_count == 0


def test_classes_keep_their_numbers() -> None:
    classes = ClassChoices(DECLARED)

    assert [classes.find(name) for name in ("sky", "new", "car", "new", None)] == [2, 3, 0, 3, -1]
    assert [each["name"] for each in classes.describe()] == ["car", "road", "sky", "new"]
    colors = [each["line"] for each in classes.describe()]
    classes.find("another")
    assert [each["line"] for each in classes.describe()][:4] == colors
    assert len(set(colors)) == 4


def test_class_names_are_compared_in_composed_form() -> None:
    assert ClassChoices([LabelClass("é", ())]).find(" e\u0301 ") == 0


def test_classes_are_bounded_and_clean() -> None:
    classes = ClassChoices([LabelClass(f"c{n}", ()) for n in range(499)])

    assert classes.find("x\x00" + "y" * 999) == 499
    assert classes.find("one too many") == -1
    assert len(classes.describe()) == 500
    assert len(classes.describe()[-1]["name"]) == 80
    assert "\x00" not in classes.describe()[-1]["name"]


def test_new_class_must_be_one_of_the_tool() -> None:
    classes = ClassChoices(DECLARED)
    classes.find("seen")

    assert classes.relabel(Box(0, 0, 1, 1), 2) == "sky"
    assert classes.relabel(Polygon([]), 1) == "road"
    assert classes.relabel(Polygon([]), 3) == "seen"
    with pytest.raises(UsageError, match="'bounding_box' doesn't have the class 'road'"):
        classes.relabel(Box(0, 0, 1, 1), 1)


@pytest.mark.parametrize("number", [-1, 3, True, "0", None, 1.0, 10**30, [0]])
def test_unknown_number_is_refused(number: Any) -> None:
    with pytest.raises(UsageError, match="No class has this number"):
        ClassChoices(DECLARED).relabel(Box(0, 0, 1, 1), number)


def test_classes_are_read_once_for_each_project(make: Callable[..., Any]) -> None:
    configuration = {"classification": {"bounding_box": ["zebra"]}}
    projects = [make(Project, id=n, configuration=configuration) for n in range(1, 41)]
    choices = ProjectChoices()

    first = choices.read(make(Task, project=1))
    assert first.find("zebra") == 0
    assert choices.read(make(Task, id=2, project=1)) is first
    for project in projects[1:]:
        choices.read(make(Task, id=project.id + 1, project=project.id))
    assert len(choices._classes) == 32


def test_object_without_a_project_has_the_classes_that_are_seen(make: Callable[..., Any]) -> None:
    assert ProjectChoices().read(make(Task, project=None)).describe() == []


def test_unknown_tag_has_its_id_as_name() -> None:
    assert TagChoices().name(7) == "tag 7"
