"""Managers by the class of their resource."""

from __future__ import annotations

from typing import Any

import pytest

from synapse import Session, Task
from synapse.errors import UsageError
from synapse.extending import Editable, Manager, field, resource
from synapse.orm import registry
from synapse.orm.resource import Resource
from synapse.resources.tasks import TaskManager


def test_manager_is_that_of_the_attribute(offline: Session) -> None:
    for manager in (offline.manager(Task), offline[Task]):
        assert isinstance(manager, TaskManager)
        assert type(manager) is type(offline.tasks)
        assert manager._session is offline
    assert offline.options(retries=0)[Task]._session is not offline


def test_plain_managers_will_do(offline: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_CLASSES", dict(registry._CLASSES))

    @resource("widgets/", manager=Manager["Widget"])
    class Widget(Editable):
        """A class with a plain manager."""

        id: int = field(read_only=True)

    manager = offline.manager(Widget)

    assert isinstance(manager, Manager)
    assert repr(manager.filter(id=7)) == "<Manager[Widget] where id=7>"


class Undeclared(Resource):
    """A class without the decorator."""


@pytest.mark.parametrize(
    ("cls", "message"),
    [
        ("tasks", "not a resource's class"),
        (int, "not a resource's class"),
        (0, "not a resource's class"),
        (Resource, "isn't declared"),
        (Undeclared, "isn't declared"),
    ],
)
def test_other_arguments_are_refused(offline: Session, cls: Any, message: str) -> None:
    for ask in (offline.manager, offline.__getitem__):
        with pytest.raises(UsageError, match=message):
            ask(cls)
