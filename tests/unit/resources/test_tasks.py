"""Tasks and their annotation documents."""

from __future__ import annotations

import json
from typing import Any

import pytest

import synapse
from synapse.errors import UsageError
from synapse.resources.tasks import Task

from .conftest import ScriptedSession


def test_annotating(scripted: ScriptedSession) -> None:
    task = scripted.session.identity.load(Task, [{"id": 5, "data": None}])[0]
    scripted.reply({"id": 5, "data": {"annotations": []}, "status": "in_progress"})

    assert task.annotate({"annotations": []}) is task
    assert (task.data, task.status) == ({"annotations": []}, "in_progress")
    assert scripted.requests == [("PUT", "/tasks/5/annotate_task_data/")]


@pytest.mark.parametrize("action", ["submit", "save"])
def test_annotating_sends_the_envelope(server: Any, token: str, action: Any) -> None:
    with synapse.Session(server.url, token, retries=0) as session:
        task = session.identity.load(Task, [{"id": 5, "data": None}])[0]
        server.reply(200, {"id": 5, "status": "in_progress"})

        task.annotate({"n": 1}, action, schema="any")

    assert server.last.target == "/tasks/5/annotate_task_data/?schema=any"
    assert json.loads(server.last.body) == {"action": action, "data": {"n": 1}}
    assert (task.data, task.is_changed) == ({"n": 1}, False)


@pytest.mark.parametrize("values", [{"action": "finish"}, {"schema": "v2"}])
def test_other_words_for_annotating(scripted: ScriptedSession, values: dict[str, Any]) -> None:
    task = scripted.session.identity.load(Task, [{"id": 5}])[0]

    with pytest.raises(UsageError, match=r"is not valid\. Pass"):
        task.annotate({"n": 1}, **values)

    assert scripted.requests == []


def test_a_document_that_is_not_a_mapping(scripted: ScriptedSession) -> None:
    task = scripted.session.identity.load(Task, [{"id": 5}])[0]

    with pytest.raises(UsageError, match=r"document is a int\. Pass a mapping, or a list"):
        task.annotate(5)  # type: ignore[arg-type] # the mistake


def test_the_older_name_of_meta(scripted: ScriptedSession) -> None:
    task = scripted.session.identity.load(Task, [{"id": 5, "metadata": {"a": 1}}])[0]

    assert task.meta == {"a": 1}
