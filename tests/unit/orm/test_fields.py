"""Fields: unset, null and missing; conversion when read; what counts as a change."""

from __future__ import annotations

import re
import typing
from datetime import datetime, timezone
from typing import Any

import pytest

from synapse import (
    DataCollection,
    DataUnit,
    FileSpecification,
    FileType,
    PluginRelease,
    Project,
    Session,
    Task,
    TaskStatus,
    TaskTag,
    User,
)
from synapse.errors import FieldMissing, FieldValueError
from synapse.orm import registry
from synapse.orm.convert import members_of
from synapse.orm.fields import MISSING, Field

ROW: dict[str, Any] = {
    "title": "Streets",
    "category": "image",
    "settings": {"a": {"b": [1, 2]}},
    "data_collection": None,
    "created": "2026-01-31T12:00:00Z",
}


@pytest.fixture
def project(make: Any) -> Any:
    return make(Project, **ROW)


def complete(one: Any) -> Any:
    """Take an object for wholly loaded, so that what it lacks isn't asked for."""
    object.__setattr__(one, "_complete", True)
    return one


def test_missing_prints_as_what_it_is() -> None:
    assert repr(MISSING) == "MISSING"


def test_null_is_none(project: Project) -> None:
    assert project.data_collection is None
    assert project.data_collection_id is None


def test_null_is_none_whatever_was_declared(make: Any) -> None:
    project = make(Project, title=None, settings=None, created=None, category=None)
    values = [project.title, project.settings, project.created, project.category]
    assert values == [None] * 4


def test_what_the_server_does_not_send_is_missing_and_neither_none_nor_unset(
    project: Project,
) -> None:
    with pytest.raises(FieldMissing, match=r"doesn't send 'description' for Project 1; it sends"):
        complete(project).description  # noqa: B018
    assert not hasattr(project, "description")


def test_a_relation_that_is_not_sent_is_missing_by_its_id_too(make: Any) -> None:
    with pytest.raises(FieldMissing, match="doesn't send 'project' for Task 1"):
        complete(make(Task)).project_id  # noqa: B018


@pytest.mark.parametrize(
    "name", ["_private", "__wrapped__", "__array_interface__", "_repr_html_", "titel", "xyz"]
)
def test_private_dunder_and_unknown_names_are_not_there(project: Project, name: str) -> None:
    assert not hasattr(project, name)
    assert getattr(project, name, 5) == 5


def test_an_unknown_name_says_what_was_meant(project: Project) -> None:
    with pytest.raises(AttributeError, match="Project has no 'titel'; did you mean 'title'"):
        project.titel  # noqa: B018


def test_an_older_server_says_it_under_another_name(make: Any) -> None:
    project = make(Project, name="Streets")
    assert project.title == "Streets"
    assert "name" not in project.extra
    project.title = "Roads"
    assert project.changes == {"name": "Roads"}
    assert project.to_dict()["name"] == "Roads"


def test_a_name_and_its_older_one_are_not_mixed_up(make: Any) -> None:
    assert make(Project, title="new", name="old").title == "new"


def test_times_are_times(project: Project) -> None:
    assert project.created == datetime(2026, 1, 31, 12, tzinfo=timezone.utc)


def test_a_choice_is_a_member(make: Any) -> None:
    assert make(Task, status="pending").status is TaskStatus.PENDING


def test_a_choice_that_is_not_known_is_the_text_that_came(make: Any) -> None:
    assert make(Task, status="paused").status == "paused"


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("title", {"a": 1}, "{'a': 1}"),
        ("created", "yesterday", "'yesterday'"),
        ("settings", [1], "[1]"),
        ("settings", "abc", "'abc'"),
        ("count_max_assignments_per_task", "many", "'many'"),
        ("category", 5, "5"),
        ("data_collection", 1.5, "1.5"),
        ("data_collection", True, "True"),
        ("data_collection", [1], "[1]"),
        ("data_collection", {"name": "no id"}, "no id"),
        ("data_collection", {"id": [1]}, "[1]"),
        ("is_archived", "false", "'false'"),
        ("is_archived", 1, "1"),
        ("title", True, "True"),
        ("count_max_assignments_per_task", 1.5, "1.5"),
        ("count_max_assignments_per_task", True, "True"),
    ],
)
def test_a_bad_value_raises_when_it_is_read_and_not_before(
    make: Any, name: str, value: Any, shown: str
) -> None:
    project = make(Project, id=7, **{**ROW, name: value})
    assert project.id == 7
    for _ in range(2):
        with pytest.raises(FieldValueError) as caught:
            getattr(project, name)
        assert "Project 7" in str(caught.value)
        assert name in str(caught.value)
        assert shown in str(caught.value)
    assert not project.is_changed


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("title", 5, "5"),
        ("count_max_assignments_per_task", "5", 5),
        ("count_max_assignments_per_task", 5.0, 5),
    ],
)
def test_a_value_of_another_type_that_can_mean_one_thing_only_is_taken(
    make: Any, name: str, value: Any, expected: Any
) -> None:
    project = make(Project, **{name: value})
    assert getattr(project, name) == expected
    assert type(getattr(project, name)) is type(expected)
    assert not project.is_changed


@pytest.mark.parametrize("tags", ["ab", 5, {"id": 1}, [1, 1.5]])
def test_what_is_no_list_of_ids_is_no_relation_to_several(make: Any, tags: Any) -> None:
    with pytest.raises(FieldValueError, match=r"Task 1 has a tags"):
        make(Task, tags=tags).tags  # noqa: B018


def test_a_relation_to_several_is_the_sessions_objects(make: Any) -> None:
    tag = make(TaskTag, id=7)
    task = make(Task, tags=[7, 8])
    assert task.tags[0] is tag
    assert task.tag_ids == [7, 8]
    assert not task.is_changed
    assert make(Task, id=2, tags=[]).tags == []
    assert make(Task, id=3, tags=None).tags is None


def test_a_long_bad_value_is_cut(make: Any) -> None:
    with pytest.raises(FieldValueError) as caught:
        make(Project, settings="x" * 500).settings  # noqa: B018
    assert len(str(caught.value)) < 200


def test_a_bad_value_can_be_replaced(make: Any) -> None:
    project = make(Project, settings="broken")
    project.settings = {"a": 1}
    assert project.changes == {"settings": {"a": 1}}


def test_nested_values_are_typed(make: Any) -> None:
    collection = make(
        DataCollection,
        file_specifications=[{"name": "image", "file_type": "image", "unheard_of": 1}],
    )
    specification = collection.file_specifications[0]
    assert isinstance(specification, FileSpecification)
    assert specification.file_type is FileType.IMAGE
    assert specification.extra == {"unheard_of": 1}
    assert not collection.is_changed


def test_reading_is_no_change(make: Any) -> None:
    project = make(Project, **ROW, unheard_of=1)
    for name in (*ROW, "data_collection_id"):
        getattr(project, name)
    assert project.settings["a"]["b"][0] == 1
    assert not project.is_changed
    assert project.changes == {}


def test_reading_a_number_that_equals_nothing_is_no_change(make: Any) -> None:
    project = make(Project, settings={"a": float("nan")})
    assert project.settings
    assert project.changes == {}


@pytest.mark.parametrize(
    ("name", "value", "sent"),
    [
        ("title", "Roads", "Roads"),
        ("title", None, None),
        ("category", "text", "text"),
        ("settings", {"a": 1}, {"a": 1}),
        ("data_collection", 7, 7),
        ("data_collection_id", 7, 7),
        ("is_archived", True, True),
    ],
)
def test_an_assignment_is_a_change(project: Any, name: str, value: Any, sent: Any) -> None:
    setattr(project, name, value)
    assert project.changes == {name.removesuffix("_id"): sent}
    assert project.is_changed


def test_assigning_what_is_there_is_no_change(project: Any) -> None:
    project.title = "Streets"
    project.category = "image"
    project.settings = {"a": {"b": (1, 2)}}
    project.data_collection = None
    assert not project.is_changed


@pytest.mark.parametrize("value", [True, 1.5, "1"])
def test_numbers_truth_and_text_are_told_apart(make: Any, value: Any) -> None:
    project = make(Project, count_max_assignments_per_task=1, settings={"n": 1})
    project.count_max_assignments_per_task = value
    assert project.changes == {"count_max_assignments_per_task": value}
    project.revert()
    project.settings["n"] = value
    assert project.changes == {"settings": {"n": value}}


@pytest.mark.parametrize(
    ("edit", "sent"),
    [
        (lambda s: s.update(k=1), {"a": {"b": [1, 2]}, "k": 1}),
        (lambda s: s["a"]["b"].append(3), {"a": {"b": [1, 2, 3]}}),
        (lambda s: s["a"].pop("b"), {"a": {}}),
        (lambda s: s.clear(), {}),
    ],
)
def test_a_nested_edit_is_a_change_of_the_whole_field(
    project: Project, edit: Any, sent: Any
) -> None:
    edit(project.settings)
    assert project.changes == {"settings": sent}


def test_undoing_an_edit_undoes_the_change(project: Project) -> None:
    project.settings["k"] = 1
    del project.settings["k"]
    project.title = "Roads"
    project.title = "Streets"
    assert not project.is_changed


def test_reverting_gives_up_changes(project: Project) -> None:
    project.title = "Roads"
    project.settings["k"] = 1
    assert project.revert() is project
    assert project.title == "Streets"
    assert project.settings == ROW["settings"]
    assert project.changes == {}


def test_reverting_leaves_what_was_not_changed(project: Project) -> None:
    settings = project.settings
    project.title = "Roads"
    project.revert()
    settings["k"] = 1
    assert project.changes == {"settings": {**ROW["settings"], "k": 1}}


def test_an_edit_never_reaches_the_row(project: Project) -> None:
    project.settings["a"]["b"].append(3)
    assert project._raw["settings"] == {"a": {"b": [1, 2]}}


def test_another_objects_mapping_is_not_shared(make: Any) -> None:
    one, other = make(Project, id=1, settings={"a": []}), make(Project, id=2, settings={})
    other.settings = one.settings
    other.settings["a"].append(1)
    assert not one.is_changed
    assert other.changes == {"settings": {"a": [1]}}


def test_an_objects_own_mapping_stays_the_same_through_an_augmented_assignment(
    project: Project,
) -> None:
    settings = project.settings
    project.settings |= {"k": 1}
    assert project.settings is settings


@pytest.mark.parametrize("name", ["id", "created", "task_count", "tenant"])
def test_what_only_the_server_sets_is_read_only(project: Project, name: str) -> None:
    with pytest.raises(AttributeError, match=f"{name} is read-only"):
        setattr(project, name, 5)


def test_a_resource_that_cannot_be_changed_has_only_read_only_fields(make: Any) -> None:
    unit = make(DataUnit, meta={"a": 1})
    with pytest.raises(AttributeError, match="read-only"):
        unit.meta = {}
    with pytest.raises(TypeError, match="DataUnit 1: meta is read-only: only the server sets it"):
        unit.meta["a"] = 2
    assert unit.meta == {"a": 1}


def test_fields_show_where_they_belong() -> None:
    assert repr(Project.__schema__.fields["title"]) == "Field(Project.title)"


@pytest.mark.parametrize(
    "edit",
    [
        lambda task: task.files.clear(),
        lambda task: task.tags.append(1),
        lambda task: task.tags.sort(),
        lambda task: task.files.update(a=1),
        lambda task: task.files.pop("a"),
    ],
)
def test_what_only_the_server_sets_cannot_be_edited(make: Any, edit: Any) -> None:
    task = make(Task, files={"a": {"url": "x"}}, tags=[7])
    with pytest.raises(TypeError, match=r"Task 1: .* is read-only: "):
        edit(task)
    assert list(task.files) == ["a"]
    assert task.tag_ids == [7]


def test_a_read_only_list_says_what_to_do(make: Any) -> None:
    with pytest.raises(TypeError, match=r"use tag\(\) and untag\(\)"):
        make(Task, tags=[7]).tags.append(8)


def test_an_object_where_an_id_is_declared_is_kept_as_its_id(make: Any) -> None:
    task = make(Task, assignee=None)
    task.assignee = make(User, id=3)
    assert task.assignee == 3
    assert task.changes == {"assignee": 3}


def test_an_object_of_another_kind_is_no_id(make: Any) -> None:
    task, project = make(Task, assignee=None, meta={}), make(Project, title="Roads")
    with pytest.raises(
        TypeError, match=r"^Task\.assignee takes a User or its id, not a Project\.$"
    ):
        task.assignee = project
    with pytest.raises(
        TypeError, match=r"^Project\.title takes a value, not an object\. Pass a field of"
    ):
        project.title = task
    assert not task.is_changed
    assert not project.is_changed


@pytest.mark.parametrize("wrap", [lambda value: {"k": value}, lambda value: [value]])
def test_a_value_that_is_nested_too_deeply_fails_alone_when_it_is_read(
    offline: Session, make: Any, wrap: Any
) -> None:
    deep: Any = 1
    for _ in range(400):
        deep = wrap(deep)
    project, release = make(Project, settings={"k": deep}), make(PluginRelease, config={"k": deep})
    with pytest.raises(FieldValueError, match=r"Project 1 has a settings .* 200 levels deep"):
        project.settings  # noqa: B018 - reading it raises
    with pytest.raises(FieldValueError, match=r"PluginRelease 1 has a config .* 200 levels deep"):
        release.config  # noqa: B018 - reading it raises
    assert not project.is_changed
    offline.identity.load(Project, [{"id": 1, "settings": {"k": [1]}}])
    assert project.settings == {"k": [1]}


def test_truth_that_becomes_a_number_is_noticed(offline: Session, make: Any) -> None:
    project = make(Project, settings={"n": 1})
    assert project.settings == {"n": 1}
    offline.identity.load(Project, [{"id": 1, "settings": {"n": True}}])
    assert project.settings["n"] is True


DOCUMENTS = [
    (cls, field)
    for cls in registry.declared()
    for field in cls.__schema__.fields.values()
    if not field.is_relation
    and {typing.get_origin(part) for part in members_of(field.kind)} & {dict, list}
]


@pytest.mark.parametrize(("cls", "field"), DOCUMENTS, ids=str)
def test_every_declared_list_or_mapping_refuses_other_values(cls: Any, field: Field) -> None:
    other: Any = {} if "list" in str(field.kind) else []
    for value in ("text", '{"b":', 5, True, other, {1, 2} if isinstance(other, list) else "{}"):
        message = rf"^{cls.__name__}\.{field.name} takes a (dict|list), not the \w+ "
        assert re.search(message, field.refuses_kind(value) or ""), value
        with pytest.raises(FieldValueError, match=message):
            field.assigned(value)
    assert field.refuses_kind(None) is field.refuses_kind([] if other == {} else {}) is None


def test_the_walk_finds_the_documents() -> None:
    names = {f"{cls.__name__}.{field.name}" for cls, field in DOCUMENTS}
    assert {"Task.meta", "Task.data", "DataCollection.file_specifications"} <= names
    assert len(names) > 20


def test_an_assignment_of_text_to_a_document_changes_nothing(project: Project) -> None:
    with pytest.raises(FieldValueError, match=r"Project\.settings takes a dict.*json\.loads"):
        project.settings = '{"a": 1}'  # type: ignore[assignment] # on purpose
    assert not project.changes
    assert project.settings == ROW["settings"]
