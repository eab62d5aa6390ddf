"""Every declared resource has the verbs, filters and orders of its endpoint."""

from __future__ import annotations

import http.client
from typing import Any
from urllib.parse import urlsplit

import pytest

from synapse import (
    Assignment,
    DataCollection,
    DataUnit,
    Project,
    Session,
    Task,
    TaskTag,
)
from synapse.errors import ValidationError
from synapse.orm import registry
from synapse.orm.resource import Deletable, Editable, Resource

CLASSES = sorted(registry.declared(), key=lambda cls: cls.__name__)

# Those that `rows` makes at least one row of.
LISTED = [Project, Task, TaskTag, Assignment, DataCollection, DataUnit]
listed = pytest.mark.parametrize("cls", LISTED, ids=lambda cls: cls.__name__)


# What another class has a method for, such as `plugin.release()`.
ELSEWHERE = {"PluginRelease": {("list", "POST")}}


def allowed(emulator: Any, path: str) -> set[str]:
    """The methods that OPTIONS names; none where there is nothing."""
    address = urlsplit(emulator.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=30)
    headers = {"SYNAPSE-Access-Token": f"Token {emulator.api_token}"}
    connection.request("OPTIONS", f"/{path}", headers=headers)
    response = connection.getresponse()
    response.read()
    connection.close()
    found = set((response.getheader("Allow") or "").replace(" ", "").split(","))
    return found - {"OPTIONS", "HEAD", ""} if response.status == 200 else set()


def offered(cls: type[Resource]) -> set[tuple[str, str]]:
    """What the class and its manager can do, as methods of the list and of one object."""
    schema = cls.__schema__
    manager = schema.manager
    verbs = {("detail", "GET")} if schema.has_detail else set()
    if schema.list_path is not None:
        verbs.add(("list", "GET"))
    if hasattr(manager, "create") or hasattr(manager, "upload"):
        verbs.add(("list", "POST"))
    if issubclass(cls, Editable):
        verbs.add(("detail", "PATCH"))
    if issubclass(cls, Deletable):
        verbs.add(("detail", "DELETE"))
    return verbs


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_a_class_has_the_verbs_of_its_endpoint(emulator: Any, cls: type[Resource]) -> None:
    schema = cls.__schema__
    lists = allowed(emulator, schema.path) | allowed(emulator, schema.list_path or schema.path)
    key = "00000000-0000-4000-8000-000000000000" if schema.fields["id"].kind is str else 1
    detail = allowed(emulator, schema.detail_path(key))
    if not lists | detail:
        # Reached by an action of its own: users/me/.
        assert cls.__name__ == "User"
        assert offered(cls) == set()
        return
    served = {*(("list", m) for m in lists), *(("detail", m) for m in detail - {"PUT"})}
    assert served - ELSEWHERE.get(cls.__name__, set()) == offered(cls)


@pytest.fixture
def rows(session: Session, project: Project) -> None:
    """At least one row of each class that is listed, with all its relations."""
    tag = project.task_tags.create(name="day", description="d", color="red", category="c")
    task = project.tasks[0]
    task.tag(tag)
    task.assignee = session.transport.request("GET", "users/me/")["id"]
    task.save()
    task.assignments[0].tag(tag)


@listed
def test_every_relation_of_a_class_can_be_expanded_at_its_endpoint(
    session: Session, rows: None, cls: type[Resource]
) -> None:
    schema = cls.__schema__
    for name, field in schema.fields.items():
        if field.is_relation:
            manager = getattr(session, schema.plural)
            found = [row[name] for row in manager.filter(params={"expand": name}).values()]
            values = [one for said in found for one in (said if isinstance(said, list) else [said])]
            assert any(isinstance(one, dict) for one in values), name
            assert all(one is None or isinstance(one, dict) for one in values), name


@listed
def test_every_declared_filter_is_looked_at_by_the_endpoint(
    session: Session, rows: None, cls: type[Resource]
) -> None:
    """A filter that the server doesn't know is ignored; one that it knows refuses or chooses."""
    schema = cls.__schema__
    manager = getattr(session, schema.plural)
    assert manager.count() > 0
    for name, field in schema.fields.items():
        if not field.is_filterable:
            continue
        row = next(iter(manager.values()))
        if field.choice is not None:
            said = field.choice(row[name])
            nothing: Any = next(member for member in field.choice if member is not said)
        elif isinstance(row.get(name), bool):
            nothing = not row[name]
        elif name in {"created", "updated"}:
            nothing = "1999-01-01T00:00:00Z"
        else:
            nothing = "nothing-of-that-name" if isinstance(row.get(name), str) else 10**9
        try:
            assert manager.filter(**{name: nothing}).count() < manager.count(), name
        except ValidationError as error:
            assert field.parameter in error.fields  # noqa: PT017
