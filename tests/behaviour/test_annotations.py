"""Annotations of tasks as objects, through a backend."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

import synapse
from synapse.annotations import Annotations, Box, Group, Keypoint, Label, Mask, write_document
from synapse.errors import FieldValueError, UnknownDocument, UsageError
from synapse.testing import assert_num_requests


@pytest.fixture
def task(project: synapse.Project) -> synapse.Task:
    """A task without annotations."""
    return project.tasks[0]


def test_annotations_are_saved_and_read_back(task: synapse.Task, session: synapse.Session) -> None:
    assert task.annotations == []
    car, nose = Box(10, 20, 30, 40, label="car"), Keypoint(3, 4, label="nose")
    task.annotations = [car, nose, Group([car.id, nose.id]), Mask([(0, 5)])]
    assert task.is_changed
    with assert_num_requests(session, 1):
        task.save()
    task.refresh()
    found = task.annotations
    assert [attrs.evolve(each, medium=None) for each in found][:2] == [car, nose]
    assert found.group_of(found[1]) == found[3]
    assert set(task.data or {}) == {"annotations", "annotationsData", "annotationGroups"}


def test_reading_annotations_costs_the_documents_request(task: synapse.Task, emulator: Any) -> None:
    task.annotate([Box(1, 2, 3, 4, label="car")])
    with synapse.Session(emulator.url, emulator.api_token) as session:
        slim = session.tasks.only("status").get(id=task.id)
        with assert_num_requests(session, 1):
            assert slim.annotations[0].label == "car"
        with assert_num_requests(session, 0):
            assert len(slim.annotations) == 1


def test_annotate_takes_annotations_and_keeps_the_rest(task: synapse.Task) -> None:
    document = write_document([Box(1, 2, 3, 4, id="a", label="car")], sizes={"image_1": (9, 9)})
    task.annotate({**document, "history": [1]})

    task.annotate([*task.annotations, Label(label="rain")], "save")

    task.refresh()
    assert task.status is synapse.TaskStatus.IN_PROGRESS
    assert task.data is not None
    assert task.data["history"] == [1]
    assert task.data["extra"] == {"image_1": {"width": 9, "height": 9}}
    assert [each.label for each in task.annotations] == ["car", "rain"]


def test_annotations_are_values_of_data(project: synapse.Project, unit: synapse.DataUnit) -> None:
    (task,) = project.tasks.bulk_create(
        [{"data_unit": unit, "data": Annotations([Label(label="rain")])}]
    )
    assert task.annotations[0].label == "rain"
    task.data = Annotations([Label(label="snow")])  # type: ignore[assignment] # becomes a document
    task.save()
    assert task.annotations[0].label == "snow"


def test_documents_of_other_forms_are_kept(task: synapse.Task, session: synapse.Session) -> None:
    task.annotate({"anything": [1, 2]})
    with pytest.raises(UnknownDocument, match=rf"Task {task.id}: .*its keys are 'anything'"):
        task.annotations  # noqa: B018 - reading raises
    with assert_num_requests(session, 0):
        with pytest.raises(UnknownDocument, match=rf"Task {task.id}: .*would be lost"):
            task.annotations = [Label(label="rain")]
        with pytest.raises(UnknownDocument, match="would be lost"):
            task.annotate([Label(label="rain")])
    assert task.data == {"anything": [1, 2]}
    assert not task.is_changed
    task.data = write_document([Label(label="rain")])
    task.save()
    assert task.annotations[0].label == "rain"


@pytest.mark.parametrize("document", ["text", 5, None], ids=repr)
def test_impossible_documents_are_refused(
    task: synapse.Task, session: synapse.Session, document: Any
) -> None:
    with assert_num_requests(session, 0), pytest.raises(UsageError, match="list of annotations"):
        task.annotate(document)
    with pytest.raises(FieldValueError, match=r"annotations\[0\] is a dict"):
        task.annotate([{"x": 1}])  # type: ignore[list-item] # the mistake


def test_project_has_classes_and_a_check(project: synapse.Project) -> None:
    project.configuration = {"classification": {"bounding_box": ["car"]}}
    project.save()
    assert [each.name for each in project.classes] == ["car"]
    problems = project.check([Box(0, 0, 5, 5, label="cart"), Box(0, 0, 0, 5, label="car")])
    assert [problem.code for problem in problems] == ["unknown-class", "no-area"]


def test_check_takes_a_task_and_says_what_else_to_pass(
    project: synapse.Project, task: synapse.Task
) -> None:
    assert project.check(task) == project.check(task.data) == []
    task.annotations = [Box(0, 0, 0, 5, label="car")]
    assert "no-area" in [problem.code for problem in project.check(task)]
    for bad in (Box(1, 2, 3, 4), "abc", 5, project):
        with pytest.raises(UsageError, match="Pass a list"):
            project.check(bad)  # type: ignore[arg-type] # refused, which is tested
    with pytest.raises(FieldValueError, match=r"annotations\[0\] is a int"):
        project.check([1])  # type: ignore[list-item] # refused, which is tested


@pytest.mark.parametrize("bad", [None, Box(1, 2, 3, 4), "abc"])
def test_assigning_anything_but_a_list_changes_nothing(task: synapse.Task, bad: Any) -> None:
    task.annotations = [Box(1, 2, 3, 4)]
    with pytest.raises(UsageError, match="Pass a list"):
        task.annotations = bad
    assert len(task.annotations) == 1
