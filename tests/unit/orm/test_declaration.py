"""Every declared resource, checked whole. A new one is checked without being named here."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import synapse
from synapse import Session
from synapse.orm import lookups, registry
from synapse.orm.base_manager import BaseManager
from synapse.orm.query import Query
from synapse.orm.relations import ForeignKeyId, ManagerDescriptor, ToMany
from synapse.orm.resource import Deletable, Editable, Resource
from synapse.resources.annotated import DocumentAnnotations

# Importing it declares them all.
assert Session

CLASSES = sorted(registry.declared(), key=lambda cls: cls.__name__)
each = pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)


def documented(cls: type) -> dict[str, str]:
    """The names and texts of the section Attributes."""
    section = inspect.getdoc(cls).partition("\nAttributes:\n")[2].partition("\n\n")[0]  # type: ignore[union-attr]
    return dict(re.findall(r"^    (\w+): (.+)$", section, re.MULTILINE))


def descriptors(cls: type, kind: type) -> Iterator[tuple[str, Any]]:
    for name in dir(cls):
        value = inspect.getattr_static(cls, name)
        if isinstance(value, kind):
            yield name, value


def session_annotations() -> dict[str, str]:
    """What the session declares for type checkers."""
    tree = ast.parse(Path(inspect.getfile(Session)).read_text())
    (body,) = (n.body for n in tree.body if isinstance(n, ast.ClassDef) and n.name == "Session")
    return {
        line.target.id: ast.unparse(line.annotation)
        for node in body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for line in node.body
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name)
    }


def test_there_are_declared_resources() -> None:
    assert len(CLASSES) >= 5


@each
def test_every_field_and_relation_is_in_the_docstring_and_nothing_else(cls: type[Resource]) -> None:
    names = {
        *cls.__schema__.fields,
        *(
            name
            for kind in (ToMany, ForeignKeyId, DocumentAnnotations)
            for name, _ in descriptors(cls, kind)
        ),
    }
    assert set(documented(cls)) == names


@each
def test_every_field_has_a_type_that_can_be_resolved(cls: type[Resource]) -> None:
    annotations = {
        n: a for base in cls.__mro__ for n, a in vars(base).get("__annotations__", {}).items()
    }
    for name, field in cls.__schema__.fields.items():
        assert name in annotations
        assert field.kind is not None


@each
def test_there_is_an_id_that_only_the_server_sets(cls: type[Resource]) -> None:
    assert cls.__schema__.fields["id"].declared.read_only


@each
def test_every_relation_leads_to_a_declared_class_and_its_id_is_there(cls: type[Resource]) -> None:
    ids = {related.relation: name for name, related in descriptors(cls, ForeignKeyId)}
    for name, field in cls.__schema__.fields.items():
        if field.declared.target is not None:
            assert issubclass(registry.get(field.declared.target), Resource)
            single = name.removesuffix("s") if field.declared.is_many else name
            assert ids.pop(name) == (f"{single}_ids" if field.declared.is_many else f"{name}_id")
    assert not ids


@each
def test_every_relation_to_many_points_back(cls: type[Resource]) -> None:
    for _, relation in descriptors(cls, ToMany):
        target = registry.get(relation.target)
        back = target.__schema__.fields[relation.by]
        assert back.declared.target == cls.__name__
        assert back.is_filterable


@pytest.mark.parametrize(
    "path",
    [
        "Project.tasks",
        "Project.task_tags",
        "Project.assignments",
        "Project.models",
        "Task.assignments",
        "TaskTag.tasks",
        "TaskTag.assignments",
        "DataCollection.data_units",
        "DataUnit.tasks",
        "DataUnit.ground_truth_events",
        "Plugin.releases",
        "PluginRelease.jobs",
        "GroundTruthVersion.events",
    ],
)
def test_what_belongs_together_is_related_both_ways(path: str) -> None:
    owner, _, name = path.partition(".")
    relation = inspect.getattr_static(registry.get(owner), name)
    assert registry.get(relation.target).__schema__.fields[relation.by].declared.target == owner


@each
def test_the_class_has_its_manager_of_all(cls: type[Resource]) -> None:
    assert isinstance(inspect.getattr_static(cls, "objects"), ManagerDescriptor)
    assert type(cls.__schema__.manager(cls)).__name__ == f"{cls.__name__}Manager"


@each
def test_the_manager_reads_only_if_there_is_a_list(cls: type[Resource]) -> None:
    manager = cls.__schema__.manager
    assert issubclass(manager, BaseManager)
    assert issubclass(manager, Query) == (cls.__schema__.list_path is not None)


@each
def test_what_a_query_can_write_its_objects_can_write(
    cls: type[Resource],
) -> None:
    manager = cls.__schema__.manager
    assert hasattr(manager, "delete") <= issubclass(cls, Deletable)
    assert hasattr(manager, "update") <= issubclass(cls, Editable)
    if issubclass(manager, Query):
        assert hasattr(manager, "delete") == issubclass(cls, Deletable)


@each
def test_what_can_be_edited_has_something_to_edit(cls: type[Resource]) -> None:
    writable = [f for f in cls.__schema__.fields.values() if not f.declared.read_only]
    if issubclass(cls, Editable):
        assert writable


@each
def test_managers_and_objects_are_documented(cls: type[Resource]) -> None:
    for owner in (cls, cls.__schema__.manager):
        assert owner.__doc__
        for name, member in inspect.getmembers(owner, inspect.isfunction):
            if not name.startswith("_"):
                assert member.__doc__, f"{owner.__name__}.{name}"


@each
def test_every_request_is_announced(cls: type[Resource]) -> None:
    for owner in (cls, cls.__schema__.manager):
        for name, member in inspect.getmembers(owner, inspect.isfunction):
            if not name.startswith("_"):
                assert "request" in member.__doc__.lower(), f"{owner.__name__}.{name}"  # type: ignore[union-attr]


@each
def test_the_class_is_exported(cls: type[Resource]) -> None:
    assert cls.__name__ in synapse.__all__
    assert getattr(synapse, cls.__name__) is cls


@each
def test_the_session_has_a_typed_manager(cls: type[Resource], offline: Session) -> None:
    schema = cls.__schema__
    manager = getattr(offline, schema.plural)
    assert type(manager) is schema.manager
    assert session_annotations()[schema.plural] == schema.manager.__name__
    assert schema.plural in dir(offline)


@each
def test_no_name_means_two_things(cls: type[Resource]) -> None:
    schema = cls.__schema__
    names = lookups.filter_names(schema)
    taken = {*inspect.signature(Query.filter).parameters, *inspect.signature(Query.get).parameters}
    assert not names & (taken - {"id", "filters_", "self"})
    aliases = [alias for field in schema.fields.values() for alias in field.declared.aliases]
    assert not set(aliases) & set(schema.fields)
    assert len(aliases) == len(set(aliases))


def test_every_manager_has_a_name_of_its_own() -> None:
    plurals = [cls.__schema__.plural for cls in CLASSES]
    assert len(plurals) == len(set(plurals))


def test_the_session_declares_no_manager_that_is_not_there() -> None:
    declared = {n for n, a in session_annotations().items() if a.endswith("Manager")}
    assert declared == {cls.__schema__.plural for cls in CLASSES}
