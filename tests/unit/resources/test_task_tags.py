"""Tags of tasks."""

from __future__ import annotations

from synapse.resources.task_tags import TaskTag

from .conftest import ScriptedSession


def test_creating_a_tag(scripted: ScriptedSession) -> None:
    scripted.reply({"id": 7, "name": "urgent", "project": 1}, status=201)

    tag = scripted.session.task_tags.create(project=1, name="urgent", color="#ff0000")

    assert (tag.id, tag.project_id) == (7, 1)
    assert scripted.body == {"project": 1, "name": "urgent", "color": "#ff0000"}


def test_tasks_with_a_tag(scripted: ScriptedSession) -> None:
    tag = scripted.session.identity.load(TaskTag, [{"id": 7}])[0]
    scripted.reply({"results": [{"id": 5}], "count": 1, "next": None})

    assert [task.id for task in tag.tasks] == [5]
    assert "tags=7" in scripted.requests[0][1]
