"""The class of a resource's managers makes each named method when it is first looked up."""

from __future__ import annotations

import inspect
import types
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from synapse import Project, Session
from synapse.orm.bound_managers import bind_manager, takes_fields
from synapse.resources.projects import ProjectManager


@pytest.fixture
def bound() -> Any:
    return bind_manager(Project, ProjectManager)


def test_a_method_is_made_at_the_first_look_up(bound: Any) -> None:
    assert not isinstance(vars(bound)["filter"], types.FunctionType)

    assert "category" in inspect.signature(bound.filter).parameters

    assert vars(bound)["filter"] is bound.filter
    assert not isinstance(vars(bound)["create"], types.FunctionType)


def test_a_bound_class_looks_like_the_declared_one(bound: Any) -> None:
    assert bound.__base__ is ProjectManager
    assert (bound.__name__, bound.__module__) == ("ProjectManager", ProjectManager.__module__)
    assert bound.__doc__ == ProjectManager.__doc__
    assert bound.order_by is ProjectManager.order_by


def test_threads_that_look_up_a_method_at_once_call_the_same(offline: Session, bound: Any) -> None:
    manager = bound(Project, offline)

    with ThreadPoolExecutor(8) as pool:
        queries = list(pool.map(lambda _: manager.filter(title="Streets"), range(8)))

    assert {str(query) for query in queries} == {str(offline.projects.filter(title="Streets"))}


def test_a_method_calls_the_declared_one(
    offline: Session, bound: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ProjectManager, "filter", lambda self, **values: values)

    assert bound(Project, offline).filter(title="Streets") == {"title": "Streets"}


def test_methods_with_variable_keywords_take_fields() -> None:
    assert takes_fields(ProjectManager.filter)
    assert not takes_fields(ProjectManager.order_by)
    assert not takes_fields(None)
    assert not takes_fields(dict)
