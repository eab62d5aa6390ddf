"""What people try that isn't quite right: each is answered with what to write instead."""

from __future__ import annotations

from typing import Any

import pytest

import synapse
from synapse import Project, Session
from synapse.errors import InvalidQuery, ValidationError
from synapse.testing import assert_num_requests


@pytest.mark.parametrize("name", ["url", "host", "token", "timout"])
def test_connect_says_what_an_argument_is_called(name: str) -> None:
    with pytest.raises(TypeError, match=r"did you mean '(base_url|api_token|timeout)'"):
        synapse.connect(**{name: "x"})  # type: ignore[arg-type]


def test_the_errors_that_are_caught_most_are_at_the_top() -> None:
    assert synapse.NotFound is synapse.errors.NotFound
    assert {"NotFound", "ValidationError", "connect"} <= set(dir(synapse))
    assert "importlib" not in dir(synapse)


@pytest.mark.parametrize("tags", ["half", ["half"], [1.5], [True]])
def test_a_tag_is_an_object_or_an_id(session: Session, project: Project, tags: Any) -> None:
    with assert_num_requests(session, 0), pytest.raises(InvalidQuery, match=r"task_tags.get"):
        project.tasks.all().set_tags(tags)


def test_one_tag_needs_no_list(project: Project) -> None:
    tag = project.task_tags.create(name="odd")
    assert project.tasks.all().set_tags(tag) == 2
    assert tag.tasks.count() == 2


def test_a_refused_update_leaves_the_job_as_it_was(session: Session) -> None:
    job = session.plugins.create(name="Detector").run("train")
    assert job.progress is None
    with pytest.raises(ValidationError):
        job.update(progress=150)
    assert job.progress is None
    assert job.changes == {}
    assert job.update(console_logs=["still fine"]).logs()[-1].message == "still fine"


def test_a_refused_update_of_many_leaves_no_edit(project: Project) -> None:
    tasks = list(project.tasks)
    tasks[0].meta["mine"] = 1
    with pytest.raises(ValidationError):
        project.tasks.all().update(priority="urgent")
    assert tasks[0].changes == {"meta": {"mine": 1}}
    assert tasks[1].changes == {}


def test_a_unit_is_made_of_what_the_upload_answered(session: Session, tmp_path: Any) -> None:
    path = tmp_path / "street.txt"
    path.write_text("a street")
    uploaded = session.data_files.upload(path)
    specification = synapse.FileSpecification(name="text", file_type="text")
    collection = session.data_collections.create(
        name="Streets", category="text", file_specifications=[specification]
    )
    unit = collection.data_units.create(files={"text": uploaded})
    (again,) = collection.data_units.bulk_create([{"files": {"text": unit.files["text"]}}])
    for one in (unit, again):
        assert one.files["text"].checksum == uploaded.checksum
        assert one.files["text"].path == "street.txt"
    with pytest.raises(InvalidQuery, match="upload it first"):
        collection.data_units.create(files={"text": path})


def test_values_can_be_read_again_and_have_a_relations_id(
    session: Session, project: Project
) -> None:
    rows = project.tasks.values("status", "project_id")
    assert repr(rows).startswith("<rows of <TaskManager[Task] of Project")
    for _ in range(2):
        with assert_num_requests(session, 1):
            assert list(rows) == [{"status": "pending", "project_id": project.id}] * 2


def test_bytes_are_no_file(session: Session) -> None:
    with pytest.raises(InvalidQuery, match=r"io\.BytesIO"):
        session.data_files.upload(b"abc", name="a.txt")  # type: ignore[arg-type]


def test_an_empty_text_is_not_the_working_folder(session: Session) -> None:
    collection = session.data_collections.create(
        name="A",
        category="text",
        file_specifications=[synapse.FileSpecification(name="text", file_type="text")],
    )
    with pytest.raises(InvalidQuery, match="empty text"):
        collection.upload("")
