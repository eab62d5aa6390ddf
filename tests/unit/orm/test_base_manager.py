"""The base of managers: session, scope, and hints about verbs of other libraries."""

from __future__ import annotations

from typing import Any

import pytest

from synapse import Project, Session, Task
from synapse.errors import ConfigurationError
from synapse.orm import session_base
from synapse.orm.base_manager import BaseManager


def test_manager_without_a_session_follows_the_default(offline: Session) -> None:
    manager = BaseManager(Task)
    session_base.set_default(offline)
    assert manager._session is offline

    with Session("http://127.0.0.1:8", "no-token") as other:
        session_base.set_default(other)
        assert manager._session is other


def test_manager_with_a_session_ignores_the_default(offline: Session) -> None:
    with Session("http://127.0.0.1:8", "no-token") as other:
        session_base.set_default(other)

        assert BaseManager(Task, offline)._session is offline


def test_missing_session_is_reported_at_first_use() -> None:
    manager = BaseManager(Task)

    assert repr(manager) == "<BaseManager[Task]>"
    with pytest.raises(ConfigurationError, match="SYNAPSE_BASE_URL"):
        manager._session  # noqa: B018 - reading it raises


def test_text_names_the_class_and_the_owner(offline: Session, make: Any) -> None:
    manager = BaseManager(Task, offline, ("project", make(Project, id=5)))

    assert repr(manager) == "<BaseManager[Task] of Project 5>"


@pytest.mark.parametrize("name", ["_xyz", "__len__", "_repr_html_"])
def test_private_name_gets_no_hint(name: str) -> None:
    with pytest.raises(AttributeError, match=f"^'BaseManager' object has no attribute '{name}'$"):
        getattr(BaseManager(Task), name)


@pytest.mark.parametrize("verb", ["create", "delete", "update"])
def test_verb_that_the_endpoint_lacks_names_those_it_has(offline: Session, verb: str) -> None:
    with pytest.raises(AttributeError, match=rf"^JobManager has no '{verb}'\. Jobs: "):
        getattr(offline.jobs, verb)


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("limit", r"query\[10:20\]"),
        ("len", r"count\(\)"),
        ("to_df", r"use to_pandas\(\)"),
        ("to_frame", r"use to_pandas\(\)"),
        ("bulk_update", r"use update\("),
        ("none", r"filter\(id=\[\]\)"),
        ("fliter", "did you mean 'filter'"),
        ("select_related", r"use expand\(\.\.\.\)"),
        ("values_list", r"for row in query\.values"),
        ("last", r"order_by\('-id'\)\.first\(\)"),
    ],
)
def test_verb_of_another_library_is_translated(offline: Session, name: str, how: str) -> None:
    with pytest.raises(AttributeError, match=f"TaskManager has no '{name}'.*{how}"):
        getattr(offline.tasks, name)


def test_no_hint_names_a_verb_that_the_class_lacks(offline: Session) -> None:
    with pytest.raises(AttributeError, match="There are: "):
        offline.users.to_df  # type: ignore[attr-defined]  # noqa: B018 - reading it raises
