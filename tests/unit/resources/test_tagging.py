"""Tagging tasks, one at a time and in batches."""

from __future__ import annotations

from typing import Any

import pytest

from synapse.errors import InvalidQuery, UsageError
from synapse.resources import tagging
from synapse.resources.tagging import TaggableMixin
from synapse.resources.tasks import Task

from .conftest import ScriptedSession


@pytest.fixture
def task(scripted: ScriptedSession) -> Task:
    """A task with the tag 1."""
    return scripted.session.identity.load(Task, [{"id": 5, "tags": [1]}])[0]


def test_tags_of_one_task(scripted: ScriptedSession, task: Task) -> None:
    scripted.reply({})
    scripted.reply({})

    task.tag(2)
    assert (scripted.body, task.tag_ids) == ({"ids": [5], "tags": [2], "action": "add"}, [1, 2])
    task.untag(1, 2)

    assert task.tag_ids == []
    assert scripted.body == {"ids": [5], "tags": [1, 2], "action": "remove"}
    assert scripted.requests == [("POST", "/tasks/set_tags/")] * 2


@pytest.mark.parametrize(
    ("tags", "reason"),
    [((), "No tag to add"), (("urgent",), "'urgent' is not a tag"), ((True,), "is not a tag")],
)
def test_wrong_tags(task: Task, tags: tuple[Any, ...], reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        task.tag(*tags)


def test_tags_of_a_query_in_batches(
    scripted: ScriptedSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tagging, "_BATCH", 2)
    rows = [{"id": number} for number in (1, 2, 3)]
    scripted.reply({"results": rows, "count": 3, "next": None})
    scripted.reply({})
    scripted.reply({})

    assert scripted.session.tasks.filter(project=1).set_tags([7]) == 3
    assert scripted.body == {"ids": [3], "tags": [7], "action": "add"}
    assert len(scripted.requests) == 3


def test_a_whole_manager_and_a_wrong_action(scripted: ScriptedSession) -> None:
    with pytest.raises(InvalidQuery, match="would tag every Task"):
        scripted.session.tasks.set_tags([7])
    with pytest.raises(UsageError, match="Pass 'add' or 'remove'"):
        scripted.session.tasks.all().set_tags([7], "set")  # type: ignore[arg-type]


def test_old_names_of_the_mixins() -> None:
    with pytest.warns(DeprecationWarning, match="Use TaggableMixin instead"):
        assert tagging.Tagged is TaggableMixin
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        _ = tagging.Nothing
