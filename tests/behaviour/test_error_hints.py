"""Common mistakes raise an error that shows the correct code."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

import synapse
from synapse import Project, Session
from synapse.errors import UsageError, ValidationError
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
    with assert_num_requests(session, 0), pytest.raises(UsageError, match=r"task_tags.get"):
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
    with pytest.raises(UsageError, match="is a path"):
        collection.data_units.create(files={"text": path})


def test_values_can_be_read_again_and_have_a_relations_id(
    session: Session, project: Project
) -> None:
    rows = project.tasks.values("status", "project_id")
    assert repr(rows).startswith("<rows of <TaskManager[Task] of Project")
    for _ in range(2):
        with assert_num_requests(session, 1):
            assert list(rows) == [{"status": "pending", "project_id": project.id}] * 2


@pytest.mark.parametrize(
    ("filters", "how"),
    [
        ({"pk": 1}, "use id="),
        ({"created__date": "2020-01-01"}, "use created__gte=... and created__lt="),
        ({"status__ne": "pending"}, "the values that are wanted"),
        ({"data_unit__isnull": True}, "the server can't be asked for that"),
        ({"data_unit__id": 1}, "use data_unit=..., with an object or its id"),
        ({"project__title": "A"}, r"project=session\.projects\.filter\(title=\.\.\.\)"),
        ({"priority__icontains": "hi"}, r"search\(\"...\"\)"),
        ({"priority__foo": "hi"}, "use priority=... or priority__in="),
    ],
)
def test_a_filter_of_djangos_is_told_as_one_of_ours(
    project: Project, filters: dict[str, Any], how: str
) -> None:
    with pytest.raises(UsageError, match=how):
        project.tasks.filter(**filters)


def test_what_is_told_for_a_filter_across_a_relation_works(
    session: Session, project: Project
) -> None:
    assert session.tasks.filter(project=session.projects.filter(title=project.title)).count() == 2


def test_a_field_that_cannot_be_filtered_by_brings_no_other_to_mind(project: Project) -> None:
    with pytest.raises(UsageError, match=r"^Task\.data can't be filtered by\. There are"):
        project.tasks.filter(data="x")


@pytest.mark.parametrize("verb", ["order_by", "only", "omit", "values", "expand"])
def test_names_are_not_given_in_a_list(project: Project, verb: str) -> None:
    with pytest.raises(UsageError, match="Pass the names as separate arguments"):
        getattr(project.tasks, verb)(["id", "status"])


def test_relations_of_relations_go_after_a_dot(project: Project) -> None:
    with pytest.raises(UsageError, match=r"'data_unit\.data_collection'"):
        project.tasks.expand("data_unit__data_collection")


def test_there_is_no_length_and_what_there_is_instead(project: Project) -> None:
    session = project._session
    with assert_num_requests(session, 0), pytest.raises(TypeError, match=r"use count\(\)"):
        len(project.tasks)  # type: ignore[arg-type]
    with assert_num_requests(session, 1):
        assert len([*project.tasks]) == 2


def test_a_step_is_for_lists(project: Project) -> None:
    with pytest.raises(UsageError, match=r"list\(query\[0:100\]\)\[::2\]"):
        project.tasks[::2]


def test_in_bulk_takes_objects_for_their_ids(session: Session, project: Project) -> None:
    (first, _) = project.tasks
    assert session.tasks.in_bulk([first]) == {first.id: first}


def test_tags_are_no_manager(project: Project) -> None:
    task = project.tasks[0]
    with pytest.raises(AttributeError, match=r"'add'.*use tag\(\) and untag\(\)"):
        task.tags.add(1)  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match=r"read-only: use tag\(\) and untag\(\)"):
        task.tags = []
    assert not hasattr(task.tags, "__array__")


def test_a_refused_word_brings_those_there_are(session: Session, project: Project) -> None:
    with pytest.raises(
        ValidationError, match=r"category is one of image, .*; did you mean 'image'"
    ):
        session.projects.create(title="A", category="images")
    task = project.tasks[0]
    task.status = "done"
    with pytest.raises(ValidationError, match="status is one of pending, "):
        task.save()


def test_an_unknown_filter_brings_the_names_of_fields(session: Session) -> None:
    with pytest.raises(synapse.InvalidQuery) as caught:
        session.projects.filter(zzz=1).first()
    text = str(caught.value)
    assert "There are: access_level, can_discard, category, " in text
    assert "title, updated; some with __gt, __gte, __in, __lt, __lte. A filter" in text


def test_a_session_completes_what_is_for_its_users(session: Session) -> None:
    names = set(dir(session))
    assert {"projects", "me", "close", "request_count"} <= names
    assert not {"before_lazy_load", "lock", "meet_agent", "saving"} & names
    with pytest.raises(AttributeError, match="There are") as caught:
        _ = session.frobnicate
    assert "before_lazy_load" not in str(caught.value)


def test_bytes_are_no_file(session: Session) -> None:
    with pytest.raises(UsageError, match=r"io\.BytesIO"):
        session.data_files.upload(b"abc", name="a.txt")  # type: ignore[arg-type]


def test_an_empty_text_is_not_the_working_folder(session: Session) -> None:
    collection = session.data_collections.create(
        name="A",
        category="text",
        file_specifications=[synapse.FileSpecification(name="text", file_type="text")],
    )
    with pytest.raises(UsageError, match="empty text"):
        collection.upload("")


def test_connect_takes_what_a_session_takes() -> None:
    connect, session = inspect.signature(synapse.connect), inspect.signature(synapse.Session)

    assert connect.parameters == session.parameters
    assert connect.return_annotation == "Session"
