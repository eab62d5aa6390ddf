"""Objects of other servers and tenants: their ids mean other objects here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from synapse import Agent, Plugin, Project, Session, Task, TaskTag
from synapse.errors import UsageError
from synapse.orm.foreign_objects import is_foreign, refuse_foreign

HERE = "http://127.0.0.1:9"
Make = Callable[..., Any]


@pytest.fixture(params=[("http://127.0.0.2:9", None), (HERE, "vision")], ids=["server", "tenant"])
def there(request: pytest.FixtureRequest) -> Iterator[Session]:
    """A session to another server, or to another tenant of the same."""
    address, tenant = request.param
    with Session(address, "no-token", tenant=tenant) as session:
        yield session
        assert session.request_count == 0


def load(session: Session, cls: Any) -> Any:
    return session.identity.load(cls, [{"id": 1}])[0]


# Each would send the id 1 of an object of the other server.
USES: dict[str, Callable[[Session, Session], Any]] = {
    "create": lambda here, there: here.tasks.create(project=load(there, Project)),
    "create_id": lambda here, there: here.tasks.create(project_id=load(there, Project)),
    "create_extra": lambda here, there: here.task_tags.create(
        name="x", project=1, extra={"more": [load(there, Project)]}
    ),
    "bulk_create": lambda here, there: here.tasks.bulk_create([{"project": load(there, Project)}]),
    "filter": lambda here, there: here.tasks.filter(project=load(there, Project)),
    "filter_in": lambda here, there: here.tasks.filter(project__in=[1, load(there, Project)]),
    "filter_params": lambda here, there: here.tasks.filter(params={"p": load(there, Project)}),
    "get": lambda here, there: here.projects.get(id=load(there, Project)),
    "in_bulk": lambda here, there: here.tasks.in_bulk([load(there, Task)]),
    "assign": lambda here, there: setattr(load(here, Task), "project", load(there, Project)),
    "assign_id": lambda here, there: setattr(load(here, Task), "project_id", load(there, Project)),
    "tag": lambda here, there: load(here, Task).tag(load(there, TaskTag)),
    "tags": lambda here, there: here.tasks.all().set_tags(
        iter([load(there, TaskTag)]), "add"
    ),  # before the ids are read
    "run": lambda here, there: load(here, Plugin).run("train", agent=load(there, Agent)),
    "run_params": lambda here, there: load(here, Plugin).run(
        "train", params={"projects": [load(there, Project)]}
    ),
    "annotate": lambda here, there: here.tasks.bulk_annotate({load(there, Task): []}),
    "request": lambda here, there: here.request(
        "POST", "task_tags/", json={"rows": [{"project": load(there, Project)}]}
    ),
    "request_params": lambda here, there: here.request(
        "GET", "task_tags/", params={"project": load(there, Project)}
    ),
    "pages": lambda here, there: here.pages("task_tags/", params={"p": [load(there, Project)]}),
}


@pytest.mark.parametrize("use", USES)
def test_foreign_objects_are_refused(offline: Session, there: Session, use: str) -> None:
    with pytest.raises(UsageError, match=r"another server or in another tenant .*this session has"):
        USES[use](offline, there)


def test_both_places_are_named(offline: Session, there: Session) -> None:
    with pytest.raises(UsageError) as caught:
        offline.tasks.filter(project=load(there, Project))

    assert str(caught.value).startswith("project: <Project 1>")
    for session in (offline, there):
        assert session.base_url in str(caught.value)
    assert (there.tenant or "") in str(caught.value)


def test_objects_of_an_equal_session_stand_for_their_ids(offline: Session) -> None:
    with Session(HERE, "another-token") as again:
        project = load(again, Project)
        assert repr(offline.tasks.filter(project=project)) == "<TaskManager[Task] where project=1>"
        task = load(offline, Task)
        task.project = project
        assert task.project_id == 1
        assert task.project._session is offline


def test_the_copy_with_options_is_no_other_session(offline: Session) -> None:
    assert not is_foreign(offline.options(retries=0), load(offline, Project))


def test_values_that_json_refuses_are_left_to_it(offline: Session) -> None:
    loop: list[Any] = []
    loop.append(loop)
    refuse_foreign(offline, loop)
    refuse_foreign(offline, {"a": {1, "b"}, "c": None})
