"""Signatures of managers: the fields of every declared resource."""

from __future__ import annotations

import inspect
import pickle
import re
from inspect import Parameter
from typing import Any, ClassVar
from unittest.mock import Mock, create_autospec

import pytest

from synapse import Job, Plugin, Session, Task, TaskTag
from synapse.errors import InvalidQuery, LazyLoadError, NotFound
from synapse.orm import lookups, registry
from synapse.orm.bound_managers import takes_fields
from synapse.orm.declaration import resource
from synapse.orm.fields import field
from synapse.orm.manager import Creates, Manager, Updates
from synapse.orm.relations import ManagerDescriptor, to_one
from synapse.orm.resource import Editable, Resource
from synapse.orm.signatures import Keyword, find_keywords, find_texts
from synapse.resources.tasks import TaskManager

CLASSES = sorted(registry.declared(), key=lambda cls: cls.__name__)
each_class = pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)

# Keywords that aren't fields.
_OPTIONS = {
    "create": {"extra", "folder", "file", "progress"},
    "update": set[str](),
    "filter": {"params"},
    "get": {"id", "key", "refresh"},
}


def parameters(manager: Any, verb: str) -> dict[str, Parameter]:
    return dict(inspect.signature(getattr(manager, verb)).parameters)


def offering(*verbs: str) -> list[Any]:
    """Return the classes whose managers have a verb, each with the verb."""
    return [
        pytest.param(cls, verb, id=f"{cls.__name__}-{verb}")
        for cls in CLASSES
        for verb in verbs
        if takes_fields(getattr(cls.__schema__.declared_manager, verb, None))
    ]


@pytest.mark.parametrize(("cls", "verb"), offering("create", "update"))
def test_writing_names_the_fields_that_may_be_written(
    offline: Session, cls: type[Resource], verb: str
) -> None:
    fields = cls.__schema__.fields
    writable = {name for name, each in fields.items() if not each.declared.read_only}
    ids = {f"{name}_id" for name in writable if fields[name].is_relation}

    named = parameters(getattr(offline, cls.__schema__.plural), verb)

    assert named.keys() - (_OPTIONS[verb] - writable) == writable | ids
    assert all(each.kind is Parameter.KEYWORD_ONLY for each in named.values())


@pytest.mark.parametrize(("cls", "verb"), offering("filter", "get"))
def test_reading_names_the_lookups(offline: Session, cls: type[Resource], verb: str) -> None:
    named = parameters(getattr(offline, cls.__schema__.plural), verb).keys()

    assert named - _OPTIONS[verb] == lookups.filter_names(cls.__schema__) - _OPTIONS[verb]


def test_every_verb_is_walked() -> None:
    assert len(offering("create")) >= 10
    assert len(offering("update")) >= 7
    assert len(offering("filter")) >= 15


@each_class
def test_docstrings_explain_each_keyword(offline: Session, cls: type[Resource]) -> None:
    manager = getattr(offline, cls.__schema__.plural)
    for verb in ("create", "update", "filter"):
        if not hasattr(manager, verb):
            continue
        doc = inspect.getdoc(getattr(manager, verb)) or ""
        for keyword in find_keywords(cls, verb):
            assert keyword.text
            assert keyword.name != keyword.field or keyword.text in doc
            assert re.search(rf"^ +(.*, )?{keyword.name}\b.* \(.+\): ", doc, re.MULTILINE)


def test_types_are_those_of_the_declaration(offline: Session) -> None:
    create = {name: each.annotation for name, each in parameters(offline.tasks, "create").items()}
    filter_ = {name: each.annotation for name, each in parameters(offline.tasks, "filter").items()}

    assert create["status"] == "TaskStatus | str"
    assert create["data_unit"] == "DataUnit | int"
    assert create["data_unit_id"] == "int"
    assert parameters(offline.models, "create")["project"].annotation == "Project | int | None"
    assert filter_["assignee"] == "int"
    assert filter_["status__in"] == "list[TaskStatus | str]"
    assert filter_["tags"] == "TaskTag | int"
    assert inspect.signature(offline.tasks.create).return_annotation == "Task"
    assert inspect.signature(offline.tasks.filter).return_annotation == "TaskManager"
    assert repr(parameters(offline.tasks, "create")["status"].default) == "..."


def test_keywords_are_listed_for_generators() -> None:
    assert find_keywords(TaskTag, "create")[2] == Keyword(
        "name", "str", find_texts(TaskTag)["name"], "name"
    )
    assert [each.name for each in find_keywords(Task, "filter") if each.field == "status"] == [
        "status",
        "status__in",
    ]


def test_words_of_an_enumeration_are_listed(offline: Session) -> None:
    doc = offline.tasks.create.__doc__ or ""

    assert "priority (Priority | str): Urgency of the task. One of 'low', 'normal', 'high'." in doc


def test_methods_of_objects_name_the_fields_too() -> None:
    assert list(inspect.signature(Job.update).parameters)[1:4] == [
        "console_logs",
        "status",
        "progress",
    ]
    assert "category" in inspect.signature(Plugin.create).parameters


def test_declared_manager_keeps_its_methods(offline: Session) -> None:
    assert isinstance(offline.tasks, TaskManager)
    assert list(inspect.signature(TaskManager.create).parameters) == ["self", "extra", "values"]


def test_replaced_method_of_the_declared_manager_is_called(
    offline: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TaskManager, "create", lambda self, **values: values)

    assert offline.tasks.create(priority="high") == {"priority": "high"}  # type: ignore[comparison-overlap] # replaced above


def test_autospec_checks_the_names(offline: Session) -> None:
    double = create_autospec(offline.tasks, spec_set=True)

    double.create(data_unit_id=3, priority="low")
    with pytest.raises(TypeError, match="prioritty"):
        double.create(prioritty="low")
    create_autospec(TaskManager, instance=True).create(anything=1)


def test_doubles_of_sessions_and_objects_send_nothing(offline: Session) -> None:
    task = offline.identity.get_or_stub(Task, 1)

    double = create_autospec(offline, spec_set=True, instance=True)
    of_task = create_autospec(task, spec_set=True)

    double.tasks.get.return_value = of_task
    assert double.tasks.get(1) is of_task
    double.me.username = "ada"
    of_task.save.side_effect = NotFound(404, "gone")
    with pytest.raises(NotFound):
        double.tasks.get(1).save()
    with pytest.raises(AttributeError, match="taks"):
        double.taks.count()


def test_doubles_that_wrap_still_ask(offline: Session) -> None:
    offline.lazy = "raise"
    task = offline.identity.get_or_stub(Task, 1)

    with pytest.raises(LazyLoadError):
        Mock(wraps=task.__getattr__)("status")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_queries_pickle(offline: Session, monkeypatch: pytest.MonkeyPatch, protocol: int) -> None:
    monkeypatch.setenv("SYNAPSE_API_TOKEN", "no-token")
    query = offline.tasks.filter(status="pending")[2:5]

    same = pickle.loads(pickle.dumps(query, protocol))

    assert type(same) is type(query)
    assert repr(same) == repr(query)
    plain: Any = TaskManager(Task, offline)
    assert type(pickle.loads(pickle.dumps(plain, protocol))) is TaskManager


def test_two_resources_with_one_manager_class_name_their_own_fields(offline: Session) -> None:
    class PartManager(Manager[Any], Creates[Any], Updates[Any]):
        """Parts: read, create, update."""

        __slots__ = ()

    @resource("bolts/", manager=PartManager)
    class Bolt(Editable):
        objects: ClassVar[ManagerDescriptor[PartManager]] = ManagerDescriptor()
        id: int = field(read_only=True)
        thread: float = field()

    @resource("nuts/", manager=PartManager)
    class Nut(Editable):
        objects: ClassVar[ManagerDescriptor[PartManager]] = ManagerDescriptor()
        id: int = field(read_only=True)
        width: float = field()
        bolt: Any = to_one("Bolt")

    bolts, nuts = (cls.__schema__.manager(cls, offline) for cls in (Bolt, Nut))

    assert list(parameters(bolts, "create")) == ["extra", "thread"]
    assert list(parameters(nuts, "create")) == ["extra", "width", "bolt", "bolt_id"]
    assert parameters(nuts, "create")["bolt_id"].annotation == "int | str"
    assert isinstance(nuts, PartManager)
    with pytest.raises(InvalidQuery, match="Bolt has no field 'width'"):
        bolts.create(width=3)  # type: ignore[attr-defined] # a manager of any class


def test_without_docstrings_the_signatures_stay(
    offline: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Creates.create, "__doc__", None)
    schema = TaskTag.__schema__
    schema._managers.clear()
    try:
        manager: Any = schema.manager(TaskTag, offline)
        assert manager.create.__doc__ is None
        assert "color" in parameters(manager, "create")
    finally:
        schema._managers.clear()
