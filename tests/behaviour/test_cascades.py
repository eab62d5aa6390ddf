"""Deletions and batches reach the objects at hand."""

from __future__ import annotations

from typing import Any

import pytest

from synapse import DataUnit, Project, Session, TaskTag
from synapse.errors import NotFound
from synapse.testing import assert_num_requests


@pytest.fixture
def tag(project: Project) -> TaskTag:
    return project.task_tags.create(name="night")


class TestTags:
    def test_a_batch_of_tags_reaches_held_objects(self, project: Project, tag: TaskTag) -> None:
        one, other = project.tasks
        assert one.tags == []

        project.tasks.filter(id=one.id).set_tags([tag])
        assert one.tags == [tag]
        assert one.tags[0] is tag
        assert other.tags == []

        project.tasks.all().set_tags([tag])
        assert one.tags == other.tags == [tag]

        project.tasks.all().set_tags([tag], action="remove")
        assert one.tags == other.tags == []

    def test_a_batch_of_tags_leaves_unsaved_edits(self, project: Project, tag: TaskTag) -> None:
        task = project.tasks[0]
        task.meta["mine"] = 1
        project.tasks.all().set_tags([tag])
        assert task.changes == {"meta": {"mine": 1}}
        assert task.tags == [tag]

    def test_a_batch_of_tags_reaches_cached_objects(
        self, session: Session, project: Project, tag: TaskTag
    ) -> None:
        task = session.tasks.get(project.tasks[0].id)
        project.tasks.all().set_tags([tag])
        with assert_num_requests(session, 0):
            assert session.tasks.get(task.id).tags == [tag]

    @pytest.mark.parametrize("is_read", [True, False])
    def test_a_deleted_tag_leaves_held_objects(
        self, project: Project, tag: TaskTag, is_read: bool
    ) -> None:
        kept = project.task_tags.create(name="day")
        project.tasks.all().set_tags([tag, kept])
        tasks = list(project.tasks)
        if is_read:
            assert tasks[0].tags == [tag, kept]

        tag.delete()

        assert [task.tags for task in tasks] == [[kept], [kept]]
        assert tasks[0].to_dict()["tags"] == [kept.id]
        assert not tasks[0].is_changed

    def test_deleting_a_query_of_tags_leaves_held_objects(
        self, project: Project, tag: TaskTag
    ) -> None:
        project.tasks.all().set_tags([tag])
        task = project.tasks[0]
        project.task_tags.filter(name="night").delete()
        assert task.tags == []


class TestDeletions:
    def test_tasks_of_a_deleted_project_are_asked_for_again(
        self, session: Session, project: Project
    ) -> None:
        task = session.tasks.get(project.tasks[0].id)
        project.delete()
        with pytest.raises(NotFound):
            session.tasks.get(task.id)

    def test_a_deletion_reaches_over_several_relations(
        self, session: Session, project: Project, unit: DataUnit
    ) -> None:
        task, collection = session.tasks.get(project.tasks[0].id), unit.data_collection
        session.data_units.get(unit.id)
        collection.delete()
        with pytest.raises(NotFound):
            session.data_units.get(unit.id)
        assert session.tasks.get(task.id) is task
        assert task.data_unit_id is None  # this server keeps the task

    def test_what_is_not_related_stays_fresh(self, session: Session, project: Project) -> None:
        other = session.projects.create(title="Other", category="text")
        task, tag = session.tasks.get(project.tasks[0].id), other.task_tags.create(name="x")
        session.projects.get(project.id, refresh=True)
        other.delete()
        with assert_num_requests(session, 0):
            assert session.tasks.get(task.id) is task
            assert session.projects.get(project.id) is project
        with pytest.raises(NotFound):
            session.task_tags.get(tag.id)

    def test_an_object_that_somebody_else_deleted_takes_its_dependents(
        self, session: Session, emulator: Any, project: Project
    ) -> None:
        task = session.tasks.get(project.tasks[0].id)
        with Session(emulator.url, emulator.api_token) as other:
            other.projects.get(project.id).delete()
        with pytest.raises(NotFound):
            project.refresh()
        with pytest.raises(NotFound):
            session.tasks.get(task.id)
