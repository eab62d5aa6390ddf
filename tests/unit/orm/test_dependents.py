"""Which objects a deletion may reach."""

from __future__ import annotations

from typing import Any

import pytest

from synapse import Assignment, DataCollection, DataUnit, Project, Session, Task
from synapse.orm.dependents import may_depend

FULL = {"project": 5, "data_unit": 6}


@pytest.mark.parametrize(
    ("cls", "row", "gone", "expected"),
    [
        (Task, FULL, (Project, 5), True),
        (Task, {**FULL, "project": "5"}, (Project, 5), True),
        (Task, {**FULL, "project": {"id": 5, "title": "a"}}, (Project, 5), True),
        (Task, FULL, (Project, 7), False),
        (Task, {"data_unit": 6}, (Project, 7), True),  # not known
        (Task, {"project": None, "data_unit": 6}, (Project, 7), False),
        (Task, FULL, (DataUnit, 6), True),
        (Task, FULL, (Task, 1), False),
        (Assignment, {"project": 5, "task": 3}, (Project, 5), True),
        (Assignment, {"project": 7, "task": 3}, (Project, 5), True),  # its task isn't known
        (Project, {"data_collection": 4}, (Task, 1), False),
        (Project, {"data_collection": 4}, (DataCollection, 4), True),
        (Project, {"data_collection": 8}, (DataCollection, 4), False),
    ],
)
def test_relations_decide(
    offline: Session, make: Any, cls: Any, row: Any, gone: Any, expected: bool
) -> None:
    resource = make(cls, **row)
    assert may_depend(resource, *gone, offline.identity.get) is expected


@pytest.mark.parametrize(("collection", "expected"), [(4, True), (8, False)])
def test_objects_between_decide(
    offline: Session, make: Any, collection: int, expected: bool
) -> None:
    unit = make(DataUnit, id=6, data_collection=collection)
    project = make(Project, id=5, data_collection=8)
    task = make(Task, **FULL)
    assert may_depend(task, DataCollection, 4, offline.identity.get) is expected
    del unit, project


def test_unknown_objects_between_count_as_gone(offline: Session, make: Any) -> None:
    assert may_depend(make(Task, **FULL), DataCollection, 4, offline.identity.get)
