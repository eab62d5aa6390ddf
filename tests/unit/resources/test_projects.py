"""Projects, as servers of different ages send them."""

from __future__ import annotations

from synapse.resources.enums import AccessLevel
from synapse.resources.projects import Project

from .conftest import ScriptedSession


def test_the_older_name_of_the_title(scripted: ScriptedSession) -> None:
    project = scripted.session.identity.load(Project, [{"id": 1, "name": "Cats"}])[0]

    assert project.title == "Cats"


def test_an_unknown_choice_stays_a_text(scripted: ScriptedSession) -> None:
    rows = [{"id": 1, "access_level": "private"}, {"id": 2, "access_level": "secret"}]

    first, second = scripted.session.identity.load(Project, rows)

    assert first.access_level is AccessLevel.PRIVATE
    assert second.access_level == "secret"


def test_related_managers_filter_by_the_project(scripted: ScriptedSession) -> None:
    project = scripted.session.identity.load(Project, [{"id": 1}])[0]
    for _ in range(4):
        scripted.reply({"results": [], "count": 0, "next": None})

    for manager in (project.tasks, project.task_tags, project.assignments, project.models):
        assert list(manager) == []

    paths = [target.partition("?") for _, target in scripted.requests]
    assert [path for path, _, _ in paths] == [
        "/sdk/tasks/",
        "/task_tags/",
        "/sdk/assignments/",
        "/models/",
    ]
    assert all("project=1" in query for _, _, query in paths)
