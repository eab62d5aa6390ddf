"""Assignments of tasks to people."""

from __future__ import annotations

from synapse.resources.assignments import Assignment
from synapse.resources.enums import AssignmentStatus

from .conftest import ScriptedSession


def test_a_review(scripted: ScriptedSession) -> None:
    row = {"id": 9, "status": "completed", "task": 5, "reviewer": None}
    assignment = scripted.session.identity.load(Assignment, [row])[0]
    scripted.reply({**row, "status": "rejected", "reviewer": 3})

    assignment.status = AssignmentStatus.REJECTED
    assignment.reviewer = 3
    assignment.save()

    assert scripted.requests == [("PATCH", "/assignments/9/")]
    assert scripted.body == {"status": "rejected", "reviewer": 3}
    assert (assignment.status, assignment.task_id) == (AssignmentStatus.REJECTED, 5)


def test_lists_come_from_the_sdks_own_path(scripted: ScriptedSession) -> None:
    scripted.reply({"results": [], "count": 0, "next": None})

    assert list(scripted.session.assignments.filter(status="pending")) == []
    assert scripted.requests[0][1].startswith("/sdk/assignments/?")
