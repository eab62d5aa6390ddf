"""Tasks and their annotation documents."""

from __future__ import annotations

import pytest

from synapse.errors import UsageError
from synapse.resources.tasks import Task

from .conftest import ScriptedSession


def test_annotating(scripted: ScriptedSession) -> None:
    task = scripted.session.identity.load(Task, [{"id": 5, "data": None}])[0]
    scripted.reply({"id": 5, "data": {"annotations": []}, "status": "in_progress"})

    assert task.annotate({"annotations": []}) is task
    assert (task.data, task.status) == ({"annotations": []}, "in_progress")
    assert scripted.requests == [("PUT", "/tasks/5/annotate_task_data/")]


def test_a_document_that_is_not_a_mapping(scripted: ScriptedSession) -> None:
    task = scripted.session.identity.load(Task, [{"id": 5}])[0]

    with pytest.raises(UsageError, match=r"document is a list\. Pass a mapping"):
        task.annotate([])  # type: ignore[arg-type]


def test_the_older_name_of_meta(scripted: ScriptedSession) -> None:
    task = scripted.session.identity.load(Task, [{"id": 5, "metadata": {"a": 1}}])[0]

    assert task.meta == {"a": 1}
