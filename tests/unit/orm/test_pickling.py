"""Pickled objects: restored into the session of their server, newer values kept."""

from __future__ import annotations

import gc
import pickle
from typing import Any

import pytest

import synapse
from synapse import Project
from synapse.errors import ConfigurationError


@pytest.fixture
def project(make: Any) -> Any:
    return make(Project, title="Streets", description="", can_discard=False)


@pytest.mark.usefixtures("offline")
def test_known_object_is_restored_as_itself(project: Any) -> None:
    assert pickle.loads(pickle.dumps(project)) is project


def test_unknown_object_is_built_from_the_pickle(offline: synapse.Session, make: Any) -> None:
    content = pickle.dumps(make(Project, id=5, title="Streets"))
    gc.collect()
    assert offline.identity.get(Project, 5) is None

    project = pickle.loads(content)
    assert (project.id, project.title, project.is_changed) == (5, "Streets", False)
    assert project._session is offline


def test_pickle_has_no_token(project: Any) -> None:
    assert b"no-token" not in pickle.dumps(project)


def test_newer_values_replace_those_of_a_pickle(project: Any) -> None:
    content = pickle.dumps(project)
    project._take({"id": 1, "title": "Newer"})

    assert pickle.loads(content).title == "Newer"


def test_unsaved_changes_of_a_pickle_are_restored(project: Any) -> None:
    project.title = "Roads"
    content = pickle.dumps(project)
    project.revert()

    assert pickle.loads(content).changes == {"title": "Roads"}


def test_change_of_a_pickle_does_not_replace_an_unsaved_one(project: Any) -> None:
    project.title = "Theirs"
    content = pickle.dumps(project)
    project.title = "Mine"

    assert pickle.loads(content).changes == {"title": "Mine"}


def test_change_of_a_stale_pickle_does_not_replace_a_newer_value(project: Any) -> None:
    project.description = "old edit"
    content = pickle.dumps(project)
    project.revert()._take({"id": 1, "description": "saved since"})

    assert not pickle.loads(content).is_changed


def test_change_that_the_type_does_not_hold_is_restored(project: Any) -> None:
    project.can_discard = "perhaps"
    content = pickle.dumps(project)
    project.revert()

    assert pickle.loads(content).changes == {"can_discard": "perhaps"}


def test_missing_credentials_are_reported() -> None:
    with synapse.Session("http://127.0.0.1:8", "some-token") as session:
        content = pickle.dumps(session.identity.load(Project, [{"id": 1}])[0])
    with pytest.raises(ConfigurationError, match="SYNAPSE_API_TOKEN"):
        pickle.loads(content)
