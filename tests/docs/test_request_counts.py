"""The docstrings of verbs say how many requests the verbs make.

All public methods are looked at, also inherited ones: of every declared resource and its managers,
of sessions, files and clients.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

import pytest

from synapse import Session
from synapse.clients.agent import AgentClient
from synapse.clients.agent.ray import RayClient
from synapse.clients.backend import BackendClient
from synapse.orm import registry
from synapse.resources.unit_files import UnitFile

OTHERS = (Session, UnitFile, BackendClient, AgentClient, RayClient)
_COUNT = re.compile(r"\brequests?\b")


def find_verbs(owner: type) -> Iterator[tuple[str, Any]]:
    """Yield the public methods of a class, inherited ones included."""
    for name in dir(owner):
        method = inspect.getattr_static(owner, name)
        if not name.startswith("_") and inspect.isfunction(getattr(method, "__func__", method)):
            yield name, getattr(owner, name)


def find_owners() -> dict[str, type]:
    """Return the package's resources and their managers by name."""
    classes = [
        cls for cls in registry.declared() if cls.__module__.startswith("synapse.resources.")
    ]
    owners = [each for cls in classes for each in (cls, get_manager(cls))]
    return {each.__name__: each for each in (*owners, *OTHERS)}


def get_manager(cls: Any) -> type:
    """Return the class of a resource's managers."""
    manager: type = cls.__schema__.declared_manager
    return manager


@pytest.mark.parametrize("owner", find_owners().values(), ids=find_owners())
def test_each_verb_says_its_requests(owner: type) -> None:
    silent = [
        name for name, verb in find_verbs(owner) if not _COUNT.search(inspect.getdoc(verb) or "")
    ]

    assert silent == []


def test_every_resource_is_looked_at() -> None:
    owners = find_owners()

    assert {"Task", "TaskManager", "Project", "DataUnit", "Plugin", "Job", "Agent"} <= set(owners)
    assert {"save", "delete", "refresh", "annotate", "tag"} <= dict(
        find_verbs(owners["Task"])
    ).keys()
    assert {"filter", "bulk_create"} <= dict(find_verbs(owners["TaskManager"])).keys()
